"""Handing a link over by hand: the words and the address for a chat from the executive's own phone."""

from urllib.parse import quote

from portal.web.language import normalise
from records.cases import Party
from records.checkcodes import grouped
from records.links import UploadLink

_WORDS = {
    "es": (
        "Hola {name}, te escribo de {company}. Puedes ver y enviar lo que falta de tu trámite en nuestro portal "
        "seguro: {address}\nCódigo para comprobar que es nuestro: {code}. Por favor, no mandes archivos por este chat."
    ),
    "en": (
        "Hello {name}, this is {company}. You can see and send what is missing of your application in our secure "
        "portal: {address}\nCode to check that it is ours: {code}. Please do not send files in this chat."
    ),
    "pt": (
        "Olá {name}, aqui é da {company}. Você pode ver e enviar o que falta do seu processo no nosso portal seguro: "
        "{address}\nCódigo para conferir que é nosso: {code}. Por favor, não envie arquivos por este chat."
    ),
}


def chat_text(party: Party, company: str, link: UploadLink, address: str) -> str:
    """Return what the executive may send, in the customer's language."""
    words = _WORDS[normalise(party.locale) or "es"]
    name = (party.name.split() or [""])[0]
    return words.format(name=name, company=company, address=address, code=grouped(link.check_code))


def chat_address(phone: str, text: str) -> str:
    """Return the wa.me address that opens the chat with `text` typed and not sent. It wants E.164 without the `+`."""
    return f"https://wa.me/{phone.removeprefix('+')}?text={quote(text)}"
