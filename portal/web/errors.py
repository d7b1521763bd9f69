"""The one table of errors: for every code a status and words in Spanish, English and Portuguese.

Any exception with a string `code` that stands here becomes an answer; anything else is `internal` with a reference
that the log knows too. A test demands a row for every code in the product.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import structlog
from flask import Flask, Response, g
from sqlalchemy.exc import DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from portal.web.calls import CALLS
from portal.web.faults import FAULTS, Row
from portal.web.language import current_language
from portal.web.quotas import QUOTAS

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One error on its way to a reader."""

    code: str
    row: Row
    reference: str
    detail: str | None = None


__all__ = ["HTTP_CODES", "TABLE", "Problem", "Renderer", "Row", "code_of", "install", "problem"]

Renderer = Callable[[Problem], Response]

TABLE: dict[str, Row] = {
    **CALLS,
    **FAULTS,
    **QUOTAS,
    "internal": Row(
        500,
        "Algo falló de nuestro lado. No se perdió nada de lo ya recibido. Intenta de nuevo en unos minutos.",
        "Something failed on our side. Nothing already received was lost. Please try again in a few minutes.",
        "Algo falhou do nosso lado. Nada do que já foi recebido se perdeu. Tente de novo em alguns minutos.",
    ),
    "unavailable": Row(
        503,
        "El servicio está ocupado. Intenta de nuevo en unos segundos.",
        "The service is busy. Please try again in a few seconds.",
        "O serviço está ocupado. Tente de novo em alguns segundos.",
        retry_after=5,
    ),
    "bad_request": Row(
        400,
        "No entendimos la solicitud.",
        "We could not understand the request.",
        "Não entendemos a solicitação.",
    ),
    "unauthorized": Row(
        401,
        "Inicia sesión para continuar.",
        "Sign in to continue.",
        "Entre para continuar.",
    ),
    "forbidden": Row(
        403,
        "No tienes permiso para hacer esto.",
        "You are not allowed to do this.",
        "Você não tem permissão para fazer isto.",
    ),
    "not_found": Row(
        404,
        "No encontramos lo que buscas.",
        "We could not find what you are looking for.",
        "Não encontramos o que você procura.",
    ),
    "method_not_allowed": Row(
        405,
        "Esta acción no existe aquí.",
        "This action does not exist here.",
        "Esta ação não existe aqui.",
    ),
    "wrong_state": Row(
        409,
        "Esto ya cambió mientras lo veías. Actualiza la página.",
        "This changed while you were looking at it. Reload the page.",
        "Isto mudou enquanto você via. Atualize a página.",
    ),
    "too_large": Row(
        413,
        "El archivo es más grande que el límite.",
        "The file is larger than the limit.",
        "O arquivo é maior que o limite.",
    ),
    "unsupported_media_type": Row(
        415,
        "Este tipo de contenido no se acepta aquí.",
        "This type of content is not accepted here.",
        "Este tipo de conteúdo não é aceito aqui.",
    ),
    "file_not_expected": Row(
        415,
        "Aquí no se reciben archivos.",
        "No files are accepted here.",
        "Aqui não se recebem arquivos.",
    ),
    "invalid_value": Row(
        422,
        "Un dato no es válido.",
        "A value is not valid.",
        "Um dado não é válido.",
    ),
    "code_needed": Row(
        403,
        "Falta un paso: escribe el código que te enviamos.",
        "One step is missing: type the code that we sent you.",
        "Falta um passo: digite o código que enviamos.",
    ),
    "code_locked": Row(
        403,
        "Se escribieron demasiados códigos equivocados. Pide a la empresa que te envíe el enlace otra vez.",
        "Too many wrong codes were typed. Ask the company to send you the link again.",
        "Foram digitados códigos errados demais. Peça à empresa que envie o link de novo.",
    ),
    "too_many_checks": Row(
        429,
        "Se probaron demasiados códigos. Espera una hora o llama a la empresa.",
        "Too many codes were tried. Wait an hour or call the company.",
        "Foram testados códigos demais. Espere uma hora ou ligue para a empresa.",
        retry_after=3600,
    ),
    "too_many_codes": Row(
        429,
        "Ya te enviamos varios códigos. Espera un momento antes de pedir otro.",
        "We already sent you several codes. Wait a moment before you ask for another.",
        "Já enviamos vários códigos. Espere um momento antes de pedir outro.",
        retry_after=60,
    ),
    "too_many_requests": Row(
        429,
        "Demasiados intentos. Espera un momento.",
        "Too many tries. Wait a moment.",
        "Tentativas demais. Espere um momento.",
        retry_after=30,
    ),
    "receipt_refused": Row(
        409,
        "No pudimos comprobar este acuse, así que no lo mostramos. Pide otro a quien te lo dio o a la empresa.",
        "We could not verify this receipt, so we do not show it. Ask the company or its sender for another.",
        "Não conseguimos conferir este recibo, por isso não o mostramos. Peça outro a quem o deu ou à empresa.",
    ),
    "csrf": Row(
        400,
        "La página venció. Actualízala e intenta de nuevo.",
        "The page expired. Reload it and try again.",
        "A página expirou. Atualize e tente de novo.",
    ),
    "link_closed": Row(
        404,
        "Este enlace ya no está abierto. Pide uno nuevo a la empresa que te lo envió.",
        "This link is no longer open. Ask the company that sent it for a new one.",
        "Este link não está mais aberto. Peça um novo à empresa que o enviou.",
    ),
    "slot_taken": Row(
        409,
        "Este documento ya se está enviando o ya está en revisión.",
        "This document is already being sent or is under review.",
        "Este documento já está sendo enviado ou já está em análise.",
    ),
    "notice_changed": Row(
        403,
        "La empresa cambió su aviso de privacidad. Actualiza la página para leerlo antes de enviar más.",
        "The company changed its privacy notice. Reload the page to read it before you send more.",
        "A empresa mudou seu aviso de privacidade. Atualize a página para lê-lo antes de enviar mais.",
    ),
    "undo_over": Row(
        409,
        "Ya no se puede deshacer: pasaron 30 minutos o una persona ya lo revisó. Si hay un error, avisa a la empresa.",
        "It can no longer be undone: 30 minutes have passed or a person reviewed it. If it is wrong, tell the company.",
        "Não dá mais para desfazer: passaram 30 minutos ou uma pessoa já analisou. Se houver erro, avise a empresa.",
    ),
    "sign_in_refused": Row(
        401,
        "No pudimos iniciar tu sesión con esos datos. Revísalos, o espera un momento antes de intentar de nuevo.",
        "We could not sign you in with these details. Check them, or wait a moment before trying again.",
        "Não foi possível entrar com esses dados. Confira-os ou espere um momento antes de tentar de novo.",
    ),
    "session_ended": Row(
        401,
        "Tu sesión terminó. Inicia sesión para continuar.",
        "Your session has ended. Sign in to continue.",
        "Sua sessão terminou. Entre para continuar.",
    ),
    "opening_unavailable": Row(
        503,
        "El documento no se puede abrir en este momento. Intenta de nuevo en unos segundos.",
        "The document cannot be opened right now. Please try again in a few seconds.",
        "O documento não pode ser aberto agora. Tente de novo em alguns segundos.",
        retry_after=5,
    ),
    "opening_refused": Row(
        403,
        "Este documento no se puede abrir. El intento quedó registrado.",
        "This document cannot be opened. The attempt was recorded.",
        "Este documento não pode ser aberto. A tentativa foi registrada.",
    ),
    "webhook_refused": Row(
        401,
        "La firma del aviso no es válida.",
        "The signature of the webhook is not valid.",
        "A assinatura do aviso não é válida.",
    ),
    "upload_not_found": Row(
        404,
        "No encontramos ese envío. Empieza de nuevo.",
        "We could not find that upload. Please start again.",
        "Não encontramos esse envio. Comece de novo.",
    ),
    "upload_ended": Row(
        410,
        "Ese envío ya terminó o venció. Empieza de nuevo.",
        "That upload has ended or expired. Please start again.",
        "Esse envio já terminou ou expirou. Comece de novo.",
    ),
    "upload_busy": Row(
        423,
        "Este envío sigue en curso en otra conexión. Intenta de nuevo en unos segundos.",
        "This upload is still running on another connection. Please try again in a few seconds.",
        "Este envio continua em outra conexão. Tente de novo em alguns segundos.",
        retry_after=2,
    ),
    "offset_conflict": Row(
        409,
        "El envío no continúa donde se quedó. Empieza de nuevo.",
        "The upload does not continue where it stopped. Please start again.",
        "O envio não continua de onde parou. Comece de novo.",
    ),
    "empty_file": Row(
        422,
        "No elegiste un archivo o está vacío. Elige otro.",
        "No file was chosen, or it is empty. Choose another one.",
        "Nenhum arquivo foi escolhido ou ele está vazio. Escolha outro.",
    ),
    "tray_full": Row(
        409,
        "Aquí ya no caben más páginas. Envía las que tienes o quita alguna.",
        "No more pages fit here. Send the ones you have, or remove one.",
        "Aqui não cabem mais páginas. Envie as que você tem ou remova alguma.",
    ),
    "tray_changed": Row(
        409,
        "Tus páginas cambiaron mientras las veías. Revísalas y envíalas otra vez.",
        "Your pages changed while you were looking at them. Check them and send them again.",
        "Suas páginas mudaram enquanto você as via. Confira e envie de novo.",
    ),
    "other_file": Row(
        409,
        "Es otro archivo, no el que quedó a medias.",
        "It is another file, not the one that was left half sent.",
        "É outro arquivo, não o que ficou pela metade.",
    ),
    "malformed_upload": Row(
        400,
        "El envío llegó incompleto. Intenta de nuevo.",
        "The upload arrived incomplete. Please try again.",
        "O envio chegou incompleto. Tente de novo.",
    ),
    "body_cut": Row(
        408,
        "La conexión se cortó. Lo que llegó está a salvo; continúa el envío.",
        "The connection was cut. What arrived is safe; continue the upload.",
        "A conexão caiu. O que chegou está a salvo; continue o envio.",
    ),
    "checksum_unknown": Row(
        400,
        "Este programa comprueba el envío de una forma que aquí no se conoce.",
        "This program checks the upload in a way that is not known here.",
        "Este programa confere o envio de uma forma que aqui não se conhece.",
    ),
    "checksum_mismatch": Row(
        460,
        "Esta parte del archivo se dañó en el camino y no se guardó. Envíala de nuevo.",
        "This part of the file was damaged on its way and was not kept. Send it again.",
        "Esta parte do arquivo se danificou no caminho e não foi guardada. Envie de novo.",
    ),
    "quarantine_key_missing": Row(
        503,
        "Por ahora no podemos recibir archivos. Intenta de nuevo en un minuto.",
        "We cannot receive files right now. Please try again in a minute.",
        "No momento não podemos receber arquivos. Tente de novo em um minuto.",
        retry_after=30,
    ),
    "tus_version": Row(
        412,
        "Este programa usa otra versión del protocolo de envío.",
        "This program speaks another version of the upload protocol.",
        "Este programa usa outra versão do protocolo de envio.",
    ),
    "blob_store_unavailable": Row(
        503,
        "El almacén de archivos no responde. Intenta de nuevo en unos segundos.",
        "The file store does not answer. Please try again in a few seconds.",
        "O armazenamento de arquivos não responde. Tente de novo em alguns segundos.",
        retry_after=10,
    ),
    "blob_store_full": Row(
        507,
        "Por ahora no queda espacio para recibir archivos. Intenta más tarde.",
        "There is no room to receive files right now. Please try again later.",
        "No momento não há espaço para receber arquivos. Tente mais tarde.",
        retry_after=300,
    ),
    "export_damaged": Row(
        409,
        "La exportación se detuvo: algo en el expediente no coincide con lo que se archivó. Avisa a quien administra.",
        "The export was stopped: something in the record is not what was filed. Tell your administrator.",
        "A exportação foi interrompida: algo no processo não confere com o que foi arquivado. Avise a administração.",
    ),
    "lost_lease": Row(
        409,
        "Otro proceso ya tomó este trabajo.",
        "Another process has taken this work.",
        "Outro processo já assumiu este trabalho.",
    ),
}

HTTP_CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "wrong_state",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid_value",
    429: "too_many_requests",
    503: "unavailable",
}


def problem(code: str, detail: str | None = None) -> Problem:
    """Return the problem of a code of the table. Raises KeyError for an unknown one."""
    return Problem(code=code, row=TABLE[code], reference=str(g.get("reference", "-")), detail=detail)


def code_of(error: BaseException) -> str:
    """Return the table's code for an exception; `internal` for whatever is not known."""
    code = getattr(error, "code", None)
    if isinstance(error, HTTPException):
        return HTTP_CODES.get(error.code or 500, "bad_request" if 400 <= (error.code or 500) < 500 else "internal")
    if isinstance(error, DataError):
        return "internal"  # a value that no row can hold and nobody checked: repeating it will not help
    if isinstance(error, DBAPIError | PoolTimeout):
        return "unavailable"
    return code if isinstance(code, str) and code in TABLE else "internal"


def install(app: Flask, render: Renderer) -> None:
    """Answer every exception of `app` with its row, drawn by `render`."""

    def answer(error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.code is not None and error.code < 400:
            return Response(error.get_response().data, error.code, error.get_headers())
        code = code_of(error)
        g.error_code = code
        if TABLE[code].status == HTTPStatus.INTERNAL_SERVER_ERROR:
            log.exception("internal_error", reference=g.get("reference"), code=code, error=type(error).__name__)
        found = problem(code, detail=_detail(error))
        response = render(found)
        response.status_code = found.row.status
        retry_after = getattr(error, "retry_after", found.row.retry_after)
        if isinstance(retry_after, int):
            response.headers["Retry-After"] = str(retry_after)
        if isinstance(error, HTTPException):
            for name, value in error.get_headers():
                if name in ("Allow", "Retry-After"):
                    response.headers[name] = value
        return response

    app.register_error_handler(Exception, answer)
    app.jinja_env.globals["error_words"] = lambda found: found.row.words(current_language())


def _detail(error: Exception) -> str | None:
    """Name the field and the rule that it breaks, where the error knows them; never the value."""
    field, why = getattr(error, "field", None), getattr(error, "why", None)
    return f"{field}: {why}" if isinstance(field, str) and isinstance(why, str) else None
