"""Builders of office documents, member by member, and of ZIPs that lie about themselves. Each returns bytes."""

import io
import zipfile

TYPES = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>
<Override PartName="/{main}" ContentType="application/vnd.openxmlformats-officedocument.{kind}.main+xml"/>{more}
</Types>"""
RELATIONS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{relations}</Relationships>"""
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

Members = dict[str, str | bytes | None]


def a_relation(kind: str, target: str, *, outside: bool = False) -> str:
    mode = ' TargetMode="External"' if outside else ""
    return f'<Relationship Id="r-{kind}" Type="{OFFICE}/{kind}" Target="{target}"{mode}/>'


def relations(*entries: str) -> str:
    return RELATIONS.format(relations="".join(entries))


def types(main: str, kind: str, more: str = "") -> str:
    return TYPES.format(main=main, kind=kind, more=more)


def a_text(body: str = "<w:p><w:r><w:t>Contrato</w:t></w:r></w:p>") -> str:
    return f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'


def a_sheet(formula: str = "SUM(A1:A2)") -> str:
    row = f'<row r="1"><c r="A1"><f>{formula}</f><v>1</v></c></row>'
    return f'<?xml version="1.0"?><worksheet xmlns="{SHEET}"><sheetData>{row}</sheetData></worksheet>'


def docx_members(**more: str | bytes | None) -> Members:
    return {
        "[Content_Types].xml": types("word/document.xml", "wordprocessingml.document"),
        "_rels/.rels": relations(a_relation("officeDocument", "word/document.xml")),
        "word/document.xml": a_text(),
        "word/_rels/document.xml.rels": relations(a_relation("hyperlink", "https://example.org", outside=True)),
        "word/media/image1.png": b"\x89PNG\r\n\x1a\n" + bytes(50),
    } | more


def xlsx_members(**more: str | bytes | None) -> Members:
    return {
        "[Content_Types].xml": types("xl/workbook.xml", "spreadsheetml.sheet"),
        "_rels/.rels": relations(a_relation("officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}"/>',
        "xl/_rels/workbook.xml.rels": relations(a_relation("worksheet", "worksheets/sheet1.xml")),
        "xl/worksheets/sheet1.xml": a_sheet(),
    } | more


def zipped(members: Members, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            if content is not None:
                archive.writestr(name, content)
    return out.getvalue()


def a_docx(**more: str | bytes | None) -> bytes:
    return zipped(docx_members(**more))


def a_xlsx(**more: str | bytes | None) -> bytes:
    return zipped(xlsx_members(**more))


def end_record(content: bytes) -> int:
    return content.rindex(b"PK\x05\x06")


def directory_entry(content: bytes, name: bytes) -> int:
    """Where the central header of a member begins."""
    return content.rindex(name) - 46


def changed(content: bytes, at: int, value: bytes) -> bytes:
    return content[:at] + value + content[at + len(value) :]
