"""Rows of the error table for steering a request, and for what only the REST API answers."""

from portal.web.faults import Row

CALLS: dict[str, Row] = {
    "api_key_refused": Row(
        401,
        "La clave de API no es válida.",
        "The API key is not valid.",
        "A chave de API não é válida.",
    ),
    "idempotency_key_missing": Row(
        400,
        "Falta la cabecera Idempotency-Key.",
        "The Idempotency-Key header is missing.",
        "Falta o cabeçalho Idempotency-Key.",
    ),
    "idempotency_key_reused": Row(
        422,
        "Esta Idempotency-Key ya se usó con otro contenido.",
        "This Idempotency-Key was already used with another body.",
        "Esta Idempotency-Key já foi usada com outro conteúdo.",
    ),
    "idempotency_key_in_flight": Row(
        409,
        "La primera llamada con esta Idempotency-Key sigue en curso.",
        "The first call with this Idempotency-Key is still running.",
        "A primeira chamada com esta Idempotency-Key ainda está em andamento.",
        retry_after=1,
    ),
    "address_refused": Row(
        403,
        "Esta clave de API no se puede usar desde esta dirección de red.",
        "This API key may not be used from this network address.",
        "Esta chave de API não pode ser usada deste endereço de rede.",
    ),
    "case_closed": Row(
        409,
        "El expediente está cerrado.",
        "The case is closed.",
        "O processo está encerrado.",
    ),
    "request_ended": Row(
        409,
        "Esta solicitud ya terminó: está completa o cancelada.",
        "This request has ended: it is complete or cancelled.",
        "Esta solicitação já terminou: está completa ou cancelada.",
    ),
    "message_pending": Row(
        409,
        "Ya hay un mensaje en camino. Espera a saber si llegó antes de enviar otro.",
        "A message is on its way. Wait to see whether it arrives before you send another.",
        "Já há uma mensagem a caminho. Espere saber se ela chegou antes de enviar outra.",
    ),
    "link_ended": Row(
        409,
        "El enlace se revocó o se cambió por otro. Envía uno nuevo.",
        "The link was revoked or replaced. Send a new one.",
        "O link foi revogado ou trocado por outro. Envie um novo.",
    ),
    "contact_opted_out": Row(
        409,
        "La persona pidió no recibir más mensajes. Háblale por otra vía.",
        "The person asked for no more messages. Reach them another way.",
        "A pessoa pediu para não receber mais mensagens. Fale com ela por outro meio.",
    ),
    "external_ref_taken": Row(
        409,
        "Esa referencia es de un expediente de otro equipo.",
        "This reference belongs to a case of another team.",
        "Essa referência é de um processo de outra equipe.",
    ),
}
