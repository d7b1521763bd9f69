"""Webhooks of WhatsApp: the handshake, and updates stored before the 200.

One address a sender, `/webhooks/whatsapp/<sender id>`: it names the secret that must have signed the raw bytes,
and for a while after a renewal the one before.
"""

import hashlib
import hmac
import re

from apiflask import APIBlueprint
from flask import Response, current_app, request
from flask.typing import ResponseReturnValue

from notifications.inbound.storing import Delivery
from notifications.whatsapp.webhooks import parse
from portal.gateway.appsecrets import AppSecrets
from portal.gateway.gathering import Gathering
from portal.web.application import reading
from portal.web.guards import guarded_by
from records.errors import RecordsError
from records.senders import WhatsAppSender

MAX_BODY = 4 * 1024 * 1024
"""The platform sends up to 3 MB."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{1,128}")

webhooks = APIBlueprint("webhooks", __name__, enable_openapi=False)


class WebhookRefused(RecordsError):
    """The signature, the handshake token or the sender is wrong: the three look alike."""

    code = "webhook_refused"


@webhooks.get("/webhooks/whatsapp/<id:sender_id>")
@guarded_by("public")
def handshake(sender_id: str) -> ResponseReturnValue:
    """Answer the subscription handshake with its challenge."""
    challenge = request.args.get("hub.challenge", "")
    offered = hashlib.sha256(request.args.get("hub.verify_token", "").encode()).hexdigest()
    with reading() as session:
        sender = session.get(WhatsAppSender, sender_id)
    expected = sender.verify_token_sha256 if sender is not None else "0" * 64
    genuine = hmac.compare_digest(offered, expected) and sender is not None
    if not genuine or request.args.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        raise WebhookRefused("handshake")
    return Response(challenge, mimetype="text/plain")


@webhooks.post("/webhooks/whatsapp/<id:sender_id>")
@guarded_by("public")
def receive(sender_id: str) -> ResponseReturnValue:
    """Verify over the raw bytes, store every update in one transaction, answer 200; the courier does the rest."""
    request.max_content_length = MAX_BODY
    raw = request.get_data()
    secrets: AppSecrets = current_app.extensions["app_secrets"]
    receiver = secrets.receiver(sender_id, raw, request.headers.get("X-Hub-Signature-256"))
    if receiver is None:
        raise WebhookRefused("signature")
    gathering: Gathering = current_app.extensions["gathering"]
    gathering.store(Delivery(receiver=receiver, events=parse(raw)))
    return Response(status=200)
