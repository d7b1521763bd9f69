"""Words of the template studio: purposes, languages, statuses, alarms and refusals."""

from flask_babel import lazy_gettext

from notifications.whatsapp.authentication import CODE
from notifications.whatsapp.library import RECEIVED, REMINDER, REQUEST, RETURNED
from records.templates import TemplateStatus

_ = lazy_gettext

PURPOSES = {
    REQUEST: _("Hay pasos pendientes"),
    RETURNED: _("Hay que repetir algo"),
    REMINDER: _("Recordatorio"),
    RECEIVED: _("Recibimos lo que enviaste"),
    CODE: _("Código de un solo uso"),
}
LANGUAGES = {
    "es_MX": _("Español (México)"),
    "es_ES": _("Español (España)"),
    "es_CO": _("Español (Colombia)"),
    "en": _("Inglés"),
    "pt_BR": _("Portugués (Brasil)"),
}
STATUSES = {
    TemplateStatus.DRAFT: _("Borrador"),
    TemplateStatus.PENDING: _("En revisión"),
    TemplateStatus.APPROVED: _("Aprobada"),
    TemplateStatus.REJECTED: _("Rechazada"),
    TemplateStatus.PAUSED: _("Pausada"),
    TemplateStatus.DISABLED: _("Desactivada"),
    TemplateStatus.IN_APPEAL: _("En apelación"),
    TemplateStatus.ARCHIVED: _("Archivada"),
    TemplateStatus.LIMIT_EXCEEDED: _("Sin cupo"),
    TemplateStatus.DELETED: _("Borrada"),
    TemplateStatus.PENDING_DELETION: _("Por borrarse"),
    TemplateStatus.UNKNOWN: _("Sin confirmar"),
}
CHIPS = {
    TemplateStatus.APPROVED: "done",
    TemplateStatus.PENDING: "customer",
    TemplateStatus.IN_APPEAL: "customer",
    TemplateStatus.DRAFT: "ours",
}
"""Colour of a status; what is not here is wrong."""
ALARMS = {
    "drifted": _("WhatsApp la pasó a otra categoría: puede costar más y no llegar."),
    "coming": _("WhatsApp avisó que la pasará a otra categoría."),
    "stopped": _("No se puede enviar. Mientras tanto va la suplente, si la hay."),
    "quality": _("Los clientes la califican mal: WhatsApp puede pausarla."),
    "differs": _("En WhatsApp dice otra cosa, o lleva a otra dirección, que aquí."),
    "refused": _("WhatsApp no aceptó lo último que se envió."),
}
REASONS = {
    "ABUSIVE_CONTENT": _("WhatsApp la considera abusiva o amenazante."),
    "INVALID_FORMAT": _("El formato no es válido: revisa variables y ejemplos."),
    "PROMOTIONAL": _("WhatsApp la considera publicidad."),
    "TAG_CONTENT_MISMATCH": _("El idioma o la categoría no van con el texto."),
    "INCORRECT_CATEGORY": _("La categoría no va con el texto."),
    "SCAM": _("WhatsApp sospecha un engaño."),
}
REFUSALS = {
    "template_invalid": _("El texto no cumple las reglas."),
    "no_sender": _("La cuenta ya no tiene un número."),
    "not_sent": _("No hubo conexión con WhatsApp. Se intenta de nuevo."),
    "unknown": _("WhatsApp no contestó. Se comprueba solo."),
    "190": _("El token de la cuenta venció o no sirve."),
    "200": _("El token no tiene permiso para administrar plantillas."),
    "10": _("El token no tiene permiso para administrar plantillas."),
    "80007": _("Demasiadas llamadas. Se intenta de nuevo."),
    "2388040": _("El texto es demasiado largo."),
    "2388293": _("Son demasiadas variables para tan poco texto."),
    "2388299": _("El texto no puede empezar ni terminar con una variable."),
    "2388023": _("El nombre está bloqueado unos días porque se borró una plantilla con él."),
}
"""By code or subcode."""
QUALITIES = {
    "GREEN": _("Buena"),
    "YELLOW": _("Regular"),
    "RED": _("Mala"),
    "UNKNOWN": _("Aún sin calificar"),
}
