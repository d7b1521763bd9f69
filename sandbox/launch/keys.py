"""Make each role's keys once: random, 0600, in a folder that only this role will see.

Keys that several roles share (links, one-time codes, receipts, hashes) are copied: each role has its own file. Public
halves lie in `public`, readable by all. The escrow recipient's private half is returned once and stored nowhere.
"""

from pathlib import Path

from sandbox.launch.layout import Layout
from sandbox.tsa.authority import Authority
from storage.sealing import keyfiles
from storage.sealing.signing import SigningKey
from storage.sealing.unseal import PrivateKey

OWN: dict[str, tuple[str, ...]] = {
    "customer": ("customer_key",),
    "gateway": ("box_key",),
    "staff": ("session_key", "box_key"),
    "inspector": ("attestation_key",),
    "courier": ("box_key",),
    "custodian": ("signing_key", "checkpoint_key"),
    "opener": (),
    "whatsapp": ("app_secret", "access_token"),
    "tsa": (),
    "mail": (),
    "crm": ("webhook_secret",),
    "demo": (),
    "owner": (),
}
SHARED: dict[str, tuple[str, ...]] = {
    "link_keys": ("customer", "gateway", "staff", "courier"),
    "code_key": ("customer", "courier"),
    "receipt_key": ("customer", "courier"),
    "hash_keys": ("inspector", "courier"),
}
PINNED = {
    "custodian": "custodian/signing_key",
    "checkpoint": "custodian/checkpoint_key",
    "inspector": "inspector/attestation_key",
}
TSA_ROOT = "tsa_root.pem"
"""Under `public`: the certificate that time stamps must lead to."""
KEYRING_USERS = ("custodian", "opener")


def make_keys(layout: Layout) -> str | None:
    """Make every key that is not there yet. Return the new escrow identity (age secret key), or None if not new."""
    for role, names in OWN.items():
        (layout.keys / role).mkdir(mode=0o700, exist_ok=True)
        for name in names:
            _once(layout.keys / role / name)
    for name, roles in SHARED.items():
        places = [layout.keys / role / name for role in roles]
        first = next((place for place in places if place.exists()), places[0])
        _once(first)
        for place in places:
            if not place.exists():
                keyfiles.create(place, keyfiles.read_all(first))
    for folder in ("keyring", "public", "inspector/quarantine"):
        (layout.keys / folder).mkdir(mode=0o700, exist_ok=True)
    for name, private in PINNED.items():
        public = layout.keys / "public" / name
        if not public.exists():
            keyfiles.create(public, [SigningKey(keyfiles.read(layout.keys / private)).verify_key().raw])
    root = layout.keys / "public" / TSA_ROOT
    if not root.exists():
        root.write_bytes(Authority.at(layout.keys / "tsa" / "authority").ca_pem.read_bytes())
        root.chmod(0o600)
    return _make_escrow(layout.keys / "public" / "escrow")


def foreign_to(role: str, layout: Layout) -> tuple[Path, ...]:
    """Return the key folders that `role` must not be able to open."""
    others = [layout.keys / other for other in OWN if other != role]
    return tuple(others if role in KEYRING_USERS else [*others, layout.keys / "keyring"])


def _once(path: Path) -> None:
    if not path.exists():
        keyfiles.create(path)


def _make_escrow(public: Path) -> str | None:
    if public.exists():
        return None
    escrow = PrivateKey.generate()
    keyfiles.create(public, [escrow.public().raw])
    return escrow.text()
