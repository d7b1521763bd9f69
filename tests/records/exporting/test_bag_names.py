"""Names inside a bag are only names, whatever a browser declared."""

import pytest

from records.exporting.bag import manifest
from records.exporting.names import bag_name, file_name, folder_name
from records.exporting.tables import cell


@pytest.mark.parametrize(
    ("declared", "inside"),
    [
        ("INE frente.jpg", "INE frente.pdf"),
        ("Cédula.PNG", "Cedula.pdf"),
        ("/etc/passwd", "passwd.pdf"),
        ("..\\..\\boot.ini", "boot.pdf"),
        ("..", "documento.pdf"),
        ("", "documento.pdf"),
        ("...hidden", "hidden.pdf"),
        ("-rf.pdf", "rf.pdf"),
        ("NUL.txt", "documento NUL.pdf"),
        ("com1", "documento com1.pdf"),
        ("50%0A\r\nX: y.pdf", "50 0A X y.pdf"),
        ("a\u202egpj.exe", "agpj.pdf"),
        ("身分証.jpg", "documento.pdf"),
        ("x" * 5000 + ".pdf", "x" * 80 + ".pdf"),
        ('a:b*c?d"e<f>g|h.pdf', "a b c d e f g h.pdf"),
    ],
)
def test_a_declared_name_becomes_a_plain_one(declared, inside):
    assert file_name(declared, "application/pdf") == inside


def test_an_unknown_type_gets_a_neutral_ending():
    assert file_name("x.html", "text/html") == "x.bin"


def test_folders_and_bags_are_slugs():
    assert folder_name(7, "../INE Ñ", "front") == "007-ine-n-front"
    assert folder_name(1, "../", "/") == "001-x-x"
    assert bag_name("CRM/2026 #5", "2026-11-22") == "expediente-crm-2026-5-2026-11-22"


def test_manifest_paths_encode_what_would_break_a_line():
    assert manifest({"data/a%\r\nb": "0" * 64}) == b"0" * 64 + b"  data/a%25%0D%0Ab\n"


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "  =1", "\r\n=1", "＝1", "\u00a0=1"])
def test_a_formula_becomes_text(text):
    assert cell(text).startswith("'")


@pytest.mark.parametrize(("value", "text"), [(None, ""), (12, "12"), ("a=b", "a=b"), ("Ana\u202e", "Ana ")])
def test_other_cells_stay_as_they_are(value, text):
    assert cell(value) == text
