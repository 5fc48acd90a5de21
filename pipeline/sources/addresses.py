"""Check of network addresses: lists from strangers may only reach public ones."""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from tag2mask.pipeline.sources.sandboxed_folder import UnreadableError

# Global by the book, but each carries an IPv4 address that need not be: 6to4 and NAT64.
_CARRIERS = (ip_network("2002::/16"), ip_network("64:ff9b::/96"))


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet at large.

    Not so private, loopback, link-local (where clouds keep their metadata), shared,
    multicast and reserved ones, nor IPv6 addresses that carry an IPv4 one.
    """
    ip: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    carried = isinstance(ip, IPv6Address) and any(ip in network for network in _CARRIERS)
    return ip.is_global and not ip.is_multicast and not carried


class PublicResolver(AbstractResolver):
    """Resolves names for aiohttp, which connects to what was checked here and nothing else.

    A check before the connection alone would be worthless: a name may resolve to another
    address a moment later.

    Args:
        allowed: Names whose addresses may be private.
    """

    def __init__(self, allowed: Collection[str]) -> None:
        self._allowed = frozenset(allowed)
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            UnreadableError: If one of them is not public and the name is not allowed.
            OSError: If it has none.
        """
        found = await self._resolver.resolve(host, port, family)
        if host not in self._allowed and not all(is_public(entry["host"]) for entry in found):
            raise UnreadableError(private(host))
        return found

    async def close(self) -> None:
        """Nothing to release."""
        await self._resolver.close()


def check_literal(host: str, allowed: Collection[str]) -> None:
    """Check a host that is written as an address, which no resolver gets to see.

    Raises:
        UnreadableError: If it is neither public nor allowed.
    """
    try:
        public = is_public(host)
    except ValueError:
        return  # a name
    if not public and host not in allowed:
        raise UnreadableError(private(host))


def private(host: str) -> str:
    """Message for a host on a private network, with the setting that allows it."""
    return f"the host {host} is on a private network; download.hosts can allow it by name"
