"""Mail through one SMTP relay, on smtplib, with outcomes that cannot be confused.

Rules: everything before the end of the message's bytes is safe to repeat, everything after is not; TLS is never given
up because a server does not offer it; nothing is logged. Source: RFC 5321, RFC 3207, RFC 8314.
"""

import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from enum import StrEnum
from pathlib import Path

from notifications.outcomes import HandedOver, NotSent, TurnedDown, Unknown

TIMEOUT_S = 15.0


class Tls(StrEnum):
    """How the connection to the relay is protected."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"  # on this machine only


MailOutcome = HandedOver | TurnedDown | NotSent | Unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """The SMTP server that takes our mail, signs it (DKIM) and delivers it."""

    host: str
    port: int
    tls: Tls = Tls.STARTTLS
    user: str = ""
    password: str = field(default="", repr=False)
    ca_file: Path | None = None
    """Certificates that the relay's must lead to; the system's without it."""
    timeout: float = TIMEOUT_S

    def send(self, message: EmailMessage, *, sender: str, to: str) -> MailOutcome:
        """Hand one message over, on a connection of its own. `sender` and `to` are plain ASCII addresses."""
        try:
            connection = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            return NotSent(reason=type(error).__name__)
        try:
            return _hand_over(connection, message, sender, to)
        finally:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                connection.quit()

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context(cafile=self.ca_file) if self.tls is not Tls.NONE else None
        if self.tls is Tls.TLS:
            connection: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout, context=context)
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=self.timeout)
        try:
            if self.tls is Tls.STARTTLS:
                connection.starttls(context=context)  # raises where the server does not offer it
            if self.user:
                connection.login(self.user, self.password)
        except BaseException:
            connection.close()
            raise
        return connection


def _hand_over(connection: smtplib.SMTP, message: EmailMessage, sender: str, to: str) -> MailOutcome:
    try:
        connection.ehlo_or_helo_if_needed()
        for code, _ in (connection.mail(sender), connection.rcpt(to)):
            if not 200 <= code < 300:
                return _refused(code)
    except (OSError, smtplib.SMTPException) as error:
        return NotSent(reason=type(error).__name__)
    try:
        code, _ = connection.data(message.as_bytes())
    except smtplib.SMTPDataError as error:  # it refused to hear the message
        return _refused(error.smtp_code)
    except (OSError, smtplib.SMTPException) as error:  # the bytes left, and nobody knows
        return Unknown(reason=type(error).__name__)
    return HandedOver() if 200 <= code < 300 else _refused(code)


def _refused(code: int) -> TurnedDown:
    return TurnedDown(code=f"smtp_{code}", again=400 <= code < 500)
