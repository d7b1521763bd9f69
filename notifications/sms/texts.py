"""What our SMS say: one short line in three languages, with the link whole, in as few segments as can be.

Rules: no title, no reason, no identifier, of the person the first name alone; only letters of the GSM 7-bit alphabet,
since one other letter makes every segment 70 characters; the link and the check code are never cut.
Source: 3GPP TS 23.038 6.2.1 (alphabet, extension table) and 23.040 9.2.3.24.1 (160 septets, 153 in each of several).
"""

import unicodedata

from records.messages import Purpose

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("^{}\\[~]|€")
"""Two septets each."""
ONE, EACH = 160, 153
"""Septets of a single message, and of each part of a longer one."""
COMPANY_LIMIT = 24

_WORDS = {
    (Purpose.REQUEST, "es"): "{company}: {name}, tienes pasos pendientes: {url} Codigo {check}",
    (Purpose.REQUEST, "en"): "{company}: {name}, steps are pending: {url} Code {check}",
    (Purpose.REQUEST, "pt"): "{company}: {name}, ha etapas pendentes: {url} Codigo {check}",
    (Purpose.RETURNED, "es"): "{company}: {name}, hay que repetir un paso: {url} Codigo {check}",
    (Purpose.RETURNED, "en"): "{company}: {name}, please repeat a step: {url} Code {check}",
    (Purpose.RETURNED, "pt"): "{company}: {name}, repita uma etapa: {url} Codigo {check}",
    (Purpose.REMINDER, "es"): "{company}: {name}, aun faltan pasos: {url} Codigo {check}",
    (Purpose.REMINDER, "en"): "{company}: {name}, steps are still pending: {url} Code {check}",
    (Purpose.REMINDER, "pt"): "{company}: {name}, ainda ha etapas: {url} Codigo {check}",
    (Purpose.RECEIVED, "es"): "{company}: {name}, recibimos lo que enviaste: {url} Codigo {check}",
    (Purpose.RECEIVED, "en"): "{company}: {name}, we received what you sent: {url} Code {check}",
    (Purpose.RECEIVED, "pt"): "{company}: {name}, recebemos o que enviou: {url} Codigo {check}",
}


def write(purpose: Purpose, locale: str, *, company: str, name: str, url: str, check: str) -> str:
    """Return the text; where it would need a second segment, without the name and with a shorter company."""
    language = locale.replace("_", "-").partition("-")[0].lower()
    words = _WORDS.get((purpose, language)) or _WORDS[(purpose, "es")]
    kept = {"url": url, "check": check}
    whole = words.format(company=gsm(company)[:COMPANY_LIMIT].strip(), name=gsm(name), **kept)
    if segments(whole) == 1:
        return whole
    nameless = words.replace("{name}, ", "")
    room = ONE - septets(nameless.format(company="", **kept))
    return nameless.format(company=gsm(company)[: max(8, min(room, COMPANY_LIMIT))].strip(), **kept)


def gsm(text: str) -> str:
    """Return `text` in the GSM alphabet: other accents fall off, what has no likeness becomes a point."""
    return "".join(letter if letter in BASIC else _plain(letter) for letter in text)


def septets(text: str) -> int:
    """Return what `text` costs. Raises ValueError for a letter outside the alphabet."""
    if foreign := set(text) - BASIC - EXTENDED:
        raise ValueError(f"{len(foreign)} letters outside the GSM alphabet")
    return sum(2 if letter in EXTENDED else 1 for letter in text)


def segments(text: str) -> int:
    """Return how many messages the network counts."""
    cost = septets(text)
    return 1 if cost <= ONE else -(-cost // EACH)


def _plain(letter: str) -> str:
    bare = "".join(part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part))
    return bare if bare and set(bare) <= BASIC else "."
