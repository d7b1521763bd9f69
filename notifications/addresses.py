"""Which addresses may be spoken to, when an organization chose them: the rules of the guard against SSRF.

Rules: public addresses over https on few ports; private ones (and plain http to them) where they are asked for;
link-local, metadata, multicast and reserved ones never, nor an IPv4 address dressed as IPv6. One address of a host that
is not allowed refuses the host.
Sources: IANA special-purpose registries (RFC 6890 and updates), RFC 6052 (NAT64), RFC 3056 (6to4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

URL_LENGTH = 2000
PORTS = frozenset({443, 8443})
PRIVATE_PORTS = frozenset({80, 443})
"""Where private addresses are allowed also everything from 1024."""

NEVER = tuple(
    ip_network(each)
    for each in (
        "0.0.0.0/8",
        "169.254.0.0/16",  # link-local, metadata services
        "168.63.129.16/32",  # Azure's agent, a public address that answers inside only
        "100.100.100.200/32",  # Alibaba's metadata service
        "192.0.0.0/24",  # Oracle's metadata service
        "192.88.99.0/24",
        "224.0.0.0/3",  # multicast, reserved, broadcast
        "::/128",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
        "fd00:ec2::/32",  # AWS metadata
        "fd20:ce::/32",  # Google metadata
        "::ffff:0:0/96",  # an IPv4 address in other clothes, like the next ones
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "2002::/16",
    )
)
"""Refused whatever was allowed."""
PRIVATE = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "::1/128",
        "fc00::/7",
    )
)

Address = IPv4Address | IPv6Address
Resolver = Callable[[str, int], Sequence[str]]
"""Returns the addresses of a host; raises OSError."""


class EgressError(Exception):
    """The request came to no answer; `code` is short and names no address."""

    def __init__(self, code: str) -> None:
        """Name why."""
        super().__init__(code)
        self.code = code


class EgressRefused(EgressError):
    """The address is one that we do not speak to. Nothing was sent."""


class NeverLeft(EgressError):
    """No connection came about. Nothing was sent."""


class NoAnswer(EgressError):
    """The connection ended before a whole answer: the request may have arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A checked address, in its parts."""

    scheme: str
    host: str
    port: int
    target: str


def destination(untrusted_url: str, *, private: bool) -> Destination:
    """Return the parts of an address that may be spoken to, as far as it can be told without resolving it.

    `private`: private addresses are allowed here. Raises EgressRefused.
    """
    if len(untrusted_url) > URL_LENGTH or not untrusted_url.isascii() or not untrusted_url.isprintable():
        raise EgressRefused("url")
    try:
        parts = urlsplit(untrusted_url)
        port = parts.port
    except ValueError:
        raise EgressRefused("url") from None
    if parts.scheme not in ({"https", "http"} if private else {"https"}):
        raise EgressRefused("scheme")
    if not parts.hostname or " " in untrusted_url or "\\" in untrusted_url or parts.username is not None:
        raise EgressRefused("url")
    port = port if port is not None else {"https": 443, "http": 80}[parts.scheme]
    if not (port in PORTS or (private and (port in PRIVATE_PORTS or port >= 1024))):
        raise EgressRefused("port")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(scheme=parts.scheme, host=parts.hostname, port=port, target=target)


def allowed_addresses(host: str, port: int, resolve: Resolver, *, private: bool) -> list[Address]:
    """Return the addresses of a host when all of them may be spoken to. Raises EgressRefused, NeverLeft."""
    try:
        found = [ip_address(each.partition("%")[0]) for each in resolve(host, port)]
    except (OSError, UnicodeError, ValueError):
        raise NeverLeft("dns") from None
    if not found:
        raise NeverLeft("dns")
    if not all(is_allowed(each, private=private) for each in found):
        raise EgressRefused("address")
    return found


def is_allowed(address: Address, *, private: bool) -> bool:
    """Whether an address is public, or private where that is allowed (`private`). What is neither is refused."""
    if any(address in network for network in NEVER):
        return False
    if any(address in network for network in PRIVATE):
        return private
    return address.is_global and not address.is_multicast and not address.is_reserved
