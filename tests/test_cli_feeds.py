"""`newsdesk feeds`: words, JSON and exit codes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot.cli.commands import app
from bot.clock import utc_now
from bot.metrics import Metrics
from bot.settings import load_settings
from bot.sources.feeds.feed_service import FeedService
from bot.store import open_store
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.feeds import story

runner = CliRunner()
OPML = (
    '<opml version="2.0"><head><title>Mine</title></head><body><outline text="Ships">'
    '<outline type="rss" text="One" xmlUrl="https://one.example/feed"/></outline>'
    '<outline type="rss" text="Two" xmlUrl="https://user:secret@two.example/feed?token=key"/></body></opml>'
)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FeedServer]:
    """A site with feeds, and an installation that may fetch from it."""
    for name in list(os.environ):
        if name.startswith("NEWSDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path / 'cli.db'}")
    with serve_feeds() as server:
        monkeypatch.setenv("NEWSDESK_FETCH_PRIVATE", server.host)
        server.items["/feed"] = [story(2), story(1)]
        yield server


def run_feeds(*words: str) -> Result:
    return runner.invoke(app, ("feeds", *words))


def list_feeds() -> list[dict[str, object]]:
    return [json.loads(line) for line in run_feeds("list", "--json").stdout.splitlines()]


def poll() -> int:
    """As the running bot does; returns the number of new cards."""

    async def poll_once() -> int:
        settings = load_settings()
        async with open_store(settings.database_url) as store:
            service = FeedService(settings, store, utc_now, Metrics())
            report = await service.poller.poll_due()
            await asyncio.to_thread(service.close)
            return report.added

    return asyncio.run(poll_once())


def test_feeds_are_added_fetched_and_listed(site: FeedServer) -> None:
    url = site.url_of("/feed")
    result = run_feeds("add", url, "--topic", "Ships", "--quality", "70")
    assert (result.exit_code, result.stdout) == (0, "Added 1 feed.\n")
    assert "Added 0 feeds; 1 already there." in run_feeds("add", url).stdout
    assert list_feeds()[0]["state"] == "not fetched yet"
    assert poll() == 2
    (listed,) = list_feeds()
    assert (listed["url"], listed["title"], listed["state"], listed["cards"]) == (url, "The Paper", "fine", 2)
    assert (listed["topics"], listed["quality"], listed["policy"]) == (["Ships"], 70, "publish")
    assert listed["next_fetch_at"]
    assert "The Paper" in run_feeds("list").stdout


def test_a_check_says_what_comes_and_stores_nothing(site: FeedServer) -> None:
    site.items["/second"] = []
    run_feeds("add", site.url_of("/feed"), site.url_of("/second"))
    result = run_feeds("check")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        f"{site.url_of('/feed')}: The Paper, 2 items, the newest of 2026-06-01 08:00 UTC",
        f"{site.url_of('/second')}: The Paper, 0 items",
    ]
    assert [feed["cards"] for feed in list_feeds()] == [0, 0]


def test_a_check_says_why_there_is_no_feed(site: FeedServer) -> None:
    missing = site.url_of("/missing")
    result = run_feeds("check", missing, "http://127.0.0.1:9/feed", "--json")
    assert result.exit_code == 1
    checks = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(check["url"], check["problem"]) for check in checks] == [
        (missing, "not_found"),
        ("http://127.0.0.1:9/feed", "port_refused"),
    ]
    assert f"{missing}: There is nothing at this address. (HTTP 404)\n" == run_feeds("check", missing).stdout


def test_a_list_is_taken_in_once_and_written_without_secrets(site: FeedServer, tmp_path: Path) -> None:
    file = tmp_path / "feeds.opml"
    file.write_text(OPML)
    assert "Added 2 feeds." in run_feeds("import", str(file)).stdout
    assert "Added 0 feeds; 2 already there." in run_feeds("import", str(file)).stdout
    assert [feed["topics"] for feed in list_feeds()] == [["Ships"], []]
    exported = run_feeds("export")
    assert exported.stderr == "1 feed without password or key: add it again by hand.\n"
    written = exported.stdout
    assert "https://two.example/feed?token=…" in written
    assert "secret" not in written + run_feeds("list").stdout + run_feeds("list", "--json").stdout
    assert run_feeds("export", str(tmp_path / "out.opml")).stdout == f"Exported 2 feeds to {tmp_path / 'out.opml'}.\n"
    assert (tmp_path / "out.opml").read_text() == written


def test_what_is_no_list_changes_nothing(site: FeedServer, tmp_path: Path) -> None:
    file = tmp_path / "feeds.opml"
    file.write_text("<html><body>no list</body></html>")
    result = run_feeds("import", str(file))
    assert (result.exit_code, "is no list of feeds" in result.stderr) == (2, True)
    assert not (tmp_path / "cli.db").exists()


def test_a_removed_feed_leaves_its_cards_or_takes_them_along(site: FeedServer) -> None:
    url = site.url_of("/feed")
    run_feeds("add", url)
    poll()
    assert run_feeds("remove", url).exit_code == 0
    assert "Story 1" in runner.invoke(app, ("search", "story")).stdout
    run_feeds("add", url)
    assert poll() == 0
    assert "2 cards withdrawn" in run_feeds("remove", url, "--withdraw").stdout
    assert "Nothing found" in runner.invoke(app, ("search", "story")).stdout
    result = run_feeds("remove", url)
    assert (result.exit_code, result.stderr.strip()) == (1, f"There is no feed {url}.")


@pytest.mark.parametrize("words", [("ftp://a.example/feed",), ("https://a.example/feed", "--policy", "covered")])
def test_what_cannot_be_added_is_refused(site: FeedServer, words: tuple[str, ...]) -> None:
    result = run_feeds("add", *words)
    assert (result.exit_code, bool(result.stderr)) == (2, True)
