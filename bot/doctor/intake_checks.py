"""Check what news comes through: the operator's feeds and their list, and the tokens of the HTTP intake."""

from __future__ import annotations

import asyncio
import ipaddress
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.cards.urls import redact_url
from bot.doctor.finding import Finding, Severity
from bot.domain.feed import Feed
from bot.domain.feed_schedule import FAILURES_TO_REPORT
from bot.domain.fetch_result import FetchProblem
from bot.domain.intake import IntakeToken
from bot.errors import NewsdeskError
from bot.render.feed_problems import describe_problem
from bot.settings import Settings
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_list import read_list

UNUSED = timedelta(days=90)
"""Age at which a token that nobody uses is named."""
_SHOWN = 3
"""Maximum feeds or addresses listed of a kind."""
_FIXES: dict[str, str] = {
    FetchProblem.PORT_REFUSED: "Add its port to NEWSDESK_FETCH_PORTS if it is to be fetched all the same.",
    FetchProblem.PRIVATE_ADDRESS: "If it is a host of your own network, name it in NEWSDESK_FETCH_PRIVATE.",
    FetchProblem.LOGIN_REQUIRED: "Remove it, and add it with its password: https://name:password@host/feed.",
    FetchProblem.GONE: "Remove it: `newsdesk feeds remove URL`.",
}
_FIX = "`newsdesk feeds check URL` fetches it now. If the site has a new address for it, remove this one and add that."
_STOPPED_FIX = (
    "It is not fetched any more. `newsdesk feeds remove URL`; added again with `newsdesk feeds add`, it is tried anew."
)


async def check_feed_list(settings: Settings, now: datetime) -> list[Finding]:
    """Check that the file of `NEWSDESK_FEEDS` can be read, and that all of it can be fetched."""
    if settings.feeds is None:
        return []
    reader = DocumentReader()
    try:
        content = await read_list(settings.feeds, reader, now)
    except NewsdeskError as error:
        fix = error.fix or "Set NEWSDESK_FEEDS to an OPML file that the bot's user can read."
        return [Finding(Severity.ERROR, error.what.rstrip("."), fix)]
    finally:
        await asyncio.to_thread(reader.close)
    findings = [Finding(Severity.NOTE, f"Feeds in {settings.feeds}: {len(content.feeds):,}")]
    if content.refused:
        what = f"{settings.feeds} names what is no address of the web: {_enumerate(content.refused)}"
        findings.append(Finding(Severity.WARNING, what, "Correct or delete these entries."))
    if content.left_out:
        what = f"{settings.feeds} is too long: {content.left_out:,} of its feeds are left out"
        findings.append(Finding(Severity.WARNING, what, "Shorten the list."))
    return findings


def check_feeds(feeds: Sequence[Feed]) -> Iterator[Finding]:
    """Report the operator's feeds that keep failing, by reason. Servers are told about those that they follow."""
    failing: dict[tuple[bool, str], list[str]] = defaultdict(list)
    for feed in feeds:
        keeps_failing = feed.state.failures >= FAILURES_TO_REPORT and feed.paused_at is None
        if feed.state.problem and (feed.is_stopped or keeps_failing):
            failing[feed.is_stopped, feed.state.problem].append(feed.url)
    for (is_stopped, problem), urls in sorted(failing.items()):
        reason = describe_problem(problem).rstrip(".")
        stopped = "stopped: " if is_stopped else ""
        what = f"{len(urls)} of {len(feeds)} feeds: {stopped}{reason} ({_enumerate(urls)})"
        yield Finding(Severity.WARNING, what, _FIXES.get(problem, _STOPPED_FIX if is_stopped else _FIX))


def _enumerate(urls: Sequence[str]) -> str:
    more = ", …" if len(urls) > _SHOWN else ""
    return ", ".join(map(redact_url, urls[:_SHOWN])) + more


def check_intake_address(settings: Settings) -> Iterator[Finding]:
    """Warn of tokens that go over a network in the clear: the intake speaks HTTP alone."""
    address = settings.intake_addr
    if address is not None and not _is_loopback(address.host):
        what = f"The HTTP intake listens on {address.host}, where tokens and cards can be read on their way"
        fix = (
            "Put a proxy with TLS in front of it and let NEWSDESK_INTAKE_ADDR name 127.0.0.1, or see that only a "
            "private network reaches the port (docs/intake.md)."
        )
        yield Finding(Severity.WARNING, what, fix)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_tokens(settings: Settings, tokens: Sequence[IntakeToken], now: datetime) -> Iterator[Finding]:
    """Check that there is a token if there is an intake, and name those that nobody uses."""
    if settings.intake_addr and not tokens:
        fix = "Make one: `newsdesk token create NAME` (docs/intake.md). Or unset NEWSDESK_INTAKE_ADDR."
        yield Finding(Severity.WARNING, "The HTTP intake is on, but nobody has a token to post cards with", fix)
    if tokens and not settings.intake_addr:
        yield Finding(Severity.NOTE, f"{len(tokens)} tokens are of no use here: NEWSDESK_INTAKE_ADDR is not set")
    for token in tokens:
        used = token.last_used_at or token.created_at
        if now - used > UNUSED:
            never = "has never been used" if token.last_used_at is None else f"was last used on {used:%Y-%m-%d}"
            fix = f"If nobody needs it any more: `newsdesk token revoke {token.name}`"
            yield Finding(
                Severity.WARNING, f"The token {token.name}, made on {token.created_at:%Y-%m-%d}, {never}", fix
            )
