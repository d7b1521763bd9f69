"""What a newcomer reads when everything is up: where to go, who to be, what to call."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pyotp

from sandbox.launch.cells import Isolation

if TYPE_CHECKING:
    from sandbox.launch.stack import Stack

RULE = "-" * 78


def welcome(stack: "Stack") -> str:
    """Return the page that `make run` prints."""
    return "\n".join(["", RULE, *_lines(stack), RULE])


def with_codes(logins: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return the demo's logins, each with the code that its TOTP seed gives now (RFC 6238)."""
    return [
        {**login, "code": pyotp.TOTP(login["totp_secret"]).now()} if "totp_secret" in login else dict(login)
        for login in logins
    ]


def login_lines(logins: Iterable[Mapping[str, str]]) -> Iterator[str]:
    """Yield one line a login: role, address, password, code."""
    for login in logins:
        yield f"    {login['role']:<14} {login['email']:<30} {login['password']:<18} code {login.get('code', '-')}"


def last_words(log: Path) -> str:
    """Return the line of a program's log that most likely says why it ended: its last error, else its last line."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()[-60:]
    except OSError:
        return "it says nothing"
    lines = [line for line in lines if line.strip()]
    told = [reason for line in lines if (reason := _reason(line))]
    return (told or lines or ["it says nothing"])[-1][:400]


def _reason(line: str) -> str | None:
    """Return what a line says of an error: an exception in a JSON line, or plain text that is no traceback's frame."""
    try:
        told = json.loads(line)
    except ValueError:
        return None if line.startswith((" ", "Traceback")) or "HaltServer" in line else line
    exception = told.get("exception") if isinstance(told, dict) else None
    return f"{exception.get('type')} {exception.get('says', '')}".strip() if isinstance(exception, dict) else None


def _lines(stack: "Stack") -> Iterator[str]:
    urls, logins = stack.urls, stack.logins()
    yield "Resguardo is running."
    yield ""
    yield f"  Console for staff   {urls['staff']}"
    yield from login_lines(logins)
    if logins:
        yield "    A code lives 30 seconds; new ones: .venv/bin/python -m sandbox.launch.codes"
    yield f"  Simulated phone     {urls['whatsapp']}"
    yield f"  Simulated inbox     {urls['mail']}   (of people who are asked without a phone)"
    yield f"  Simulated CRM       {urls['crm']}   (what webhooks tell it, and where each matter stands)"
    yield f"  Customer portal     {urls['customer']}   (the link in the message opens it)"
    yield f"  API for CRMs        {urls['gateway']}   ({urls['gateway']}/openapi.json)"
    if curl := stack.demo.get("curl"):
        yield ""
        yield "  Ask a customer for documents, as a CRM would:"
        yield from (f"    {line}" for line in str(curl).splitlines())
    if stack.escrow_identity:
        yield ""
        yield "  Escrow identity, shown this once and stored nowhere: it opens every case when the"
        yield "  keyring is lost. Keep it offline:"
        yield f"    {stack.escrow_identity}"
    if stack.isolation is Isolation.INSECURE_NONE:
        yield ""
        yield "  WARNING: this machine gives no namespaces: the processes can read each other's keys."
    yield ""
    yield f"  Data and keys: {stack.site.layout.root}   Logs: {stack.site.layout.log}   Stop: Ctrl-C"
