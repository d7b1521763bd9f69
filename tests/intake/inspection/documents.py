"""Builders of the files that the inspection tests look at. Each returns bytes."""

import io
import struct
import zipfile
import zlib

import pikepdf
import pillow_heif
from PIL import Image
from reportlab.pdfgen import canvas

from tests.services.clamd import EICAR


def a_picture(width: int = 320, height: int = 240, mode: str = "RGB") -> Image.Image:
    noise = Image.effect_noise((width, height), 60)
    return Image.merge("RGB", [noise, noise.rotate(90).resize((width, height)), noise.rotate(180)]).convert(mode)


def a_jpeg(width: int = 320, height: int = 240, *, orientation: int = 1, gps: bool = False, **options: object) -> bytes:
    picture = a_picture(width, height)
    exif = Image.Exif()
    exif[0x0112] = orientation
    if gps:
        exif.get_ifd(0x8825)[1] = "N"
    return _saved(picture, "JPEG", exif=exif, **options)


def a_png(width: int = 320, height: int = 240, **options: object) -> bytes:
    return _saved(a_picture(width, height), "PNG", **options)


def a_flat_png(width: int, height: int) -> bytes:
    return _saved(Image.new("RGB", (width, height), "gray"), "PNG")


def a_webp(width: int = 320, height: int = 240, **options: object) -> bytes:
    return _saved(a_picture(width, height), "WEBP", **options)


def a_heic(width: int = 320, height: int = 240, **options: object) -> bytes:
    pillow_heif.register_heif_opener()
    return _saved(a_picture(width, height), "HEIF", **options)


def a_pdf(pages: int = 2) -> bytes:
    out = io.BytesIO()
    page = canvas.Canvas(out, pageCompression=1)
    for number in range(pages):
        page.drawString(72, 700, f"Estado de cuenta, hoja {number + 1}")
        page.showPage()
    page.save()
    return out.getvalue()


def a_changed_pdf(change: object, **saving: object) -> bytes:
    """A PDF on which `change(pdf)` was called before it was saved."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(a_pdf())) as pdf:
        change(pdf)
        pdf.save(out, **saving)
    return out.getvalue()


def a_pdf_with_attachment(content: bytes = EICAR, *, typed: bool = True) -> bytes:
    def attach(pdf: pikepdf.Pdf) -> None:
        pdf.attachments["factura.bin"] = pikepdf.AttachedFileSpec(pdf, content)
        if not typed:
            for item in pdf.objects:
                if isinstance(item, pikepdf.Stream) and item.get("/Type") == "/EmbeddedFile":
                    del item["/Type"]

    return a_changed_pdf(attach)


def a_pdf_with_javascript() -> bytes:
    def act(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")

    return a_changed_pdf(act)


def a_locked_pdf(user: str = "secreto") -> bytes:
    return a_changed_pdf(lambda pdf: None, encryption=pikepdf.Encryption(user=user, owner="dueño"))


def a_pdf_bomb(megabytes: int = 900, pages: int = 1) -> bytes:
    """Pages whose content inflates from kilobytes to `megabytes`."""

    def inflate(pdf: pikepdf.Pdf) -> None:
        once = zlib.compress(b"q Q " * (megabytes << 18), 9)
        stream = pikepdf.Stream(pdf, once)
        stream.Filter = pikepdf.Name.FlateDecode
        pdf.pages[0].Contents = pdf.make_indirect(stream)
        for _ in range(pages - 1):
            pdf.pages.append(pdf.pages[0])

    return a_changed_pdf(inflate, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)


def a_zip(content: bytes = b"hola") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("factura.txt", content)
    return out.getvalue()


def a_png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header announces a size that its few bytes of data do not hold."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 4096)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def a_png_with_text_bomb(megabytes: int = 300) -> bytes:
    text = b"Comment\0\0" + zlib.compress(b"\0" * (megabytes << 20), 9)
    whole = a_png()
    return whole[:33] + _chunk(b"zTXt", text) + whole[33:]


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()
