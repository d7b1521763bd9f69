"""What agents read in a CRM: short, in the company's language, about documents and never about persons."""

from collections.abc import Mapping

from records.crm.types import CrmType
from records.progress import Progress, ProgressStatus

LANGUAGES = ("es", "en", "pt")

_NOTES: Mapping[CrmType, tuple[str, str, str]] = {
    CrmType.REQUEST_CREATED: (
        "Se pidieron documentos por el portal seguro.",
        "Documents were requested through the secure portal.",
        "Documentos foram pedidos pelo portal seguro.",
    ),
    CrmType.REQUEST_OPENED: (
        "El cliente abrió el portal.",
        "The customer opened the portal.",
        "O cliente abriu o portal.",
    ),
    CrmType.REQUEST_FAILED: (
        "El mensaje no llegó al cliente. Mira en el expediente qué se puede hacer.",
        "The message did not reach the customer. See in the case what can be done.",
        "A mensagem não chegou ao cliente. Veja no processo o que fazer.",
    ),
    CrmType.REQUEST_EXPIRED: (
        "La solicitud venció sin completarse.",
        "The request expired before it was complete.",
        "O pedido expirou sem ser concluído.",
    ),
    CrmType.REQUEST_COMPLETED: (
        "Todo está recibido y aceptado.",
        "Everything is received and accepted.",
        "Tudo foi recebido e aceito.",
    ),
    CrmType.REQUEST_CANCELLED: (
        "La solicitud se canceló.",
        "The request was cancelled.",
        "O pedido foi cancelado.",
    ),
    CrmType.DOCUMENT_CLEAN: (
        "Llegó y pasó la revisión de seguridad: {document}.",
        "Arrived and passed the security check: {document}.",
        "Chegou e passou na verificação de segurança: {document}.",
    ),
    CrmType.DOCUMENT_INFECTED: (
        "Se rechazó por virus: {document}. El cliente debe enviarlo otra vez.",
        "Refused because of a virus: {document}. The customer must send it again.",
        "Recusado por vírus: {document}. O cliente deve enviar de novo.",
    ),
    CrmType.DOCUMENT_REJECTED: (
        "No pasó la revisión automática: {document}. El cliente debe enviarlo otra vez.",
        "Did not pass the automatic check: {document}. The customer must send it again.",
        "Não passou na verificação automática: {document}. O cliente deve enviar de novo.",
    ),
    CrmType.DOCUMENT_APPROVED: ("Aceptado: {document}.", "Accepted: {document}.", "Aceito: {document}."),
    CrmType.DOCUMENT_RETURNED: (
        "Devuelto al cliente: {document}.",
        "Returned to the customer: {document}.",
        "Devolvido ao cliente: {document}.",
    ),
    CrmType.DOCUMENT_DECLINED: (
        "El cliente dice que no lo tiene: {document}.",
        "The customer says that there is none: {document}.",
        "O cliente diz que não tem: {document}.",
    ),
    CrmType.CASE_CLOSED: ("El expediente se cerró.", "The case was closed.", "O processo foi encerrado."),
    CrmType.CHAT_DOCUMENT_INTERCEPTED: (
        "El cliente intentó mandar un archivo por el chat. No se descargó; se le indicó el portal seguro.",
        "The customer tried to send a file by chat. It was not downloaded; they were shown the secure portal.",
        "O cliente tentou mandar um arquivo pelo chat. Não foi baixado; indicamos o portal seguro.",
    ),
}
"""What is not here is worth no note: it changes at most the state."""
_STATES: Mapping[ProgressStatus, tuple[str, str, str]] = {
    ProgressStatus.REQUESTED: ("Solicitado", "Requested", "Solicitado"),
    ProgressStatus.OPENED: ("Abierto", "Opened", "Aberto"),
    ProgressStatus.RECEIVING: (
        "{received} de {total} recibidos",
        "{received} of {total} received",
        "{received} de {total} recebidos",
    ),
    ProgressStatus.RETURNED: (
        "Por corregir: {received} de {total} recibidos",
        "To be corrected: {received} of {total} received",
        "A corrigir: {received} de {total} recebidos",
    ),
    ProgressStatus.COMPLETE: ("Completo", "Complete", "Completo"),
    ProgressStatus.CANCELLED: ("Cancelado", "Cancelled", "Cancelado"),
}
_SIDES = {"front": ("frente", "front", "frente"), "back": ("reverso", "back", "verso")}
_SUBJECT = ("Expediente {name}", "Case {name}", "Processo {name}")
_LINK = ("Ver expediente", "Open the case", "Ver processo")
_ONE = ("un documento", "a document", "um documento")


def note_of(type: CrmType, language: str, document: str | None) -> str | None:
    """Return what a note says; `document` is the title of a requirement."""
    words = _NOTES.get(type)
    return None if words is None else _in(words, language).format(document=document or _in(_ONE, language))


def state_of(progress: Progress, language: str) -> str:
    """Return how a case stands, in a few words."""
    return _in(_STATES[progress.status], language).format(received=progress.received, total=progress.total)


def side_of(side: str | None, language: str) -> str | None:
    """Return the name of one side of a document; None for a whole one."""
    words = _SIDES.get(side or "")
    return None if words is None else _in(words, language)


def subject_of(name: str, language: str) -> str:
    """Return the title of a ticket."""
    return _in(_SUBJECT, language).format(name=name)


def link_label(language: str) -> str:
    """Return the words of the link to a case."""
    return _in(_LINK, language)


def _in(words: tuple[str, str, str], language: str) -> str:
    return words[LANGUAGES.index(language) if language in LANGUAGES else 0]
