"""The one place where the token of a number is opened for a call."""

from notifications.whatsapp.client import Sender
from records.senders import Flavor, WhatsAppSender
from storage.sealing.box import Box


def opened(box: Box, row: WhatsAppSender) -> Sender:
    """Return a number ready to send from. Raises BoxRefused when its token was sealed under another key."""
    token = box.open(row.token_boxed, table="whatsapp_senders", row=row.id, column="token_boxed").decode()
    return Sender(
        phone_number_id=row.phone_number_id,
        waba_id=row.waba_id,
        token=token,
        flavor=Flavor(row.flavor),
        base_url=row.base_url,
    )
