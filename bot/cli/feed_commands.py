"""`newsdesk feeds`: the operator's feeds, which are everybody's."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from bot.cards.urls import redact_url
from bot.cli.console import ERR, OUT, PROBLEMS, format_count
from bot.cli.progress import show_progress
from bot.clock import utc_now
from bot.domain.feed import DEFAULT_QUALITY, Feed, FeedOptions, NewFeed
from bot.domain.follows import FollowPolicy
from bot.errors import UserError, file_error
from bot.render.feed_problems import describe_problem
from bot.settings import Settings, load_settings
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_check import FeedCheck, check_feeds
from bot.sources.feeds.feed_importer import FeedImporter
from bot.sources.feeds.feed_list import read_list, to_new_feeds
from bot.sources.feeds.feed_service import build_fetcher
from bot.sources.feeds.opml import OpmlFeed, is_web_address, write_opml
from bot.store import open_read_only, open_store
from bot.store.sources.feeds import FeedCounts

app = typer.Typer()
feeds = typer.Typer(help="The operator's feeds: their cards are everybody's.", no_args_is_help=True)
app.add_typer(feeds, name="feeds")

_POLICIES = (FollowPolicy.REVIEW, FollowPolicy.PUBLISH, FollowPolicy.ARCHIVE)
Policy = Annotated[FollowPolicy, typer.Option(help="What becomes of its cards: review, publish or archive.")]
Topics = Annotated[list[str] | None, typer.Option("--topic", help="A topic of all its cards; may be repeated.")]
Quality = Annotated[int, typer.Option(min=0, max=100, help="The quality of its cards.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


def _options(policy: FollowPolicy, topics: Sequence[str] | None, quality: int) -> FeedOptions:
    if policy not in _POLICIES:
        raise UserError(f"The policy {policy} needs a server that follows the feed. Take review, publish or archive.")
    return FeedOptions(policy, tuple(topics or ()), quality)


@asynccontextmanager
async def _open_reader() -> AsyncIterator[DocumentReader]:
    reader = DocumentReader()
    try:
        yield reader
    finally:
        await asyncio.to_thread(reader.close)


@feeds.command(name="add")
def add(
    urls: Annotated[list[str], typer.Argument(help="Addresses of feeds.")],
    policy: Policy = FollowPolicy.PUBLISH,
    topics: Topics = None,
    quality: Quality = DEFAULT_QUALITY,
) -> None:
    """Add feeds. What they hold at first can be found and is not posted. A feed that is there stays as it is."""
    options = _options(policy, topics, quality)
    if wrong := [url for url in urls if not is_web_address(url)]:
        raise UserError(f"{wrong[0]} is no address of the web. Give a whole one, such as https://example.org/feed.")
    asyncio.run(_add([NewFeed(url, options=options) for url in urls]))


async def _add(new: Sequence[NewFeed], left_out: int = 0) -> None:
    async with open_store(load_settings().database_url) as store:
        added = await store.feeds.add_feeds(new, utc_now())
    known = len({feed.url for feed in new}) - added
    OUT.print(f"Added {format_count(added, 'feed')}{f'; {known:,} already there' if known else ''}.")
    if left_out:
        ERR.print(f"The list is too long: left out {format_count(left_out, 'feed')} at its end.", style="yellow")


@feeds.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="A list of feeds as OPML.", exists=True, dir_okay=False)],
    policy: Policy = FollowPolicy.PUBLISH,
    topics: Topics = None,
    quality: Quality = DEFAULT_QUALITY,
) -> None:
    """Add the feeds of a list; its folders become topics. What is there already stays as it is."""
    asyncio.run(_import(file, _options(policy, topics, quality)))


async def _import(file: Path, options: FeedOptions) -> None:
    async with _open_reader() as reader:
        content = await read_list(file, reader, utc_now())
    for address in content.refused:
        ERR.print(f"Left out: {redact_url(address)} is no address of the web", style="dim", markup=False)
    await _add(to_new_feeds(content, options), content.left_out)


@feeds.command(name="export")
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; the standard output by default.")] = None,
) -> None:
    """Write the feeds as OPML, without the passwords and keys of their addresses: `newsdesk export` keeps those."""
    written, count, incomplete = asyncio.run(_export())
    if incomplete:
        ERR.print(f"{format_count(incomplete, 'feed')} without password or key: add it again by hand.", style="dim")
    if file is None:
        sys.stdout.write(written.decode())
        return
    try:
        file.write_bytes(written)
    except OSError as error:
        raise file_error(f"{file} cannot be written", error) from error
    OUT.print(f"Exported {format_count(count, 'feed')} to {file}.", markup=False, highlight=False, soft_wrap=True)


async def _export() -> tuple[bytes, int, int]:
    """Return the file, the number of its feeds, and how many of their addresses are without their credentials."""
    async with open_read_only(load_settings().database_url) as store:
        found = await store.feeds.list_feeds()
    feeds = [OpmlFeed(redact_url(feed.url), feed.title, feed.options.topics) for feed in found]
    incomplete = sum(redacted.url != feed.url for redacted, feed in zip(feeds, found, strict=True))
    return write_opml("Newsdesk", feeds), len(feeds), incomplete


@feeds.command(name="list")
def list_(as_json: AsJson = False) -> None:
    """List the feeds: their state, cards, and when they are looked at next."""
    asyncio.run(_list(as_json))


async def _list(as_json: bool) -> None:
    async with open_read_only(load_settings().database_url) as store:
        found, counts = await store.feeds.list_feeds(), await store.feeds.count_cards(utc_now())
    rows = [_describe_feed(feed, counts.get(feed.source_id, FeedCounts())) for feed in found]
    if as_json:
        _write_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for name in ("feed", "state", "cards", "this week", "next look"):
        table.add_column(name, overflow="fold")
    for row in rows:
        due = (row["next_fetch_at"] or "")[:16].replace("T", " ")
        name = f"{row['title']}\n{row['url']}" if row["title"] else row["url"]
        table.add_row(name, row["state"], str(row["cards"]), str(row["cards_this_week"]), due)
    OUT.print(table)


def _describe_feed(feed: Feed, counts: FeedCounts) -> dict[str, Any]:
    state, due = feed.state, feed.state.next_fetch_at
    return {
        "url": redact_url(feed.url),
        "title": feed.title,
        "state": _state_text(feed),
        "policy": str(feed.options.policy),
        "quality": feed.options.quality,
        "topics": list(feed.options.topics),
        "cards": counts.cards,
        "cards_this_week": counts.recent,
        "failures": state.failures,
        "problem": state.problem,
        "fetched_at": feed.fetched_at.isoformat() if feed.fetched_at else None,
        "next_fetch_at": due.isoformat() if due else None,
    }


def _state_text(feed: Feed) -> str:
    if feed.paused_at is not None:
        return "paused"
    if feed.state.problem:
        return ("stopped: " if feed.is_stopped else "") + describe_problem(feed.state.problem)
    return "fine" if feed.fetched_at else "not fetched yet"


@feeds.command(name="check")
def check(
    urls: Annotated[list[str] | None, typer.Argument(help="Addresses; all feeds by default.")] = None,
    as_json: AsJson = False,
) -> None:
    """Fetch feeds now and say what comes, without storing it. Exit code 1 when one cannot be fetched or read."""
    raise typer.Exit(0 if asyncio.run(_check(urls or [], as_json)) else PROBLEMS)


async def _check(urls: Sequence[str], as_json: bool) -> bool:
    settings, checks = load_settings(), []
    addresses = list(dict.fromkeys(urls or await _list_addresses(settings)))
    async with build_fetcher(settings) as fetcher, _open_reader() as reader:
        with show_progress("Fetching feeds") as progress:
            async for done in check_feeds(addresses, fetcher, reader, utc_now()):
                checks.append(done)
                progress(len(checks), len(addresses))
    checks.sort(key=lambda done: addresses.index(done.url))
    if as_json:
        _write_json([_describe_check(done) for done in checks])
    else:
        for done in checks:
            style = "red" if done.problem else None
            OUT.print(_check_text(done), style=style, markup=False, highlight=False, soft_wrap=True)
    return not any(done.problem for done in checks)


async def _list_addresses(settings: Settings) -> list[str]:
    async with open_read_only(settings.database_url) as store:
        return [feed.url for feed in await store.feeds.list_feeds()]


def _describe_check(check: FeedCheck) -> dict[str, Any]:
    newest = _newest_item(check)
    return {
        "url": redact_url(check.url),
        "title": check.feed.title if check.feed else "",
        "items": len(check.feed.items) if check.feed else 0,
        "newest": newest.isoformat() if newest else None,
        "problem": check.problem,
        "http_status": check.result.http_status,
    }


def _newest_item(check: FeedCheck) -> datetime | None:
    times = [item.published_at for item in check.feed.items if item.published_at] if check.feed else []
    return max(times, default=None)


def _check_text(check: FeedCheck) -> str:
    url = redact_url(check.url)
    if check.feed is None:
        status = f" (HTTP {check.result.http_status})" if check.result.http_status else ""
        return f"{url}: {describe_problem(check.problem)}{status}"
    newest = _newest_item(check)
    until = f", the newest of {newest:%Y-%m-%d %H:%M} UTC" if newest else ""
    return (
        f"{url}: {check.feed.title or 'a feed without a title'}, {format_count(len(check.feed.items), 'item')}{until}"
    )


@feeds.command(name="remove")
def remove(
    urls: Annotated[list[str], typer.Argument(help="Addresses of feeds.")],
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Withdraw their cards and posts as well.")] = False,
) -> None:
    """Remove feeds. Their cards stay, unless --withdraw is given. Exit code 1 when one is unknown."""
    raise typer.Exit(0 if asyncio.run(_remove(urls, withdraw)) else PROBLEMS)


async def _remove(urls: Sequence[str], withdraw: bool) -> bool:
    settings = load_settings()
    async with open_store(settings.database_url) as store:
        importer = FeedImporter(store.feeds.items, store.cards.importer)
        found = await store.feeds.find_feeds(urls)
        for feed in found:
            withdrawn = await importer.withdraw_all(feed, utc_now()) if withdraw else 0
            await store.feeds.remove_feed(feed.source_id)
            cards = f", {format_count(withdrawn, 'card')} withdrawn" if withdraw else ""
            OUT.print(f"Removed: {redact_url(feed.url)}{cards}", markup=False, highlight=False, soft_wrap=True)
            if feed.is_listed and settings.feeds:
                ERR.print(f"It comes back unless you take it out of {settings.feeds} as well.", style="yellow")
    unknown = set(urls) - {address for feed in found for address in (feed.key, feed.url)}
    for url in sorted(unknown):
        ERR.print(f"There is no feed {redact_url(url)}.", style="red", markup=False, highlight=False)
    return not unknown


def _write_json(rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
