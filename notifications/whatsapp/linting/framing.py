"""Rules about what a template is: name, language, category, life, and what AUTHENTICATION forbids.

Sources: WhatsApp Business Platform, message templates: components, supported languages, authentication, time to live.
"""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from notifications.whatsapp.linting.complaints import Code, Complaint
from notifications.whatsapp.linting.reading import Submission

LANGUAGES = frozenset(
    re.findall(
        r"\S+",
        """
        af ar ar_AE ar_EG ar_LB ar_MA ar_QA az be_BY bg bn bn_IN ca cs da de de_AT de_CH el en en_AE en_AU en_CA en_GB
        en_GH en_IE en_IN en_JM en_MY en_NZ en_QA en_SG en_UG en_US en_ZA es es_AR es_CL es_CO es_CR es_DO es_EC es_ES
        es_HN es_MX es_PA es_PE es_UY et fa fi fil fr fr_BE fr_CA fr_CH fr_CI fr_MA ga gu ha he hi hr hu id it ja ka kk
        kn ko ky_KG lo lt lv mk ml mr ms nb nl nl_BE pa pl prs_AF ps_AF pt_BR pt_PT ro ru rw_RW si_LK sk sl sq sr sv sw
        ta te th tr uk ur uz vi zh_CN zh_HK zh_TW zu
        """,
    )
)
LIFE: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"UTILITY": (30, 43_200), "AUTHENTICATION": (30, 900), "MARKETING": (43_200, 2_592_000)}
)
"""Shortest and longest `message_send_ttl_seconds` by category."""
DEFAULT_LIFE = -1


def framing(submission: Submission) -> Iterator[Complaint]:
    """Yield what is wrong outside the texts."""
    yield from submission.complaints
    if not re.fullmatch(r"[a-z0-9_]{1,512}", submission.name):
        yield Complaint(code=Code.NAME, place="name")
    if submission.language not in LANGUAGES:
        yield Complaint(code=Code.LANGUAGE, place="language", found=submission.language[:20])
    if submission.category not in LIFE:
        yield Complaint(code=Code.CATEGORY, place="category", found=submission.category[:20])
    if submission.format not in {"POSITIONAL", "NAMED"}:
        yield Complaint(code=Code.FORMAT, place="parameter_format")
    if not _lives_well(submission):
        yield Complaint(code=Code.TTL, place="message_send_ttl_seconds")
    if submission.category == "AUTHENTICATION":
        yield from _authentication(submission)
    elif submission.body is None:
        yield Complaint(code=Code.BODY_MISSING, place="body")


def _lives_well(submission: Submission) -> bool:
    ttl = submission.ttl
    if ttl is None or ttl == DEFAULT_LIFE:
        return True
    shortest, longest = LIFE.get(submission.category, (0, 0))
    return isinstance(ttl, int) and not isinstance(ttl, bool) and shortest <= ttl <= longest


def _authentication(submission: Submission) -> Iterator[Complaint]:
    """The platform writes the words of a code itself; a link is not allowed anywhere."""
    for part in submission.texts:
        yield Complaint(code=Code.AUTHENTICATION_WORDS, place=part.place)
    for button in submission.buttons:
        if button.kind != "OTP":
            yield Complaint(code=Code.AUTHENTICATION_LINK, place=button.place)
