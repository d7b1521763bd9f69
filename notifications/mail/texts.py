"""What our mails say: as neutral as the WhatsApp texts, in three languages, as plain text and as HTML without anything
from elsewhere.

Rules: no title of a document, no reason, no identifier; a code stands in the body, never in the subject; what fills the
gaps went through `spoken`.
"""

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape

from records.messages import Purpose

POLICY = SMTP.clone(cte_type="7bit")
LANGUAGES = ("es", "en", "pt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """One mail in one language. `{...}` are filled; a paragraph `{url}` becomes the button of the HTML part."""

    subject: str
    paragraphs: tuple[str, ...]
    button: str = ""


_CHECK = {
    "es": "Este mensaje lleva el código {check}. En {portal}/check puedes comprobar con él que es nuestro.",
    "en": "This message carries the code {check}. At {portal}/check you can check by it that the message is ours.",
    "pt": "Esta mensagem leva o código {check}. Em {portal}/check você pode conferir com ele que ela é nossa.",
}
_SAFETY = {
    "es": "Por tu seguridad, no respondas a este correo con archivos.",
    "en": "For your safety, please do not answer this mail with files.",
    "pt": "Para sua segurança, não responda a este e-mail com arquivos.",
}
_WORDS = {
    (Purpose.REQUEST, "es"): Words(
        subject="{company}: tu trámite tiene pasos pendientes",
        paragraphs=("Hola {name}:", "Tu trámite {title} tiene pasos pendientes. Revísalos en nuestro portal seguro:"),
        button="Abrir portal seguro",
    ),
    (Purpose.REQUEST, "en"): Words(
        subject="{company}: your application has pending steps",
        paragraphs=("Hello {name},", "Your application {title} has pending steps. See them in our secure portal:"),
        button="Open secure portal",
    ),
    (Purpose.REQUEST, "pt"): Words(
        subject="{company}: seu processo tem etapas pendentes",
        paragraphs=("Olá {name},", "Seu processo {title} tem etapas pendentes. Veja quais são no nosso portal seguro:"),
        button="Abrir portal seguro",
    ),
    (Purpose.RETURNED, "es"): Words(
        subject="{company}: hay una novedad en tu trámite",
        paragraphs=(
            "Hola {name}:",
            "Hay una novedad en tu trámite {title}: falta algo o hay que repetir un paso. Mira el detalle en nuestro "
            "portal seguro:",
        ),
        button="Abrir portal seguro",
    ),
    (Purpose.RETURNED, "en"): Words(
        subject="{company}: there is news about your application",
        paragraphs=(
            "Hello {name},",
            "There is news about your application {title}: something is missing or a step must be repeated. See the "
            "details in our secure portal:",
        ),
        button="Open secure portal",
    ),
    (Purpose.RETURNED, "pt"): Words(
        subject="{company}: há uma novidade no seu processo",
        paragraphs=(
            "Olá {name},",
            "Há uma novidade no seu processo {title}: falta algo ou é preciso repetir uma etapa. Veja os detalhes no "
            "nosso portal seguro:",
        ),
        button="Abrir portal seguro",
    ),
    (Purpose.REMINDER, "es"): Words(
        subject="{company}: tu trámite sigue con pasos pendientes",
        paragraphs=(
            "Hola {name}:",
            "Te recordamos que tu trámite {title} sigue con pasos pendientes. Puedes retomarlo cuando quieras en "
            "nuestro portal seguro:",
        ),
        button="Abrir portal seguro",
    ),
    (Purpose.REMINDER, "en"): Words(
        subject="{company}: your application still has pending steps",
        paragraphs=(
            "Hello {name},",
            "A reminder that your application {title} still has pending steps. You can go on whenever it suits you in "
            "our secure portal:",
        ),
        button="Open secure portal",
    ),
    (Purpose.REMINDER, "pt"): Words(
        subject="{company}: seu processo ainda tem etapas pendentes",
        paragraphs=(
            "Olá {name},",
            "Lembramos que seu processo {title} ainda tem etapas pendentes. Você pode continuar quando quiser no nosso "
            "portal seguro:",
        ),
        button="Abrir portal seguro",
    ),
    (Purpose.RECEIVED, "es"): Words(
        subject="{company}: recibimos lo que enviaste",
        paragraphs=(
            "Hola {name}:",
            "Recibimos lo que enviaste para tu trámite {title} y lo estamos revisando. Mira cómo va en nuestro portal "
            "seguro:",
        ),
        button="Abrir portal seguro",
    ),
    (Purpose.RECEIVED, "en"): Words(
        subject="{company}: we received what you sent",
        paragraphs=(
            "Hello {name},",
            "We received what you sent for your application {title} and are reviewing it. See how it is going in our "
            "secure portal:",
        ),
        button="Open secure portal",
    ),
    (Purpose.RECEIVED, "pt"): Words(
        subject="{company}: recebemos o que você enviou",
        paragraphs=(
            "Olá {name},",
            "Recebemos o que você enviou para o seu processo {title} e estamos analisando. Veja como está no nosso "
            "portal seguro:",
        ),
        button="Abrir portal seguro",
    ),
    (Purpose.CODE, "es"): Words(
        subject="{company}: tu código de un solo uso",
        paragraphs=("Tu código es {code}", "Vale 10 minutos y una sola vez. Por tu seguridad, no lo compartas."),
    ),
    (Purpose.CODE, "en"): Words(
        subject="{company}: your one-time code",
        paragraphs=("Your code is {code}", "It works for 10 minutes, and once. For your safety, do not share it."),
    ),
    (Purpose.CODE, "pt"): Words(
        subject="{company}: seu código de uso único",
        paragraphs=("Seu código é {code}", "Vale 10 minutos e uma única vez. Para sua segurança, não o compartilhe."),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Who writes to whom: company as customers know it, its address for mail, where answers go, when, and which try."""

    company: str
    sender: str
    reply_to: str | None
    to: str
    at: datetime
    attempt_id: str


def write(letter: Letter, purpose: Purpose, language: str, values: dict[str, str]) -> EmailMessage:
    """Return the mail. `values` fill the gaps: `name`, `title`, `url`, `check`, `portal`, or `code`."""
    spoken = language if language in LANGUAGES else "es"
    words = _WORDS[(purpose, spoken)]
    filled = values | {"company": letter.company}
    linked = bool(words.button)
    paragraphs = [text.format(**filled) for text in words.paragraphs]
    closing = [_CHECK[spoken].format(**filled), _SAFETY[spoken]] if linked else []
    message = EmailMessage(policy=POLICY)
    message["From"] = Address(display_name=letter.company, addr_spec=letter.sender)
    message["To"] = Address(addr_spec=letter.to)
    if letter.reply_to:
        message["Reply-To"] = Address(addr_spec=letter.reply_to)
    message["Subject"] = words.subject.format(**filled)
    message["Date"] = format_datetime(letter.at)
    message["Message-ID"] = f"<{letter.attempt_id}@{letter.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers
    plain = [*paragraphs, *([values["url"]] if linked else []), *closing, letter.company]
    message.set_content("\n\n".join(plain) + "\n")
    button = _button(values["url"], words.button) if linked else ""
    message.add_alternative(_html(spoken, paragraphs, button, [*closing, letter.company]), subtype="html")
    message["Content-Language"] = spoken  # now, since the first part took all Content-* headers with it
    return message


def _button(url: str, label: str) -> str:
    style = "display:inline-block;padding:12px 20px;border-radius:8px;background:#0c5c55;color:#ffffff"
    return f'<p><a href="{escape(url)}" style="{style};text-decoration:none;font-weight:bold">{escape(label)}</a></p>'


def _html(language: str, before: list[str], button: str, after: list[str]) -> str:
    body = "".join(f"<p>{escape(text)}</p>" for text in before) + button
    body += "".join(f"<p>{escape(text)}</p>" for text in after)
    style = "font:16px/1.5 sans-serif;color:#17302d;max-width:560px"
    return f'<!doctype html><html lang="{language}"><meta charset="utf-8"><body style="{style}">{body}</body></html>\n'
