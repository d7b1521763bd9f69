"""Words for what delivery says: why a message waits or failed, what is stopped, what an alarm is about."""

from flask_babel import lazy_gettext

from records.alarms import AlarmKind
from records.messages import Channel, Purpose, WaitReason
from records.outbox import Pile

_ = lazy_gettext

PILES = {
    Pile.FAILED: _("No entregados"),
    Pile.UNKNOWN: _("Sin confirmar"),
    Pile.HELD: _("Detenidos"),
    Pile.WAITING: _("En espera"),
}
CHANNELS = {Channel.WHATSAPP: "WhatsApp", Channel.EMAIL: _("Correo"), Channel.CRM: _("Bandeja del CRM")}
PURPOSES = {
    Purpose.REQUEST: _("Solicitud"),
    Purpose.RETURNED: _("Documento devuelto"),
    Purpose.CODE: _("Código"),
    Purpose.REMINDER: _("Recordatorio"),
    Purpose.RECEIVED: _("Aviso de recibido"),
}
WAITS = {
    WaitReason.BACKOFF: _("Hubo una falla pasajera. Se intenta de nuevo solo."),
    WaitReason.NOT_SENT: _("No hay conexión con el canal. Se intenta de nuevo solo."),
    WaitReason.PAIR: _("Acaba de salir otro mensaje a esta persona. Sale en unos segundos."),
    WaitReason.BUDGET: _("Se acabó el cupo diario de personas nuevas en WhatsApp. Sale cuando haya lugar."),
    WaitReason.SENDER: _("El número de WhatsApp está en pausa. Lo revisa administración."),
    WaitReason.TEMPLATE: _("La plantilla del mensaje no se puede usar ahora. La revisa administración."),
    WaitReason.RECIPIENT: _("WhatsApp no acepta mensajes para esta persona por ahora."),
    WaitReason.VERIFY: _("El número pudo cambiar de dueño. Confirma con la persona antes de enviar."),
}
ALARMS = {
    AlarmKind.SENDER: _("Un número dejó de enviar"),
    AlarmKind.ACCOUNT: _("Aviso de WhatsApp sobre la cuenta"),
    AlarmKind.LIMIT: _("Cambió el límite o la calidad de un número"),
    AlarmKind.SPAM: _("WhatsApp nos tomó por correo no deseado"),
    AlarmKind.TEMPLATE: _("Una plantilla no se puede usar"),
    AlarmKind.CATEGORY: _("Una plantilla pudo pasar a MARKETING"),
    AlarmKind.BUG: _("WhatsApp no entiende lo que enviamos"),
    AlarmKind.CONTACT: _("Un número pudo cambiar de dueño"),
    AlarmKind.SECURITY: _("Cambió la seguridad de la cuenta"),
    AlarmKind.MEDIA: _("No se pudo borrar un archivo del chat"),
}
FAILURES = {
    "0": _("la llave de acceso a WhatsApp ya no sirve"),
    "3": _("falta un permiso en la cuenta de WhatsApp"),
    "4": _("se envió demasiado rápido"),
    "10": _("falta un permiso en la cuenta de WhatsApp"),
    "100": _("WhatsApp no entendió el mensaje"),
    "190": _("la llave de acceso a WhatsApp venció"),
    "368": _("WhatsApp restringió la cuenta"),
    "80007": _("se envió demasiado rápido"),
    "130403": _("WhatsApp no permite escribir a este número"),
    "130429": _("se envió demasiado rápido"),
    "130472": _("WhatsApp lo retuvo por un experimento propio"),
    "130497": _("la cuenta no puede escribir a ese país"),
    "131000": _("WhatsApp tuvo una falla"),
    "131005": _("falta un permiso en la cuenta de WhatsApp"),
    "131016": _("WhatsApp tuvo una falla"),
    "131021": _("el número es el de la propia empresa"),
    "131026": _("el número no tiene WhatsApp o no puede recibir mensajes"),
    "131031": _("WhatsApp bloqueó la cuenta"),
    "131037": _("falta aprobar el nombre visible del número"),
    "131042": _("hay un problema de pago con la cuenta de WhatsApp"),
    "131045": _("el número no está registrado en WhatsApp"),
    "131047": _("pasaron más de 24 horas desde su último mensaje"),
    "131048": _("WhatsApp nos tomó por correo no deseado"),
    "131049": _("WhatsApp lo retuvo esta vez"),
    "131050": _("la persona pidió no recibir mensajes"),
    "131056": _("fueron demasiados mensajes seguidos a esta persona"),
    "131062": _("ese mensaje necesita un número de teléfono"),
    "131064": _("WhatsApp nos tomó por correo no deseado"),
    "132000": _("WhatsApp no entendió el mensaje"),
    "132001": _("la plantilla no existe en ese idioma"),
    "132005": _("el texto quedó demasiado largo"),
    "132007": _("la plantilla no cumple las reglas de WhatsApp"),
    "132012": _("WhatsApp no entendió el mensaje"),
    "132015": _("la plantilla está en pausa"),
    "132016": _("la plantilla está deshabilitada"),
    "rejected": _("WhatsApp rechazó la plantilla"),
    "paused": _("WhatsApp pausó la plantilla"),
    "disabled": _("WhatsApp desactivó la plantilla"),
    "deleted": _("la plantilla ya no está en WhatsApp"),
    "archived": _("WhatsApp archivó la plantilla"),
    "quality_red": _("los clientes califican mal la plantilla"),
    "MARKETING": _("WhatsApp pasó la plantilla a MARKETING"),
    "133010": _("el número no está registrado en WhatsApp"),
    "137000": _("el número pudo cambiar de dueño"),
    "account_update": _("WhatsApp restringió la cuenta"),
    "phone_number_quality_update": _("WhatsApp bajó la calidad del número"),
    "by_staff": _("lo canceló una persona del equipo"),
    "link_closed": _("el enlace ya estaba cerrado"),
    "opted_out": _("la persona pidió no recibir mensajes"),
    "no_address": _("la persona no tiene teléfono ni correo"),
    "no_sender": _("la empresa no tiene desde dónde enviarlo"),
    "not_sent": _("no hubo conexión con el canal"),
    "crm_refused": _("el CRM no aceptó el mensaje"),
    "crm_not_found": _("la conversación ya no existe en el CRM"),
    "crm_redirected": _("el CRM respondió desde otra dirección"),
    "crm_unauthorized": _("el CRM no aceptó nuestra clave"),
    "crm_busy": _("el CRM está ocupado"),
    "outcome_unknown": _("no se confirmó si se recibió"),
    "smtp_550": _("el servidor de correo no acepta esa dirección"),
    "request_complete": _("la solicitud ya está completa"),
    "request_cancelled": _("la solicitud se canceló"),
}
