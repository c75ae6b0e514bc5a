"""`newsdesk doctor`: diagnose an installation and suggest fixes. Read-only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from bot.desk.subscription import Subscription
from bot.doctor.finding import Finding, Severity
from bot.doctor.local import cards, database, files, token
from bot.errors import LoginError, StoreError
from bot.gateway.inquiry import Answers, UnknownTokenError, ask
from bot.settings import Settings
from bot.store import open_for_reading
from bot.store.examining import DatabaseState, Examined, examine

__all__ = ["Finding", "Severity", "diagnose"]

SKEW = timedelta(seconds=5)
"""Maximum clock skew: interactions expire after 3 seconds, and posts carry Discord's time."""
_ANOTHER = "Copy it again from the Developer Portal → Bot → Reset Token."
_REGISTER = (
    "Restart the bot: it registers them again, as a running one does within a day. If it happens again, another "
    "program has the token: reset it."
)
_NETWORK = "Check the network, a proxy, and NEWSDESK_DISCORD_API. Or look at this machine alone: --offline."


async def diagnose(settings: Settings, clock: Callable[[], datetime], *, offline: bool = False) -> list[Finding]:
    """Return all findings, local ones first. `offline` skips Discord."""
    examined = await examine(settings.database_url)
    found = [
        *files(settings),
        *await asyncio.to_thread(cards, settings.cards, need_category=settings.cards_need_category),
        *database(examined),
    ]
    found += await _resting(settings, examined)
    word, troubles = token(settings)
    found += troubles
    if offline:
        return [*found, Finding(Severity.NOTE, "Discord was not asked (--offline)")]
    return [*found, *await _discord(settings, word, examined, clock)] if word else found


async def _resting(settings: Settings, examined: Examined) -> list[Finding]:
    """Return subscriptions and quiet hours that cannot be planned, e.g. with a time zone unknown to this machine."""
    if examined.state is not DatabaseState.CURRENT or examined.damage:
        return []
    try:
        async with open_for_reading(settings.database_url) as store:
            resting, quiet = await store.subscriptions.resting(), await store.quiet.all()
    except (StoreError, OSError):
        return []  # reported already
    found = [(f"A subscription of channel {each.channel_id} rests: {_reason(each)}", each.guild_id) for each in resting]
    found += [
        (
            f"The quiet hours of channel {each.channel_id} cannot be read (time zone {each.hours.timezone})",
            each.guild_id,
        )
        for each in quiet
        if not each.usable
    ]
    fix = "Change it there: `/digest edit` or `/digest quiet`; a zone that is known elsewhere comes with newer tzdata."
    return [Finding(Severity.WARNING, f"{what} (server {server})", fix) for what, server in found]


def _reason(subscription: Subscription) -> str:
    if "timezone" in subscription.unusable:
        return f"this machine does not know the time zone {subscription.wish.timezone!r}"
    if subscription.unusable:
        return f"{', '.join(subscription.unusable)} cannot be read"
    return subscription.trouble or ""


async def _discord(settings: Settings, word: str, examined: Examined, clock: Callable[[], datetime]) -> list[Finding]:
    try:
        answers = await ask(settings, word, examined.channels, clock)
    except UnknownTokenError as error:
        return [Finding(Severity.ERROR, str(error).rstrip("."), _ANOTHER), *_skewed(error.skew)]
    except LoginError as error:
        return [Finding(Severity.ERROR, str(error).rstrip("."), _NETWORK)]
    closed = [Finding(Severity.ERROR, what, fix) for what, fix in answers.closed]
    return [*_about(answers), *_commands(answers, examined), *_skewed(answers.skew), *closed]


def _commands(answers: Answers, examined: Examined) -> Iterator[Finding]:
    """Check the registered commands: another program with the same token may have replaced or removed them."""
    if examined.commands is None:
        yield Finding(Severity.NOTE, "the bot's commands are registered with its first start")
    elif not answers.commands:
        yield Finding(Severity.ERROR, "Discord knows none of the bot's commands", _REGISTER)
    elif answers.commands_digest != examined.commands:
        what = f"Discord knows {answers.commands} commands, which are not those that the bot registered"
        yield Finding(Severity.ERROR, what, _REGISTER)
    else:
        yield Finding(Severity.NOTE, f"Discord knows the bot's {answers.commands} commands")


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
