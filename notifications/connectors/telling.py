"""Telling a CRM through its connector: the courier's way for every kind of subscriber that is no webhook."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifications.connectors.memory import Begun
from notifications.connectors.protocol import CrmTrouble
from notifications.connectors.setting_up import ConnectorRefused, connector
from notifications.connectors.texts import link_label, note_of, side_of, state_of, subject_of
from notifications.connectors.updates import CrmUpdate
from notifications.crm.outcomes import Delivered, Failed, Outcome
from notifications.crm.subscription import Notice, Target
from notifications.egress import Egress
from records.cases import Case
from records.crm.references import references_of
from records.crm.remotes import begin, keep
from records.crm.types import CrmType
from records.organizations import Organization, in_language
from records.progress import progress_of_case
from records.requests import DocumentRequest, requests_of_case
from storage.database import Database, utcnow

REFERENCE_LENGTH = 60
"""Of the CRM's own reference, as far as it goes into a title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connectors:
    """Tells the subscribers that are connectors."""

    database: Database
    egress: Egress

    def __call__(self, target: Target, notice: Notice) -> Outcome:
        """Tell one event; a test only looks whether everything is in place."""
        memory = _Remembered(database=self.database, subscriber_id=target.id)
        try:
            made = connector(target.kind, target.settings, target.secrets[0], egress=self.egress, memory=memory)
            if notice.type is CrmType.SUBSCRIBER_TEST:
                return made.check()
            with self.database.reading() as session:
                update = update_of(session, target.org_id, notice)
            return Delivered(code="no_case", reached=False) if update is None else made.tell(update)
        except CrmTrouble as trouble:
            return trouble.outcome
        except ConnectorRefused:
            return Failed(code="settings")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Remembered:
    """The memory in rows; each step commits by itself, since the call to the CRM comes in between."""

    database: Database
    subscriber_id: str

    def begin(self, kind: str, our_id: str) -> Begun:
        with self.database.transaction() as session:
            before, remote_id = begin(session, self.subscriber_id, kind, our_id, now=utcnow())
        return Begun(before=before, remote_id=remote_id)

    def keep(self, kind: str, our_id: str, remote_id: str) -> None:
        with self.database.transaction() as session:
            keep(session, self.subscriber_id, kind, our_id, remote_id)


def update_of(session: Session, org_id: str, notice: Notice) -> CrmUpdate | None:
    """Return what a connector is given of an event; None when its case is not there (any more)."""
    case = session.get(Case, notice.case_id) if notice.case_id is not None else None
    if case is None or case.org_id != org_id:
        return None
    language = session.scalars(select(Organization.locale).where(Organization.id == org_id)).one()
    data = notice.payload["data"]
    stands = progress_of_case(requests_of_case(session, case.id))
    reason = data.get("reason")
    return CrmUpdate(
        event_id=notice.event_id,
        type=notice.type,
        at=notice.at,
        case_id=case.id,
        case_url=data["case_url"],
        external_ref=case.external_ref,
        progress=stands,
        state=state_of(stands, language),
        subject=subject_of((case.external_ref or case.id[:8])[:REFERENCE_LENGTH], language),
        note=note_of(notice.type, language, _document(session, notice, language)),
        reason=reason if isinstance(reason, str) else None,
        link_label=link_label(language),
        refs=references_of(session, case.id, notice.request_id),
    )


def _document(session: Session, notice: Notice, language: str) -> str | None:
    """Return the title of the requirement that an event is about, with its side."""
    key, side = notice.payload["data"].get("requirement"), notice.payload["data"].get("side")
    request = session.get(DocumentRequest, notice.request_id) if notice.request_id is not None else None
    if request is None or key is None:
        return None
    titles = [each.title for each in request.template.requirements if each.key == key]
    if not titles:
        return None
    parts = (in_language(titles[0], language), side_of(side, language))
    return " · ".join(part for part in parts if part)
