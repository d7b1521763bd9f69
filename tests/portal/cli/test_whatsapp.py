"""`whatsapp parse` prints what the receiver would store; `whatsapp templates` what a company registers."""

import json

from click.testing import CliRunner

from portal.cli.app import cli
from tests.notifications.whatsapp.shapes import ANA, ANA_USER, a_change, a_delivery, a_message, a_status


def parse(*files, fails=0):
    result = CliRunner().invoke(cli, ["whatsapp", "parse", *map(str, files), "--json"])
    assert result.exit_code == fails, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_every_update_is_one_line(tmp_path):
    delivery = a_delivery(a_change(statuses=[a_status()]), a_change(messages=[a_message()]))
    (tmp_path / "body.json").write_bytes(delivery)
    status, message = parse(tmp_path / "body.json")
    assert status == {
        "kind": "status",
        "key": "s:wamid.A:delivered",
        "wamid": "wamid.A",
        "status": "delivered",
        "from": ANA,
        "bsuid": ANA_USER,
        "at": "2026-10-26T07:33:21+00:00",
    }
    assert message["kind"] == "message"
    assert message["key"] == "m:wamid.B"


def test_a_repeated_delivery_adds_nothing(tmp_path):
    (tmp_path / "a.json").write_bytes(a_delivery(a_change(statuses=[a_status(), a_status()])))
    (tmp_path / "b.json").write_bytes(a_delivery(a_change(statuses=[a_status(), a_status(status="read")])))
    assert [line["status"] for line in parse(tmp_path / "a.json", tmp_path / "b.json")] == ["delivered", "read"]


def test_what_is_no_delivery_is_one_line_of_kind_other(tmp_path):
    (tmp_path / "odd").write_bytes(b"\xff\x00 nothing")
    (line,) = parse(tmp_path / "odd")
    assert (line["kind"], line["wamid"]) == ("other", None)


def test_a_body_that_the_receiver_refuses_is_named(tmp_path):
    (tmp_path / "long").write_bytes(b" " * (3 * 1024 * 1024 + 1))
    assert parse(tmp_path / "long", fails=2) == []


def test_the_templates_to_register_are_printed_for_the_portals_address():
    result = CliRunner().invoke(cli, ["whatsapp", "templates", "--public-url", "https://docs.example.com"])
    assert result.exit_code == 0, result.output
    bodies = [json.loads(line) for line in result.stdout.splitlines()]
    assert {body["category"] for body in bodies} == {"UTILITY", "AUTHENTICATION"}
    assert "https://docs.example.com/s/{{1}}" in result.stdout
