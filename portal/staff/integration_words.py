"""Words of integrations: kinds, states, and why something did not arrive, for whoever has to mend it."""

from flask_babel import lazy_gettext as _

from records.crm.deliveries import DeliveryState
from records.crm.subscribers import SubscriberKind, SubscriberState

KINDS = {
    SubscriberKind.WEBHOOK: _("Webhook"),
    SubscriberKind.CHATWOOT: "Chatwoot",
    SubscriberKind.HUBSPOT: "HubSpot",
    SubscriberKind.GENERIC: _("Conector genérico"),
    SubscriberKind.HELPDESK: _("Mesa de ayuda"),
}
STATES = {
    SubscriberState.ACTIVE: _("Activa"),
    SubscriberState.PAUSED: _("En pausa"),
    SubscriberState.DISABLED: _("Desactivada"),
    SubscriberState.REMOVED: _("Quitada"),
}
WHY_DISABLED = {
    "gone": _("respondió que ya no quiere avisos"),
    "failing": _("llevaba cinco días sin aceptar nada"),
}
DELIVERIES = {
    DeliveryState.WAITING: _("En espera"),
    DeliveryState.DELIVERED: _("Entregado"),
    DeliveryState.FAILED: _("No entregado"),
}
NOTHING_TO_TELL = frozenset({"no_conversation", "no_case"})
"""Codes of deliveries that went well and showed nothing to anybody."""
CODES = {
    "status": _("respondió con un error"),
    "redirect": _("respondió con una redirección, que no se sigue"),
    "redirected": _("respondió con una redirección, que no se sigue"),
    "timeout": _("no respondió a tiempo"),
    "connect": _("no se pudo conectar"),
    "no_connection": _("no se pudo conectar"),
    "dns": _("su dirección no existe"),
    "tls": _("su certificado no es válido"),
    "cut": _("cortó la conexión"),
    "protocol": _("respondió algo que no se entiende"),
    "unreadable_answer": _("respondió algo que no se entiende"),
    "address": _("está en una red privada, y eso no está permitido"),
    "scheme": _("su dirección no está permitida"),
    "port": _("su dirección no está permitida"),
    "url": _("su dirección no está permitida"),
    "secret": _("su secreto no se puede abrir: hay que cambiarlo"),
    "no_connector": _("no hay conector de este tipo"),
    "too_large": _("el evento es demasiado grande"),
    "gone": _("respondió que ya no quiere avisos"),
    "unauthorized": _("no aceptó nuestra clave"),
    "busy": _("está ocupado y pidió esperar"),
    "server_error": _("tiene un problema propio"),
    "not_found": _("no encontró lo que se le pidió"),
    "refused": _("no aceptó el aviso"),
    "settings": _("su configuración no sirve: hay que agregarlo de nuevo"),
    "stage_missing": _("al embudo le falta una etapa de las configuradas"),
    "no_conversation": _("la solicitud no dice en qué conversación"),
    "no_case": _("el expediente ya no existe"),
}
