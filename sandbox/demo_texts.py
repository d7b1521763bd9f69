"""Words of the demo company: privacy notice and requirement templates, in Spanish, English and Portuguese."""

from typing import Any

NOTICE_SHORT = {
    "es": (
        "Financiera Aurora usa tus documentos solo para identificarte y evaluar tu solicitud de crédito. Se guardan "
        "cifrados y no se comparten con terceros sin tu permiso, salvo obligación legal."
    ),
    "en": (
        "Financiera Aurora uses your documents only to identify you and to assess your loan application. They are kept "
        "encrypted and shared with nobody without your permission, unless the law requires it."
    ),
    "pt": (
        "A Financiera Aurora usa seus documentos apenas para identificar você e avaliar seu pedido de crédito. Eles "
        "são guardados cifrados e não são compartilhados sem sua permissão, salvo obrigação legal."
    ),
}
NOTICE_FULL = {
    "es": (
        "Responsable: Financiera Aurora, S.A. de C.V., Av. Reforma 100, Ciudad de México.\n\n"
        "Datos que tratamos: identificación oficial, comprobante de domicilio y estados de cuenta que nos envíes por "
        "este portal.\n\nFinalidades necesarias: verificar tu identidad, evaluar tu solicitud y cumplir la ley de "
        "prevención de lavado de dinero.\n\nConservación: diez años desde la última operación (LFPIORPI, artículo 18), "
        "después se destruyen.\n\nTus derechos: puedes acceder, rectificar, cancelar u oponerte (ARCO) escribiendo a "
        "privacidad@aurora.example. Respondemos en un máximo de 20 días.\n\nNo tomamos decisiones automáticas: una "
        "persona revisa cada documento."
    ),
    "en": (
        "Controller: Financiera Aurora, S.A. de C.V., Av. Reforma 100, Mexico City.\n\nData: the identity document, "
        "proof of address and bank statements that you send through this portal.\n\nPurposes: to verify your "
        "identity, to assess your application and to comply with anti-money-laundering law.\n\nRetention: ten years "
        "from the last operation (LFPIORPI, article 18), then destroyed.\n\nYour rights: access, rectification, "
        "cancellation and objection, by writing to privacidad@aurora.example. We answer within 20 days.\n\n"
        "No automated decisions: a person reviews every document."
    ),
    "pt": (
        "Responsável: Financiera Aurora, S.A. de C.V., Av. Reforma 100, Cidade do México.\n\nDados: documento de "
        "identidade, comprovante de endereço e extratos que você enviar por este portal.\n\nFinalidades: verificar sua "
        "identidade, avaliar seu pedido e cumprir a lei de prevenção à lavagem de dinheiro.\n\nConservação: dez anos "
        "desde a última operação (LFPIORPI, artigo 18); depois são destruídos.\n\nSeus direitos: acesso, retificação, "
        "cancelamento e oposição, escrevendo para privacidad@aurora.example. Respondemos em até 20 dias.\n\nSem "
        "decisões automáticas: uma pessoa revisa cada documento."
    ),
}

_TEN_YEARS = {
    "es": "10 años desde la última operación",
    "en": "10 years from the last operation",
    "pt": "10 anos desde a última operação",
}
_IDENTITY: dict[str, Any] = {
    "key": "identificacion",
    "title": {"es": "Identificación oficial", "en": "Official identity document", "pt": "Documento de identidade"},
    "why": {
        "es": "La ley nos obliga a comprobar quién eres antes de darte un crédito.",
        "en": "The law obliges us to verify who you are before granting a loan.",
        "pt": "A lei nos obriga a verificar quem você é antes de conceder um crédito.",
    },
    "legal_basis": {
        "es": "Ley antilavado (LFPIORPI), artículo 18, y disposiciones de identificación de clientes.",
        "en": "Mexican anti-money-laundering law (LFPIORPI), article 18, and its rules on identifying customers.",
        "pt": "Lei mexicana de prevenção à lavagem de dinheiro (LFPIORPI), artigo 18, e suas regras de identificação.",
    },
    "may_decline": False,
    "retention": _TEN_YEARS,
    "sides": ["front", "back"],
    "formats": ["image", "pdf"],
}
_ADDRESS: dict[str, Any] = {
    "key": "domicilio",
    "title": {"es": "Comprobante de domicilio", "en": "Proof of address", "pt": "Comprovante de endereço"},
    "why": {
        "es": "Necesitamos confirmar dónde vives. Un recibo de los últimos 3 meses sirve.",
        "en": "We need to confirm where you live. A bill from the last 3 months will do.",
        "pt": "Precisamos confirmar onde você mora. Serve uma conta dos últimos 3 meses.",
    },
    "legal_basis": {
        "es": "Ley antilavado (LFPIORPI), artículo 18: conocer el domicilio del cliente.",
        "en": "Mexican anti-money-laundering law (LFPIORPI), article 18: to know the customer's address.",
        "pt": "Lei mexicana de prevenção à lavagem de dinheiro (LFPIORPI), artigo 18: conhecer o endereço do cliente.",
    },
    "retention": _TEN_YEARS,
    "sides": ["whole"],
    "formats": ["image", "pdf"],
    "may_cover": {
        "es": "Puedes tapar el consumo, los importes y el código de barras; tu nombre, tu dirección y la fecha no.",
        "en": "You may cover the usage, the amounts and the bar code, but not your name, your address or the date.",
        "pt": "Você pode cobrir o consumo, os valores e o código de barras, mas não o nome, o endereço e a data.",
    },
}
_STATEMENT: dict[str, Any] = {
    "key": "ingresos",
    "title": {"es": "Comprobante de ingresos", "en": "Proof of income", "pt": "Comprovante de renda"},
    "why": {
        "es": "Con él calculamos cuánto podemos prestarte sin ponerte en aprietos.",
        "en": "With it we work out how much we can lend you without straining your budget.",
        "pt": "Com ele calculamos quanto podemos emprestar sem apertar seu orçamento.",
    },
    "legal_basis": {
        "es": "Tu solicitud de crédito: es necesario para evaluarla antes de firmar el contrato.",
        "en": "Your loan application: it is needed to assess it before the contract is signed.",
        "pt": "Seu pedido de crédito: é necessário para avaliá-lo antes de assinar o contrato.",
    },
    "retention": _TEN_YEARS,
    "sides": ["whole"],
    "formats": ["pdf", "image"],
    "max_pages": 12,
}

TEMPLATES: tuple[tuple[str, dict[str, str], list[dict[str, Any]]], ...] = (
    (
        "credito-personal",
        {"es": "Crédito personal", "en": "Personal loan", "pt": "Crédito pessoal"},
        [_IDENTITY, _ADDRESS, _STATEMENT],
    ),
    (
        "cambio-domicilio",
        {"es": "Cambio de domicilio", "en": "Change of address", "pt": "Mudança de endereço"},
        [_ADDRESS],
    ),
    (
        "domicilio-con-codigo",
        {
            "es": "Cambio de domicilio, con código",
            "en": "Change of address, with a code",
            "pt": "Mudança de endereço, com código",
        },
        [_ADDRESS],
    ),
)
WITH_CODE = ("domicilio-con-codigo",)
"""The templates that ask for a one-time code."""
