"""Only public addresses are connected to, however a private one is spelled or wrapped."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

import pytest

from bot.domain.fetch_result import FetchProblem, FetchRequest
from bot.sources.feeds.address_guard import AddressRefusedError, create_guarded_socket, is_public_address
from bot.sources.feeds.fetcher import Fetcher
from tests.sources.feeds.web_server import OUTSIDE, WebServer, respond, route_public

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.8.8"]
)
def test_public_addresses_are_taken(address: str) -> None:
    assert is_public_address(address)
    with create_guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80))) as guarded:
        # One read brings little, since it is parsed without a pause.
        assert guarded.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) <= 128 * 1024


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",  # private
        "169.254.169.254", "100.64.0.1", "100.127.255.255", "198.18.0.1", "192.0.2.1", "203.0.113.1",  # special
        "192.0.0.9", "192.0.0.170", "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "ff0e::1",  # IPv6
        "100::1", "2001:db8::1", "3fff::1", "2001:20::1", "5f00::1", "4000::1", "64:ff9b:1::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "::8.8.8.8",  # wrapped
        "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1",
        "2002:c0a8:101::1", "2002:e000:1::1", "2001:0:7f00:1::1", "2001:0:808:808::f7f7:f7f7", "fe80::5efe:7f00:1",
        "", "localhost", "127.1", "0x7f000001", "2130706433", "not an address",  # none
    ],
)  # fmt: skip
def test_all_others_are_refused(address: str) -> None:
    assert not is_public_address(address)
    with pytest.raises(AddressRefusedError):
        create_guarded_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))


SPELLINGS = [
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1",
    "017700000001", "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[::127.0.0.1]", "[fe80::1%25lo]", "localhost", "LOCALHOST", "localhost.",
    "①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "ⓛocalhost", "127.0.0.1%00.example", "127.0.0.1 .example",
    "169.254.169.254", "10.0.0.1", "224.0.0.1",
    "a@127.0.0.1", "93.184.215.14:80@127.0.0.1", "127.0.0.1\\@93.184.215.14",
]  # fmt: skip
"""Ways to write the loopback address and other private ones in a URL; the resolver or the guard has to see through."""


@pytest.mark.parametrize("host", SPELLINGS)
@pytest.mark.parametrize("is_redirect", [False, True])
async def test_trap_39_no_spelling_reaches_this_machine(
    host: str, is_redirect: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with WebServer().serve() as private, WebServer().serve() as public:
        address = f"http://{host}:{private.port}/feed"
        if is_redirect:
            route_public(monkeypatch, {"paper.example": [[OUTSIDE]]})
            public.answers["/"] = [respond(302, Location=address.encode().decode("latin-1"))]
        url = f"http://paper.example:{public.port}/" if is_redirect else address
        async with Fetcher(ports={private.port, public.port}) as fetcher:
            result = await fetcher.fetch(FetchRequest(url), NOW)
    refusals = {FetchProblem.PRIVATE_ADDRESS, FetchProblem.INVALID_ADDRESS, FetchProblem.UNKNOWN_HOST}
    if is_redirect:
        refusals.add(FetchProblem.INVALID_REDIRECT)
    assert result.problem in refusals
    assert (private.connections, len(public.requests)) == (0, int(is_redirect))
