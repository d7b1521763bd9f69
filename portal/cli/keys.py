"""`keys new`: the key files of one role, and the public halves that other roles pin.

Rules: a key is 32 random bytes, one line of standard base64, in a file of mode 0600; a file is named like the setting
that points to it; nothing that exists is overwritten; keys that several roles share are copied, never drawn twice.
"""

from collections.abc import Iterator
from pathlib import Path

import click

from portal.cli.session import CommandRefused
from storage.sealing import keyfiles
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey

OWN: dict[str, tuple[str, ...]] = {
    "customer": ("customer_key",),
    "gateway": ("gateway_box_key",),
    "staff": ("session_key", "staff_box_key"),
    "inspector": ("attestation_key",),
    "courier": ("courier_box_key",),
    "custodian": ("signing_key", "checkpoint_key"),
    "opener": (),
    "escrow": (),
}
"""What each role alone holds. The opener has no file of its own; it reads the keyring. `escrow` is no process."""
SHARED: dict[str, tuple[str, ...]] = {
    "customer": ("link_keys", "code_key", "receipt_key"),
    "gateway": ("link_keys",),
    "staff": ("link_keys",),
    "courier": ("link_keys", "code_key", "receipt_key", "hash_keys"),
    "inspector": ("hash_keys",),
}
"""What several roles hold, each in a copy of its own."""
PUBLIC = {
    "signing_key": "custodian_public",
    "checkpoint_key": "checkpoint_public",
    "attestation_key": "inspector_public",
}
"""Ed25519 keys, and the name under which others pin their public half."""
OPEN_MODE = 0o644


@click.group()
def keys() -> None:
    """Key files."""


@keys.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--role", type=click.Choice(tuple(OWN)), required=True)
@click.option(
    "--shared-from",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of a role that has the shared keys (link_keys, code_key ...) already.",
)
def new(folder: Path, role: str, shared_from: Path | None) -> None:
    """Make the key files of one role in DIR (0700) and print the public halves to pin.

    `--role escrow` prints the offline identity that opens every case, once, and keeps its public half only.
    """
    shared = SHARED.get(role, ())
    taken = [name for name in (*OWN[role], *shared, *_public_names(role)) if (folder / name).exists()]
    if taken:
        raise CommandRefused(f"{folder / taken[0]} exists already")
    copies = {name: keyfiles.read_all(shared_from / name) for name in shared if shared_from and _has(shared_from, name)}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in (*OWN[role], *shared):
        keyfiles.create(folder / name, copies.get(name, ()))
        click.echo(f"{folder / name}{'  (copied)' if name in copies else ''}")
    if role == "inspector":
        (folder / "quarantine").mkdir(mode=0o700, exist_ok=True)
        click.echo(f"{folder / 'quarantine'}/")
    for line in _pins(folder, role):
        click.echo(line)


def _has(folder: Path, name: str) -> bool:
    return (folder / name).exists()


def _public_names(role: str) -> tuple[str, ...]:
    return ("escrow_public",) if role == "escrow" else tuple(PUBLIC[name] for name in OWN[role] if name in PUBLIC)


def _pins(folder: Path, role: str) -> Iterator[str]:
    for name in OWN[role]:
        if name in PUBLIC:
            public = SigningKey(keyfiles.read(folder / name)).verify_key()
            yield f"{_publish(folder / PUBLIC[name], public.raw)}  {public.text()}"
    if role == "escrow":
        identity = PrivateKey.generate()
        yield f"{_publish(folder / 'escrow_public', identity.public().raw)}  {identity.public().text()}"
        yield "identity, shown this once and stored nowhere; keep it offline:"
        yield identity.text()


def _publish(path: Path, public: bytes) -> Path:
    keyfiles.create(path, [public])
    path.chmod(OPEN_MODE)
    return path
