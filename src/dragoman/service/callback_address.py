"""Where callbacks may go: the URL that a client names, and the addresses that its host stands for."""

from __future__ import annotations

import base64
import re
import string
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from dragoman.core.errors import InvalidField

_MOST_CHARACTERS: Final = 2048
_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(
    r"(?P<scheme>https?)://(?:(?P<user>[^/?#@]*)@)?(?P<host>\[[0-9a-f:.]{2,45}\]|[^/?#@:\[\]]{1,253})"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")

_PRIVATE: Final = tuple(
    ip_network(network)
    for network in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        *("127.0.0.0/8", "::1/128"),
        "100.64.0.0/10",  # behind carriers' address translation
        "198.18.0.0/15",  # benchmarks, and some tunnels
    )
)
"""Of networks of one's own."""
_RESERVED: Final = tuple(
    ip_network(network)
    for network in (
        "0.0.0.0/8",  # Linux takes 0.0.0.0 for itself
        *("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32"),  # where clouds tell machines their secrets
        *("fd00:ec2::254/128", "fd20:ce::254/128"),  # the same
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24", "203.0.113.0/24"),
        "224.0.0.0/3",  # multicast, and what was never given out
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),  # tunnels to IPv4 among them
    )
)
"""No receiver can be there. Source: IANA's registries of special-purpose addresses."""
_GIVEN_OUT: Final = ip_network("2000::/3")
"""All of IPv6 that is public."""
_TRANSLATED: Final = ip_network("64:ff9b::/96")
"""IPv4 as machines see it that have IPv6 only (RFC 6052)."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in parts: ``host`` is a name in ASCII or an address without brackets, ``path`` has the query with it.
    ``authorization`` is the header that the user and the password in the URL make.
    """

    scheme: str
    host: str
    port: int
    path: str = field(repr=False)
    authorization: str | None = field(repr=False)

    @property
    def authority(self) -> str:
        """As the header ``Host`` has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def check_url(url: str, *, private_addresses: bool = False, field: str = "callback") -> None:
    """Whether callbacks can be posted to it. What its host stands for, if it is a name, shows when one is posted.

    Raises ``InvalidField`` with what is wrong. It names the ``field`` and never the URL.
    """
    if len(url) > _MOST_CHARACTERS:
        raise InvalidField(f"The URL of {field} is longer than {_MOST_CHARACTERS:,} characters.", field=field)
    target_of(url, private_addresses=private_addresses, field=field)


def target_of(url: str, *, private_addresses: bool = False, field: str = "callback") -> Target:
    """A URL of any length in its parts. Raises ``InvalidField`` like ``check_url``."""
    found = _URL.fullmatch(url)
    host = _host(found["host"]) if found else None
    port = int(found["port"] or _PORTS[found["scheme"].lower()]) if found else 0
    if found is None or host is None or not 0 < port < 65536 or not url.isprintable() or {" ", "\\"} & set(url):
        raise InvalidField(
            f"The URL of {field} cannot be posted to. Give one like https://example.com/done: http "
            "or https, no fragment, no spaces, addresses in decimal.",
            field=field,
        )
    address = _literal(host)
    refused = address and refusal(address, private_addresses=private_addresses)
    if refused:
        raise InvalidField(f"The URL of {field} cannot be posted to: {refused}.", field=field)
    return Target(
        scheme=found["scheme"].lower(),
        host=host,
        port=port,
        path=quote((found["path"] or "/") + (found["query"] or ""), safe=string.punctuation),
        authorization=_authorization(found["user"]),
    )


def refusal(address: IPv4Address | IPv6Address, *, private_addresses: bool) -> str | None:
    """Why nothing is posted to an address. ``None``: it may be."""
    address = _embedded(address)
    if any(address in network for network in _RESERVED):
        return "the address is reserved"
    if any(address in network for network in _PRIVATE):
        return None if private_addresses else "the address is private, and this server posts to public ones only"
    return None if address.version == 4 or address in _GIVEN_OUT else "the address is reserved"


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that is meant by one of IPv6."""
    if isinstance(address, IPv6Address):
        if address in _TRANSLATED:
            return IPv4Address(int(address) & 0xFFFFFFFF)
        return address.ipv4_mapped or address
    return address


def _host(written: str) -> str | None:
    """A name in ASCII, or an address in its usual form. ``None``: neither. Numbers that some programs take for
    addresses (``0x7f.1``, ``2130706433``) are neither.
    """
    try:
        if written.startswith("["):
            return str(IPv6Address(written[1:-1]))
        name = written.encode("idna").decode("ascii").lower().removesuffix(".")
        labels = name.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return str(IPv4Address(name))
    except ValueError:
        return None
    return name if len(name) <= 253 and all(_LABEL.fullmatch(label) for label in labels) else None


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    if f".{host}".endswith(".localhost"):
        return IPv4Address("127.0.0.1")  # RFC 6761
    try:
        return ip_address(host)
    except ValueError:
        return None


def _authorization(user: str | None) -> str | None:
    if not user:
        return None
    name, _, password = user.partition(":")
    return "Basic " + base64.b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password)).decode()
