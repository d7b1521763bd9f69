"""The template that carries a one-time code.

The platform fixes its words in every language; a company chooses only the safety advice, the minutes and the label of
the button that copies the code. The code travels twice: in the body and in the button.
Source: developers.facebook.com, WhatsApp Business Platform, Authentication templates (copy code), Graph API v26.0.
"""

from typing import Any

CODE = "codigo_acceso_v1"
MINUTES = 10
LABELS = {
    "es_MX": "Copiar código",
    "es_ES": "Copiar código",
    "es_CO": "Copiar código",
    "en": "Copy code",
    "pt_BR": "Copiar código",
}


_WORDS = {  # as the platform shows them, for a preview
    "es": (
        "123456 es tu código de verificación. Por tu seguridad, no lo compartas.",
        "Caduca en {} minutos.",
    ),
    "en": ("123456 is your verification code. For your security, do not share this code.", "Expires in {} minutes."),
    "pt": ("123456 é seu código de verificação. Para sua segurança, não o compartilhe.", "Expira em {} minutos."),
}


def preview(language: str) -> tuple[str, str]:
    """Return body and footer about as the platform words them in a language, with a made-up code."""
    body, footer = _WORDS.get(language.partition("_")[0], _WORDS["es"])
    return body, footer.format(MINUTES)


def payload(language: str, label: str) -> dict[str, Any]:
    """Return the JSON body that registers the template in one language."""
    return {
        "name": CODE,
        "language": language,
        "category": "AUTHENTICATION",
        "message_send_ttl_seconds": MINUTES * 60,
        "components": [
            {"type": "BODY", "add_security_recommendation": True},
            {"type": "FOOTER", "code_expiration_minutes": MINUTES},
            {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": label}]},
        ],
    }


def payloads() -> list[dict[str, Any]]:
    """Return the JSON bodies that register the template in every language."""
    return [payload(language, label) for language, label in LABELS.items()]
