"""`newsdesk doctor`: what keeps this installation from working well, and how to mend it. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.doctor.finding import Finding, Severity
from bot.doctor.local import cards, database, files, token
from bot.errors import LoginError
from bot.gateway.inquiry import Answers, UnknownTokenError, ask
from bot.settings import Settings
from bot.store.examining import Examined, examine

__all__ = ["Finding", "Severity", "diagnose"]

SKEW = timedelta(seconds=5)
"""How far the clocks may differ: an interaction is to be answered within 3 seconds, and posts carry Discord's time."""
_ANOTHER = "Copy it again from the Developer Portal → Bot → Reset Token."
_NETWORK = "Check the network, a proxy, and NEWSDESK_DISCORD_API. Or look at this machine alone: --offline."


async def diagnose(settings: Settings, clock: Callable[[], datetime], *, offline: bool = False) -> list[Finding]:
    """Everything that was found, what concerns this machine first. `offline` asks Discord nothing."""
    examined = await examine(settings.database_url)
    found = [*files(settings), *await asyncio.to_thread(cards, settings.cards), *database(examined)]
    word, troubles = token(settings)
    found += troubles
    if offline:
        return [*found, Finding(Severity.NOTE, "Discord was not asked (--offline)")]
    return [*found, *await _discord(settings, word, examined, clock)] if word else found


async def _discord(settings: Settings, word: str, examined: Examined, clock: Callable[[], datetime]) -> list[Finding]:
    try:
        answers = await ask(settings, word, examined.channels, clock)
    except UnknownTokenError as error:
        return [Finding(Severity.ERROR, str(error).rstrip("."), _ANOTHER), *_skewed(error.skew)]
    except LoginError as error:
        return [Finding(Severity.ERROR, str(error).rstrip("."), _NETWORK)]
    closed = [Finding(Severity.ERROR, what, fix) for what, fix in answers.closed]
    return [*_about(answers), *_skewed(answers.skew), *closed]


def _about(answers: Answers) -> Iterator[Finding]:
    yield Finding(Severity.NOTE, f"Discord knows the token: the bot is {answers.name}")
    well = answers.channels - len(answers.closed)
    if well > 0:
        yield Finding(Severity.NOTE, f"the bot can post in {well} of the {answers.channels} channels that it serves")
    if answers.intents:
        names = ", ".join(answers.intents)
        yield Finding(Severity.NOTE, f"the application has {names}: Newsdesk needs none of the privileged intents")


def _skewed(skew: timedelta | None) -> Iterator[Finding]:
    if skew is not None and abs(skew) > SKEW:
        way = "ahead of" if skew > timedelta(0) else "behind"
        what = f"this machine's clock is {abs(skew).total_seconds():.0f} s {way} Discord's"
        yield Finding(Severity.WARNING, what, "Set the clock by network time: timedatectl set-ntp true")
