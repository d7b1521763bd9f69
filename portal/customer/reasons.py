"""What a refused or returned document means for its sender: what happened, and how to do it right.

Spanish here is the source text; the catalogues hold the rest, and a test demands a row for every code there is.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """Two sentences, as message ids."""

    what: str
    how: str


def _(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


_PHOTO = _("Toma una foto nueva con buena luz, sin reflejos, y que se vean las cuatro esquinas.")
_AGAIN = _("Vuelve a guardarlo o a tomarlo y envíalo otra vez.")
_PLAIN_PDF = _("Guárdalo como un PDF sencillo (Imprimir, Guardar como PDF) o envía una foto.")

_AS_PDF = _("Ábrelo, elige Guardar como PDF y envía el PDF.")

ADVICE: dict[str, Advice] = {
    "virus_found": Advice(
        _("El archivo tiene un virus, así que no lo guardamos."),
        _("No lo abras en tus dispositivos. Envía una foto nueva del documento."),
    ),
    "empty_file": Advice(_("El archivo llegó vacío."), _("Ábrelo para ver que esté completo y envíalo otra vez.")),
    "too_large": Advice(
        _("El archivo es más grande que el límite."), _("Toma una foto con menos resolución o divide el PDF.")
    ),
    "unknown_type": Advice(_("No es una foto ni un PDF."), _("Envía una foto (JPG, PNG, HEIC o WebP) o un PDF.")),
    "extension_mismatch": Advice(
        _("El contenido del archivo no corresponde a su nombre."),
        _("Envía el archivo original, sin cambiarle el nombre, o toma una foto."),
    ),
    "polyglot": Advice(_("El archivo mezcla dos formatos y no podemos confiar en él."), _PHOTO),
    "image_damaged": Advice(_("La imagen está dañada o incompleta."), _PHOTO),
    "too_many_pixels": Advice(
        _("La imagen es demasiado grande para revisarla."),
        _("Toma la foto con la cámara normal, sin modo de alta resolución ni panorámica."),
    ),
    "too_many_pages": Advice(
        _("El PDF tiene demasiadas páginas."), _("Envía solo las páginas del documento que te pedimos.")
    ),
    "pdf_damaged": Advice(_("El PDF está dañado o incompleto."), _AGAIN),
    "pdf_locked": Advice(_("El PDF está protegido con contraseña."), _("Guarda una copia sin contraseña y envíala.")),
    "pdf_attachments": Advice(_("El PDF trae otros archivos adjuntos adentro."), _PLAIN_PDF),
    "pdf_active_content": Advice(_("El PDF contiene programas o acciones automáticas."), _PLAIN_PDF),
    "scan_limits": Advice(_("El archivo es demasiado complejo para revisarlo."), _PLAIN_PDF),
    "encrypted_content": Advice(
        _("El archivo está cifrado y no podemos revisarlo."), _("Guarda una copia sin contraseña y envíala.")
    ),
    "send_again": Advice(
        _("El archivo se dañó después de llegar y no pudimos leerlo. La falla es nuestra."),
        _("Envíalo otra vez, por favor."),
    ),
    "returned_before": Advice(
        _("Es el mismo archivo que te devolvieron."), _("Corrige lo que te pidieron y envía uno nuevo.")
    ),
    "other_format": Advice(
        _("El archivo está bien, pero aquí pedimos otro formato."),
        _("Mira qué formatos aceptamos en esta sección y envíalo así."),
    ),
    "virus_found_later": Advice(
        _("Una revisión posterior encontró un virus en este archivo, así que lo retiramos."),
        _("No lo abras en tus dispositivos. Envía una foto nueva del documento."),
    ),
    "archive": Advice(
        _("Es un archivo comprimido (ZIP, RAR u otro)."),
        _("Ábrelo y envía cada documento por separado, como foto o PDF."),
    ),
    "office_document": Advice(_("Es un documento de Word, Excel o parecido."), _AS_PDF),
    "office_active": Advice(_("El documento trae macros, objetos o vínculos que no podemos aceptar."), _AS_PDF),
    "office_damaged": Advice(_("El documento está dañado o incompleto."), _AS_PDF),
    "unreadable": Advice(_("No se alcanza a leer."), _PHOTO),
    "cut_off": Advice(_("El documento salió cortado."), _("Aléjate un poco y deja ver las cuatro esquinas.")),
    "wrong_document": Advice(
        _("Es otro documento, no el que pedimos."), _("Lee el título de esta sección y envía ese documento.")
    ),
    "expired": Advice(_("El documento ya venció."), _("Envía uno vigente.")),
    "wrong_side": Advice(_("Es el otro lado del documento."), _("Envía el lado que se indica aquí.")),
    "incomplete": Advice(_("Faltan páginas o partes."), _("Envía el documento completo.")),
    "needed": Advice(
        _("La empresa leyó tu respuesta y necesita este documento."), _("Envíalo, o llama a la empresa si no puedes.")
    ),
    "other": Advice(_("La empresa te pide enviarlo otra vez."), _("Lee su nota y envía un archivo nuevo.")),
}

DECLINED: dict[str, str] = {
    "not_mine": _("No aplica en mi caso"),
    "never_had": _("Nunca lo he tenido"),
    "lost": _("Lo perdí o no lo encuentro"),
    "in_process": _("Lo estoy tramitando"),
    "other": _("Es por otro motivo"),
}
"""What a customer who sends none may answer, in the order of the form."""

_NOT_A_PHOTO = Advice(_("No es una foto."), _PHOTO)
OF_A_PAGE: dict[str, Advice] = {
    **dict.fromkeys(("unknown_type", "archive", "office_document", "office_active", "office_damaged"), _NOT_A_PHOTO),
    **dict.fromkeys(("too_many_pages", "pdf_damaged", "pdf_locked", "pdf_attachments"), _NOT_A_PHOTO),
    **dict.fromkeys(("pdf_active_content", "encrypted_content"), _NOT_A_PHOTO),
    "scan_limits": Advice(_("La foto es demasiado compleja para revisarla."), _PHOTO),
}
"""What the same codes mean of a page, which has to be a photo."""

UNKNOWN = Advice(_("No pudimos aceptar el archivo."), _("Envía una foto nueva o un PDF."))


def advice(code: str | None, *, page: bool = False) -> Advice:
    """Return the advice of a code, of a whole file or of a page; general words for one that is not known."""
    if page and code in OF_A_PAGE:
        return OF_A_PAGE[code]
    return ADVICE.get(code or "", UNKNOWN)
