"""Rules about what a template says: nothing for sale, nothing that asks for identifiers or files, nothing that scares.

The platform rejects a template that asks for identifiers, "also not requesting documents from users that might contain
sensitive identifiers" (template review, as of 2026-09), and moves what sells to MARKETING. Texts are compared without
accents and in lower case. A rule of words cannot understand a text: it stops the plain cases before review does.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from notifications.whatsapp.library import NAMES
from notifications.whatsapp.linting.complaints import Code, Complaint
from notifications.whatsapp.linting.pressing import SHORTENERS
from notifications.whatsapp.linting.reading import Submission
from notifications.whatsapp.linting.wording import VARIABLE
from notifications.whatsapp.parameters import carries_identifier

_IDENTIFIERS = re.compile(
    r"\b(ine|ife|curp|rfc|dni|nie|nif|nit|cuit|cuil|rut|cpf|cnpj|rg|cnh|ssn|nss|clabe|iban|cvv|cvc|pin|otp|selfies?"
    r"|pasaportes?|passports?|passaportes?|cedulas?|licencias?|tarjetas?|credencial(es)?|cards?|accounts?|cartao|cartoes"
    r"|(?<!en )cuentas?|(?<!em )contas?|identificacion(es)?|identidad|identity|identidade|contrasenas?|passwords?"
    r"|senhas?|huellas?|biometric[oa]s?)\b"
)
_FILES = (
    r"(documentos?|documentacion|documentacao|documents?|archivos?|arquivos?|files?|fotos?|photos?|papeles|papers|papeis"
    r"|copias?|copy|copies|comprobantes?|comprovantes?)"
)
_ASKS_FOR_FILES = re.compile(
    rf"(?<!\bno )(?<!\bnao )(?<!\bnot )\b(envia(nos)?|envianos|manda(nos)?|sube|subenos|carga|adjunta|comparte|entrega"
    rf"|send|upload|submit|attach|share|envie|mande|anexe|suba|carregue|compartilhe)\s+(\w+\s+){{0,2}}{_FILES}\b"
)
_SELLS = re.compile(
    r"\b(ofertas?|promocion(es)?|promos?|descuentos?|rebajas?|gratis|cupon(es)?|aprovecha|compra ahora"
    r"|regalos?|sorteos?|special offers?|discounts?|coupons?|deals?|buy now|for free|free gift|giveaways?"
    r"|limited time|black friday"
    r"|promoc(ao|oes)|descontos?|cupom|cupons|aproveite|compre agora|brindes?|liquidac(ao|oes))\b|\d\s?% (off|de)"
)
_SCARES = re.compile(
    r"\b(urgentes?|urgentemente|urgent|inmediatamente|immediately|imediatamente|ultimo aviso|ultima oportunidad"
    r"|last chance|final notice|ultima chance|bloquead[oa]s?|blocked|suspendid[oa]s?|suspended|suspens[oa]s?|embargos?"
    r"|multas?|penalty|demanda(do|da)?|legal action|processo judicial|cobranza judicial)\b"
)
_LINKS = re.compile(r"https?://|www\.|\b[a-z0-9-]{2,63}\.(com|net|org|info|me|ly|gl|io|app|mx|es|co|br)(/|\b)")
OPT_OUT: Mapping[str, str] = MappingProxyType(
    {"es": r"\b(baja|alto|stop|cancelar)\b", "en": r"\b(stop|unsubscribe)\b", "pt": r"\b(sair|parar|stop)\b"}
)
"""Words of the footer by language; the chat honours them all (`updates.asks_to_stop`)."""


def meaning(submission: Submission) -> Iterator[Complaint]:
    """Yield what a template should not say, and what it should."""
    said = [(part.place, VARIABLE.sub(" ", part.text)) for part in submission.texts]
    said += [(f"{button.place}.text", button.label) for button in submission.buttons]
    for place, text in said:
        yield from _said(place, text, submission.category)
    if submission.category != "AUTHENTICATION":
        yield from _opt_out(submission)
    if submission.name in NAMES:
        yield from _library(submission)


def _said(place: str, text: str, category: str) -> Iterator[Complaint]:
    words = plain(text)
    rules = [(Code.ASKS_IDENTIFIER, _IDENTIFIERS), (Code.ASKS_DOCUMENTS, _ASKS_FOR_FILES), (Code.ALARMING, _SCARES)]
    if category != "MARKETING":
        rules.append((Code.MARKETING_WORDS, _SELLS))
    for code, pattern in rules:
        if found := pattern.search(words):
            yield Complaint(code=code, place=place, found=found[0].strip()[:60])
    if found := _LINKS.search(words):
        yield Complaint(code=Code.LINK_IN_TEXT, place=place, found=found[0])
    if shortener := next((each for each in words.split() if each.split("/")[0] in SHORTENERS), None):
        yield Complaint(code=Code.URL_SHORTENER, place=place, found=shortener[:60])
    if carries_identifier(text):
        yield Complaint(code=Code.NUMBER_IN_TEXT, place=place)
    letters = [letter for letter in text if letter.isalpha()]
    if len(letters) >= 20 and sum(letter.isupper() for letter in letters) * 2 > len(letters):
        yield Complaint(code=Code.SHOUTING, place=place)


def _opt_out(submission: Submission) -> Iterator[Complaint]:
    pattern = OPT_OUT.get(submission.language.partition("_")[0], r"\bstop\b")
    footer = submission.footer.text if submission.footer is not None else ""
    if not re.search(pattern, plain(footer)):
        yield Complaint(code=Code.OPT_OUT_MISSING, place="footer")


def _library(submission: Submission) -> Iterator[Complaint]:
    """What is sent under the names of the library fills three numbered variables and one address."""
    body = submission.body.text if submission.body is not None else ""
    if submission.named or sorted(VARIABLE.findall(body)) != ["1", "2", "3"] or submission.header is not None:
        yield Complaint(code=Code.LIBRARY_VARIABLES, place="body")
    if [button.kind for button in submission.buttons] != ["URL"] or "{{1}}" not in submission.buttons[0].url:
        yield Complaint(code=Code.LIBRARY_BUTTON, place="buttons")


def plain(text: str) -> str:
    """Return `text` in lower case without accents, one space between words."""
    bare = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    return " ".join(bare.lower().split())
