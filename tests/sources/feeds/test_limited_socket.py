"""The sockets for connections to strangers, by either way in which an event loop receives."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator

import pytest

from bot.sources.feeds import limited_socket
from bot.sources.feeds.limited_socket import PIECE, LimitedSocket

Receive = Callable[[LimitedSocket], int]
RECEIVE: dict[str, Receive] = {
    "recv": lambda limited: len(limited.recv(1 << 20)),
    "recv_into": lambda limited: limited.recv_into(bytearray(1 << 20)),
    "recv_into with a size": lambda limited: limited.recv_into(bytearray(1 << 20), 1 << 19),
}


@pytest.fixture
def pair() -> Iterator[tuple[LimitedSocket, socket.socket]]:
    one, other = socket.socketpair()
    with LimitedSocket(fileno=one.detach()) as limited, other:
        yield limited, other


@pytest.mark.parametrize("name", RECEIVE)
def test_little_is_received_at_a_time_and_an_answer_is_limited(
    pair: tuple[LimitedSocket, socket.socket], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited, other = pair
    monkeypatch.setattr(limited_socket, "MAX_ANSWER", 3 * PIECE)
    for _ in range(2):
        limited.send(b"a request")
        other.sendall(bytes(3 * PIECE))
        assert sum(RECEIVE[name](limited) for _ in range(3)) == 3 * PIECE
    other.sendall(b"more")
    with pytest.raises(OSError, match="too large") as error:
        RECEIVE[name](limited)
    assert error.value.errno == errno.EMSGSIZE


def test_an_answer_to_what_was_sent_in_parts_is_limited_anew(pair: tuple[LimitedSocket, socket.socket]) -> None:
    limited, other = pair
    other.sendall(b"x")
    assert limited.recv(1) == b"x"
    limited.sendmsg([b"a ", b"request"])
    assert limited._received == 0
