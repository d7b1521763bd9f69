"""What a newcomer reads when everything is up: where to go, who to be, what to call."""

from collections.abc import Iterator

from sandbox.launch.cells import Isolation
from sandbox.launch.stack import Stack

RULE = "-" * 78


def welcome(stack: Stack) -> str:
    """Return the page that `make run` prints."""
    return "\n".join(["", RULE, *_lines(stack), RULE])


def _lines(stack: Stack) -> Iterator[str]:
    urls = stack.urls
    yield "Resguardo is running."
    yield ""
    yield f"  Console for staff   {urls['staff']}"
    for login in stack.logins():
        yield f"    {login['role']:<12} {login['email']:<28} {login['password']}   code {login.get('code', '-')}"
    if stack.logins():
        yield "    (a code lives 30 seconds: `.venv/bin/python -m sandbox.launch.codes` prints new ones)"
    yield f"  Simulated phone     {urls['whatsapp']}"
    yield f"  Customer portal     {urls['customer']}   (opened by the link in the message)"
    yield f"  API for CRMs        {urls['gateway']}   (OpenAPI: {urls['gateway']}/openapi.json)"
    if curl := stack.demo.get("curl"):
        yield ""
        yield "  Ask a customer for documents, as a CRM would:"
        yield from (f"    {line}" for line in str(curl).splitlines())
    if stack.escrow_identity:
        yield ""
        yield "  Escrow identity, shown this once and stored nowhere: with it every case can be opened"
        yield "  when the keyring is lost. Keep it offline:"
        yield f"    {stack.escrow_identity}"
    if stack.isolation is Isolation.INSECURE_NONE:
        yield ""
        yield "  WARNING: this machine gives no namespaces: the processes share one sight of all keys."
    yield ""
    yield f"  Data and keys: {stack.site.layout.root}   Logs: {stack.site.layout.log}   Stop: Ctrl-C"
