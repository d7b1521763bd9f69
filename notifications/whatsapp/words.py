"""What a customer's words mean where only two things count: write to me no more, and write to me again.

The whole text must say it: "BAJA", not "¿cómo doy de baja mi tarjeta?". Accents, case and punctuation do not matter.
"""

import re
import unicodedata

LENGTH = 80
"""Characters of a text that are looked at."""
_STOP = re.compile(
    r"(por favor )?(baja|stop|alto|parar|pare|sair|cancelar|unsubscribe|descadastrar|desuscribir(me)?|stop all)"
    r"|((quiero )?dar(me)? de baja|denme de baja|dame de baja)"
    r"|(no deseo|no quiero mas|no quiero recibir|no me escriban|nao quero|nao desejo|do not write|stop writing)( .*)?"
)
_START = re.compile(r"(por favor )?(alta|start|volver|voltar|reanudar|unstop|reactivar|quero voltar|quiero volver)")


def asks_to_stop(words: str) -> bool:
    """Tell whether a customer's words mean "write to me no more" in Spanish, Portuguese or English."""
    return _STOP.fullmatch(_plain(words)) is not None


def asks_to_start(words: str) -> bool:
    """Tell whether a customer's words take that back."""
    return _START.fullmatch(_plain(words)) is not None


def _plain(words: str) -> str:
    letters = unicodedata.normalize("NFKD", words[:LENGTH]).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall(r"[a-z]+", letters))
