"""What a customer sends and says, made to be recognised, and the demand that it is nowhere on a disk in clear."""

import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e import files
from tests.e2e.files import Sent
from tests.e2e.installation import Installation
from tests.e2e.sweeping import Sweep

EVERYWHERE = [Path("/tmp"), Path("/var/tmp"), Path("/var/log")]


def fresh_canary() -> str:
    """A word that nobody else writes anywhere."""
    return f"CANARY-{secrets.token_hex(12)}"


def photo(canary: str, number: int) -> Sent:
    """A photo that carries the canary in its name and in a comment; no two are equal."""
    comment = f"{canary} {number}".encode()
    return files.image_file(f"{canary}-{number}.jpg", files.camera_jpeg(size=(1200, 900), comment=comment))


def digests(*sent: Sent) -> list[str | bytes]:
    """The hashes of files; hexadecimal and base64 of them are forms that a sweep knows."""
    return [hashlib.sha256(file["buffer"]).digest() for file in sent]


def bearer(link: str) -> list[str | bytes]:
    """What of a link opens it: the whole token, and its signature."""
    token = link.rpartition("/s/")[2]
    assert len(token) == 66
    return [token, token.partition(".")[2]]


@contextmanager
def nowhere_on_disk(here: Installation, began: Path, *words: str | bytes) -> Iterator[list[str | bytes]]:
    """Sweep all the time and once more at the end; words that come up on the way are appended to what is given."""
    began.touch()
    since = began.stat().st_ctime
    phones = here.stack.site.layout.simulator
    """What Meta's side and the people's phones keep is theirs."""
    late = list(words)
    with Sweep(*words).running([here.root, *EVERYWHERE], here.root) as found:
        yield late
    sweep = Sweep(*late)
    found |= {
        *sweep.files([here.root, *EVERYWHERE], since=since),
        *sweep.held_open(here.root),
        *sweep.newer_files(began),
    }
    assert {path for path in found if not Path(path).is_relative_to(phones)} == set()


def only_in_rows(here: Installation, *words: str) -> None:
    """Words that a row may hold in clear are in the database's own files and in nothing else."""
    layout = here.stack.site.layout
    rows = Path(here.stack.site.database_url.removeprefix("sqlite:///")).name
    found = [Path(path) for path in Sweep(*words).files([here.root])]
    ours = [path for path in found if not path.is_relative_to(layout.simulator)]
    assert {path.name for path in ours} <= {rows, f"{rows}-wal"}
    assert ours, "the rows hold nothing: the sweep is blind"
