"""A day at the gateway on PostgreSQL with only the rights and the voice of its own role, after the real migrations."""

import os
import subprocess
import sys

from sqlalchemy import make_url, select

from migrations import rights
from records.messages import InboundEvent, MessageState, messages_of_request
from records.optouts import OptOut
from records.requests import get_request
from storage.database import Database, utcnow
from tests.portal.gateway.company import Gateway, a_gateway
from tests.records.case_of_ana import a_filed_document
from tests.services.processes import ROOT

STOP = {
    "object": "whatsapp_business_account",
    "entry": [
        {
            "id": "102290129340398",
            "changes": [
                {
                    "field": "messages",
                    "value": {
                        "metadata": {"phone_number_id": "1"},
                        "messages": [
                            {
                                "from": "5215512345678",
                                "id": "wamid.stop",
                                "timestamp": "1700000000",
                                "type": "text",
                                "text": {"body": "BAJA"},
                            }
                        ],
                    },
                }
            ],
        }
    ],
}


def a_day_of_a_crm(gateway: Gateway, owner: Database, asked: dict[str, str]) -> None:
    """Make every call of the REST API once; each must be answered, so that no right is missing."""
    with owner.transaction() as session:
        request = get_request(session, org_id=gateway.company.org_id, request_id=asked["id"])
        document = a_filed_document(session, request.slots[0], utcnow())
        for message in messages_of_request(session, request.id):
            message.advance(MessageState.DELIVERED, utcnow())
    named = {
        "request_id": asked["id"],
        "case_id": asked["case_id"],
        "contact_id": asked["contact_id"],
        "document_id": document.id,
        "template_key": "credito",
    }
    paths = gateway.app.test_client().get("/openapi.json").json["paths"]
    for path in sorted(paths, key=lambda path: path.endswith("/cancel")):  # nothing follows a cancelled request
        for method in paths[path]:
            if (path, method) == ("/api/v1/requests", "post"):
                continue
            body = {"patch": {"locale": "en"}, "post": {"days": 9}}.get(method) if "cancel" not in path else None
            sent = {"json": body} if body is not None and not path.endswith("/resend") else {}
            answer = gateway.call(
                method.upper(), path.format(**named), headers={"Idempotency-Key": path.rpartition("/")[2]}, **sent
            )
            assert answer.status_code == 200, (path, answer.get_data(as_text=True))


def test_the_gateways_own_role_is_enough_for_a_day(postgres_database: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=os.environ | {"RESGUARDO_DATABASE_URL": postgres_database},
        check=True,
        capture_output=True,
    )
    owner = Database(postgres_database)
    url = make_url(postgres_database).update_query_dict({"options": f"-c role={rights.group('gateway')}"})
    limited = Database(url.render_as_string(hide_password=False))
    gateway = a_gateway(owner)
    gateway.app.database = limited
    try:
        asked = gateway.ask()
        assert asked.status_code == 201
        assert gateway.ask().json == asked.json
        a_day_of_a_crm(gateway, owner, asked.json)
        assert gateway.webhook(STOP).status_code == 200
        assert gateway.webhook(STOP).status_code == 200
        with owner.reading() as session:
            assert len(session.scalars(select(InboundEvent)).all()) == 1
            assert [each.address for each in session.scalars(select(OptOut))] == ["525512345678"]
    finally:
        owner.dispose()
        limited.dispose()
