"""A receipt of a whole case, as portal, courier, custodian and authority make it together, step by step."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from portal.worker import receipting
from records.links import UploadLink
from records.receipts.rows import Receipt, request_receipt
from records.receipts.secret import ReceiptSecret
from storage.database import utcnow
from storage.due import Lease, lease
from storage.sealing.box import Box
from tests.records.exporting.casting import CHECKPOINTS, HASHES, Company

HANDOVER = Box([bytes(range(96, 128))])
"""What portal and courier hold for receipts."""
PORTAL = "http://portal.localhost:8701"


@dataclass(kw_only=True)
class Counter:
    """Where a company's receipts are made."""

    company: Company

    @property
    def tools(self) -> receipting.Tools:
        """What the courier holds."""
        return receipting.Tools(
            database=self.company.database,
            hashes=HASHES,
            handover=HANDOVER,
            checkpoint_key=CHECKPOINTS.public,
            tsa_root=self.root,
            public_url=PORTAL,
        )

    @property
    def root(self) -> bytes:
        """The authority's root, PEM."""
        return self.company.authority.ca_pem.read_bytes()

    def ask(self, language: str = "es", now: datetime | None = None) -> ReceiptSecret:
        """Ana asks."""
        secret = ReceiptSecret.fresh()
        with self.company.database.transaction() as session:
            link = session.get_one(UploadLink, self.company.link_id)
            request_receipt(session, link, secret=secret, handover=HANDOVER, language=language, now=now or utcnow())
        return secret

    def lease(self) -> list[Lease]:
        """What the courier's poll would lease now."""
        with self.company.database.transaction() as session:
            return lease(session, Receipt, now=utcnow(), limit=5, only=receipting.can_go_on())

    def work(self) -> int:
        """Let the courier take every receipt that can go on a step further; return how many."""
        leases = self.lease()
        for held in leases:
            receipting.make(self.tools, held)
        return len(leases)

    def make(self, language: str = "es") -> ReceiptSecret:
        """From the question to the finished receipt."""
        self.company.stamp()
        secret = self.ask(language)
        assert self.work() == 1
        self.company.stamp()
        assert self.work() == 1
        return secret

    def row(self, secret: ReceiptSecret) -> Receipt:
        """The row, with its PDF."""
        with self.company.database.reading() as session:
            receipt = session.get_one(Receipt, secret.receipt_id())
            _ = receipt.pdf
            return receipt

    def facts(self, secret: ReceiptSecret) -> bytes:
        """The facts as their holder sees them."""
        row = self.row(secret)
        return row.open("facts", row.facts, secret)

    def pdf(self, secret: ReceiptSecret) -> bytes:
        """The PDF as its holder sees it."""
        row = self.row(secret)
        return row.open("pdf", row.pdf, secret)


def changed(facts: bytes, **values: Any) -> bytes:
    """Facts with other values; `receipt__made_at=...` reaches into the receipt."""
    loaded = json.loads(facts)
    for path, value in values.items():
        place = loaded
        *way, last = path.split("__")
        for step in way:
            place = place[int(step) if step.isdigit() else step]
        place[int(last) if last.isdigit() else last] = value
    return json.dumps(loaded).encode()
