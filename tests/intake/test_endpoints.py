"""Cards posted over HTTP to the real server: taken once, refused in words, and quoted in no log."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from bot.app import _intake_endpoint
from bot.cards.parser import MAX_FILE_BYTES
from bot.domain.intake import IntakePolicy, generate_token, hash_token
from bot.intake import CardEndpoint, serve_intake
from bot.intake.rate_limit import RateLimit
from bot.settings import ListenAddress, load_settings
from bot.store.cards.card_query import CardQuery
from tests.support.scrape import parse_samples
from tests.support.worker import WorkerHarness, open_harness

ANY_PORT = ListenAddress("127.0.0.1", 0)
CARD = {
    "title": "A release",
    "webUrl": "https://news.example/a",
    "publishedDateTime": "2026-06-01T10:00:00Z",
    "topics": ["Python"],
}


@dataclass
class Intake:
    """The server on loopback, with a token, and what it planned."""

    harness: WorkerHarness
    port: int
    http: aiohttp.ClientSession
    token: str
    endpoint: CardEndpoint
    plans: list[None] = field(default_factory=list)

    async def post(self, body: Any = CARD, token: str | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
        """Post a card; an underscore in a header's name stands for a hyphen."""
        sent = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.post(self.url, data=data, headers=sent) as answer:
            return answer.status, {**await answer.json(), "headers": answer.headers}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/cards"

    async def make_token(self, name: str, policy: IntakePolicy, source: str = "") -> str:
        token = generate_token()
        await self.harness.store.intake.create_token(
            name, source or name, policy, hash_token(token), self.harness.clock()
        )
        return token

    async def subscribe(self) -> None:
        await self.harness.store.subscriptions.add_subscription(
            guild_id=1, channel_id=2, created_by=7, now=self.harness.clock()
        )
        self.harness.clock.advance(seconds=1)

    async def deliver(self) -> list[str]:
        self.harness.clock.advance(seconds=1)
        await self.harness.store.cards.importer.recount_names()
        await self.harness.pipeline.plan_loaded_cards()
        await self.harness.pipeline.plan_and_deliver()
        return self.harness.channels.titles

    async def card_titles(self) -> list[str]:
        page = await self.harness.store.cards.search_cards(CardQuery("release"), 0, limit=50)
        return sorted(hit.card.title for hit in page.cards)


@asynccontextmanager
async def open_intake(place: Path, **options: Any) -> AsyncIterator[Intake]:
    async with open_harness(place) as harness, aiohttp.ClientSession() as http:
        harness.worker.is_leader = True
        plans: list[None] = []
        endpoint = CardEndpoint(
            harness.store,
            harness.clock,
            lambda: harness.worker.is_leader,
            lambda: plans.append(None),
            harness.metrics,
            **options,
        )
        async with serve_intake(endpoint, ANY_PORT) as port:
            intake = Intake(harness, port, http, "", endpoint, plans)
            intake.token = await intake.make_token("ci", IntakePolicy.PUBLISHED)
            yield intake


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    async with open_intake(tmp_path) as opened:
        yield opened


async def test_a_posted_card_is_stored_before_the_answer_and_then_posted_once(intake: Intake) -> None:
    await intake.subscribe()
    status, answer = await intake.post()
    card = await intake.harness.store.cards.get_by_slug(answer["slug"], 0)
    assert status == 202
    assert card is not None
    assert (card.id, card.card.title, card.card.url) == (answer["id"], "A release", CARD["webUrl"])
    assert intake.plans == [None]
    assert await intake.deliver() == ["A release"]


async def test_answers_are_counted_by_their_status(intake: Intake) -> None:
    await intake.post()
    await intake.post({"title": ""})
    await intake.post(token="wrong")
    await intake.post(token="wrong")
    found = parse_samples(intake.harness.metrics.render_text().decode())
    counted = {name: found[f'newsdesk_intake_requests_total{{status="{name}"}}'] for name in ("202", "422", "401")}
    assert counted == {"202": 1, "422": 1, "401": 2}


async def test_the_same_card_again_is_an_edit_and_not_a_second_card(intake: Intake) -> None:
    await intake.subscribe()
    _, first = await intake.post(CARD | {"webUrl": "https://www.news.example/a?utm_source=x"})
    await intake.deliver()
    status, second = await intake.post(CARD | {"title": "A better release"})
    assert (status, second["id"]) == (202, first["id"])
    assert await intake.deliver() == ["A better release"]


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"id": "r-1"}, {"id": "r-1", "webUrl": "https://news.example/b"}, True),
        ({"id": 7}, {"slug": "7", "title": "Another"}, True),
        ({"id": "1"}, {"id": "2"}, False),
        ({"id": "ein Schlüssel mit Leerzeichen / und mehr"}, {"id": " ein Schlüssel mit Leerzeichen / und mehr"}, True),
        ({}, {"webUrl": "http://news.example/a/"}, True),
        ({}, {"webUrl": "https://news.example/b"}, False),
        ({"webUrl": None}, {"webUrl": None, "title": "a  RELEASE"}, True),
        ({"webUrl": None}, {"webUrl": None, "publishedDateTime": "2026-06-01T11:00:00Z"}, False),
    ],
)
async def test_a_card_is_known_by_its_id_else_its_link_else_its_title_and_time(
    intake: Intake, first: dict[str, Any], second: dict[str, Any], same: bool
) -> None:
    (_, one), (status, two) = await intake.post(CARD | first), await intake.post(CARD | second)
    assert status == 202
    assert (one["id"] == two["id"]) is same


async def test_a_card_is_taken_back_with_removed(intake: Intake) -> None:
    await intake.post(CARD)
    assert await intake.card_titles() == ["A release"]
    await intake.post(CARD | {"removed": True})
    assert await intake.card_titles() == []


@pytest.mark.parametrize(
    ("policy", "fields", "visible"),
    [
        (IntakePolicy.PUBLISHED, {}, True),
        (IntakePolicy.PUBLISHED, {"published": False}, False),
        (IntakePolicy.PUBLISHED, {"heat": -1}, False),
        (IntakePolicy.HELD, {}, False),
        (IntakePolicy.HELD, {"published": True}, False),
    ],
)
async def test_the_policy_of_the_token_decides(
    intake: Intake, policy: IntakePolicy, fields: dict[str, Any], visible: bool
) -> None:
    token = await intake.make_token("other", policy)
    status, _ = await intake.post(CARD | fields, token)
    assert status == 202
    assert await intake.card_titles() == (["A release"] if visible else [])


async def test_two_sources_have_cards_of_their_own_and_two_tokens_can_share_one(intake: Intake) -> None:
    other = await intake.make_token("other", IntakePolicy.PUBLISHED)
    same = await intake.make_token("ci-2", IntakePolicy.PUBLISHED, source="ci")
    ids = [(await intake.post(CARD, token))[1]["id"] for token in (intake.token, other, same)]
    assert ids[0] == ids[2] != ids[1]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer newsdesk_" + "x" * 43,
        "Bearer " + "x" * 300,
        "Bearer \xff",
        "bearer",
    ],
)
async def test_trap_46_a_wrong_token_is_401_and_its_body_is_not_read(intake: Intake, header: str) -> None:
    status, answer = await intake.post(b"x" * 1000, Authorization=header)
    assert status == 401
    assert answer["headers"]["WWW-Authenticate"] == "Bearer"
    assert "newsdesk token create" in answer["error"]


async def test_a_revoked_token_is_401_at_once(intake: Intake) -> None:
    assert (await intake.post())[0] == 202
    assert await intake.harness.store.intake.revoke_token("ci")
    assert (await intake.post())[0] == 401
    assert await intake.card_titles() == ["A release"]


async def test_trap_46_a_replay_gets_the_first_answer_and_changes_nothing(intake: Intake) -> None:
    _, first = await intake.post(Idempotency_Key="k1")
    await intake.post(CARD | {"title": "A newer release"}, Idempotency_Key="k2")
    status, again = await intake.post(Idempotency_Key="k1")
    assert (status, again["id"]) == (202, first["id"])
    assert await intake.card_titles() == ["A newer release"]


async def test_a_key_with_another_body_is_409_until_it_is_a_day_old(intake: Intake) -> None:
    await intake.post(Idempotency_Key="k1")
    other = CARD | {"title": "A newer release"}
    assert (await intake.post(other, Idempotency_Key="k1"))[0] == 409
    intake.harness.clock.advance(hours=24)
    assert (await intake.post(other, Idempotency_Key="k1"))[0] == 202


async def test_many_requests_with_one_key_at_once_make_one_card(intake: Intake) -> None:
    card = {name: value for name, value in CARD.items() if name != "webUrl"}
    answers = await asyncio.gather(*(intake.post(card, Idempotency_Key="k1") for _ in range(8)))
    assert {status for status, _ in answers} == {202}
    assert len({answer["id"] for _, answer in answers}) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "\xe9"])
async def test_a_key_that_is_none_is_400(intake: Intake, key: str) -> None:
    assert (await intake.post(Idempotency_Key=key))[0] == 400


@pytest.mark.parametrize("chunked", [True, False])
async def test_trap_46_two_mebibytes_are_413(intake: Intake, chunked: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * (32 * 1024)

    headers = {"Authorization": f"Bearer {intake.token}", "Content-Type": "application/json"}
    data = pieces() if chunked else io.BytesIO(b" " * 2 * MAX_FILE_BYTES)
    async with intake.http.post(intake.url, data=data, headers=headers) as answer:
        assert answer.status == 413
        assert "1,048,576 bytes" in (await answer.json())["error"]


async def test_a_card_of_the_largest_size_is_taken(intake: Intake) -> None:
    body = json.dumps(CARD | {"category": "news"}).encode()
    status, _ = await intake.post(body + b" " * (MAX_FILE_BYTES - len(body)))
    assert status == 202


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"title": None}, ("title", "a card needs a title")),
        ({"title": "\u200b"}, ("title", "nothing of the title can be seen")),
        ({"publishedDateTime": None}, ("publishedDateTime", "a card needs the time at which it was published")),
        ({"heat": "warm"}, ("heat", "should be a whole number, not 'warm'")),
        ({"category": "people"}, ("category", "not a news card: its category is 'people'")),
        (
            {"publishedDateTime": "2027-01-01"},
            ("publishedDateTime", "more than 14 hours ahead: post the card when it is out"),
        ),
    ],
)
async def test_trap_46_no_title_and_other_problems_are_422_in_the_words_of_check(
    intake: Intake, fields: dict[str, Any], problem: tuple[str, str]
) -> None:
    status, answer = await intake.post(CARD | fields)
    assert status == 422
    assert problem in [(each["field"], each["problem"]) for each in answer["problems"]]
    assert await intake.card_titles() == []
    assert intake.plans == []


async def test_notes_come_with_the_answer(intake: Intake) -> None:
    status, answer = await intake.post(CARD | {"summary": "x"})
    assert status == 202
    assert answer["notes"] == [{"field": "summary", "problem": "not read: did you mean `excerpt`?"}]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"NaN",
        b'{"title": NaN}',
        b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
async def test_a_body_that_is_no_object_is_400(intake: Intake, body: bytes) -> None:
    status, answer = await intake.post(body)
    assert status == 400
    assert answer["error"].startswith("The body ")


def end_process(_post: object) -> None:
    os._exit(11)


@pytest.mark.slow
async def test_a_body_that_ends_its_reader_is_refused_and_the_next_is_read(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(intake.endpoint._intake._reader, "_read", end_process)
        status, answer = await intake.post()
        assert (status, answer["error"]) == (400, "The body cannot be read: it ended the process.")
    assert (await intake.post())[0] == 202


async def test_half_characters_and_nul_are_no_trouble(intake: Intake) -> None:
    status, answer = await intake.post(
        b'{"id": "\\ud800\\u0000", ' + json.dumps(CARD | {"title": "\ud83d A\0"}).encode()[1:]
    )
    assert status == 202
    assert await intake.harness.store.cards.get_by_slug(answer["slug"], 0)


@pytest.mark.parametrize(
    "headers", [{"Content_Type": "text/plain"}, {"Content_Type": "application/x-yaml"}, {"Content_Encoding": "gzip"}]
)
async def test_another_kind_of_body_is_415(intake: Intake, headers: dict[str, str]) -> None:
    assert (await intake.post(b"{}", **headers))[0] == 415


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/cards", 405), ("POST", "/", 404), ("PUT", "/cards", 405)]
)
async def test_nothing_else_can_be_done(intake: Intake, method: str, path: str, status: int) -> None:
    async with intake.http.request(method, f"http://127.0.0.1:{intake.port}{path}") as answer:
        assert answer.status == status
        assert "POST /cards" in (await answer.json())["error"]


@pytest.mark.slow
async def test_too_many_requests_are_429_for_that_token_alone(tmp_path: Path) -> None:
    async with open_intake(tmp_path, limit=RateLimit(0.001, 2)) as intake:
        other = await intake.make_token("other", IntakePolicy.HELD)
        assert [(await intake.post(b"{"))[0] for _ in range(2)] == [400, 400]
        status, answer = await intake.post()
        assert status == 429
        assert 1 <= int(answer["headers"]["Retry-After"]) <= 1000
        assert (await intake.post(CARD, other))[0] == 202


def test_a_limit_allows_a_burst_and_then_one_at_a_time() -> None:
    limit = RateLimit(2, 3)
    assert [limit.take(1, 10.0) for _ in range(4)] == [0, 0, 0, 1]
    assert [limit.take(1, at) for at in (10.4, 10.5, 10.5)] == [1, 0, 1]
    assert [limit.take(1, 100.0) for _ in range(4)] == [0, 0, 0, 1]


async def test_only_the_leader_takes_cards(intake: Intake) -> None:
    intake.harness.worker.is_leader = False
    status, answer = await intake.post()
    assert status == 503
    assert answer["headers"]["Retry-After"]
    assert await intake.card_titles() == []


@pytest.mark.slow
async def test_a_client_that_dawdles_is_given_up(tmp_path: Path) -> None:
    async with open_intake(tmp_path, body_seconds=0.2) as intake:
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        head = f"POST /cards HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {intake.token}\r\n"
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{{".encode())
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        await reader.read()
        writer.close()


async def test_a_client_that_never_ends_its_headers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.intake._IDLE_SECONDS", 0.2)
    async with open_intake(tmp_path) as intake:
        reader, writer = await asyncio.open_connection("127.0.0.1", intake.port)
        writer.write(b"POST /cards HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert await reader.read() == b""
        writer.close()


def test_nothing_listens_unless_it_is_set_and_never_in_a_process_that_only_answers_members() -> None:
    unset, chosen = load_settings(_env_file=None), load_settings(_env_file=None, intake_addr="127.0.0.1:0")
    assert unset.intake_addr is None
    for settings, runs_worker in ((unset, True), (chosen, False)):
        bot: Any = SimpleNamespace(runs_worker=runs_worker)
        assert isinstance(_intake_endpoint(settings, bot), nullcontext)


@pytest.mark.slow
async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(intake: Intake) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", intake.port)
    head = f"POST /cards HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {intake.token}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 500\r\n\r\n{json.dumps(CARD)}".encode())
    await writer.drain()
    writer.close()
    assert (await intake.post(CARD | {"id": "x"}))[0] == 202
    assert await intake.card_titles() == ["A release"]


async def test_what_was_sent_is_in_no_log(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "Xyzzy-of-the-body"
    await intake.post(CARD | {"title": secret, "heat": secret})
    await intake.post({"title": secret, "webUrl": f"https://news.example/{secret}"}, Idempotency_Key=secret)
    await intake.post(f"{secret}".encode())
    _, writer = await asyncio.open_connection("127.0.0.1", intake.port)
    writer.write(f"{secret}\r\n\r\n".encode())
    await writer.drain()
    writer.close()
    status, answer = await intake.post(CARD | {"id": secret, "title": secret})
    ours = [record for record in caplog.records if record.name.startswith(("bot", "aiohttp", "asyncio"))]
    said = "\n".join(f"{record.getMessage()} {record.exc_text or record.exc_info or ''}" for record in ours)
    assert status == 202
    assert f"Card {answer['id']} came over HTTP" in said
    assert secret not in said
    assert intake.token not in said


async def test_a_failure_of_the_store_is_an_answer_without_its_words(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("INSERT INTO cards: A release")

    monkeypatch.setattr(intake.harness.store.cards.importer, "import_batches", fail)
    status, answer = await intake.post()
    assert (status, answer["error"]) == (500, "The card could not be handled.")
    assert "A release" not in caplog.text
    assert intake.plans == []


async def test_a_crash_between_the_card_and_its_answer_makes_no_second_card(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(intake.harness.store.intake, "store_answer", die)
        assert (await intake.post(Idempotency_Key="k1"))[0] == 500
    assert (await intake.post(Idempotency_Key="k1"))[0] == 202
    assert await intake.card_titles() == ["A release"]
