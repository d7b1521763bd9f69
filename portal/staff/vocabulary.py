"""A text for every state, reason, finding and event that the console shows; en and pt are in the catalogues."""

from flask_babel import lazy_gettext

from audit import Event
from audit.events import ActorKind
from audit.verifying import Finding
from records.board import Group
from records.declining import DeclineReason
from records.messages import MessageState
from records.people import Role
from records.requests import RequestState, SlotState
from records.requirements import Side
from records.reviewing import ReturnReason
from records.waiving import INSISTED

_ = lazy_gettext

GROUPS = {
    Group.OURS: _("Esperan por nosotros"),
    Group.CUSTOMER: _("Esperan por el cliente"),
    Group.FAILED: _("Mensaje no entregado"),
    Group.COMPLETE: _("Completos"),
    Group.ALL: _("Todos"),
}
ROLES = {
    Role.EXECUTIVE: _("Ejecutivo"),
    Role.SUPERVISOR: _("Supervisión"),
    Role.COMPLIANCE: _("Cumplimiento"),
    Role.ADMINISTRATOR: _("Administración"),
    Role.AUDITOR: _("Auditoría"),
}
SLOTS = {
    SlotState.MISSING: _("Falta"),
    SlotState.RECEIVED: _("En inspección"),
    SlotState.REFUSED: _("No pasó la inspección"),
    SlotState.FILED: _("Por revisar"),
    SlotState.RETURNED: _("Devuelto"),
    SlotState.ACCEPTED: _("Aceptado"),
    SlotState.DECLINED: _("El cliente no lo tiene"),
    SlotState.WAIVED: _("Dispensado"),
}
REQUESTS = {
    RequestState.REQUESTED: _("Pedido, sin abrir"),
    RequestState.OPENED: _("Abierto por el cliente"),
    RequestState.COMPLETE: _("Completo"),
    RequestState.CANCELLED: _("Cancelado"),
}
MESSAGES = {
    MessageState.QUEUED: _("En cola"),
    MessageState.SENDING: _("Enviando"),
    MessageState.UNKNOWN: _("Sin confirmar"),
    MessageState.ACCEPTED: _("Aceptado, en camino"),
    MessageState.SENT: _("Enviado"),
    MessageState.DELIVERED: _("Entregado"),
    MessageState.READ: _("Leído"),
    MessageState.FAILED: _("No entregado"),
    MessageState.CANCELLED: _("Cancelado"),
}
RETURNS = {
    ReturnReason.UNREADABLE: _("No se lee bien"),
    ReturnReason.CUT_OFF: _("Está cortado"),
    ReturnReason.WRONG_DOCUMENT: _("Es otro documento"),
    ReturnReason.EXPIRED: _("Está vencido"),
    ReturnReason.WRONG_SIDE: _("Es el lado equivocado"),
    ReturnReason.INCOMPLETE: _("Está incompleto"),
    ReturnReason.OTHER: _("Otro motivo"),
}
INSISTS = {INSISTED: _("Se pide de todos modos")}
DECLINES = {
    DeclineReason.NOT_MINE: _("dice que no aplica en su caso"),
    DeclineReason.NEVER_HAD: _("dice que nunca lo ha tenido"),
    DeclineReason.LOST: _("dice que lo perdió o no lo encuentra"),
    DeclineReason.IN_PROCESS: _("dice que lo está tramitando"),
    DeclineReason.OTHER: _("lo explica en su nota"),
}
WITHHELD = {
    "not_wanted": _("la solicitud terminó o se revocó su enlace"),
    "sent_by_others": _("sus enlaces los manda el CRM"),
    "opted_out": _("la persona pidió no recibir mensajes"),
}
REFUSALS = {
    "virus_found": _("contiene un virus"),
    "empty_file": _("está vacío"),
    "too_large": _("es demasiado grande"),
    "unknown_type": _("no es un tipo de archivo aceptado"),
    "extension_mismatch": _("su extensión no corresponde a su contenido"),
    "polyglot": _("se hace pasar por otro tipo de archivo"),
    "image_damaged": _("la imagen está dañada"),
    "too_many_pixels": _("la imagen es demasiado grande"),
    "too_many_pages": _("tiene demasiadas páginas"),
    "pdf_damaged": _("el PDF está dañado"),
    "pdf_locked": _("el PDF tiene contraseña"),
    "pdf_attachments": _("el PDF lleva archivos adjuntos"),
    "pdf_active_content": _("el PDF lleva contenido activo"),
    "scan_limits": _("no se pudo examinar por completo"),
    "encrypted_content": _("lleva contenido cifrado que no se puede examinar"),
    "send_again": _("se dañó después de recibirlo; hay que enviarlo otra vez"),
    "returned_before": _("es el mismo archivo que ya fue devuelto"),
    "other_format": _("no es de un formato que se pidió aquí"),
    "virus_found_later": _("se retiró: una revisión posterior encontró un virus"),
    "archive": _("es un archivo comprimido"),
    "office_document": _("es un documento de Office"),
    "office_active": _("el documento de Office lleva macros, objetos o vínculos"),
    "office_damaged": _("el documento de Office está dañado"),
}
TYPES = {
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word (DOCX)",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel (XLSX)",
}
"""Names shorter than the types themselves; the others are shown as they are."""
REMARKS = {
    "active_content": _("Lleva programas o acciones automáticas. Aquí ves imágenes sin riesgo; cuida el original."),
    "attachments": _("Lleva archivos adjuntos. Cada uno pasó el antivirus; solo se ven en el original."),
}
FAILURES = {
    "131026": _("el número no tiene WhatsApp o no puede recibir mensajes"),
    "131049": _("WhatsApp lo retuvo esta vez"),
    "131050": _("la persona pidió no recibir mensajes"),
    "131047": _("pasaron más de 24 horas desde su último mensaje"),
    "130472": _("WhatsApp lo retuvo por un experimento propio"),
    "131042": _("hay un problema de pago con la cuenta de WhatsApp"),
    "132001": _("la plantilla no existe en ese idioma"),
    "132015": _("la plantilla está en pausa"),
    "132016": _("la plantilla está deshabilitada"),
    "link_closed": _("el enlace ya estaba cerrado"),
    "opted_out": _("la persona pidió no recibir mensajes"),
    "no_address": _("la persona no tiene teléfono ni correo"),
    "no_sender": _("la empresa no tiene desde dónde enviarlo"),
    "outcome_unknown": _("no se confirmó si se recibió"),
    "smtp_550": _("el servidor de correo no acepta esa dirección"),
}
FINDINGS = {
    Finding.EVENT_ALTERED: _("un evento fue alterado"),
    Finding.EVENT_MISSING: _("falta un evento"),
    Finding.EVENT_REORDERED: _("un evento cambió de lugar"),
    Finding.EVENT_UNSEALED: _("un evento lleva demasiado tiempo sin sello"),
    Finding.LEAF_ALTERED: _("una hoja del árbol fue alterada"),
    Finding.LEAF_MISSING: _("falta una hoja del árbol"),
    Finding.LEAF_UNSIGNED: _("una hoja del árbol no está firmada"),
    Finding.CHECKPOINT_ALTERED: _("un sello fue alterado"),
    Finding.CHECKPOINT_FORGED: _("un sello lleva una firma desconocida"),
    Finding.CHECKPOINT_MISSING: _("falta un sello"),
    Finding.ROOT_DIFFERS: _("la raíz no corresponde a lo firmado"),
    Finding.HEAD_ALTERED: _("el final de la cadena fue alterado"),
    Finding.TRUNCATED: _("a la cadena le falta el final"),
    Finding.FORKED: _("la cadena contradice un sello guardado"),
}
SIDES = {Side.FRONT: _("frente"), Side.BACK: _("reverso")}
PROCESSES = {
    ActorKind.STAFF: _("Una persona del equipo"),
    ActorKind.CUSTOMER: _("El cliente"),
    ActorKind.CRM: _("El CRM"),
    ActorKind.INSPECTOR: _("Inspección"),
    ActorKind.COURIER: _("Mensajería"),
    ActorKind.CUSTODIAN: _("Custodia"),
    ActorKind.OPENER: _("Apertura"),
    ActorKind.GATEWAY: _("WhatsApp"),
    ActorKind.ADMINISTRATOR: _("Administración del sistema"),
    ActorKind.SYSTEM: _("Sistema"),
}
EVENTS = {
    Event.CRM_REQUEST_CREATED: _("pidió documentos"),
    Event.CRM_REQUEST_CANCELLED: _("canceló la solicitud"),
    Event.STAFF_REQUEST_CREATED: _("pidió documentos"),
    Event.STAFF_REQUEST_CANCELLED: _("canceló la solicitud"),
    Event.COURIER_LINK_ISSUED: _("preparó un enlace"),
    Event.COURIER_LINK_WITHHELD: _("no mandó el enlace nuevo"),
    Event.CUSTOMER_LINK_WISHED: _("pidió un enlace nuevo"),
    Event.STAFF_LINK_REVOKED: _("revocó el enlace"),
    Event.STAFF_LINK_COPIED: _("copió el enlace"),
    Event.STAFF_MESSAGE_QUEUED: _("mandó el mensaje de nuevo"),
    Event.CUSTOMER_LINK_ACTIVATED: _("abrió el enlace"),
    Event.CUSTOMER_NOTICE_ACCEPTED: _("aceptó el aviso de privacidad"),
    Event.CUSTOMER_CODE_REQUESTED: _("pidió un código de un solo uso"),
    Event.CUSTOMER_CODE_CONFIRMED: _("escribió el código correcto"),
    Event.CUSTOMER_CODE_REFUSED: _("escribió un código equivocado"),
    Event.CUSTOMER_CODE_LOCKED: _("agotó los intentos del código; hay que enviarle el enlace otra vez"),
    Event.CUSTOMER_UPLOAD_STARTED: _("empezó a enviar un documento"),
    Event.CUSTOMER_UPLOAD_FINISHED: _("terminó de enviar un documento"),
    Event.CUSTOMER_UPLOAD_TERMINATED: _("interrumpió un envío"),
    Event.CUSTOMER_DOCUMENT_WITHDRAWN: _("retiró un documento que acababa de enviar"),
    Event.CUSTOMER_SLOT_DECLINED: _("respondió que no tiene un documento"),
    Event.CUSTOMER_PAGE_GATHERED: _("agregó la foto de una página"),
    Event.CUSTOMER_RECEIPT_REQUESTED: _("pidió un acuse"),
    Event.GATEWAY_CONTACT_OPTED_OUT: _("informó que la persona no quiere más mensajes"),
    Event.GATEWAY_CONTACT_OPTED_IN: _("informó que la persona acepta mensajes otra vez"),
    Event.GATEWAY_CHAT_DOCUMENT_INTERCEPTED: _("informó que el cliente intentó enviar un archivo por el chat"),
    Event.COURIER_CHAT_DOCUMENT_DELETED: _("borró en WhatsApp el archivo del chat, sin descargarlo"),
    Event.COURIER_CHAT_DOCUMENT_LEFT: _("no logró que WhatsApp borrara el archivo del chat"),
    Event.COURIER_CHAT_ANSWERED: _("respondió en el chat"),
    Event.STAFF_CHAT_DOCUMENT_HANDLED: _("atendió un archivo que llegó por el chat"),
    Event.STAFF_CONTACT_OPTED_IN: _("anotó que la persona acepta mensajes"),
    Event.CRM_CONTACT_OPTED_IN: _("anotó que la persona acepta mensajes"),
    Event.ADMINISTRATOR_CONTACT_OPTED_IN: _("anotó que la persona acepta mensajes"),
    Event.INSPECTOR_DOCUMENT_FILED: _("archivó un documento limpio"),
    Event.INSPECTOR_DOCUMENT_REFUSED: _("rechazó un documento"),
    Event.INSPECTOR_DOCUMENT_POSTPONED: _("aplazó un documento que aún no se puede examinar"),
    Event.INSPECTOR_DOCUMENT_RECALLED: _("retiró un documento: una revisión posterior encontró un virus"),
    Event.INSPECTOR_RESCAN_FAILED: _("no pudo volver a revisar un documento"),
    Event.INSPECTOR_DOCUMENT_ERASED: _("borró un documento retirado"),
    Event.INSPECTOR_UPLOAD_SWEPT: _("retiró un envío sin terminar"),
    Event.INSPECTOR_QUARANTINE_KEY_DESTROYED: _("destruyó una llave de cuarentena"),
    Event.STAFF_DOCUMENT_VIEWED: _("vio un documento"),
    Event.STAFF_DOCUMENT_ACCEPTED: _("aceptó un documento"),
    Event.STAFF_DOCUMENT_RETURNED: _("devolvió un documento"),
    Event.STAFF_DOCUMENT_DOWNLOADED: _("descargó un original"),
    Event.STAFF_SLOT_WAIVED: _("dispensó un documento"),
    Event.STAFF_SLOT_INSISTED: _("pidió de todos modos un documento"),
    Event.STAFF_CASE_CREATED: _("abrió el expediente nuevo"),
    Event.CRM_CASE_CREATED: _("abrió el expediente nuevo"),
    Event.STAFF_CASE_VIEWED: _("consultó el expediente"),
    Event.STAFF_CASE_CLOSED: _("cerró el expediente"),
    Event.STAFF_CASE_REASSIGNED: _("reasignó el expediente"),
    Event.STAFF_CASE_EXPORTED: _("pidió una exportación"),
    Event.STAFF_EXPORT_DOWNLOADED: _("descargó la exportación"),
    Event.STAFF_SESSION_STARTED: _("inició sesión"),
    Event.STAFF_SESSION_REFUSED: _("no pudo iniciar sesión"),
    Event.STAFF_SESSION_ENDED: _("cerró su sesión"),
    Event.STAFF_ACCESS_REFUSED: _("intentó algo que no le está permitido"),
    Event.STAFF_AUDIT_VIEWED: _("consultó la auditoría"),
    Event.STAFF_AUDIT_VERIFIED: _("verificó la auditoría"),
    Event.STAFF_MEMBER_DISABLED: _("retiró el acceso de una persona"),
    Event.STAFF_MEMBER_ENABLED: _("devolvió el acceso a una persona"),
    Event.STAFF_API_KEY_CREATED: _("creó una clave de API"),
    Event.STAFF_API_KEY_REVOKED: _("revocó una clave de API"),
    Event.OPENER_PART_OPENED: _("entregó la llave de una parte"),
    Event.OPENER_PART_REFUSED: _("negó la llave de una parte"),
    Event.CUSTODIAN_ROOT_MINTED: _("creó la llave raíz"),
    Event.CUSTODIAN_CASE_KEY_MINTED: _("creó la llave del expediente"),
    Event.CUSTODIAN_QUARANTINE_KEY_CERTIFIED: _("certificó la llave de cuarentena del día"),
    Event.CUSTODIAN_RESCAN_GRANTED: _("permitió volver a revisar un documento"),
    Event.CUSTODIAN_RESCAN_REFUSED: _("no permitió volver a revisar un documento"),
    Event.COURIER_MESSAGE_SENT: _("envió el mensaje"),
    Event.COURIER_MESSAGE_FAILED: _("no pudo enviar el mensaje"),
    Event.GATEWAY_STATUS_RECEIVED: _("informó el estado del mensaje"),
    Event.COURIER_CHECKPOINT_STAMPED: _("selló la auditoría con una marca de tiempo"),
    Event.COURIER_RECEIPT_GATHERED: _("preparó un acuse"),
    Event.ADMINISTRATOR_ORGANIZATION_CREATED: _("creó la organización"),
    Event.ADMINISTRATOR_ORGANIZATION_CHANGED: _("cambió lo que la organización acepta"),
    Event.ADMINISTRATOR_ORGANIZATION_LIMITED: _("cambió los límites de la organización"),
    Event.ADMINISTRATOR_MEMBER_CREATED: _("dio de alta a una persona"),
    Event.ADMINISTRATOR_MEMBER_RESET: _("renovó las credenciales de una persona"),
    Event.ADMINISTRATOR_SENDER_ADDED: _("agregó un número de WhatsApp"),
    Event.ADMINISTRATOR_MAIL_SENDER_SET: _("fijó la dirección de la que salen los correos"),
    Event.ADMINISTRATOR_SENDER_RENEWED: _("renovó los secretos de un número de WhatsApp"),
    Event.ADMINISTRATOR_TEAM_CREATED: _("creó un equipo"),
    Event.ADMINISTRATOR_CASE_KEY_RECOVERED: _("recuperó la llave de un expediente"),
    Event.ADMINISTRATOR_MEMBER_DISABLED: _("retiró el acceso de una persona"),
    Event.ADMINISTRATOR_API_KEY_CREATED: _("creó una clave de API"),
    Event.ADMINISTRATOR_NOTICE_PUBLISHED: _("publicó un aviso de privacidad"),
    Event.ADMINISTRATOR_TEMPLATE_PUBLISHED: _("publicó una plantilla"),
}
WRONG = {
    ("reason", "required"): _("Elige un motivo."),
    ("note", "required"): _("Explica el motivo al cliente con tus palabras."),
    ("note", "too_long"): _("La nota puede tener hasta 500 caracteres."),
    ("name", "required"): _("Escribe el nombre."),
    ("name", "length"): _("Escribe un nombre de hasta 80 caracteres."),
    ("team", "required"): _("Elige el equipo que recibe los expedientes."),
    ("owner", "unknown"): _("Elige a una persona que lleve expedientes."),
    ("title", "required"): _("Escribe el nombre del expediente."),
    ("phone", "required"): _("Escribe el teléfono o el correo."),
    ("email", "not_an_address"): _("Ese correo no parece válido."),
    ("phone", "not_a_number"): _("Ese teléfono no parece válido. Escribe los diez dígitos, o empieza con + y el país."),
}
