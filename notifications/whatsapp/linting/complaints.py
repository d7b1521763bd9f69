"""What the linter can complain about: a closed set of stable codes, each with a place and words in three languages."""

from dataclasses import dataclass
from enum import StrEnum


class Code(StrEnum):
    """One rule. A name, once released, never changes."""

    # The platform's: what a template is made of
    SHAPE = "shape"
    NAME = "name"
    LANGUAGE = "language"
    CATEGORY = "category"
    FORMAT = "format"
    TTL = "ttl"
    PART_TWICE = "part_twice"
    PART_UNKNOWN = "part_unknown"
    BODY_MISSING = "body_missing"
    AUTHENTICATION_WORDS = "authentication_words"
    AUTHENTICATION_LINK = "authentication_link"
    # ... its texts
    LENGTH = "length"
    LINE_BREAKS = "line_breaks"
    SPACES = "spaces"
    INVISIBLE = "invisible"
    FORMATTING = "formatting"
    EMOJI = "emoji"
    EMOJI_MANY = "emoji_many"
    # ... its variables and samples
    VARIABLE_MALFORMED = "variable_malformed"
    VARIABLE_NAME = "variable_name"
    VARIABLE_ORDER = "variable_order"
    VARIABLE_EDGE = "variable_edge"
    VARIABLE_ADJACENT = "variable_adjacent"
    VARIABLE_MANY = "variable_many"
    VARIABLE_FORBIDDEN = "variable_forbidden"
    SAMPLE_MISSING = "sample_missing"
    SAMPLE_SUPERFLUOUS = "sample_superfluous"
    SAMPLE_CHARACTERS = "sample_characters"
    # ... its buttons
    BUTTON_UNKNOWN = "button_unknown"
    BUTTONS_MANY = "buttons_many"
    BUTTONS_MIXED = "buttons_mixed"
    LABEL_TWICE = "label_twice"
    URL = "url"
    URL_LENGTH = "url_length"
    URL_VARIABLE = "url_variable"
    URL_SAMPLE = "url_sample"
    URL_SHORTENER = "url_shortener"
    URL_WHATSAPP = "url_whatsapp"
    # ... its purpose
    MARKETING_WORDS = "marketing_words"
    ASKS_IDENTIFIER = "asks_identifier"
    # ... beside the others
    TWICE = "twice"
    SAME_WORDS = "same_words"
    # Ours
    ASKS_DOCUMENTS = "asks_documents"
    NUMBER_IN_TEXT = "number_in_text"
    SAMPLE_IDENTIFIER = "sample_identifier"
    LINK_IN_TEXT = "link_in_text"
    OPT_OUT_MISSING = "opt_out_missing"
    ALARMING = "alarming"
    SHOUTING = "shouting"
    URL_INSECURE = "url_insecure"
    LIBRARY_VARIABLES = "library_variables"
    LIBRARY_BUTTON = "library_button"


ADVICE = frozenset({Code.ALARMING, Code.SHOUTING})
"""Rules that advise: a template that breaks only these may be submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One rule that is broken at one place (`body`, `buttons[0].url`, ...)."""

    code: Code
    place: str
    found: str = ""
    """The word or character that broke it, where naming it helps."""

    @property
    def only_advice(self) -> bool:
        """Whether the template may be submitted all the same."""
        return self.code in ADVICE
