"""A certificate authority, a time-stamp signer and their answers, all through the openssl command line.

The certificate list is kept out of the answers' options on purpose (`certs` in the configuration): openssl would then
write a SET in an order that strict DER parsers refuse.
"""

import os
import shutil
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

QUERY_LIMIT = 64 * 1024
"""Bytes of the longest query that is read; a real one has about a hundred."""
POLICY = "1.2.3.4.1"
DAYS = "3650"

_EXTENSIONS = """
[ca]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[signer]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
"""
_SERVICE = f"""
[tsa]
default_tsa = here
[here]
serial = ./serial
signer_cert = ./signer.pem
signer_key = ./signer.key
signer_digest = sha256
default_policy = {POLICY}
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class TsaError(Exception):
    """openssl refused or is missing. `code` is stable."""

    code = "tsa_failed"


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority that lives in `directory` (0700): ca.pem, signer.pem, their keys (0600), a serial number."""

    directory: Path
    _lock: threading.Lock

    @classmethod
    def at(cls, directory: Path) -> "Authority":
        """Open the authority in `directory`; when there is none yet it is made, whole or not at all."""
        if not (directory / "tsa.cnf").exists():
            directory.parent.mkdir(parents=True, exist_ok=True)
            _make(directory)
        return cls(directory, threading.Lock())

    @property
    def ca_pem(self) -> Path:
        """The file with the certificate that a verifier trusts."""
        return self.directory / "ca.pem"

    def answer(self, untrusted_query: bytes) -> bytes:
        """Return the time-stamp reply (DER) to a query (DER). A query it cannot read gets a rejection (RFC 3161).

        One at a time: openssl keeps the serial number in a file. Raises TsaError.
        """
        with self._lock, tempfile.TemporaryDirectory(dir=self.directory, prefix="answer-") as place:
            query, reply = Path(place, "query.tsq"), Path(place, "reply.tsr")
            query.write_bytes(untrusted_query)  # a hash and a nonce: nothing secret
            command = ["ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(query), "-out", str(reply)]
            _openssl(command, self.directory, accept_failure=True)
            if not reply.exists() or not (answer := reply.read_bytes()):
                raise TsaError("openssl gave no reply")
            return answer


def _make(directory: Path) -> None:
    """Build in a sibling directory and rename it, so that a half-made authority is never opened."""
    fresh = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}-"))
    try:
        (fresh / "extensions.cnf").write_text(_EXTENSIONS)
        (fresh / "serial").write_text("01\n")
        for name, subject in (
            ("ca", "/O=Resguardo sandbox/CN=Local CA"),
            ("signer", "/O=Resguardo sandbox/CN=Local TSA"),
        ):
            _openssl(
                ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", f"{name}.key"], fresh
            )
            (fresh / f"{name}.key").chmod(0o600)
            _openssl(["req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", f"{name}.csr"], fresh)
        common = ["-days", DAYS, "-sha256", "-extfile", "extensions.cnf"]
        _openssl(
            ["x509", "-req", "-in", "ca.csr", "-signkey", "ca.key", "-extensions", "ca", "-out", "ca.pem", *common],
            fresh,
        )
        issued_by_ca = ["-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", "2", "-extensions", "signer"]
        _openssl(["x509", "-req", "-in", "signer.csr", *issued_by_ca, "-out", "signer.pem", *common], fresh)
        (fresh / "tsa.cnf").write_text(_SERVICE)
        if directory.exists() and not any(directory.iterdir()):
            directory.rmdir()
        fresh.rename(directory)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _openssl(arguments: list[str], directory: Path, *, accept_failure: bool = False) -> None:
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    try:
        done = subprocess.run(
            ["openssl", *arguments], cwd=directory, env=environment, capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TsaError(f"openssl {arguments[0]}: {type(error).__name__}") from error
    if done.returncode and not accept_failure:
        raise TsaError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()[-300:]}")
