"""Laws of where callbacks may go: what is a URL, and which addresses are whose."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import InvalidField
from dragoman.service.callback_address import check_url, refusal, target_of

pytestmark = pytest.mark.unit

NOT_PUBLIC = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
    *("224.0.0.0/4", "240.0.0.0/4", "255.255.255.255/32", "168.63.129.16/32"),
    *("::/128", "::1/128", "::ffff:0:0:0/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:2::/48", "2001:10::/28"),
    *("2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8"),
    *("::7f00:1/128", "fd00:ec2::254/128"),
]
PUBLIC = ["8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "223.255.255.255", "2a00:1450::1"]
METADATA = ["169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"]
"""Where clouds tell machines their secrets."""


def addresses(network: str) -> st.SearchStrategy[IPv4Address | IPv6Address]:
    found = ip_network(network)
    return st.sampled_from([found[0], found[-1]]) | st.integers(0, found.num_addresses - 1).map(found.__getitem__)


def with_ipv6(address: IPv4Address) -> list[IPv4Address | IPv6Address]:
    return [address, IPv6Address(f"::ffff:{address}"), IPv6Address(f"64:ff9b::{address}")]


@given(st.sampled_from(NOT_PUBLIC).flatmap(addresses))
def test_an_address_that_is_not_public_is_refused_however_it_is_put(address: IPv4Address | IPv6Address) -> None:
    for spelling in with_ipv6(address) if isinstance(address, IPv4Address) else [address]:
        assert refusal(spelling, private_addresses=False)


@given(st.ip_addresses())
def test_what_may_be_posted_to_is_public_to_the_standard_library(address: IPv4Address | IPv6Address) -> None:
    if refusal(address, private_addresses=False) is None:
        assert address.is_global or address in ip_network("64:ff9b::/96")
        assert not address.is_multicast


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_may_be_posted_to_however_they_are_put(text: str) -> None:
    address = ip_address(text)
    for spelling in with_ipv6(address) if isinstance(address, IPv4Address) else [address]:
        assert refusal(spelling, private_addresses=False) is None


@given(
    st.sampled_from(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7"]).flatmap(
        addresses
    )
)
def test_a_server_may_be_allowed_to_post_to_its_own_network(address: IPv4Address | IPv6Address) -> None:
    assert (refusal(address, private_addresses=True) is None) is (str(address) not in METADATA)


@pytest.mark.parametrize("text", [*METADATA, "0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "fe80::1", "ff02::1"])
def test_no_server_posts_to_where_no_receiver_is(text: str) -> None:
    assert refusal(ip_address(text), private_addresses=True)


@given(st.ip_addresses())
def test_a_url_is_refused_for_the_address_in_it(address: IPv4Address | IPv6Address) -> None:
    url = f"http://[{address}]/" if address.version == 6 else f"http://{address}/"
    if refusal(address, private_addresses=False) is None:
        assert ip_address(target_of(url).host) == address
    else:
        with pytest.raises(InvalidField, match=r"private|reserved"):
            check_url(url)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "127.0.0.1.",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "\uff11\uff12\uff17.0.0.1",
        "127\u30020\u30020\u30021",
        "user@127.0.0.1",
        "example.com:80@127.0.0.1",
    ],
)
def test_this_machine_is_known_by_all_its_names(host: str) -> None:
    with pytest.raises(InvalidField, match="private"):
        check_url(f"http://{host}/")
    check_url(f"http://{host}/", private_addresses=True)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "/done",
            "//example.com/",
            "example.com",
            "http:/example.com",
            "http:///done",
            "http://",
            "https://:443/",
        ),
        *(
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript:alert(1)",
            "ws://example.com",
        ),
        *("http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://0177.0.0.1/", "http://127.1/"),
        *("http://127.0.0.01/", "http://1.2.3.4.5/", "http://256.1.1.1/", "http://example.0x/", "http://8.8.8.8:/"),
        *("http://[::1/", "http://::1/", "http://[fe80::1%25lo]/", "http://[::1]a/", "http://[1:2]/", "http://[v1.a]/"),
        *("http://example.com:0/", "http://example.com:65536/", "http://example.com:8a/", "http://example.com:-1/"),
        *(
            "http://exa mple.com/",
            " http://example.com/",
            "http://example.com/\n",
            "http://example.com/a b",
            "http://\t/",
        ),
        *(
            "http://example.com/\r\nHost: a",
            "http://exam\u00adple..com/",
            "http://example.com/\x00",
            "http://a\u2028.com",
        ),
        *("http://example.com\\@127.0.0.1/", "http://a@b@example.com/", "http://example.com/#part", "http://a/?b#"),
        *("http://ex*mple.com/", "http://-a.com/", "http://a..com/", f"http://{'a' * 64}.com/", "http://%6c.com/"),
        *(f"http://{'a.' * 127}com/", "http://\ud800.com/"),
    ],
)
def test_what_is_no_complete_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidField, match="cannot be posted to") as refused:
        check_url(url, private_addresses=True, field="callback_url")
    assert refused.value.field == "callback_url"


def test_a_url_has_room_for_what_dialects_add() -> None:
    longest = "https://example.com/".ljust(2048, "a")
    check_url(longest)
    with pytest.raises(InvalidField, match="longer"):
        check_url(longest + "a")
    assert target_of(longest + "?id=1").path.endswith("a?id=1")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "a b"])
def test_a_refusal_has_no_secrets(host: str) -> None:
    with pytest.raises(InvalidField) as refused:
        check_url(f"http://us3r:passw0rd@{host}/p4th?t0ken=x")
    assert not [secret for secret in ("us3r", "passw0rd", "p4th", "t0ken") if secret in refused.value.message]


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "path"),
    [
        ("http://example.com", "http", "example.com", 80, "/"),
        ("HTTPS://EXAMPLE.com./a/../b?c=%2f&d", "https", "example.com", 443, "/a/../b?c=%2f&d"),
        ("http://example.com:8080?a=http://b/@c", "http", "example.com", 8080, "/?a=http://b/@c"),
        ("http://under_score.b\u00fccher.example/\u00fc", "http", "under_score.xn--bcher-kva.example", 80, "/%C3%BC"),
        ("https://[2A00:1450:0::1]:8443/", "https", "2a00:1450::1", 8443, "/"),
    ],
)
def test_a_url_is_taken_apart(url: str, scheme: str, host: str, port: int, path: str) -> None:
    target = target_of(url)
    assert (target.scheme, target.host, target.port, target.path) == (scheme, host, port, path)


@given(st.text(max_size=60) | st.text("htps:/@[]?#.%0127x\\ abc", max_size=30).map("http://".__add__))
def test_whatever_is_sent_is_a_url_or_refused(url: str) -> None:
    try:
        target = target_of(url)
    except InvalidField:
        return
    assert (target.authority + target.path).isascii()
    assert (target.authority + target.path).isprintable()
    assert " " not in target.authority + target.path
