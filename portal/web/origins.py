"""Where a request comes from, for coarse limits: the network address of the client, never kept and never logged.

Rules: the peer of the connection is the client, unless the settings name it as a proxy; only then its X-Forwarded-For
is read, from the right, and no further than the first address that is no proxy of ours: what stands before that was
written by whoever sent the request. An IPv6 client counts as its /64, which is what one subscriber gets; an IPv4 one as
its single address, which families and mobile networks share, so limits must be generous.
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Network = IPv4Network | IPv6Network
SUBSCRIBER = 64
"""Prefix length that counts as one IPv6 client (RFC 6177: a site gets at least this)."""


def address_of(
    untrusted_peer: str | None, untrusted_forwarded: str | None, proxies: Sequence[Network]
) -> IPv4Address | IPv6Address | None:
    """Return the network address of the client itself; None where it cannot be told."""
    hop = _address(untrusted_peer)
    for said in reversed((untrusted_forwarded or "").split(",")):
        if hop is None or not any(hop in network for network in proxies):
            break
        hop = _address(said)
    return None if hop is None or any(hop in network for network in proxies) else hop


def client_of(untrusted_peer: str | None, untrusted_forwarded: str | None, proxies: Sequence[Network]) -> str | None:
    """Return what the client counts as: `203.0.113.7` or `2001:db8::/64`; None where the client cannot be told.

    That is: no address at all (a Unix socket), or a loopback one, behind which a proxy serves everybody.
    """
    client = address_of(untrusted_peer, untrusted_forwarded, proxies)
    if client is None or client.is_loopback:
        return None
    return str(IPv6Network((client, SUBSCRIBER), strict=False)) if isinstance(client, IPv6Address) else str(client)


def _address(untrusted: str | None) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address((untrusted or "").strip())
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
