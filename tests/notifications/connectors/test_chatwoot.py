"""Chatwoot: what its API replaces whole is kept, and a lesser token still tells what it may."""

from collections.abc import Iterator

import pytest

from notifications.connectors.protocol import CrmTrouble
from notifications.crm.outcomes import Delivered, Failed
from records.crm.types import CrmType
from records.progress import Progress, ProgressStatus
from tests.notifications.connectors.stage import CASE_URL, Stage, a_chatwoot, an_update


@pytest.fixture
def stage() -> Iterator[Stage]:
    with a_chatwoot() as made:
        yield made


def test_attributes_and_labels_of_others_stay(stage):
    stage.connector().tell(an_update(refs=stage.refs))
    talk = stage.account.conversations[123]
    assert talk.custom_attributes == {
        "vendedor": "7",
        "expediente_url": CASE_URL,
        "expediente_estado": "2 de 4 recibidos",
    }
    assert talk.labels == ["vip", "expediente-en-curso"]


def test_the_label_moves_with_the_case(stage):
    stage.connector().tell(an_update(1, refs=stage.refs))
    returned = Progress(status=ProgressStatus.RETURNED, received=1, accepted=0, total=4)
    stage.connector().tell(an_update(2, CrmType.DOCUMENT_RETURNED, returned, stage.refs))
    assert stage.account.conversations[123].labels == ["vip", "expediente-por-corregir"]


def test_the_customer_never_sees_a_note(stage):
    stage.connector().tell(an_update(refs=stage.refs))
    assert [each["private"] for each in stage.account.conversations[123].messages] == [True]


def test_attributes_are_defined_once_as_link_and_text_of_conversations(stage):
    for event in (1, 2):
        stage.connector().tell(an_update(event, refs=stage.refs))
    defined = {
        key: (each["attribute_display_type"], each["attribute_model"])
        for key, each in stage.account.definitions.items()
    }
    assert defined == {"expediente_url": (4, 0), "expediente_estado": (0, 0)}


def test_an_agents_token_that_may_define_nothing_still_tells():
    with a_chatwoot(administrator=False) as stage:
        stage.connector().tell(an_update(refs=stage.refs))
        assert len(stage.notes()) == 1
        assert stage.state() == "2 de 4 recibidos"


def test_a_case_without_a_conversation_is_told_nowhere(stage):
    assert stage.connector().tell(an_update()) == Delivered(code="no_conversation", reached=False)
    assert stage.notes() == []


def test_a_conversation_that_is_gone_waits_for_a_person(stage):
    with pytest.raises(CrmTrouble) as caught:
        stage.connector().tell(an_update(refs={"chatwoot_conversation": "124"}))
    assert caught.value.outcome == Failed(code="not_found", status=404)


@pytest.mark.parametrize("conversation", ["../../profile", "123/../124", "1?x=1", "%2e%2e"])
def test_a_conversation_id_never_leads_to_another_address(stage, conversation):
    with pytest.raises(CrmTrouble) as caught:
        stage.connector().tell(an_update(refs={"chatwoot_conversation": conversation}))
    assert caught.value.outcome.status == 404
    assert stage.notes() == []


def test_a_note_is_found_again_behind_many_newer_messages(stage):
    stage.connector().tell(an_update(refs=stage.refs))
    talk = stage.account.conversations[123]
    talk.messages += [{"id": 5000 + n, "content": "hola", "private": False} for n in range(70)]
    stage.memory.forget()
    stage.connector().tell(an_update(refs=stage.refs))
    assert len(stage.notes()) == 1


def test_quiet_events_change_the_state_without_a_note(stage):
    stage.connector().tell(an_update(1, CrmType.REQUEST_DELIVERED, refs=stage.refs))
    assert stage.notes() == []
    assert stage.state() == "2 de 4 recibidos"


def test_a_token_that_was_refused_at_first_still_defines_what_is_missing(stage):
    with pytest.raises(CrmTrouble):
        stage.connector(token="old").tell(an_update(refs=stage.refs))
    stage.connector().tell(an_update(refs=stage.refs))
    assert set(stage.account.definitions) == {"expediente_url", "expediente_estado"}


def test_the_check_defines_what_an_agents_token_could_not():
    with a_chatwoot(administrator=False) as stage:
        stage.connector().tell(an_update(refs=stage.refs))
        stage.account.administrator = True
        stage.connector().check()
        assert "expediente-en-curso" in stage.account.labels
