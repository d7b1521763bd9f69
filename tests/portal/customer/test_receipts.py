"""Receipts on the portal: asked for inside a visit, verified by anybody who holds the number, and by nobody else."""

import hashlib
import json
import re
import secrets
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from intake.links import LinkSigner
from migrations.models import metadata
from portal.customer.app import build
from portal.customer.receipts import COOKIE as NUMBER
from portal.customer.visits import COOKIE, ReceiptParts
from portal.web.application import PortalApp
from records.documents import Document
from records.links import UploadLink
from records.people import Member
from records.receipts.rows import AN_HOUR, Receipt
from records.receipts.secret import ReceiptSecret
from records.requests import Slot, SlotState
from sandbox.tsa.authority import Authority
from storage.database import Database, new_id, utcnow
from tests.intake.building import a_visit
from tests.portal.customer.conftest import OURS
from tests.portal.customer.site import CODES, CUSTOMER_KEY, LINK_KEY
from tests.records.exporting.casting import CHECKPOINTS
from tests.records.receipts.acknowledging import HANDOVER, Counter
from tests.records.receipts.conftest import FILES, PHOTOS, a_counter


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.at(tmp_path_factory.mktemp("authority") / "tsa")


@pytest.fixture
def counter(sqlite_database: Database, tmp_path: Path, authority: Authority) -> Counter:
    return a_counter(sqlite_database, tmp_path, authority)


def a_portal(counter: Counter, *, key: bytes = CHECKPOINTS.public, root: bytes | None = None) -> PortalApp:
    """The portal of the counter's company, which trusts this checkpoint key and this authority."""
    return build(
        database=counter.company.database,
        blobs=counter.company.blobs,
        custodian=counter.company.custodian.signer.verify_key(),
        signer=LinkSigner([LINK_KEY]),
        codes=CODES,
        customer_key=CUSTOMER_KEY,
        receipts=ReceiptParts(handover=HANDOVER, checkpoint_keys=(key,), tsa_root=root or counter.root),
    )


@pytest.fixture
def portal(counter: Counter) -> PortalApp:
    return a_portal(counter)


@pytest.fixture
def stranger(portal: PortalApp) -> FlaskClient:
    return portal.test_client()


@pytest.fixture
def ana(portal: PortalApp, counter: Counter) -> FlaskClient:
    """Ana in her visit."""
    client, secret = portal.test_client(), secrets.token_urlsafe(32)
    with counter.company.database.transaction() as session:
        a_visit(session, session.get_one(UploadLink, counter.company.link_id), now=utcnow(), secret=secret)
    client.set_cookie(COOKIE, secret, secure=True)
    return client


def token_of(page: str) -> str:
    found = re.search(r'action="/e/receipt"><input type="hidden" name="csrf" value="([0-9a-f]+)"', page)
    assert found is not None
    return found[1]


def ask(client: FlaskClient, **headers: str):
    token = token_of(client.get("/e/done").text)
    return client.post("/e/receipt", data={"csrf": token}, headers=OURS | headers)


def test_ana_asks_waits_and_sees_her_receipt(ana: FlaskClient, counter: Counter) -> None:
    counter.company.stamp()
    answer = ask(ana)
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert re.fullmatch(r"/verify/[0-9a-f]{32}", address)
    assert "HttpOnly" in answer.headers["Set-Cookie"]
    assert "Lo estamos preparando" in ana.get(address).text
    for _ in range(2):
        counter.work()
        counter.company.stamp()
    page = ana.get(address).text
    assert "Acuse auténtico" in page
    assert page.count("En el expediente") == 3
    for content in (*FILES, *PHOTOS):
        assert hashlib.sha256(content).hexdigest() in page
    assert f'href="{address}"' in ana.get("/e/done").text
    assert "Volver a la lista" in page


def test_a_stranger_with_the_number_sees_facts_and_nobody_s_name(stranger: FlaskClient, counter: Counter) -> None:
    secret = counter.make()
    page = stranger.get(f"/verify/{secret.text}")
    assert page.status_code == 200
    assert page.headers["X-Robots-Tag"].startswith("noindex")
    assert page.headers["Cache-Control"] == "no-store"
    assert "Volver a la lista" not in page.text
    for personal in ("Ana", "CANARY", "+525511112222", "Crédito"):
        assert personal not in page.text


def test_every_number_that_is_none_shows_the_same_page(stranger: FlaskClient, counter: Counter) -> None:
    secret = counter.make()
    numbers = [new_id(), secret.receipt_id(), secret.text.upper(), secret.text[:-1], "x", "0" * 32]
    pages = {re.sub(r"[0-9a-f]{12}|nonce-\S+", "", stranger.get(f"/verify/{number}").text) for number in numbers}
    assert len(pages) == 1
    for number in numbers:
        for path in (f"/verify/{number}", f"/verify/{number}/acuse.pdf", f"/verify/{number}/acuse.json"):
            assert stranger.get(path).status_code == 404


def test_a_hash_that_was_computed_elsewhere_is_compared(stranger: FlaskClient, counter: Counter) -> None:
    address = f"/verify/{counter.make().text}"

    def compared(typed: str) -> str:
        return stranger.post(address, data={"sha256": typed}).text

    digest = hashlib.sha256(FILES[0]).hexdigest()
    assert "Coincide: es el archivo de “Identificación oficial”." in compared(digest)
    assert "Coincide" in compared(" " + digest.upper()[:32] + " " + digest.upper()[32:] + "\n")
    assert "Coincide: es el archivo de “Comprobante" in compared(hashlib.sha256(PHOTOS[1]).hexdigest())
    assert "No coincide con ningún archivo" in compared(hashlib.sha256(b"other").hexdigest())
    for odd in ("", "xyz", "<script>", digest[:-1], digest + "0"):
        answer = compared(odd)
        assert "Eso no es una huella" in answer
        assert "<script>" not in answer.replace("<script nonce", "")


def test_pdf_and_proof_are_downloads(stranger: FlaskClient, counter: Counter) -> None:
    address = f"/verify/{counter.make().text}"
    pdf = stranger.get(f"{address}/acuse.pdf")
    assert pdf.data.startswith(b"%PDF-1.7")
    assert re.fullmatch(r'attachment; filename="acuse-[0-9a-f]{8}\.pdf"', pdf.headers["Content-Disposition"])
    proof = stranger.get(f"{address}/acuse.json")
    assert json.loads(proof.data)["format"] == "resguardo/receipt/v1"
    assert pdf.headers["Cache-Control"] == proof.headers["Cache-Control"] == "no-store"


def test_whoever_looks_changes_nothing(stranger: FlaskClient, counter: Counter) -> None:
    def rows() -> list[object]:
        with counter.company.database.reading() as session:
            return [list(session.execute(table.select())) for table in metadata.sorted_tables]

    address = f"/verify/{counter.make().text}"
    before = rows()
    for path in (address, f"{address}/acuse.pdf", f"{address}/acuse.json"):
        for method in ("GET", "HEAD"):
            assert stranger.open(path, method=method).status_code == 200
    stranger.post(address, data={"sha256": "0" * 64})
    assert rows() == before


def test_nothing_is_handed_out_before_it_is_ready(stranger: FlaskClient, counter: Counter) -> None:
    counter.company.stamp()
    secret = counter.ask()
    for _ in range(2):
        assert stranger.get(f"/verify/{secret.text}").status_code == 200
        assert stranger.get(f"/verify/{secret.text}/acuse.json").status_code == 404
        assert stranger.get(f"/verify/{secret.text}/acuse.pdf").status_code == 404
        assert stranger.post(f"/verify/{secret.text}", data={"sha256": "0" * 64}).status_code == 303
        counter.work()


def test_what_became_of_a_document_is_told(stranger: FlaskClient, counter: Counter) -> None:
    address = f"/verify/{counter.make().text}"
    database = counter.company.database
    with database.transaction() as session:
        first, second, third = session.scalars(select(Slot).order_by(Slot.position)).all()
        session.execute(update(Document).where(Document.id == first.document_id).values(state="recalled"))
        second.document_id = third.document_id
        third.document_id, third.state = None, SlotState.MISSING
    page = stranger.get(address).text
    for word in ("Retirado por seguridad", "Reemplazado después", "Ya no está"):
        assert page.count(word) == 1


def test_a_receipt_that_was_superseded_says_so(stranger: FlaskClient, counter: Counter) -> None:
    first, second = counter.make(), counter.make()
    assert "Hay un acuse más nuevo" in stranger.get(f"/verify/{first.text}").text
    assert "Hay un acuse más nuevo" not in stranger.get(f"/verify/{second.text}").text


def test_a_receipt_of_a_foreign_checkpoint_key_is_not_shown(counter: Counter) -> None:
    secret = counter.make()
    page = a_portal(counter, key=bytes(range(32))).test_client().get(f"/verify/{secret.text}")
    assert page.status_code == 409
    assert "No pudimos comprobar este acuse" in page.text
    assert "Acuse auténtico" not in page.text


def test_a_receipt_stamped_by_another_authority_is_not_shown(counter: Counter, tmp_path: Path) -> None:
    secret = counter.make()
    other = Authority.at(tmp_path / "other").ca_pem.read_bytes()
    assert a_portal(counter, root=other).test_client().get(f"/verify/{secret.text}").status_code == 409


def test_facts_that_a_writer_of_the_database_forged_are_not_shown(stranger: FlaskClient, counter: Counter) -> None:
    """Who holds a number can seal anything under it; the portal believes the proof only."""
    secret = counter.make()
    facts = json.loads(counter.facts(secret))
    facts["receipt"]["documents"][0]["title"]["es"] = "Título de propiedad"
    with counter.company.database.transaction() as session:
        row = session.get_one(Receipt, secret.receipt_id())
        row.facts = row.seal("facts", json.dumps(facts).encode(), secret)
    page = stranger.get(f"/verify/{secret.text}")
    assert page.status_code == 409
    assert "Título de propiedad" not in page.text


def test_another_s_receipt_under_a_number_of_one_s_own_is_not_shown(stranger: FlaskClient, counter: Counter) -> None:
    """A replayed receipt: the event of the trail names the receipt that it was made for."""
    real, mine = counter.make(), ReceiptSecret.fresh()
    with counter.company.database.transaction() as session:
        row = session.get_one(Receipt, real.receipt_id())
        columns = {column.key: getattr(row, column.key) for column in Receipt.__table__.columns}
        copy = Receipt(**columns | {"id": mine.receipt_id()})
        copy.facts = copy.seal("facts", counter.facts(real), mine)
        session.add(copy)
    page = stranger.get(f"/verify/{mine.text}")
    assert page.status_code == 409


def test_asking_from_another_site_or_without_the_token_is_refused(ana: FlaskClient, counter: Counter) -> None:
    token = token_of(ana.get("/e/done").text)
    assert ana.post("/e/receipt", data={"csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 400
    assert ana.post("/e/receipt", data={"csrf": "0" * 64}, headers=OURS).status_code == 400
    assert ana.post("/e/receipt", headers=OURS).status_code == 400
    with counter.company.database.reading() as session:
        assert session.scalars(select(Receipt)).all() == []


def test_asking_needs_a_visit(stranger: FlaskClient) -> None:
    assert stranger.post("/e/receipt", headers=OURS).status_code == 404


def test_asking_too_often_is_refused(ana: FlaskClient) -> None:
    for _ in range(AN_HOUR):
        assert ask(ana).status_code == 303
    assert ask(ana).status_code == 429


def test_while_something_is_examined_the_page_says_to_wait(ana: FlaskClient, counter: Counter) -> None:
    with counter.company.database.transaction() as session:
        session.execute(update(Slot).where(Slot.position == 0).values(state=SlotState.RECEIVED))
    page = ana.get("/e/done").text
    assert "Podrás pedirlo en cuanto terminemos de revisar" in page
    assert 'action="/e/receipt"' not in page


def test_the_number_of_another_request_is_not_offered(
    ana: FlaskClient, counter: Counter, tmp_path: Path, authority: Authority
) -> None:
    """A family phone: what the last visitor asked for is no business of this one."""
    (tmp_path / "other").mkdir()
    with counter.company.database.transaction() as session:
        session.execute(update(Member).values(email="another@valle.example"))
    own, other = counter.make(), a_counter(counter.company.database, tmp_path / "other", authority).make()
    ana.set_cookie(NUMBER, own.text, secure=True)
    assert f"/verify/{own.text}" in ana.get("/e/done").text
    ana.set_cookie(NUMBER, other.text, secure=True)
    assert "/verify/" not in ana.get("/e/done").text


def test_leaving_forgets_the_number(ana: FlaskClient) -> None:
    ask(ana)
    token = token_of(ana.get("/e/done").text)
    left = ana.post("/e/leave", data={"csrf": token}, headers=OURS)
    assert any(cookie.startswith(f"{NUMBER}=;") for cookie in left.headers.getlist("Set-Cookie"))


@pytest.mark.parametrize(("language", "words"), [("en", "Authentic receipt"), ("pt", "Recibo autêntico")])
def test_the_page_speaks_the_reader_s_language(
    stranger: FlaskClient, counter: Counter, language: str, words: str
) -> None:
    assert words in stranger.get(f"/verify/{counter.make().text}?lang={language}").text
