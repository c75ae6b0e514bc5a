"""`newsdesk doctor`: diagnose an installation and suggest fixes. Read-only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.doctor.discord_checks import DiscordReport, InvalidTokenError, query_discord
from bot.doctor.finding import Finding, Severity
from bot.doctor.intake_checks import check_feed_list, check_intake_address
from bot.doctor.local_checks import check_cards, check_database, check_files, check_token
from bot.doctor.store_checks import check_store
from bot.errors import LoginError
from bot.settings import Settings
from bot.store.inspection import DatabaseReport, inspect_database

__all__ = ["Finding", "Severity", "run_checks"]

SKEW = timedelta(seconds=5)
"""Maximum clock skew: interactions expire after 3 seconds, and posts carry Discord's time."""
_ANOTHER = "Copy it again from the Developer Portal → Bot → Reset Token."
_REGISTER = (
    "Restart the bot: it registers them again, as a running one does within a day. If it happens again, another "
    "program has the token: reset it."
)
_NETWORK = "Check the network, a proxy, and NEWSDESK_DISCORD_API. Or look at this machine alone: --offline."


async def run_checks(settings: Settings, clock: Callable[[], datetime], *, offline: bool = False) -> list[Finding]:
    """Return all findings, local ones first. `offline` skips Discord."""
    report = await inspect_database(settings.database_url)
    findings = [
        *check_files(settings),
        *check_intake_address(settings),
        *await asyncio.to_thread(check_cards, settings.cards, need_category=settings.cards_need_category),
        *check_database(report),
    ]
    findings += await check_feed_list(settings, clock())
    findings += await check_store(settings, report, clock())
    # Last, so that a missing token does not hide what is wrong on this machine.
    token, token_findings = check_token(settings)
    findings += token_findings
    if offline:
        return [*findings, Finding(Severity.NOTE, "Discord was not queried (--offline)")]
    return [*findings, *await _check_discord(settings, token, report, clock)] if token else findings


async def _check_discord(
    settings: Settings, token: str, report: DatabaseReport, clock: Callable[[], datetime]
) -> list[Finding]:
    try:
        discord_report = await query_discord(settings, token, report.channels, clock)
    except InvalidTokenError as error:
        return [Finding(Severity.ERROR, error.what.rstrip("."), _ANOTHER), *_check_clock(error.skew)]
    except LoginError as error:
        return [Finding(Severity.ERROR, error.what.rstrip("."), _NETWORK)]
    closed = [Finding(Severity.ERROR, what, fix) for what, fix in discord_report.closed]
    return [
        *_discord_findings(discord_report),
        *_check_commands(discord_report, report),
        *_check_clock(discord_report.skew),
        *closed,
    ]


def _check_commands(discord_report: DiscordReport, report: DatabaseReport) -> Iterator[Finding]:
    """Check the registered commands: another program with the same token may have replaced or removed them."""
    if report.commands is None:
        yield Finding(Severity.NOTE, "the bot's commands are registered with its first start")
    elif not discord_report.commands:
        yield Finding(Severity.ERROR, "Discord knows none of the bot's commands", _REGISTER)
    # The store has the digest of what was registered last: comparing digests spares the doctor the command tree.
    elif discord_report.commands_digest != report.commands:
        what = f"Discord knows {discord_report.commands} commands, which are not those that the bot registered"
        yield Finding(Severity.ERROR, what, _REGISTER)
    else:
        yield Finding(Severity.NOTE, f"Discord knows the bot's {discord_report.commands} commands")


def _discord_findings(discord_report: DiscordReport) -> Iterator[Finding]:
    yield Finding(Severity.NOTE, f"Discord knows the token: the bot is {discord_report.name}")
    open_channels = discord_report.channels - len(discord_report.closed)
    if open_channels > 0:
        yield Finding(
            Severity.NOTE,
            f"the bot can post in {open_channels} of the {discord_report.channels} channels that it serves",
        )
    if discord_report.intents:
        names = ", ".join(discord_report.intents)
        yield Finding(Severity.NOTE, f"the application has {names}: Newsdesk needs none of the privileged intents")


def _check_clock(skew: timedelta | None) -> Iterator[Finding]:
    if skew is not None and abs(skew) > SKEW:
        direction = "ahead of" if skew > timedelta(0) else "behind"
        what = f"this machine's clock is {abs(skew).total_seconds():.0f} s {direction} Discord's"
        yield Finding(Severity.WARNING, what, "Set the clock by network time: timedatectl set-ntp true")
