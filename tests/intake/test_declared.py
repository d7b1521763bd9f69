"""What a browser declares is bounded and cleaned, whatever it is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.declared import NAME_LIMIT, UNNAMED, declared


@pytest.mark.parametrize(
    ("untrusted", "name"),
    [
        ("INE frente.JPG", "INE frente.JPG"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fotos\\ine.jpg", "ine.jpg"),
        ("ine\u202efdp.exe", "inefdp.exe"),
        ("a\r\nSet-Cookie: x.pdf", "aSet-Cookie: x.pdf"),
        ("nul\x00.pdf", "nul.pdf"),
        ("n\u0303.pdf", "ñ.pdf"),
        ("", UNNAMED),
        ("....", UNNAMED),
        ("/", UNNAMED),
        ("x" * 300 + ".pdf", "x" * (NAME_LIMIT - 4) + ".pdf"),
        ("📷.heic", "📷.heic"),
    ],
)
def test_names_are_cleaned(untrusted: str, name: str) -> None:
    assert declared(untrusted, "").name == name


@pytest.mark.parametrize(
    ("untrusted", "kind"),
    [
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/HEIC; q=1", "image/heic"),
        ("", "application/octet-stream"),
        ("text", "application/octet-stream"),
        ("text/html\r\nX: y", "application/octet-stream"),
    ],
)
def test_types_are_cleaned(untrusted: str, kind: str) -> None:
    assert declared("a", untrusted).type == kind


@given(st.text(), st.text())
def test_whatever_is_declared_fits_its_slice(name: str, kind: str) -> None:
    sealed = declared(name, kind).sealed_form()
    assert len(sealed) <= 4096
    assert set(json.loads(sealed)) == {"name", "type"}
