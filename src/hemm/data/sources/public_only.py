"""A transport of httpx that connects to public addresses alone, whatever a name or a redirect leads to."""

from __future__ import annotations

import ipaddress
import socket

import httpx

from hemm.core import HemmError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PublicOnly(httpx.BaseTransport):
    """Sends each request, redirected ones too, to the public address that its host has.

    The address that was looked at is the one that is connected to, so that a name cannot change in between.
    Raises HemmError for a host with another address.
    """

    def __init__(self) -> None:
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=public_address(host, request.url.port)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return self._inner.handle_request(pinned)

    def close(self) -> None:
        self._inner.close()


def public_address(host: str, port: int | None = None) -> str:
    """A public IP address of ``host``. Raises HemmError where one of its addresses is not public, and
    httpx.ConnectError where it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpx.ConnectError(f"{host} has no address: {error}") from None
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if not is_public(address):
            raise HemmError(
                f"{host} has the address {address}, which is not public; hemm prepare --private-addresses "
                "fetches from it too"
            )
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also where it holds an IPv4 address.

    >>> [is_public(a) for a in ("93.184.215.14", "10.0.0.1", "127.0.0.1", "169.254.169.254", "::1")]
    [True, False, False, False, False]
    >>> [is_public(a) for a in ("::ffff:127.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "2606:2800:21f::1")]
    [False, False, False, True]
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        held = found.ipv4_mapped or found.sixtofour
        if found in _NAT64:
            held = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if held is not None:
            return is_public(str(held))
    return found.is_global and not found.is_multicast
