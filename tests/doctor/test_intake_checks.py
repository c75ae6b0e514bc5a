"""What the doctor says of feeds, of the operator's list of them, and of the tokens of the HTTP intake."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.doctor import Finding, Severity
from bot.doctor.intake_checks import check_feed_list, check_feeds, check_intake_address, check_tokens
from bot.domain.feed import NewFeed
from bot.domain.feed_schedule import FAILURES_TO_REPORT, FeedState
from bot.domain.fetch_result import FetchProblem
from bot.domain.intake import IntakePolicy, IntakeToken
from bot.settings import load_settings
from bot.store import open_store
from bot.store.sources.feeds import FetchNote
from tests.doctor.conftest import Installation
from tests.support.followed_feeds import make_followed

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
OFF = load_settings(_env_file=None)
ON = load_settings(_env_file=None, intake_addr="127.0.0.1:8081")


def failing(problem: str, failures: int = FAILURES_TO_REPORT, *, stopped: bool = False) -> FeedState:
    return FeedState(problem=problem, failures=failures, next_fetch_at=None if stopped else NOW)


def find_feed_problems(*states: FeedState, **fields: Any) -> list[Finding]:
    return list(check_feeds([make_followed(state, **fields).feed for state in states]))


def list_problems(findings: Sequence[Finding]) -> list[str]:
    return [each.what for each in findings if each.is_trouble]


def token(name: str, made: timedelta, used: timedelta | None = None) -> IntakeToken:
    last_used_at = None if used is None else NOW - used
    return IntakeToken(1, name, 1, name, IntakePolicy.HELD, NOW - made, last_used_at)


def test_feeds_that_fail_for_one_reason_are_one_finding() -> None:
    (found,) = find_feed_problems(*[failing(FetchProblem.FORBIDDEN)] * 5, FeedState(next_fetch_at=NOW))
    url = "https://paper.example/feed"
    assert found.what == f"5 of 6 feeds: The site refuses bots ({url}, {url}, {url}, …)"
    assert "newsdesk feeds check" in found.fix


@pytest.mark.parametrize(
    ("problem", "fix"),
    [
        (FetchProblem.PORT_REFUSED, "NEWSDESK_FETCH_PORTS"),
        (FetchProblem.PRIVATE_ADDRESS, "NEWSDESK_FETCH_PRIVATE"),
        (FetchProblem.LOGIN_REQUIRED, "name:password@"),
        (FetchProblem.GONE, "feeds remove"),
        (FetchProblem.NOT_FOUND, "added again"),
        ("a word of tomorrow", "added again"),
    ],
)
def test_each_reason_of_a_stopped_feed_has_its_fix(problem: str, fix: str) -> None:
    (found,) = find_feed_problems(failing(problem, 1, stopped=True))
    assert found.severity is Severity.WARNING
    assert "stopped: " in found.what
    assert fix in found.fix


def test_what_failed_once_or_works_or_is_paused_is_no_finding() -> None:
    assert find_feed_problems(failing(FetchProblem.TIMEOUT, FAILURES_TO_REPORT - 1), FeedState(next_fetch_at=NOW)) == []
    assert find_feed_problems(failing(FetchProblem.TIMEOUT, stopped=True), paused_at=NOW) == []


def test_the_password_of_a_feed_is_not_shown() -> None:
    (found,) = find_feed_problems(
        failing(FetchProblem.TIMEOUT), url="https://me:secret@paper.example/feed?token=secret"
    )
    assert "secret" not in found.what


async def test_a_feed_of_the_store_is_looked_at(installation: Installation) -> None:
    async with open_store(installation.settings.database_url) as store:
        await store.feeds.add_feeds([NewFeed("https://paper.example/feed")], NOW)
        await store.feeds.add_followed([NewFeed("https://server.example/feed")], NOW)
        feeds = await store.feeds.find_feeds(["https://paper.example/feed", "https://server.example/feed"])
        notes = [FetchNote(feed.source_id, failing(FetchProblem.SERVER_ERROR)) for feed in feeds]
        await store.feeds.note_results(notes, NOW)
    found = list_problems(await installation.run_checks(offline=True))
    assert found == ["1 of 1 feeds: The site has a server error (https://paper.example/feed)"]


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read"),
        ("", "is no list of feeds"),
        ("<opml", "is no list of feeds"),
        ("not XML at all", "is no list of feeds"),
    ],
)
async def test_a_list_that_cannot_be_read_is_an_error_with_a_fix(
    tmp_path: Path, content: str | None, what: str
) -> None:
    path = tmp_path / "feeds.opml"
    if content is not None:
        path.write_text(content, "utf-8")
    (found,) = await check_feed_list(load_settings(_env_file=None, feeds=path), NOW)
    assert (found.severity, what in found.what, str(path) in found.what) == (Severity.ERROR, True, True)
    assert found.fix


async def test_an_entry_of_the_list_that_cannot_be_fetched_is_named(tmp_path: Path) -> None:
    path = tmp_path / "feeds.opml"
    outlines = "".join(f'<outline xmlUrl="{url}"/>' for url in ("https://paper.example/feed", "feed:nothing"))
    path.write_text(f'<opml version="2.0"><body>{outlines}</body></opml>', "utf-8")
    note, warning = await check_feed_list(load_settings(_env_file=None, feeds=path), NOW)
    assert note == Finding(Severity.NOTE, f"Feeds in {path}: 1")
    assert "feed:nothing" in warning.what
    assert warning.fix


async def test_without_a_list_nothing_is_said_of_it() -> None:
    assert await check_feed_list(OFF, NOW) == []


def test_an_intake_without_a_token_and_a_token_without_an_intake_are_named() -> None:
    (nobody,) = check_tokens(ON, [], NOW)
    assert (nobody.severity, "newsdesk token create" in nobody.fix) == (Severity.WARNING, True)
    (useless,) = check_tokens(OFF, [token("ci", made=timedelta(days=1))], NOW)
    assert useless.severity is Severity.NOTE
    assert list(check_tokens(OFF, [], NOW)) == []
    assert list(check_tokens(ON, [token("ci", made=timedelta(days=90))], NOW)) == []


def test_tokens_that_nobody_uses_are_named_with_the_command_that_revokes_them() -> None:
    year, day = timedelta(days=365), timedelta(days=1)
    tokens = [token("busy", year, day), token("idle", year, 100 * day), token("never", 91 * day)]
    idle, never = check_tokens(ON, tokens, NOW)
    assert idle.what == "The token idle, made on 2025-12-01, was last used on 2026-08-23"
    assert never.what == "The token never, made on 2026-09-01, has never been used"
    assert idle.fix.endswith("`newsdesk token revoke idle`")


@pytest.mark.parametrize(
    ("address", "warns"),
    [("127.0.0.1:8081", False), ("[::1]:8081", False), ("localhost:8081", False), ("0.0.0.0:8081", True),
     ("[::]:8081", True), ("10.0.0.5:8081", True), ("news.example:8081", True)],
)  # fmt: skip
def test_an_intake_that_others_can_reach_is_named_since_it_has_no_tls(address: str, warns: bool) -> None:
    found = list(check_intake_address(load_settings(_env_file=None, intake_addr=address)))
    assert [each.severity for each in found] == [Severity.WARNING] * warns
    assert all("TLS" in each.fix and "docs/intake.md" in each.fix for each in found)
