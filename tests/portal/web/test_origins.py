"""Which address a request counts for: a header alone never decides it."""

from ipaddress import ip_network

import pytest

from portal.web.origins import client_of

PROXIES = (ip_network("127.0.0.1"), ip_network("10.0.0.0/8"), ip_network("fd00::/64"))


@pytest.mark.parametrize(
    ("peer", "counts_as"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::2", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", None),
        ("::1", None),
        ("", None),
        (None, None),
        ("not an address", None),
    ],
)
def test_a_subscriber_counts_as_one(peer: str | None, counts_as: str | None) -> None:
    assert client_of(peer, None, ()) == counts_as


def test_a_spoofed_header_changes_nothing_where_no_proxy_is_named() -> None:
    assert client_of("203.0.113.7", "198.51.100.1", ()) == "203.0.113.7"


def test_a_spoofed_header_changes_nothing_for_a_client_that_is_no_proxy() -> None:
    assert client_of("203.0.113.7", "198.51.100.1", PROXIES) == "203.0.113.7"


@pytest.mark.parametrize(
    ("forwarded", "counts_as"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("6.6.6.6, 198.51.100.1, 10.1.2.3", "198.51.100.1"),
        ("10.9.9.9, 198.51.100.1", "198.51.100.1"),
        ("2001:db8::5", "2001:db8::/64"),
        ("10.1.2.3, 10.1.2.4", None),
        ("nonsense", None),
        ("6.6.6.6, nonsense", None),
        (None, None),
        ("", None),
    ],
)
def test_a_spoofed_address_before_the_proxys_own_word_is_not_read(forwarded: str | None, counts_as: str | None) -> None:
    assert client_of("127.0.0.1", forwarded, PROXIES) == counts_as
