"""The reference page: every call, field and refusal of the description, without scripts and strangers."""

import re
from html.parser import HTMLParser

import pytest

from portal.gateway.reference import TAGS
from portal.gateway.refusals import WHEN


class Seen(HTMLParser):
    """The ids and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.ids, self.links, self.tags = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src"):
                self.links.append(value)


@pytest.fixture
def page(quick):
    answer = quick.app.test_client().get("/api/v1/docs")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer.get_data(as_text=True)


@pytest.fixture
def seen(page):
    seen = Seen()
    seen.feed(page)
    return seen


def test_it_tells_of_every_call_and_every_field_of_a_body(quick, page):
    document = quick.app.test_client().get("/openapi.json").json
    assert {operation["tags"][0] for item in document["paths"].values() for operation in item.values()} == set(TAGS)
    for path, item in document["paths"].items():
        assert page.count(f"<code>{path}</code>") == len(item)
        for operation in item.values():
            assert operation["summary"] in page
    for field in ("contact.phone", "contact.opt_in.text", "send.mode", "data[].progress.received", "days"):
        assert f"<code>{field}</code>" in page


def test_every_problem_leads_to_its_explanation(quick, seen):
    assert set(WHEN) <= set(seen.ids)
    kind = quick.call("GET", "/api/v1/requests", key="").json["type"]
    assert kind == "/api/v1/docs#api_key_refused"


def test_every_link_on_it_leads_somewhere_here(quick, seen):
    assert len(seen.ids) == len(set(seen.ids))
    for link in seen.links:
        if link.startswith("#"):
            assert link[1:] in seen.ids
        elif not link.startswith("data:"):
            assert link.startswith("/")
            with quick.app.test_client().get(link) as answer:
                assert answer.status_code == 200


def test_it_runs_no_script_and_loads_nothing_from_strangers(page, seen):
    assert "script" not in seen.tags
    assert "style" not in seen.tags
    assert not re.search(r' on[a-z]+="| style="', page)
