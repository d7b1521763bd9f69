"""`lint` looks at one template, `lint_all` at templates beside each other."""

from collections.abc import Iterable

from notifications.whatsapp.linting.complaints import Code, Complaint
from notifications.whatsapp.linting.framing import framing
from notifications.whatsapp.linting.meaning import meaning, plain
from notifications.whatsapp.linting.pressing import pressing
from notifications.whatsapp.linting.reading import Submission, read
from notifications.whatsapp.linting.wording import wording


def lint(untrusted_body: object) -> list[Complaint]:
    """Return every rule that the JSON body of one template breaks; empty: it may be submitted. Never raises."""
    return _complaints(read(untrusted_body))


def lint_all(untrusted_bodies: Iterable[object]) -> list[list[Complaint]]:
    """Return the complaints about each body, those about its neighbours included."""
    all_complaints: list[list[Complaint]] = []
    which: set[tuple[str, str]] = set()
    words: set[tuple[str, str]] = set()
    for submission in map(read, untrusted_bodies):
        complaints = _complaints(submission)
        if (identity := (submission.name, submission.language)) in which:
            complaints.append(Complaint(code=Code.TWICE, place="language", found="/".join(identity)[:120]))
        if submission.body is not None:
            footer = submission.footer.text if submission.footer is not None else ""
            if (said := (plain(submission.body.text), plain(footer))) in words:
                complaints.append(Complaint(code=Code.SAME_WORDS, place="body"))
            words.add(said)
        which.add(identity)
        all_complaints.append(complaints)
    return all_complaints


def _complaints(submission: Submission) -> list[Complaint]:
    found = (*framing(submission), *wording(submission), *pressing(submission), *meaning(submission))
    return list(dict.fromkeys(found))
