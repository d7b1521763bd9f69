"""The relay over real SMTP: accepted, refused, not sent and unknown are never confused, and TLS is never given up."""

from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from notifications.mail.client import HandedOver, Relay, Tls, TurnedDown
from notifications.mail.texts import Letter, write
from notifications.whatsapp.outcomes import NotSent, Unknown
from records.messages import Purpose
from tests.notifications.mail.relays import a_certificate, a_server_that, an_inbox
from tests.services.processes import free_port

ANA, US = "ana@example.com", "avisos@aurora.example"
GREETING = (b"220 hi", b"250 ok", b"250 ok", b"250 ok")  # EHLO, MAIL, RCPT


def a_mail() -> EmailMessage:
    letter = Letter(
        company="Financiera Aurora", sender=US, reply_to=None, to=ANA, at=datetime.now(UTC), attempt_id="a" * 32
    )
    return write(letter, Purpose.CODE, "es", {"code": "123456"})


def send(relay: Relay):
    return relay.send(a_mail(), sender=US, to=ANA)


def test_a_mail_arrives_whole() -> None:
    with an_inbox() as (inbox, relay):
        assert send(relay) == HandedOver()
        (mail,) = inbox.mails()
    assert (mail.to, mail.sender, mail.message["Subject"]) == (ANA, US, "Financiera Aurora: tu código de un solo uso")
    assert "Tu código es 123456" in mail.part("plain")
    assert "Tu código es 123456" in mail.part("html")


@pytest.mark.parametrize(
    ("answer", "again"), [("550 no such user", False), ("450 try later", True), ("421 busy", True)]
)
def test_a_refused_recipient_is_refused(answer: str, again: bool) -> None:
    with an_inbox() as (inbox, relay):
        inbox.refusals[ANA] = answer
        assert send(relay) == TurnedDown(code=f"smtp_{answer[:3]}", again=again)
        assert inbox.mails() == []


@pytest.mark.parametrize("answer", [b"552 too much", b"451 greylisted"])
def test_what_is_refused_after_its_bytes_was_not_sent(answer: bytes) -> None:
    with a_server_that(*GREETING, b"354 go", answer) as relay:
        assert send(relay) == TurnedDown(code=f"smtp_{answer[:3].decode()}", again=answer.startswith(b"4"))


def test_a_data_command_that_is_refused_was_not_sent() -> None:
    with a_server_that(*GREETING, b"451 not now") as relay:
        assert send(relay) == TurnedDown(code="smtp_451", again=True)


@pytest.mark.parametrize("answers", [(), GREETING[:1], GREETING[:2], GREETING[:3]])
def test_a_connection_cut_before_the_mail_left_is_safe_to_repeat(answers: tuple[bytes, ...]) -> None:
    with a_server_that(*answers) as relay:
        assert isinstance(send(relay), NotSent)


def test_a_connection_cut_after_the_mail_left_is_unknown() -> None:
    with a_server_that(*GREETING, b"354 go") as relay:
        assert isinstance(send(relay), Unknown)


def test_nobody_listening_is_not_sent() -> None:
    assert isinstance(send(Relay(host="127.0.0.1", port=free_port(), tls=Tls.NONE, timeout=2)), NotSent)


def test_starttls_reaches_a_server_with_a_known_certificate(tmp_path: Path) -> None:
    certificate, context = a_certificate(tmp_path)
    with an_inbox(tls_context=context, require_starttls=True) as (inbox, plain):
        relay = replace(plain, host="localhost", tls=Tls.STARTTLS, ca_file=certificate)
        assert send(relay) == HandedOver()
        assert len(inbox.mails()) == 1


def test_a_stranger_with_another_certificate_gets_nothing(tmp_path: Path) -> None:
    _, context = a_certificate(tmp_path)
    with an_inbox(tls_context=context) as (inbox, plain):
        assert isinstance(send(replace(plain, host="localhost", tls=Tls.STARTTLS)), NotSent)
        assert inbox.mails() == []


def test_a_server_that_hides_starttls_gets_nothing() -> None:
    """Whoever sits between may strip the offer; the mail then does not leave in clear."""
    with an_inbox() as (inbox, plain):
        assert isinstance(send(replace(plain, tls=Tls.STARTTLS)), NotSent)
        assert inbox.mails() == []


def test_no_password_leaves_without_tls_support_of_the_server() -> None:
    with an_inbox() as (inbox, plain):
        relay = replace(plain, tls=Tls.STARTTLS, user="us", password="secret")
        assert isinstance(send(relay), NotSent)
        assert "secret" not in repr(relay)
        assert inbox.mails() == []
