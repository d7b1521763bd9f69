"""Rules about the characters, the variables and the samples of header, body and footer.

Sources: WhatsApp Business Platform, message templates: components, template review (as of 2026-09), error subcodes
2388299 (variable at an edge) and 2388293 (too many variables).
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from notifications.whatsapp.linting.complaints import Code, Complaint
from notifications.whatsapp.linting.reading import Submission, Words
from notifications.whatsapp.parameters import carries_identifier

LONGEST: Mapping[str, int] = MappingProxyType({"header": 60, "body": 1024, "footer": 60})
MOST_VARIABLES: Mapping[str, int] = MappingProxyType({"header": 1, "footer": 0})
MOST_EMOJIS = 10
LONGEST_SAMPLE = 200
VARIABLE = re.compile(r"\{\{([^{}]*)\}\}")
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u2190-\u21ff\u20e3]")
_NAMED = re.compile(r"[a-z][a-z0-9_]{0,59}")
_JOINERS = "\u200d\ufe0f"
"""What emojis are put together with; everywhere else they would be invisible."""


def wording(submission: Submission) -> Iterator[Complaint]:
    """Yield what is wrong with the texts."""
    for part in submission.texts:
        yield from characters(part.place, part.text, most=LONGEST[part.place], plain=part.place != "body")
        yield from _variables(part, submission.named)
        yield from _samples(part)


def characters(place: str, text: str, *, most: int, plain: bool) -> Iterator[Complaint]:
    """Yield what is wrong with the characters of a text; a `plain` one takes no line breaks, emojis or formatting."""
    if not text.strip() or len(text) > most:
        yield Complaint(code=Code.LENGTH, place=place, found=str(most))
    if ("\n" in text or "\r" in text) if plain else re.search(r"\n{3,}|\r|^\s*\n|\n\s*$", text):
        yield Complaint(code=Code.LINE_BREAKS, place=place)
    if re.search(r"\t| {4,}", text):
        yield Complaint(code=Code.SPACES, place=place)
    if any(_invisible(letter) for letter in text if letter not in "\n\r\t" + _JOINERS):
        yield Complaint(code=Code.INVISIBLE, place=place)
    if plain and (found := re.search(r"[*_~`]", VARIABLE.sub("", text))):
        yield Complaint(code=Code.FORMATTING, place=place, found=found[0])
    emojis = EMOJI.findall(text)
    if plain and emojis:
        yield Complaint(code=Code.EMOJI, place=place, found=emojis[0])
    elif len(emojis) > MOST_EMOJIS:
        yield Complaint(code=Code.EMOJI_MANY, place=place, found=str(MOST_EMOJIS))


def _invisible(letter: str) -> bool:
    return unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def _variables(part: Words, named: bool) -> Iterator[Complaint]:
    text, place = part.text, part.place
    names = VARIABLE.findall(text)
    if re.search(r"\{\{|\}\}|\{\w{0,60}\}", VARIABLE.sub(" ", text)):
        yield Complaint(code=Code.VARIABLE_MALFORMED, place=place)
    if len(names) > MOST_VARIABLES.get(place, len(names)):
        yield Complaint(code=Code.VARIABLE_FORBIDDEN, place=place)
    if not names:
        return
    pattern = _NAMED if named else re.compile(r"[1-9][0-9]?")
    if wrong := [name for name in names if not pattern.fullmatch(name)]:
        yield Complaint(code=Code.VARIABLE_NAME, place=place, found=wrong[0][:60])
    elif not named and list(dict.fromkeys(names)) != [str(n + 1) for n in range(len(set(names)))]:
        yield Complaint(code=Code.VARIABLE_ORDER, place=place)
    if place != "body":
        return
    if re.search(r"^\W*\{\{|\}\}\W*$", text):
        yield Complaint(code=Code.VARIABLE_EDGE, place=place)
    if re.search(r"\}\}\s*\{\{", text):
        yield Complaint(code=Code.VARIABLE_ADJACENT, place=place)
    if len(VARIABLE.sub(" ", text).split()) < 2 * len(names) + 1:
        yield Complaint(code=Code.VARIABLE_MANY, place=place)


def _samples(part: Words) -> Iterator[Complaint]:
    place, names = f"{part.place}.example", set(VARIABLE.findall(part.text))
    if part.samples is None or names - part.samples.keys():
        yield Complaint(code=Code.SAMPLE_MISSING, place=place)
    for name, sample in (part.samples or {}).items():
        if name not in names:
            yield Complaint(code=Code.SAMPLE_SUPERFLUOUS, place=place, found=name[:60])
        if not 0 < len(sample.strip()) <= LONGEST_SAMPLE or re.search(r"[\n\r\t#$%{}]| {4,}", sample):
            yield Complaint(code=Code.SAMPLE_CHARACTERS, place=place, found=name[:60])
        if carries_identifier(sample):
            yield Complaint(code=Code.SAMPLE_IDENTIFIER, place=place, found=name[:60])
