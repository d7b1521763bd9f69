"""Rows of the error table for quotas: what is used up, and what the customer can do about it.

A refusal that waiting for a few seconds does not change is a 403: no client tries it again by itself.
"""

from portal.web.faults import Row
from records.errors import Quota

_ROWS = {
    Quota.LINK_FILES: (
        "Este enlace ya recibió el máximo de archivos. Pide uno nuevo a la empresa.",
        "This link has received all the files it can. Ask the company for a new one.",
        "Este link já recebeu o máximo de arquivos. Peça um novo à empresa.",
    ),
    Quota.LINK_BYTES: (
        "Lo que se envió por este enlace ya llegó al tamaño máximo. Pide uno nuevo a la empresa.",
        "What was sent through this link has reached the largest size. Ask the company for a new one.",
        "O que foi enviado por este link já chegou ao tamanho máximo. Peça um novo à empresa.",
    ),
    Quota.LINK_ATTEMPTS: (
        "Con este enlace ya se intentó enviar demasiadas veces. Pide uno nuevo a la empresa.",
        "Too many uploads were begun through this link. Ask the company for a new one.",
        "Já houve tentativas de envio demais por este link. Peça um novo à empresa.",
    ),
    Quota.CASE_FILES: (
        "Tu trámite ya recibió el máximo de archivos. Habla con la empresa para seguir.",
        "Your case has received all the files it can. Talk to the company to go on.",
        "Seu processo já recebeu o máximo de arquivos. Fale com a empresa para continuar.",
    ),
    Quota.CASE_BYTES: (
        "Lo que se envió para tu trámite ya llegó al tamaño máximo. Habla con la empresa para seguir.",
        "What was sent for your case has reached the largest size. Talk to the company to go on.",
        "O que foi enviado para seu processo já chegou ao tamanho máximo. Fale com a empresa para continuar.",
    ),
    Quota.CASE_ATTEMPTS: (
        "Para tu trámite ya se intentó enviar demasiadas veces. Habla con la empresa para seguir.",
        "Too many uploads were begun for your case. Talk to the company to go on.",
        "Já houve tentativas de envio demais para seu processo. Fale com a empresa para continuar.",
    ),
    Quota.ORGANIZATION_FILES: (
        "La empresa ya recibió hoy el máximo de archivos. Intenta de nuevo mañana.",
        "The company has received all the files it can today. Please try again tomorrow.",
        "A empresa já recebeu hoje o máximo de arquivos. Tente de novo amanhã.",
    ),
    Quota.ORGANIZATION_BYTES: (
        "Lo que la empresa recibió hoy ya llegó al tamaño máximo. Intenta de nuevo mañana.",
        "What the company received today has reached the largest size. Please try again tomorrow.",
        "O que a empresa recebeu hoje já chegou ao tamanho máximo. Tente de novo amanhã.",
    ),
    Quota.ORGANIZATION_ATTEMPTS: (
        "Hoy ya hubo demasiados envíos a la empresa. Intenta de nuevo mañana.",
        "Too many uploads to the company were begun today. Please try again tomorrow.",
        "Hoje já houve envios demais para a empresa. Tente de novo amanhã.",
    ),
}

QUOTAS: dict[str, Row] = {quota.value: Row(403, *texts) for quota, texts in _ROWS.items()}
