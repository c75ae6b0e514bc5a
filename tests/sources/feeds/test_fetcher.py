"""The fetcher takes what is sound, refuses what is not in one word, and never raises."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp.compression_utils import ZLibDecompressor

from bot.domain.fetch_result import ContentKind, FetchProblem, FetchRequest, FetchResult, FetchStatus
from bot.settings import PrivateHost
from bot.sources.feeds import fetcher as fetcher_module
from bot.sources.feeds import limited_socket
from bot.sources.feeds.fetcher import MAX_BODY, MAX_CONCURRENT, MAX_REDIRECTS, Fetcher, _begin_journey
from bot.sources.feeds.limited_socket import PIECE
from tests.sources.feeds.certificate import make_server_context, trust_certificate
from tests.sources.feeds.web_server import OUTSIDE, Answer, WebServer, create_slow, respond, route_public
from tests.support.hostile_bodies import (
    make_bomb,
    send_endless_body,
    send_endless_header,
    send_endless_headers,
    send_endless_notes,
    send_nothing,
    send_slowly,
    send_small_chunks,
)

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FEED = b"<?xml version='1.0'?><rss version='2.0'><channel><title>The Paper</title></channel></rss>"
OK = respond(200, FEED, Content_Type="application/rss+xml", ETag='"1"', Last_Modified="Sun, 29 Nov 2026 08:00:00 GMT")


@pytest.fixture
async def site() -> AsyncIterator[WebServer]:
    async with WebServer().serve() as server:
        yield server


@pytest.fixture
async def fetcher(site: WebServer) -> AsyncIterator[Fetcher]:
    """It may fetch from the site, as from a host of the own network."""
    async with Fetcher(private_hosts=[PrivateHost("127.0.0.1", site.port)]) as opened:
        yield opened


async def _fetch(fetcher: Fetcher, site: WebServer, *answers: Answer, **known: str) -> FetchResult:
    site.answers["/feed"] = list(answers)
    return await fetcher.fetch(FetchRequest(site.url("/feed"), **known), NOW)


async def test_a_document_comes_with_what_asks_for_the_next_one(site: WebServer, fetcher: Fetcher) -> None:
    result = await _fetch(fetcher, site, OK)
    assert (result.status, result.problem, result.http_status) == (FetchStatus.NEW, None, 200)
    assert (result.body, result.url, result.kind) == (FEED, site.url("/feed"), ContentKind.XML)
    assert result.content_type == "application/rss+xml"
    assert (result.etag, result.last_modified) == ('"1"', "Sun, 29 Nov 2026 08:00:00 GMT")
    assert result.moved_to == ""
    assert result.elapsed > timedelta()
    _, headers = site.requests[0]
    assert not {"if-none-match", "if-modified-since", "authorization", "cookie"} & headers.keys()


@pytest.mark.parametrize("etag", ['"1"', 'W/"1"', "1"])
async def test_trap_27_an_entity_tag_is_sent_back_as_it_came(site: WebServer, fetcher: Fetcher, etag: str) -> None:
    first = await _fetch(fetcher, site, respond(200, FEED, ETag=etag))
    second = await _fetch(fetcher, site, respond(304), etag=first.etag, body_hash=first.body_hash)
    assert site.requests[1][1]["if-none-match"] == etag
    assert (second.status, second.http_status, second.body) == (FetchStatus.UNCHANGED, 304, b"")
    assert (second.etag, second.body_hash) == (etag, first.body_hash)


@pytest.mark.parametrize("etag", ['""', 'W/""', "", "W/", '"a"b"', '"é"'])
async def test_trap_27_an_empty_entity_tag_is_none(site: WebServer, fetcher: Fetcher, etag: str) -> None:
    assert (await _fetch(fetcher, site, respond(200, FEED, ETag=etag))).etag == ""


async def test_a_304_brings_new_validators(site: WebServer, fetcher: Fetcher) -> None:
    date = "Mon, 30 Nov 2026 08:00:00 GMT"
    result = await _fetch(fetcher, site, respond(304, ETag='"2"'), etag='"1"', last_modified=date)
    assert (result.etag, result.last_modified) == ('"2"', date)
    assert site.requests[0][1]["if-modified-since"] == date


async def test_a_304_without_a_condition_is_no_answer(site: WebServer, fetcher: Fetcher) -> None:
    assert (await _fetch(fetcher, site, respond(304))).problem is FetchProblem.INVALID_RESPONSE


async def test_trap_28_the_same_body_again_is_unchanged(site: WebServer, fetcher: Fetcher) -> None:
    first = await _fetch(fetcher, site, OK)
    second = await _fetch(fetcher, site, OK, body_hash=first.body_hash)
    assert (second.status, second.http_status, second.body) == (FetchStatus.UNCHANGED, 200, b"")
    assert second.body_hash == first.body_hash


@pytest.mark.parametrize(
    ("status", "is_permanent"), [(301, True), (308, True), (302, False), (303, False), (307, False)]
)
async def test_trap_29_only_permanent_redirects_move_a_feed(
    site: WebServer, fetcher: Fetcher, status: int, is_permanent: bool
) -> None:
    site.answers["/new"] = [OK]
    result = await _fetch(fetcher, site, respond(status, Location="/new#top"))
    assert (result.status, result.url) == (FetchStatus.NEW, site.url("/new"))
    assert result.moved_to == (site.url("/new") if is_permanent else "")


async def test_a_feed_has_moved_as_far_as_permanent_redirects_alone_lead(site: WebServer, fetcher: Fetcher) -> None:
    site.answers |= {"/a": [respond(308, Location="b")], "/b": [respond(302, Location="c")]}
    site.answers |= {"/c": [respond(301, Location="d")], "/d": [OK]}
    result = await _fetch(fetcher, site, respond(301, Location="/a"))
    assert (result.moved_to, result.url) == (site.url("/b"), site.url("/d"))


async def test_an_address_too_long_to_be_linked_is_followed_but_not_remembered(
    site: WebServer, fetcher: Fetcher
) -> None:
    signed = "/signed?" + "x" * 3000
    site.answers[signed] = [OK]
    result = await _fetch(fetcher, site, respond(301, Location=signed))
    assert (result.status, result.moved_to) == (FetchStatus.NEW, "")
    result = await _fetch(fetcher, site, respond(301, Location="/" + "x" * 10_000))
    assert result.problem is FetchProblem.INVALID_REDIRECT


async def test_redirects_are_followed_up_to_a_limit(site: WebServer, fetcher: Fetcher) -> None:
    for number in range(MAX_REDIRECTS):
        site.answers[f"/{number}"] = [respond(302, Location=f"/{number + 1}")]
    site.answers[f"/{MAX_REDIRECTS - 1}"] = [OK]
    assert (await _fetch(fetcher, site, respond(302, Location="/0"))).status is FetchStatus.NEW
    result = await _fetch(fetcher, site, respond(302, Location="/feed"))
    assert (result.problem, len(site.requests)) == (FetchProblem.REDIRECT_LOOP, 2 * (MAX_REDIRECTS + 1))


@pytest.mark.parametrize(
    "location", ["", "file:///etc/passwd", "ftp://paper.example/", "data:text/xml,<rss/>", "javascript:1",
                 "http://[::1", "http://paper.example:99999/", "http://\xff.example/", "gopher://127.0.0.1:70/"]
)  # fmt: skip
async def test_redirects_out_of_the_web_are_refused(site: WebServer, fetcher: Fetcher, location: str) -> None:
    result = await _fetch(fetcher, site, respond(302, Location=location))
    assert result.problem in (FetchProblem.INVALID_REDIRECT, FetchProblem.PORT_REFUSED, FetchProblem.UNKNOWN_HOST)
    assert len(site.requests) == 1


@pytest.mark.parametrize(
    "url", ["", "paper.example/feed", "/feed", "file:///etc/passwd", "ftp://paper.example/", "http://", "http:///x",
            "http://[::1", "http://h:99999/", "feed:https://paper.example/", "http://\udc80/", "x" * 100_000,
            "http://paper.example/" + "x" * 100_000,
            "http://" + "a" * 300 + "/", "http://..../"]
)  # fmt: skip
async def test_what_is_no_address_of_the_web_is_not_asked_for(fetcher: Fetcher, url: str) -> None:
    result = await fetcher.fetch(FetchRequest(url), NOW)
    assert result.problem in (FetchProblem.INVALID_ADDRESS, FetchProblem.UNKNOWN_HOST)


@pytest.mark.parametrize("port", [22, 25, 6379, 8080, 0])
async def test_other_ports_are_refused(fetcher: Fetcher, port: int) -> None:
    result = await fetcher.fetch(FetchRequest(f"http://{OUTSIDE}:{port}/"), NOW)
    assert result.problem is FetchProblem.PORT_REFUSED


@pytest.mark.parametrize(
    ("status", "headers", "problem"),
    [
        (401, {}, FetchProblem.LOGIN_REQUIRED),
        (403, {}, FetchProblem.FORBIDDEN),
        (404, {}, FetchProblem.NOT_FOUND),
        (410, {}, FetchProblem.GONE),
        (429, {}, FetchProblem.RATE_LIMITED),
        (500, {}, FetchProblem.SERVER_ERROR),
        (599, {}, FetchProblem.SERVER_ERROR),
        (503, {"cf-mitigated": "challenge"}, FetchProblem.FORBIDDEN),
        (204, {}, FetchProblem.UNEXPECTED_STATUS),
        (206, {}, FetchProblem.UNEXPECTED_STATUS),
        (300, {}, FetchProblem.UNEXPECTED_STATUS),
        (418, {}, FetchProblem.UNEXPECTED_STATUS),
    ],
)
async def test_traps_30_and_33_other_statuses_are_told_apart(
    site: WebServer, fetcher: Fetcher, status: int, headers: dict[str, str], problem: FetchProblem
) -> None:
    result = await _fetch(fetcher, site, respond(status, b"<html>Just a moment", **headers))
    assert (result.status, result.problem, result.http_status) == (FetchStatus.FAILED, problem, status)
    assert result.body == b""


async def test_trap_33_a_page_in_the_place_of_a_feed_is_of_another_kind(site: WebServer, fetcher: Fetcher) -> None:
    page = b"\xef\xbb\xbf\n<!-- x --><!DOCTYPE html><title>Just a moment</title>"
    assert (await _fetch(fetcher, site, respond(200, page, Content_Type="text/xml"))).kind is ContentKind.HTML
    feed = b"<?xml version='1.0'?><!-- x --><rss><title><![CDATA[<html>]]></title></rss>"
    assert (await _fetch(fetcher, site, respond(200, feed, Content_Type="text/html"))).kind is ContentKind.XML
    assert (await _fetch(fetcher, site, respond(200, b' {"items": []}'))).kind is ContentKind.JSON
    assert (await _fetch(fetcher, site, respond(200, "\ufeff<rss/>".encode("utf-16-le")))).kind is ContentKind.XML
    assert (await _fetch(fetcher, site, respond(200, b"%PDF-1.7"))).kind is ContentKind.OTHER


async def test_the_waiting_times_of_a_site_are_read(site: WebServer, fetcher: Fetcher) -> None:
    result = await _fetch(fetcher, site, respond(200, FEED, Cache_Control="max-age=1"))
    assert result.max_age == timedelta(seconds=1)
    result = await _fetch(fetcher, site, respond(503, Retry_After="120"))
    assert result.retry_after == timedelta(seconds=120)


async def _reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def _reset_midway(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<rss>")
    await writer.drain()
    writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (send_endless_body, FetchProblem.TOO_LARGE),
        (respond(200, bytes(MAX_BODY + 1)), FetchProblem.TOO_LARGE),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50000000\r\n\r\n", FetchProblem.TOO_LARGE),
        (respond(200, make_bomb("gzip", 500), Content_Encoding="gzip"), FetchProblem.TOO_LARGE),
        (respond(200, make_bomb("deflate", 500), Content_Encoding="deflate"), FetchProblem.TOO_LARGE),
        (respond(200, gzip.compress(bytes(20_000)) * 1000, Content_Encoding="gzip"), FetchProblem.TOO_LARGE),
        (respond(200, FEED, Content_Encoding="br"), FetchProblem.INVALID_RESPONSE),
        (respond(200, FEED, Content_Encoding="zstd"), FetchProblem.INVALID_RESPONSE),
        (respond(200, FEED, Content_Encoding="compress"), FetchProblem.INVALID_RESPONSE),
        (respond(200, FEED, Content_Encoding="gzip, gzip"), FetchProblem.INVALID_RESPONSE),
        (respond(200, FEED, Content_Encoding="gzip"), FetchProblem.INVALID_RESPONSE),
        (send_endless_headers, FetchProblem.INVALID_RESPONSE),
        (send_endless_header, FetchProblem.INVALID_RESPONSE),
        (respond(200, FEED, X="x" * 1_000_000), FetchProblem.INVALID_RESPONSE),
    ],
)
async def test_traps_35_and_36_what_is_too_much_is_cut(
    site: WebServer, fetcher: Fetcher, answer: Answer, problem: FetchProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = 0
    unpack = ZLibDecompressor.decompress_sync

    def count_unpacked(self: ZLibDecompressor, *given: Any, **more: Any) -> bytes:
        nonlocal unpacked
        piece = unpack(self, *given, **more)
        unpacked += len(piece)
        return piece

    monkeypatch.setattr(ZLibDecompressor, "decompress_sync", count_unpacked)
    assert (await _fetch(fetcher, site, answer)).problem is problem
    assert unpacked < 2 * MAX_BODY  # what aiohttp has buffered comes on top
    assert (await _fetch(fetcher, site, OK)).status is FetchStatus.NEW


async def test_the_loop_turns_while_a_body_comes_without_end(site: WebServer, fetcher: Fetcher) -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    counter = asyncio.create_task(count_turns())
    assert (await _fetch(fetcher, site, send_endless_body)).problem is FetchProblem.TOO_LARGE
    counter.cancel()
    assert turns >= MAX_BODY // PIECE


@pytest.mark.parametrize(
    ("answer", "problem"),
    [(send_endless_notes, FetchProblem.TOO_LARGE), (send_small_chunks, FetchProblem.INVALID_RESPONSE)],
)
async def test_an_answer_that_never_comes_to_a_document_is_cut(
    site: WebServer, fetcher: Fetcher, answer: Answer, problem: FetchProblem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_socket, "MAX_ANSWER", 100_000)
    assert (await _fetch(fetcher, site, answer)).problem is problem


async def test_what_a_connection_brought_before_counts_no_more(
    site: WebServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limited_socket, "MAX_ANSWER", 2 * len(FEED) + 1000)
    for _ in range(5):
        assert (await _fetch(fetcher, site, OK)).body == FEED
    assert site.connections == 1


@pytest.mark.parametrize("answer", [send_nothing, send_slowly, send_endless_notes])
async def test_trap_35_what_never_ends_is_given_up(
    site: WebServer, fetcher: Fetcher, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetcher_module, "TOTAL_TIMEOUT", 0.3)
    assert (await _fetch(fetcher, site, answer)).problem is FetchProblem.TIMEOUT
    monkeypatch.undo()
    assert (await _fetch(fetcher, site, OK)).status is FetchStatus.NEW


@pytest.mark.parametrize(
    "junk",
    [
        b"\0" * 1000 + b"\r\n\r\n",
        b"<rss></rss>\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nX y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
    ],
)
async def test_junk_in_the_place_of_http_is_refused(site: WebServer, fetcher: Fetcher, junk: bytes) -> None:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(junk)
        await writer.drain()

    assert (await _fetch(fetcher, site, send)).problem in (FetchProblem.INVALID_RESPONSE, FetchProblem.UNREACHABLE)
    assert (await _fetch(fetcher, site, OK)).body == FEED


async def test_a_second_response_to_one_request_answers_no_other(site: WebServer, fetcher: Fetcher) -> None:
    forged = respond(200, b"<rss>forged</rss>")
    assert (await _fetch(fetcher, site, OK + forged)).body == FEED
    site.answers["/other"] = [respond(200, b"<rss>other</rss>")]
    result = await fetcher.fetch(FetchRequest(site.url("/other")), NOW)
    assert result.body != b"<rss>forged</rss>"


@pytest.mark.parametrize("answer", [_reset, _reset_midway])
async def test_a_connection_that_breaks_off_is_a_failure(site: WebServer, fetcher: Fetcher, answer: Answer) -> None:
    result = await _fetch(fetcher, site, answer)
    assert result.problem in (FetchProblem.UNREACHABLE, FetchProblem.INVALID_RESPONSE)
    assert (await _fetch(fetcher, site, OK)).status is FetchStatus.NEW


async def test_a_host_that_is_not_there_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async with WebServer().serve() as site:
        pass
    async with Fetcher(private_hosts=[PrivateHost("127.0.0.1", site.port)]) as fetcher:
        result = await fetcher.fetch(FetchRequest(site.url("/")), NOW)
        assert result.problem is FetchProblem.UNREACHABLE
        route_public(monkeypatch, {"empty.example": [[]]})
        result = await fetcher.fetch(FetchRequest("http://empty.example/"), NOW)
        assert result.problem is FetchProblem.UNKNOWN_HOST


async def test_a_certificate_of_nobody_and_no_tls_at_all_are_refused(tmp_path: Path) -> None:
    context = make_server_context(tmp_path)

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(respond(400))
        writer.close()

    plain = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with plain, WebServer().serve(context) as secure:
        for port in (secure.port, plain.sockets[0].getsockname()[1]):
            async with Fetcher(private_hosts=[PrivateHost("127.0.0.1", port)]) as fetcher:
                result = await fetcher.fetch(FetchRequest(f"https://127.0.0.1:{port}/feed"), NOW)
                assert result.problem is FetchProblem.TLS_ERROR
        assert secure.requests == []


async def test_a_document_comes_over_https(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust_certificate(monkeypatch)
    route_public(monkeypatch, {"paper.example": [[OUTSIDE]], "gazette.example": [[OUTSIDE]]})
    async with WebServer().serve(make_server_context(tmp_path)) as secure, Fetcher(ports=[secure.port]) as fetcher:
        secure.answers["/feed"] = [OK]
        url = secure.url("/feed", host="paper.example", scheme="https")
        result = await fetcher.fetch(FetchRequest(url), NOW)
        assert (result.status, result.body, result.url) == (FetchStatus.NEW, FEED, url)
        other = secure.url("/feed", host="gazette.example", scheme="https")
        assert (await fetcher.fetch(FetchRequest(other), NOW)).problem is FetchProblem.TLS_ERROR
        assert len(secure.requests) == 1


async def test_trap_39_an_answer_that_changes_between_two_look_ups_is_judged_again(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with WebServer().serve() as other:
        looked_up = route_public(monkeypatch, {"paper.example": [[OUTSIDE], ["127.0.0.1"]]})
        site.answers["/feed"] = [respond(302, Location=other.url("/feed", host="paper.example"))]
        async with Fetcher(ports=[site.port, other.port]) as fetcher:
            result = await fetcher.fetch(FetchRequest(site.url("/feed", host="paper.example")), NOW)
        assert result.problem is FetchProblem.PRIVATE_ADDRESS
        assert (looked_up, len(site.requests), other.connections) == (["paper.example"] * 2, 1, 0)


async def test_of_a_name_with_both_only_the_public_address_is_used(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    route_public(monkeypatch, {"paper.example": [["10.0.0.1", OUTSIDE, "127.0.0.1"]]})
    site.answers["/feed"] = [OK]
    async with Fetcher(ports=[site.port]) as fetcher:
        result = await fetcher.fetch(FetchRequest(site.url("/feed", host="paper.example")), NOW)
    assert result.status is FetchStatus.NEW


async def test_trap_49_a_public_feed_does_not_lead_into_a_private_host_that_is_allowed(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with WebServer().serve() as private:
        route_public(monkeypatch, {"paper.example": [[OUTSIDE]]})
        private.answers["/"] = [OK]
        public_url = site.url("/", host="paper.example")
        site.answers["/"] = [respond(302, Location=private.url("/"))]
        async with Fetcher(ports=[site.port], private_hosts=[PrivateHost("127.0.0.1", private.port)]) as fetcher:
            assert (await fetcher.fetch(FetchRequest(private.url("/")), NOW)).status is FetchStatus.NEW
            result = await fetcher.fetch(FetchRequest(public_url), NOW)
            assert (result.problem, len(private.requests)) == (FetchProblem.PRIVATE_ADDRESS, 1)
            # Nor by way of the private host itself.
            private.answers["/out"] = [respond(302, Location=public_url)]
            result = await fetcher.fetch(FetchRequest(private.url("/out")), NOW)
            assert (result.problem, private.targets) == (FetchProblem.PRIVATE_ADDRESS, ["/", "/out"])


async def test_an_allowed_host_without_a_port_is_fetched_from_the_usual_ports_only(site: WebServer) -> None:
    site.answers["/"] = [OK]
    for ports, status in (([site.port], FetchStatus.NEW), ([80], FetchStatus.FAILED)):
        async with Fetcher(ports=ports, private_hosts=[PrivateHost("localhost", None)]) as fetcher:
            result = await fetcher.fetch(FetchRequest(site.url("/", host="LOCALHOST")), NOW)
            assert result.status is status


async def test_trap_40_credentials_reach_their_own_host_only(site: WebServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with WebServer().serve() as other:
        hosts = [PrivateHost("127.0.0.1", server.port) for server in (site, other)]
        url = site.url("/feed", host="reader:s%C3%A4cret@127.0.0.1")
        site.answers |= {"/feed": [respond(301, Location="/here")], "/here": [respond(301, Location=other.url("/"))]}
        other.answers["/"] = [OK]
        async with Fetcher(private_hosts=hosts) as fetcher:
            result = await fetcher.fetch(FetchRequest(url), NOW)
            assert [headers.get("authorization") for _, headers in site.requests] == ["Basic cmVhZGVyOnPDpGNyZXQ="] * 2
            assert "authorization" not in other.requests[0][1]
            assert (result.url, result.moved_to) == (other.url("/"), other.url("/"))
            # Moved within the host, they move as well; the final address is free of them.
            site.answers["/here"] = [OK]
            result = await fetcher.fetch(FetchRequest(url), NOW)
            assert result.url == site.url("/here")
            assert result.moved_to == site.url("/here", host="reader:s%C3%A4cret@127.0.0.1")
            # What a redirect brings of its own is not used.
            site.answers["/here"] = [respond(302, Location=other.url("/", host="evil:pw@127.0.0.1"))]
            await fetcher.fetch(FetchRequest(url), NOW)
            assert "authorization" not in other.requests[-1][1]


def test_a_redirect_to_http_is_neither_remembered_nor_given_credentials() -> None:
    journey = _begin_journey(FetchRequest("https://reader:pw@paper.example/feed"), NOW)
    journey.follow_redirect(301, "http://paper.example/feed")
    assert str(journey.url) == "http://paper.example/feed"
    assert (journey.format_moved(), journey.headers) == ("", {})


def test_a_host_that_moves_to_https_keeps_its_credentials() -> None:
    journey = _begin_journey(FetchRequest("http://reader:pw@paper.example:80/feed"), NOW)
    journey.follow_redirect(301, "https://paper.example/feed")
    assert journey.headers == {"Authorization": "Basic cmVhZGVyOnB3"}
    assert journey.format_moved() == "https://reader:pw@paper.example/feed"
    journey.follow_redirect(301, "https://paper.example:8443/feed")
    assert journey.headers == {}


@pytest.mark.parametrize(
    "answer", [OK, respond(301, Location="/feed?key=s3cret"), respond(500), _reset, b"junk\r\n\r\n"]
)
async def test_trap_40_no_credentials_and_keys_in_any_text(
    site: WebServer, fetcher: Fetcher, answer: Answer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    request = FetchRequest(site.url("/feed?key=s3cret", host="reader:s3cret@127.0.0.1"))
    site.answers["/feed?key=s3cret"] = [answer]
    result = await fetcher.fetch(request, NOW)
    assert "s3cret" not in f"{request!r}{result!r}{caplog.text}"


async def test_no_cookie_is_kept_and_no_proxy_of_the_environment_is_used(
    site: WebServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    await _fetch(fetcher, site, respond(200, FEED, Set_Cookie="a=b"))
    assert (await _fetch(fetcher, site, OK)).status is FetchStatus.NEW
    assert "cookie" not in site.requests[1][1]


async def test_the_bot_says_who_it_is_and_whom_to_write_to(site: WebServer) -> None:
    site.answers["/"] = [OK]
    host = PrivateHost("127.0.0.1", site.port)
    for contact in (None, "https://example.org/bot"):
        async with Fetcher(contact=contact, private_hosts=[host]) as fetcher:
            await fetcher.fetch(FetchRequest(site.url("/")), NOW)
    agents = [headers["user-agent"] for _, headers in site.requests]
    assert agents == ["Newsdesk", "Newsdesk (https://example.org/bot)"]


async def test_behind_a_proxy_names_are_judged_before_it_is_asked(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"paper.example": [[OUTSIDE]], "lan.example": [["10.0.0.1"]], "both.example": [[OUTSIDE, "127.0.0.1"]]}
    route_public(monkeypatch, names)
    async with Fetcher(proxy=site.url(""), private_hosts=[PrivateHost("127.0.0.1", site.port)]) as fetcher:
        site.answers["http://paper.example/feed"] = [OK]
        assert (await fetcher.fetch(FetchRequest("http://paper.example/feed"), NOW)).status is FetchStatus.NEW
        for url in ("http://lan.example/", "http://both.example/", "http://2130706433/", "http://[::1]/"):
            assert (await fetcher.fetch(FetchRequest(url), NOW)).problem is FetchProblem.PRIVATE_ADDRESS
        # A host of the own network is asked directly.
        assert (await _fetch(fetcher, site, OK)).status is FetchStatus.NEW
    assert site.targets == ["http://paper.example/feed", "/feed"]


async def test_one_host_name_gets_one_request_at_a_time_and_all_hosts_no_more_than_the_limit(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"site-{number}.example" for number in range(2 * MAX_CONCURRENT)]
    route_public(monkeypatch, {name: [[OUTSIDE]] for name in names})
    async with Fetcher(ports=[site.port]) as fetcher:
        site.answers["/feed"] = [create_slow(OK)]
        requests = [FetchRequest(site.url("/feed", host=name)) for name in names for _ in range(2)]
        results = await asyncio.gather(*(fetcher.fetch(request, NOW) for request in requests))
        assert {result.status for result in results} == {FetchStatus.NEW}
        assert {site.most_busy[name] for name in names} == {1}
        assert site.most_busy["*"] == MAX_CONCURRENT
        gc.collect()
        assert len(fetcher._host_locks) == 0


async def test_who_waits_for_a_slow_host_takes_no_place_from_others(
    site: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    route_public(monkeypatch, {"slow.example": [[OUTSIDE]], "paper.example": [[OUTSIDE]]})
    site.answers |= {"/slow": [send_nothing], "/feed": [OK]}
    async with Fetcher(ports=[site.port]) as fetcher:
        slow = FetchRequest(site.url("/slow", host="slow.example"))
        waiting = [asyncio.create_task(fetcher.fetch(slow, NOW)) for _ in range(2 * MAX_CONCURRENT)]
        while not site.requests:
            await asyncio.sleep(0.001)
        result = await fetcher.fetch(FetchRequest(site.url("/feed", host="paper.example")), NOW)
        assert result.status is FetchStatus.NEW
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert site.targets == ["/slow", "/feed"]


async def test_names_with_slow_servers_leave_the_threads_of_others_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    look_up = socket.getaddrinfo

    def resolve_slowly(host: str, *rest: Any, **more: Any) -> list[Any]:
        if host.endswith(".slow.example"):
            go_on.wait()
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_slowly)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    async with Fetcher() as fetcher:
        requests = [FetchRequest(f"http://{number}.slow.example/") for number in range(MAX_CONCURRENT)]
        fetches = [asyncio.create_task(fetcher.fetch(request, NOW)) for request in requests]
        await asyncio.sleep(0.01)
        assert await asyncio.to_thread(abs, -1) == 1
        go_on.set()
        assert {result.problem for result in await asyncio.gather(*fetches)} == {FetchProblem.UNKNOWN_HOST}


async def test_a_connection_is_kept_for_the_next_feed_of_its_host(site: WebServer, fetcher: Fetcher) -> None:
    for _ in range(3):
        assert (await _fetch(fetcher, site, respond(304), etag='"1"')).status is FetchStatus.UNCHANGED
    assert (site.connections, len(site.requests)) == (1, 3)
