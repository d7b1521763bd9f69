"""PDFs that act or carry are found whatever hides it, and what is attached is scanned whatever else is wrong."""

import io
import struct
import time
import zlib
from collections.abc import Callable

import pikepdf
import pytest

from intake.inspection.limits import Limits
from intake.inspection.verdicts import Finding, Reason, Remark, Verdict
from tests.intake.inspection import documents
from tests.intake.inspection.fakes import FakeScanner
from tests.services.clamd import EICAR

Judge = Callable[..., Verdict]
Change = Callable[[pikepdf.Pdf], None]
NAME = pikepdf.Name
SCRIPT = {"S": NAME.JavaScript, "JS": "app.alert(1)"}


def _action(**action: object) -> pikepdf.Dictionary:
    return pikepdf.Dictionary(**action)


def _annotation(**keys: object) -> Change:
    def act(pdf: pikepdf.Pdf) -> None:
        note = pikepdf.Dictionary(Type=NAME.Annot, Rect=[0, 0, 9, 9], **keys)
        pdf.pages[0].Annots = [pdf.make_indirect(note)]

    return act


def _link(uri: object) -> Change:
    return _annotation(Subtype=NAME.Link, A=_action(S=NAME.URI, URI=uri))


def _nested_field(pdf: pikepdf.Pdf) -> None:
    leaf = pdf.make_indirect(_action(FT=NAME.Tx, AA=_action(K=_action(**SCRIPT))))
    middle = pdf.make_indirect(_action(Kids=[leaf]))
    pdf.Root.AcroForm = _action(Fields=[pdf.make_indirect(_action(Kids=[middle]))])


def _outline(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Outlines = _action(First=pdf.make_indirect(_action(Title="a", A=_action(S=NAME.Launch, F="cmd.exe"))))


def _page_tree_node(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Pages.AA = _action(O=_action(**SCRIPT))


def _unreferenced(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Odd = pdf.make_indirect(_action(Next=[[[[_action(**SCRIPT)]]]]))


def _indirect_type(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = _action(S=pdf.make_indirect(NAME.Launch), F="cmd.exe")


def _thread(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = _action(S=NAME.Thread, F="other.pdf", D=0)


def _link_at_opening(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = _action(S=NAME.URI, URI="https://example.org/opened")


def _link_behind_a_jump(pdf: pikepdf.Pdf) -> None:
    link = pdf.make_indirect(_action(S=NAME.URI, URI="https://example.org/seen"))
    pdf.pages[0].AA = _action(O=_action(S=NAME.GoTo, D=[pdf.pages[0].obj, NAME.Fit], Next=[link]))


def _base(pdf: pikepdf.Pdf) -> None:
    pdf.Root.URI = _action(Base="file:///c:/windows/")


def _page_of_another_file(pdf: pikepdf.Pdf) -> None:
    form = pikepdf.Stream(pdf, b"")
    form.Subtype, form.Ref = NAME.Form, _action(F="other.pdf", Page=0)
    pdf.pages[0].Resources = _action(XObject=_action(X=pdf.make_indirect(form)))


def _three_dimensions(pdf: pikepdf.Pdf) -> None:
    model = pikepdf.Stream(pdf, b"")
    model.Type, model.OnInstantiate = pikepdf.Name("/3D"), pikepdf.Stream(pdf, b"host.x()")
    pdf.Root.Odd = pdf.make_indirect(model)


ACTS: dict[str, Change] = {
    "nested field": _nested_field,
    "outline": _outline,
    "page tree": _page_tree_node,
    "deep array": _unreferenced,
    "indirect type": _indirect_type,
    "thread of another file": _thread,
    "link at opening": _link_at_opening,
    "link behind a jump": _link_behind_a_jump,
    "base of links": _base,
    "page of another file": _page_of_another_file,
    "3d script": _three_dimensions,
    "movie": _annotation(Subtype=NAME.Movie),
    "sound": _annotation(Subtype=NAME.Sound),
    "3d": _annotation(Subtype=pikepdf.Name("/3D")),
    "screen": _annotation(Subtype=NAME.Screen),
    "file link": _link("file:///etc/passwd"),
    "script link": _link(" JavaScript:alert(1)"),
    "share": _link("\\\\example.org\\share"),
    "share in utf-16": _link(pikepdf.String(b"\xfe\xff" + "file://x/y".encode("utf-16-be"))),
}


@pytest.mark.parametrize("change", ACTS.values(), ids=ACTS.keys())
@pytest.mark.parametrize("saving", ["plain", "object streams"])
def test_a_pdf_that_acts_is_refused_wherever_it_hides(change: Change, saving: str, judge: Judge) -> None:
    modes = {"plain": pikepdf.ObjectStreamMode.disable, "object streams": pikepdf.ObjectStreamMode.generate}
    content = documents.a_changed_pdf(change, object_stream_mode=modes[saving])
    assert judge(content, "a.pdf").reason is Reason.PDF_ACTIVE_CONTENT
    assert judge(content, "a.pdf", limits=Limits(accept_active_pdf=True)).remarks == (Remark.ACTIVE_CONTENT,)


def test_an_action_under_a_written_out_name_is_refused(judge: Judge) -> None:
    content = documents.a_pdf_with_javascript()
    assert b"/JavaScript" in content
    assert judge(content.replace(b"/JavaScript", b"/J#61v#61Script"), "a.pdf").reason is Reason.PDF_ACTIVE_CONTENT


@pytest.mark.parametrize(
    "uri", ["https://example.org", "http://example.org/a?b=file:", "mailto:ana@example.org", "tel:+52", "www.a.mx:8080"]
)
def test_a_link_to_a_page_an_address_or_a_phone_is_no_action(uri: str, judge: Judge) -> None:
    verdict = judge(documents.a_changed_pdf(_link(uri)), "a.pdf")
    assert (verdict.finding, verdict.remarks) == (Finding.CLEAN, ())


def _attached(pdf: pikepdf.Pdf, content: bytes = EICAR) -> pikepdf.Dictionary:
    stream = pikepdf.Stream(pdf, content)
    return _action(Type=NAME.Filespec, F="a.bin", EF=_action(F=pdf.make_indirect(stream)))


def _name_tree(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Names = _action(EmbeddedFiles=_action(Names=["a", pdf.make_indirect(_attached(pdf))]))


def _file_annotation(pdf: pikepdf.Pdf) -> None:
    _annotation(Subtype=NAME.FileAttachment, FS=_attached(pdf))(pdf)


def _associated(pdf: pikepdf.Pdf) -> None:
    pdf.pages[0].AF = [_attached(pdf)]


def _rich_media_asset(pdf: pikepdf.Pdf) -> None:
    assets = _action(Names=["a.swf", pdf.make_indirect(_attached(pdf))])
    _annotation(Subtype=NAME.RichMedia, RichMediaContent=_action(Assets=assets))(pdf)


def _portfolio(pdf: pikepdf.Pdf) -> None:
    pdf.Root.Collection = _action(View=NAME.T)
    _name_tree(pdf)


def _under_no_tree(pdf: pikepdf.Pdf) -> None:
    stream = pikepdf.Stream(pdf, EICAR)
    stream.Type = NAME.EmbeddedFile
    pdf.Root.Odd = pdf.make_indirect(stream)


CARRIES: dict[str, Change] = {
    "name tree": _name_tree,
    "annotation": _file_annotation,
    "associated file": _associated,
    "rich media asset": _rich_media_asset,
    "portfolio": _portfolio,
    "no tree at all": _under_no_tree,
}


@pytest.mark.parametrize("change", CARRIES.values(), ids=CARRIES.keys())
def test_a_virus_in_a_pdf_is_found_wherever_it_is_attached(change: Change, judge: Judge) -> None:
    scanner = FakeScanner(marker=EICAR)
    content = documents.a_changed_pdf(
        change, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True
    )
    assert EICAR not in content
    assert judge(content, "a.pdf", scanner).reason is Reason.VIRUS_FOUND


def _without_pages(pdf: pikepdf.Pdf) -> None:
    del pdf.pages[:]


def _too_deep(pdf: pikepdf.Pdf) -> None:
    nest = pikepdf.Array([])
    for _ in range(80):
        nest = pikepdf.Array([nest])
    pdf.Root.Zz = nest


@pytest.mark.parametrize(
    ("spoil", "name", "limits"),
    [
        (_without_pages, "a.pdf", Limits()),
        (lambda pdf: None, "a.pdf", Limits(pages=1)),
        (lambda pdf: None, "ine.jpg", Limits()),
        (ACTS["outline"], "a.pdf", Limits()),
        (_too_deep, "a.pdf", Limits()),
    ],
    ids=["no pages", "too many pages", "wrong name", "acts", "too deep"],
)
def test_a_virus_outranks_whatever_else_is_wrong_with_its_pdf(
    spoil: Change, name: str, limits: Limits, judge: Judge
) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        _name_tree(pdf)
        spoil(pdf)

    content = documents.a_changed_pdf(change)
    assert judge(content, name, FakeScanner(marker=EICAR), limits).reason is Reason.VIRUS_FOUND
    assert judge(content, name, FakeScanner(), limits).finding is not Finding.CLEAN


def test_a_virus_behind_an_attachment_that_does_not_decode_is_found(judge: Judge) -> None:
    def change(pdf: pikepdf.Pdf) -> None:
        _name_tree(pdf)
        broken = pikepdf.Stream(pdf, b"nothing")
        broken.Type, broken.Filter = NAME.EmbeddedFile, NAME("/Unheard")
        pdf.Root.Aa = pdf.make_indirect(broken)

    content = documents.a_changed_pdf(change)
    assert judge(content, "a.pdf", FakeScanner(marker=EICAR)).reason is Reason.VIRUS_FOUND
    clean = judge(content, "a.pdf", FakeScanner(), Limits(accept_pdf_attachments=True))
    assert clean.reason is Reason.PDF_ATTACHMENTS


def test_attachments_that_are_wanted_are_noted_for_the_reviewer(judge: Judge) -> None:
    content = documents.a_pdf_with_attachment(b"<cfdi/>")
    verdict = judge(content, "a.pdf", limits=Limits(accept_pdf_attachments=True))
    assert (verdict.finding, verdict.remarks) == (Finding.CLEAN, (Remark.ATTACHMENTS,))


def _raw_pdf(*objects: bytes, root: int = 1) -> bytes:
    """A PDF written by hand: object n is `objects[n - 1]`."""
    out = io.BytesIO()
    out.write(b"%PDF-1.7\n")
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.writelines(b"%010d 00000 n \n" % place for place in places)
    out.write(b"trailer <</Size %d /Root %d 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, root, start))
    return out.getvalue()


CATALOG = b"<</Type/Catalog/Pages 2 0 R>>"
PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"


def _with_its_page_in(stream: bytes) -> bytes:
    """A PDF whose page, object 3, stands in the object stream `stream` (deflated)."""
    out = io.BytesIO()
    places = {}
    objects = {
        1: CATALOG,
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        4: b"<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    }
    out.write(b"%PDF-1.7\n")
    for number, content in objects.items():
        places[number] = out.tell()
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = out.tell()
    rows = [(0, 0, 65535), (1, places[1], 0), (1, places[2], 0), (2, 4, 0), (1, places[4], 0), (1, start, 0)]
    table = b"".join(struct.pack(">BIH", *row) for row in rows)
    head = b"<</Type/XRef/Size 6/W[1 4 2]/Root 1 0 R/Length %d>>" % len(table)
    out.write(b"5 0 obj\n%s\nstream\n%s\nendstream\nendobj\nstartxref\n%d\n%%%%EOF\n" % (head, table, start))
    return out.getvalue()


def _bomb_behind(content: bytes, megabytes: int = 300) -> bytes:
    deflating = zlib.compressobj(1)
    blank = b" " * (1 << 20)
    return b"".join(
        [deflating.compress(content), *(deflating.compress(blank) for _ in range(megabytes)), deflating.flush()]
    )


def _bomb(megabytes: int, filler: bytes = b" ") -> bytes:
    return zlib.compress(filler * (megabytes << 20), 1)


BOMBS = {
    "attachment": lambda: documents.a_changed_pdf(
        lambda pdf: setattr(pdf.Root, "Odd", pdf.make_indirect(_inflating(pdf, 300))),
        compress_streams=False,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
    ),
    "object stream": lambda: _with_its_page_in(_bomb_behind(b"3 0 " + PAGE)),
    "page tree that holds itself": lambda: _raw_pdf(CATALOG, b"<</Type/Pages/Kids[2 0 R 3 0 R]/Count 9>>", PAGE),
    "page tree that doubles": lambda: _raw_pdf(
        CATALOG,
        *(b"<</Type/Pages/Kids[%d 0 R %d 0 R]/Count 4>>" % (n + 1, n + 1) for n in range(2, 30)),
        PAGE,
    ),
    "endless xref": lambda: documents.a_pdf().replace(b"trailer\n<<", b"trailer\n<< /Prev 9 "),
    "deep arrays": lambda: _raw_pdf(CATALOG, b"<</Type/Pages/Kids[3 0 R]/Count 1>>", PAGE, b"[" * 200_000),
    "size of a thousand million": lambda: documents.a_pdf().replace(b"/Size ", b"/Size 999999999 % "),
}


def _inflating(pdf: pikepdf.Pdf, megabytes: int) -> pikepdf.Stream:
    stream = pikepdf.Stream(pdf, _bomb(megabytes, b"\0"))
    stream.Type, stream.Filter = NAME.EmbeddedFile, NAME.FlateDecode
    return stream


@pytest.mark.parametrize("make", BOMBS.values(), ids=BOMBS.keys())
def test_a_pdf_bomb_gets_its_verdict_within_the_budget(make: Callable[[], bytes], judge: Judge) -> None:
    content = make()
    started = time.monotonic()
    verdict = judge(content, "a.pdf", limits=Limits(memory=200 << 20))
    assert time.monotonic() - started < 15
    assert verdict.finding in (Finding.NOT_EXAMINABLE, Finding.DAMAGED, Finding.WRONG_TYPE, Finding.CLEAN)
    if make in (BOMBS["attachment"], BOMBS["object stream"], BOMBS["page tree that doubles"]):
        assert verdict.finding is not Finding.CLEAN


def test_more_objects_than_allowed_are_not_examined(judge: Judge) -> None:
    assert judge(documents.a_pdf(), "a.pdf", limits=Limits(pdf_objects=3)).reason is Reason.SCAN_LIMITS


def test_a_pdf_locked_by_an_unknown_handler_is_locked(judge: Judge) -> None:
    content = documents.a_locked_pdf()
    assert b"/Standard" in content
    assert judge(content.replace(b"/Standard", b"/Adobe.PS"), "a.pdf").reason is Reason.PDF_LOCKED


def test_a_page_in_an_object_stream_is_examined(judge: Judge) -> None:
    assert judge(_with_its_page_in(zlib.compress(b"3 0 " + PAGE)), "a.pdf").finding is Finding.CLEAN
