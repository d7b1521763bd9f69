"""The words of the message templates that a company registers, by purpose and language.

They stay neutral: the platform rejects a template that asks for documents which may hold identifiers, so the list of
what is missing lives only in the portal. Every text has the same three variables (`templates.VARIABLES`). Languages of
one family differ in their words: the platform refuses a second template with the wording of another.
"""

from types import MappingProxyType

REQUEST = "solicitud_documentos_v2"
RETURNED = "documento_devuelto_v2"
REMINDER = "recordatorio_documentos_v1"
RECEIVED = "documentos_recibidos_v1"
NAMES = (REQUEST, RETURNED, REMINDER, RECEIVED)
STANDBYS = MappingProxyType({REQUEST: REMINDER, REMINDER: REQUEST, RETURNED: REMINDER})
"""What says nearly the same while a template may not be sent."""
LANGUAGES = ("es_MX", "es_ES", "es_CO", "en", "pt_BR")

SAMPLE_CODE = "7K3F-9QXM"
COMMON = MappingProxyType(
    {  # language: (button label, footer, examples)
        "es_MX": ("Abrir portal seguro", "Responde BAJA para no recibir avisos", ("Ana", "Crédito 4711", SAMPLE_CODE)),
        "es_ES": ("Abrir portal seguro", "Responde BAJA para no recibir avisos", ("Ana", "Préstamo 4711", SAMPLE_CODE)),
        "es_CO": ("Abrir portal seguro", "Responde BAJA para no recibir avisos", ("Ana", "Crédito 4711", SAMPLE_CODE)),
        "en": ("Open secure portal", "Reply STOP to get no more notices", ("Ana", "Loan 4711", SAMPLE_CODE)),
        "pt_BR": ("Abrir portal seguro", "Responda SAIR para não receber avisos", ("Ana", "Crédito 4711", SAMPLE_CODE)),
    }
)

_SAFE = MappingProxyType(
    {  # how every body ends
        "es_MX": (
            "Este mensaje lleva el código {{3}}, con el que puedes comprobar en el portal que es nuestro. Por tu "
            "seguridad, no envíes archivos por este chat."
        ),
        "es_ES": (
            "Este mensaje lleva el código {{3}}, con el que puedes comprobar en el portal que es nuestro. Por tu "
            "seguridad, no envíes archivos por este chat."
        ),
        "es_CO": (
            "Con el código {{3}} puedes verificar en el portal que este mensaje es nuestro. Por tu seguridad, no "
            "envíes archivos por este chat."
        ),
        "en": (
            "This message carries the code {{3}}, by which you can check in the portal that it is ours. For your "
            "safety, please do not send files in this chat."
        ),
        "pt_BR": (
            "Esta mensagem leva o código {{3}}, com o qual você pode conferir no portal que ela é nossa. Para sua "
            "segurança, não envie arquivos por este chat."
        ),
    }
)
_NEWS = MappingProxyType(
    {
        (REQUEST, "es_MX"): (
            "Hola {{1}}, tu trámite {{2}} tiene pasos pendientes. Revísalos con el botón de abajo, en nuestro portal "
            "seguro."
        ),
        (REQUEST, "es_ES"): (
            "Hola, {{1}}: tu gestión {{2}} tiene pasos pendientes. Consúltalos con el botón de abajo, en nuestro "
            "portal seguro."
        ),
        (REQUEST, "es_CO"): (
            "Hola {{1}}, tu solicitud {{2}} tiene pasos pendientes. Míralos con el botón de abajo, en nuestro portal "
            "seguro."
        ),
        (REQUEST, "en"): (
            "Hello {{1}}, your application {{2}} has pending steps. See them with the button below, in our secure "
            "portal."
        ),
        (REQUEST, "pt_BR"): (
            "Olá {{1}}, seu processo {{2}} tem etapas pendentes. Veja quais são com o botão abaixo, no nosso portal "
            "seguro."
        ),
        (RETURNED, "es_MX"): (
            "Hola {{1}}, hay una novedad en tu trámite {{2}}: falta algo o hay que repetir un paso. Mira el detalle "
            "con el botón de abajo, en nuestro portal seguro."
        ),
        (RETURNED, "es_ES"): (
            "Hola, {{1}}: hay una novedad en tu gestión {{2}}: falta algo o hay que repetir un paso. Consulta el "
            "detalle con el botón de abajo, en nuestro portal seguro."
        ),
        (RETURNED, "es_CO"): (
            "Hola {{1}}, hay una novedad en tu solicitud {{2}}: falta algo o hay que repetir un paso. Encuentras el "
            "detalle con el botón de abajo, en nuestro portal seguro."
        ),
        (RETURNED, "en"): (
            "Hello {{1}}, there is news about your application {{2}}: something is missing or a step must be "
            "repeated. See the details with the button below, in our secure portal."
        ),
        (RETURNED, "pt_BR"): (
            "Olá {{1}}, há uma novidade no seu processo {{2}}: falta algo ou é preciso repetir uma etapa. Veja os "
            "detalhes com o botão abaixo, no nosso portal seguro."
        ),
        (REMINDER, "es_MX"): (
            "Hola {{1}}, te recordamos que tu trámite {{2}} sigue con pasos pendientes. Puedes retomarlo cuando "
            "quieras con el botón de abajo, en nuestro portal seguro."
        ),
        (REMINDER, "es_ES"): (
            "Hola, {{1}}: te recordamos que tu gestión {{2}} sigue con pasos pendientes. Puedes continuar cuando te "
            "venga bien con el botón de abajo, en nuestro portal seguro."
        ),
        (REMINDER, "es_CO"): (
            "Hola {{1}}, te recordamos que tu solicitud {{2}} sigue con pasos pendientes. Puedes continuarla cuando "
            "quieras con el botón de abajo, en nuestro portal seguro."
        ),
        (REMINDER, "en"): (
            "Hello {{1}}, a reminder that your application {{2}} still has pending steps. You can go on whenever it "
            "suits you with the button below, in our secure portal."
        ),
        (REMINDER, "pt_BR"): (
            "Olá {{1}}, lembramos que seu processo {{2}} ainda tem etapas pendentes. Você pode continuar quando "
            "quiser com o botão abaixo, no nosso portal seguro."
        ),
        (RECEIVED, "es_MX"): (
            "Hola {{1}}, recibimos lo que enviaste para tu trámite {{2}} y lo estamos revisando. Mira cómo va con el "
            "botón de abajo, en nuestro portal seguro."
        ),
        (RECEIVED, "es_ES"): (
            "Hola, {{1}}: hemos recibido lo que enviaste para tu gestión {{2}} y lo estamos revisando. Consulta cómo "
            "va con el botón de abajo, en nuestro portal seguro."
        ),
        (RECEIVED, "es_CO"): (
            "Hola {{1}}, ya recibimos lo que enviaste para tu solicitud {{2}} y lo estamos revisando. Mira el avance "
            "con el botón de abajo, en nuestro portal seguro."
        ),
        (RECEIVED, "en"): (
            "Hello {{1}}, we received what you sent for your application {{2}} and are reviewing it. See how it is "
            "going with the button below, in our secure portal."
        ),
        (RECEIVED, "pt_BR"): (
            "Olá {{1}}, recebemos o que você enviou para o seu processo {{2}} e estamos analisando. Veja como está "
            "com o botão abaixo, no nosso portal seguro."
        ),
    }
)
BODIES = MappingProxyType({(name, language): f"{news} {_SAFE[language]}" for (name, language), news in _NEWS.items()})
"""The whole text by (name, language)."""
