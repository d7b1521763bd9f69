"""Documents to measure with: photos and scanned papers, each unique, for clamd remembers what it found clean."""

import io
import secrets
from collections.abc import Iterator

import pikepdf
from PIL import Image, ImageChops

CHUNK = 256 * 1024


def chunks(content: bytes) -> Iterator[bytes]:
    """Return the content as a blob store would."""
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


def photo() -> bytes:
    """A 12-megapixel JPEG of about 3 MB."""
    smooth = Image.effect_noise((1000, 750), 60).resize((4000, 3000), Image.Resampling.BICUBIC)
    grain = Image.effect_noise((4000, 3000), 14)
    bands = [ImageChops.add(smooth, grain, 2), ImageChops.add(smooth.rotate(180), grain, 2), smooth]
    out = io.BytesIO()
    Image.merge("RGB", bands).save(out, "JPEG", quality=77)
    return out.getvalue()


def unique_jpeg(photo: bytes) -> bytes:
    """Return the photo with a comment of its own."""
    return photo[:2] + b"\xff\xfe\x00\x12" + secrets.token_bytes(16) + photo[2:]


def paper(photo: bytes, *, pages: int) -> bytes:
    """A PDF of scanned pages, each its own JPEG, so that a few bytes behind %%EOF make it unique."""
    with pikepdf.new() as pdf:
        for _ in range(pages):
            image = pikepdf.Stream(pdf, unique_jpeg(photo))
            for key, value in (
                ("/Type", pikepdf.Name.XObject),
                ("/Subtype", pikepdf.Name.Image),
                ("/Width", 4000),
                ("/Height", 3000),
                ("/BitsPerComponent", 8),
                ("/ColorSpace", pikepdf.Name.DeviceRGB),
                ("/Filter", pikepdf.Name.DCTDecode),
            ):
                image[key] = value
            page = pdf.add_blank_page(page_size=(612, 792))
            page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im0=image))
            page.Contents = pikepdf.Stream(pdf, b"q 612 0 0 792 0 0 cm /Im0 Do Q")
        out = io.BytesIO()
        pdf.save(out)
    return out.getvalue()
