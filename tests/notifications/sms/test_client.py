"""The SMS client against a strict service over real HTTP: outcomes that cannot be confused."""

import socket
import threading

import pytest

from notifications.outcomes import HandedOver, NotSent, TurnedDown, Unknown
from notifications.sms.client import SmsClient, SmsService
from tests.notifications.sms.phones import BODY, HEADERS, KEY, a_service
from tests.services.processes import free_port

TO = "+525512345678"


def send(url: str, *, secret: str = KEY, body=BODY, text: str = "hola", timeout: float = 5):
    with SmsClient(timeout=timeout) as client:
        how = SmsService(url=url, headers=HEADERS, body=body, secret=secret)
        return client.send(how, to=TO, text=text, reference="a1")


def test_a_message_arrives_as_it_was_written():
    with a_service() as service:
        assert send(service.url, text="{to} cuesta {reference}") == HandedOver()
        (sms,) = service.phones.messages()
        assert (sms.to, sms.text, sms.reference) == (TO, "{to} cuesta {reference}", "a1"), (
            "no filling of what is filled"
        )


def test_a_service_that_wants_another_body_gets_it():
    body = {"messages": [{"destinations": [{"to": "{to}"}], "text": "Aviso: {text}"}], "from": "Aurora", "n": 1}
    with a_service() as service:
        assert send(service.url, body=body) == TurnedDown(code="sms_422", again=False)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, TurnedDown(code="sms_401", again=False)),
        (302, TurnedDown(code="sms_302", again=False)),
        (429, TurnedDown(code="sms_429", again=True)),
        (503, TurnedDown(code="sms_503", again=True)),
        (500, Unknown(reason="sms_500")),
        (504, Unknown(reason="sms_504")),
    ],
)
def test_every_answer_has_its_outcome(status, outcome):
    with a_service() as service:
        service.phones.answers.append(status)
        assert send(service.url) == outcome
        assert service.phones.messages() == []


def test_a_wrong_key_sends_nothing():
    with a_service() as service:
        assert send(service.url, secret="other") == TurnedDown(code="sms_401", again=False)


def test_nobody_there_is_not_sent():
    assert isinstance(send(f"http://127.0.0.1:{free_port()}/"), NotSent)


def test_a_service_that_never_answers_leaves_it_unknown():
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = []
        thread = threading.Thread(target=lambda: taken.append(server.accept()), daemon=True)
        thread.start()
        assert isinstance(send(f"http://127.0.0.1:{server.getsockname()[1]}/", timeout=0.5), Unknown)
        thread.join(5)
        taken[0][0].close()


def test_the_key_is_in_no_text_of_the_service():
    assert KEY not in repr(SmsService(url="https://sms.example", headers=HEADERS, body=BODY, secret=KEY))
