"""The REST API of requirement templates: what may be asked for. They are published at the command line, not here."""

import re
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, Field

from portal.gateway.keys import current_key
from portal.gateway.refusals import needs, refusals
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.apikeys import Scope
from records.errors import NotFound
from records.requirements import RequirementTemplate, current_template, current_templates

KEY = re.compile(r"[!-~]{1,60}")

templates = APIBlueprint("templates", __name__, tag="Requirement templates")


class RequirementOut(BaseModel):
    """One document that a template asks for. Texts by language; `es` is always there."""

    key: str
    title: dict[str, str]
    why: dict[str, str]
    sides: list[str]
    formats: list[str]
    required: bool
    may_decline: bool
    max_pages: int


class TemplateOut(BaseModel):
    """The newest version of a checklist."""

    key: str
    version: int
    name: dict[str, str]
    link_days: int = Field(description="Life of its links, days.")
    second_factor: bool = Field(description="Whether every visit must type a one-time code.")
    published_at: datetime
    requirements: list[RequirementOut]


class TemplateList(BaseModel):
    """Every template of the organization, by key: few enough for one page."""

    data: list[TemplateOut]
    next: str | None = Field(description="Always null: for the same shape as other lists.")


@templates.get("/api/v1/templates")
@guarded_by("api_key")
@templates.output(TemplateList, description="All templates")
@templates.doc(summary="List requirement templates", responses=refusals(), security=needs(Scope.TEMPLATES_READ))
def listed() -> ResponseReturnValue:
    """The newest version of each, by key."""
    key = current_key(Scope.TEMPLATES_READ)
    with reading() as session:
        return {"data": [_told(each) for each in current_templates(session, key.org_id)], "next": None}


@templates.get("/api/v1/templates/<template_key>")
@guarded_by("api_key")
@templates.output(TemplateOut, description="The template")
@templates.doc(
    summary="See a requirement template", responses=refusals("not_found"), security=needs(Scope.TEMPLATES_READ)
)
def show(template_key: str) -> ResponseReturnValue:
    """Its newest version: a new request asks for this."""
    key = current_key(Scope.TEMPLATES_READ)
    if not KEY.fullmatch(template_key):
        raise NotFound("template")
    with reading() as session:
        return _told(current_template(session, org_id=key.org_id, key=template_key))


def _told(found: RequirementTemplate) -> dict[str, Any]:
    return TemplateOut(
        key=found.key,
        version=found.version,
        name=found.name,
        link_days=found.link_days,
        second_factor=found.second_factor,
        published_at=found.published_at,
        requirements=[
            RequirementOut(
                key=each.key,
                title=each.title,
                why=each.why,
                sides=each.sides,
                formats=each.formats,
                required=each.required,
                may_decline=each.may_decline,
                max_pages=each.max_pages,
            )
            for each in found.requirements
        ],
    ).model_dump(mode="json")
