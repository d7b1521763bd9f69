"""A day at the gateway on PostgreSQL with only the rights and the voice of its own role, after the real migrations."""

import os
import subprocess
import sys

from sqlalchemy import make_url, select

from migrations import rights
from records.messages import InboundEvent
from records.optouts import OptOut
from storage.database import Database
from tests.portal.gateway.company import a_gateway
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
        assert gateway.call("GET", f"/api/v1/requests/{asked.json['id']}").status_code == 200
        assert gateway.webhook(STOP).status_code == 200
        assert gateway.webhook(STOP).status_code == 200
        with owner.reading() as session:
            assert len(session.scalars(select(InboundEvent)).all()) == 1
            assert [each.address for each in session.scalars(select(OptOut))] == ["525512345678"]
    finally:
        owner.dispose()
        limited.dispose()
