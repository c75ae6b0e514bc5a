"""The addresses that may be connected to on behalf of strangers: public ones only."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from aiohttp.abc import ResolveResult
from aiohttp.connector import AddrInfoType

from bot.sources.feeds.limited_socket import create_socket

_NAT64 = IPv6Network("64:ff9b::/96")
_GLOBAL_UNICAST = IPv6Network("2000::/3")
_SPECIAL = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments, among them addresses of the next router
    IPv4Network("192.88.99.0/24"),  # 6to4 relays, withdrawn by RFC 7526
    IPv6Network("3fff::/20"),  # documentation, which Python 3.11 takes for public
)


class AddressRefusedError(OSError):
    """The address is not a public one."""

    def __init__(self) -> None:
        # The same text for each address: aiohappyeyeballs joins errors that differ, and their type would be lost.
        super().__init__("not a public address")


def is_public_address(text: str) -> bool:
    """Whether an IP address belongs to the public internet. Addresses that wrap an IPv4 address are judged by that.

    `is_global` alone is true for multicast, site-local and wrapped private addresses. All of Teredo is refused.
    """
    try:
        address = _unwrap_address(ip_address(text))
    except ValueError:
        return False
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address in network for network in _SPECIAL)


def _unwrap_address(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def create_guarded_socket(info: AddrInfoType) -> socket.socket:
    """Create the socket of a connection. Raises `AddressRefusedError` unless its address is public.

    As aiohttp's `socket_factory` it is called after resolution for each address that is about to be connected to,
    literals and redirects included, so that no second look-up can give another one.
    """
    check_address(str(info[4][0]))
    return create_socket(info)


def check_address(text: str) -> None:
    """Raise `AddressRefusedError` unless an IP address is public."""
    if not is_public_address(text):
        raise AddressRefusedError


def check_resolved(results: list[ResolveResult]) -> None:
    """Raise `AddressRefusedError` unless all the addresses of a host are public, for a proxy may choose any of them."""
    for result in results:
        check_address(result["host"])
