"""The inbox in the browser: a list of mails, each as text and as the HTML that a mail program would draw."""

from flask import Flask, Response, abort, jsonify, render_template
from flask.typing import ResponseReturnValue

from sandbox.mail.sink import Inbox, Mail
from sandbox.sms.service import Phones, service

POLICY = (
    "default-src 'none'; style-src 'self'; img-src data:; frame-src 'self'; frame-ancestors 'self'; base-uri 'none'"
)
DRAWN = "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'"
"""What a drawn mail may do: be looked at, and open its links in another tab."""


def create_app(inbox: Inbox, phones: Phones) -> Flask:
    """Return the application over an inbox, and the SMS beside it."""
    app = Flask(__name__)
    app.config["TRUSTED_HOSTS"] = ["localhost", ".localhost", "127.0.0.1"]
    app.after_request(_harden)
    app.register_blueprint(service(phones))

    @app.get("/")
    def listing() -> ResponseReturnValue:
        return render_template("inbox.html", mails=inbox.mails()[::-1], texts=phones.messages()[::-1])

    @app.get("/mails/<int:mail_id>")
    def show(mail_id: int) -> ResponseReturnValue:
        return render_template("mail.html", mail=_known(inbox, mail_id))

    @app.get("/mails/<int:mail_id>/drawn")
    def drawn(mail_id: int) -> ResponseReturnValue:
        html = _known(inbox, mail_id).part("html").replace("<a ", '<a target="_blank" rel="noopener noreferrer" ')
        return Response(html, headers={"Content-Security-Policy": DRAWN})

    @app.get("/sim/mails")
    def mails() -> ResponseReturnValue:
        return jsonify([_told(mail) for mail in inbox.mails()])

    return app


def _known(inbox: Inbox, mail_id: int) -> Mail:
    found = next((mail for mail in inbox.mails() if mail.id == mail_id), None)
    return found if found is not None else abort(404)


def _told(mail: Mail) -> dict[str, object]:
    return {
        "id": mail.id,
        "to": mail.to,
        "from": str(mail.message["From"]),
        "subject": str(mail.message["Subject"]),
        "text": mail.part("plain"),
    }


def _harden(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    response.headers.setdefault("Cache-Control", "no-store")
    return response
