"""Sockets for connections to strangers, who may send as much as they like."""

from __future__ import annotations

import errno
import socket
from typing import Any

from aiohttp.connector import AddrInfoType

PIECE = 8192
"""Bytes. What one read brings is parsed without a pause: 256 kB of "100 Continue" hold the loop up for 0.1 s."""
MAX_ANSWER = 6_000_000
"""Bytes on the wire: more than a document may have, with its headers."""
_RECEIVE_BUFFER = 65_536
"""Bytes; Linux doubles it."""


class LimitedSocket(socket.socket):
    """A socket that receives little at a time, and no more than `MAX_ANSWER` after something was sent.

    The limit ends answers that never come to a document, such as an endless series of headers. It raises `OSError` with
    `EMSGSIZE`, the only part of an error that aiohttp passes on.
    """

    _received = 0

    def send(self, *args: Any) -> int:
        self._received = 0
        return super().send(*args)

    def sendmsg(self, *args: Any) -> int:
        self._received = 0
        return super().sendmsg(*args)

    def recv(self, size: int, *args: Any) -> bytes:
        data = super().recv(min(size, PIECE), *args)
        self._count_received(len(data))
        return data

    def recv_into(self, buffer: Any, size: int = 0, *args: Any) -> int:
        received = super().recv_into(buffer, min(size or len(buffer), PIECE), *args)
        self._count_received(received)
        return received

    def _count_received(self, size: int) -> None:
        self._received += size
        if self._received > MAX_ANSWER:
            raise OSError(errno.EMSGSIZE, "the answer is too large")


def create_socket(info: AddrInfoType) -> LimitedSocket:
    """Create the socket of a connection; aiohttp's `socket_factory`."""
    family, kind, protocol, _, _ = info
    limited = LimitedSocket(family, kind, protocol)
    limited.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    return limited
