"""The receipt as a PDF (PDF/A-3a: archivable, tagged for screen readers), with its machine-readable proof attached.

Rules: nothing is fetched (every address is refused), fonts come from the system, the text holds no person and no file
name. Times stand in the company's time zone and in UTC.
"""

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import segno
from babel.dates import format_datetime
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint import HTML, Attachment
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse

from portal.web.language import BABEL_LOCALES, HTML_LANG, load_catalogue
from records.organizations import in_language
from records.receipts.verifying import ProvenReceipt

FOLDER = Path(__file__).parent
VARIANT = "pdf/a-3a"


class DrawingFailed(Exception):
    """The receipt could not be drawn."""

    code = "drawing_failed"


class _NothingFromOutside(URLFetcher):  # type: ignore[misc]
    """Reads what stands in the document itself (the drawing of the QR code), and ends the making for anything else."""

    def fetch(self, url: str, headers: Any = None) -> URLFetcherResponse:
        """Return what a data: address holds. Raises FatalURLFetchingError."""
        if not url.startswith("data:image/svg+xml"):
            raise FatalURLFetchingError("a receipt fetches nothing")
        return super().fetch(url, headers)


def draw(receipt: ProvenReceipt, facts: bytes, *, tsa_root: bytes, language: str, timezone: str) -> bytes:
    """Return the PDF of a verified receipt. `facts`: its JSON, as attached; `timezone`: of the company (IANA name)."""
    zone = ZoneInfo(timezone)

    def written(value: datetime, where: ZoneInfo | Any = zone) -> str:
        return str(format_datetime(value, "d MMM y, HH:mm:ss zzz", tzinfo=where, locale=BABEL_LOCALES[language]))

    html = (
        _environment(language)
        .get_template("receipt.html")
        .render(
            receipt=receipt,
            lang=HTML_LANG[language],
            pick=lambda texts: in_language(texts, language),
            local=written,
            number=lambda value: f"{value:,}".replace(",", "\N{NO-BREAK SPACE}"),
            utc=lambda value: written(value, UTC),
            signature=receipt.note.rstrip("\n").rpartition("\n")[2],
            qr=segno.make(receipt.address, error="m", micro=False).svg_data_uri(border=0),
        )
    )
    attachments = [
        _attached("acuse.json", facts, "Data"),
        _attached("checkpoint.txt", receipt.note.encode(), "Data"),
        _attached("checkpoint.tsr", receipt.stamp, "Data"),
        _attached("tsa-ca.pem", tsa_root, "Supplement"),
    ]
    return _as_pdf(html, attachments)


def _as_pdf(html: str, attachments: list[Attachment]) -> bytes:
    try:
        document = HTML(string=html, url_fetcher=_NothingFromOutside())
        made: bytes = document.write_pdf(pdf_variant=VARIANT, attachments=attachments)
    except FatalURLFetchingError as error:  # the library raises it past every `except Exception`
        raise DrawingFailed("it asked for something from outside") from error
    return made


def _attached(name: str, content: bytes, relationship: str) -> Attachment:
    return Attachment(string=content, name=name, description=name, relationship=relationship)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        load_catalogue(language, [FOLDER / "translations"]), newstyle=True
    )
    return environment
