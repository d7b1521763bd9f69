"""Rows of the error table for what goes wrong inside: keys, seals, stores, trail, settings.

People are told what it means for them, never which check failed; the code tells it to whoever reads the log. Several
codes share one text on purpose.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """Status and words of one code. `retry_after` is in seconds."""

    status: int
    es: str
    en: str
    pt: str
    retry_after: int | None = None

    def words(self, language: str) -> str:
        """Return the sentence in es, en or pt."""
        return {"es": self.es, "en": self.en, "pt": self.pt}[language]


_AWAY = Row(
    503,
    "Una parte del sistema no responde en este momento. Intenta de nuevo en unos segundos.",
    "A part of the system is not answering right now. Please try again in a few seconds.",
    "Uma parte do sistema não está respondendo agora. Tente de novo em alguns segundos.",
    retry_after=5,
)
_DAMAGED = Row(
    500,
    "Lo guardado no está como se archivó, así que no se abre. Avisa a quien administra el sistema.",
    "What is stored is not as it was filed, so it is not opened. Tell whoever runs the system.",
    "O que está guardado não está como foi arquivado, por isso não se abre. Avise quem administra o sistema.",
)
_KEYS = Row(
    500,
    "El sistema no puede usar una de sus claves. Avisa a quien lo administra.",
    "The system cannot use one of its keys. Tell whoever runs it.",
    "O sistema não consegue usar uma de suas chaves. Avise quem o administra.",
)
_SETTINGS = Row(
    500,
    "El sistema no está bien configurado. Avisa a quien lo administra.",
    "The system is not set up correctly. Tell whoever runs it.",
    "O sistema não está bem configurado. Avise quem o administra.",
)
_TRAIL = Row(
    500,
    "El registro de auditoría no cuadra con sus sellos. Avisa a quien administra el sistema.",
    "The audit trail does not agree with its seals. Tell whoever runs the system.",
    "O registro de auditoria não confere com seus selos. Avise quem administra o sistema.",
)
_REFUSED = Row(
    400,
    "No pudimos hacer lo que se pidió. Revisa los datos e intenta de nuevo.",
    "We could not do what was asked. Check the details and try again.",
    "Não foi possível fazer o que foi pedido. Confira os dados e tente de novo.",
)
_INSIDE = Row(
    500,
    "Algo falló de nuestro lado. No se guardó nada a medias; intenta de nuevo más tarde.",
    "Something failed on our side. Nothing was left half done; please try again later.",
    "Algo falhou do nosso lado. Nada ficou pela metade; tente de novo mais tarde.",
)

_SHARED: dict[Row, str] = {
    _REFUSED: "intake_error records_error command_refused connector_refused template_refused",
    _AWAY: """
        blob_error keyring_unavailable scanner_unavailable signatures_stale signatures_changed
        sandbox_unavailable stamp_unavailable inspection_failed
        whatsapp_error case_key_pending crm_trouble
    """,
    _DAMAGED: """
        blob_damaged blob_missing header_refused context_mismatch payload_damaged payload_truncated
        payload_trailing_data range_refused sealing_refused signature_refused hash_changed hash_disagreement
        slices_inconsistent album_refused filing_failed quarantine_key_gone
    """,
    _KEYS: """
        key_refused keyring_refused keyring_context_refused keyring_opening_refused root_key_missing root_key_refused
        link_keys_refused code_key_refused box_refused
    """,
    _SETTINGS: "config_error settings_refused secret_refused foreign_key_readable unsafe_spool",
    _TRAIL: "audit_error audit_trail_damaged audit_proof_refused audit_checkpoint_refused audit_stamp_refused",
    _INSIDE: """
        blob_exists blob_name_refused context_refused fields_refused sealing_already_used pickle_refused
        drawing_failed
    """,
}

FAULTS: dict[str, Row] = {
    **{code: row for row, codes in _SHARED.items() for code in codes.split()},
    "audit_event_not_sealed": Row(
        503,
        "Este movimiento todavía no tiene su sello. Intenta de nuevo en unos segundos.",
        "This event has no seal yet. Please try again in a few seconds.",
        "Este evento ainda não tem selo. Tente de novo em alguns segundos.",
        retry_after=2,
    ),
    "audit_event_refused": Row(
        500,
        "No pudimos dejar constancia de esta acción, así que no se hizo.",
        "We could not record this action, so it was not done.",
        "Não foi possível registrar esta ação, por isso ela não foi feita.",
    ),
    "preview_failed": Row(
        422,
        "Este documento no tiene vista previa. Está archivado y a salvo.",
        "This document has no preview. It is filed and safe.",
        "Este documento não tem pré-visualização. Ele está arquivado e seguro.",
    ),
    "whatsapp_message_invalid": Row(
        422,
        "El mensaje no se puede enviar así por WhatsApp. Revisa el nombre y el teléfono de la persona.",
        "The message cannot be sent like this by WhatsApp. Check the person's name and phone.",
        "A mensagem não pode ser enviada assim pelo WhatsApp. Confira o nome e o telefone da pessoa.",
    ),
}
