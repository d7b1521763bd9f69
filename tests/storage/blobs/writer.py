"""A process that puts objects into a folder store until it is done or killed, and says what was acknowledged.

`python writer.py ROOT COUNT SIZE` prints `stored NAME` after each object, or `refused NAME CODE`.
"""

import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from storage.blobs import BlobError, LocalBlobStore


def content_of(name: str, size: int) -> bytes:
    """Return the bytes that belong to a name."""
    return random.Random(name).randbytes(size)


def chunks_of(name: str, size: int) -> Iterator[bytes]:
    """Yield them in pieces as the sealing does."""
    content = content_of(name, size)
    yield from (content[start : start + 65_552] for start in range(0, size, 65_552))


def say(line: str) -> None:
    """Tell the test, whole or not at all, by another system call than the store's own writes."""
    os.writev(1, [f"{line}\n".encode()])


def main(root: str, count: str, size: str) -> None:
    """Put `count` objects of `size` bytes."""
    store = LocalBlobStore(Path(root))
    for number in range(int(count)):
        name = f"object/{number}"
        try:
            store.put(name, chunks_of(name, int(size)))
            say(f"stored {name}")
        except BlobError as error:
            say(f"refused {name} {error.code}")


if __name__ == "__main__":
    main(*sys.argv[1:])
