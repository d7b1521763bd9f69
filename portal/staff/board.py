"""The case board. Searching is a POST, so that no customer's name stands in an address or a log."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from portal.staff.desk import me
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.board import Group, board
from records.errors import InvalidValue
from storage.database import utcnow

blueprint = Blueprint("board", __name__)


@blueprint.get("/cases")
@guarded_by("list_cases")
def show() -> ResponseReturnValue:
    """Show one group of the board, a page at a time."""
    return _page(request.args.get("group", Group.OURS.value), "", request.args.get("after", ""))


@blueprint.post("/cases/search")
@guarded_by("list_cases")
def search() -> ResponseReturnValue:
    """Show the cases whose reference, title or people contain the words."""
    form = request.form
    return _page(form.get("group", Group.ALL.value), form.get("q", ""), form.get("after", ""))


def _page(untrusted_group: str, untrusted_search: str, untrusted_after: str) -> ResponseReturnValue:
    if untrusted_group not in set(Group):
        raise InvalidValue("group", "unknown")
    with reading() as session:
        found = board(
            session,
            me(),
            group=Group(untrusted_group),
            untrusted_search=untrusted_search,
            untrusted_after=untrusted_after,
        )
    return render_template(
        "staff/board.html", board=found, groups=list(Group), search=untrusted_search.strip(), now=utcnow(), Group=Group
    )
