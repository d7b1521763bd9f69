"""The template linter: the platform's review rules and ours, over the JSON body that would be submitted.

One function for the library, the command line and the studio. It never raises, whatever it is given, and every
complaint has a stable code, a place and words in three languages.
"""

from notifications.whatsapp.linting.checking import lint, lint_all
from notifications.whatsapp.linting.complaints import Code, Complaint

__all__ = ["Code", "Complaint", "lint", "lint_all"]
