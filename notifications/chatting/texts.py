"""What we say in a chat, in three languages: short, warm, and honest about who reads it.

Rules: no title of a matter, no name of a document, no identifier; the link stands in the button and nowhere else.
"""

from dataclasses import dataclass

from records.chats import Answer

LANGUAGES = ("es", "en", "pt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer: a text, and a button where there is a link to open."""

    body: str
    header: str = ""
    label: str = ""
    footer: str = ""


_FILE = {
    "es": "Por tu seguridad, aquí no guardamos archivos: no lo abrimos y pedimos a WhatsApp que lo borre.",
    "en": "For your safety we keep no files here: we did not open it and asked WhatsApp to delete it.",
    "pt": "Para sua segurança, não guardamos arquivos aqui: não o abrimos e pedimos ao WhatsApp que o apague.",
}
_UPLOAD = {
    "es": "Súbelo con este botón; es tu enlace personal.",
    "en": "Please upload it with this button; the link is yours alone.",
    "pt": "Envie-o por este botão; o link é só seu.",
}
_NO_LINK = {
    "es": "Si te pedimos documentos, súbelos con el enlace del mensaje que te enviamos. {person}",
    "en": "If we asked you for documents, upload them with the link of the message that we sent you. {person}",
    "pt": "Se pedimos documentos a você, envie-os pelo link da mensagem que mandamos. {person}",
}
_HINT = {
    "es": "Gracias por escribir. Este chat es automático y nadie lo lee. {person}",
    "en": "Thank you for writing. This chat is automatic and nobody reads it. {person}",
    "pt": "Obrigado por escrever. Este chat é automático e ninguém o lê. {person}",
}
_PERSON = {
    "es": "Para hablar con una persona de {company}: {contact}.",
    "en": "To talk to a person at {company}: {contact}.",
    "pt": "Para falar com uma pessoa da {company}: {contact}.",
}
_NO_CONTACT = {
    "es": "Para hablar con una persona, acude a quien lleva tu trámite en {company}.",
    "en": "To talk to a person, turn to whoever handles your application at {company}.",
    "pt": "Para falar com uma pessoa, procure quem cuida do seu processo na {company}.",
}
_FAREWELL = {
    "es": "Listo: {company} no te enviará más mensajes por aquí. Si cambias de opinión, escribe ALTA.",
    "en": "Done: {company} will send you no more messages here. If you change your mind, write START.",
    "pt": "Pronto: a {company} não vai mais mandar mensagens por aqui. Se mudar de ideia, escreva VOLTAR.",
}
_WELCOME = {
    "es": "Listo: {company} puede volver a escribirte. Para dejar de recibir mensajes, escribe BAJA.",
    "en": "Done: {company} may write to you again. To receive no more messages, write STOP.",
    "pt": "Pronto: a {company} pode voltar a escrever. Para não receber mais mensagens, escreva SAIR.",
}
_HEADER = {"es": "Portal seguro", "en": "Secure portal", "pt": "Portal seguro"}
_LABEL = {"es": "Subir documentos", "en": "Upload documents", "pt": "Enviar documentos"}
_FOOTER = {"es": "No compartas este enlace", "en": "Do not share this link", "pt": "Não compartilhe este link"}


def reply(answer: Answer, language: str, *, company: str, contact: str, linked: bool) -> Reply:
    """Return what is said; `contact` (a phone, a mail address, both or "") leads to a person of the company."""
    spoken = language if language in LANGUAGES else "es"
    person = (_PERSON if contact else _NO_CONTACT)[spoken].format(company=company, contact=contact)
    match answer:
        case Answer.FILE:
            rest = _UPLOAD[spoken] if linked else _NO_LINK[spoken].format(person=person)
            body = f"{_FILE[spoken]} {rest}"
        case Answer.HINT:
            body = _HINT[spoken].format(person=person)
        case Answer.FAREWELL:
            return Reply(body=_FAREWELL[spoken].format(company=company))
        case Answer.WELCOME:
            return Reply(body=_WELCOME[spoken].format(company=company))
    if not linked:
        return Reply(body=body)
    return Reply(body=body, header=_HEADER[spoken], label=_LABEL[spoken], footer=_FOOTER[spoken])
