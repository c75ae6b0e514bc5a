"""Checks of what the store holds: subscriptions, feeds, tokens."""

from __future__ import annotations

from datetime import datetime

from bot.doctor.finding import Finding, Severity
from bot.doctor.intake_checks import check_feeds, check_tokens
from bot.domain.subscription import Subscription
from bot.errors import StoreError
from bot.settings import Settings
from bot.store import Store, open_read_only
from bot.store.inspection import DatabaseReport, DatabaseState


async def check_store(settings: Settings, report: DatabaseReport, now: datetime) -> list[Finding]:
    """Check the contents of a database that is whole and of this version; others are reported as such."""
    if report.state is not DatabaseState.CURRENT or report.damage:
        return []
    try:
        async with open_read_only(settings.database_url) as store:
            return [
                *await _find_suspended(store),
                *check_feeds(await store.feeds.list_feeds()),
                *check_tokens(settings, await store.intake.list_tokens(), now),
            ]
    except (StoreError, OSError):
        return []  # reported already


async def _find_suspended(store: Store) -> list[Finding]:
    """Return subscriptions and quiet hours that cannot be planned, e.g. with a time zone unknown to this machine."""
    findings = [
        (f"A subscription of channel {each.channel_id} is paused: {_describe_reason(each)}", each.guild_id)
        for each in await store.subscriptions.list_suspended()
    ]
    findings += [
        (
            f"The quiet hours of channel {each.channel_id} cannot be read (time zone {each.hours.timezone})",
            each.guild_id,
        )
        for each in await store.subscriptions.quiet_hours.list_all()
        if not each.usable
    ]
    fix = "Change it there: `/digest edit` or `/digest quiet`; a zone that is known elsewhere comes with newer tzdata."
    return [Finding(Severity.WARNING, f"{what} (server {server})", fix) for what, server in findings]


def _describe_reason(subscription: Subscription) -> str:
    if "timezone" in subscription.unusable:
        return f"this machine does not know the time zone {subscription.options.timezone!r}"
    if subscription.unusable:
        return f"{', '.join(subscription.unusable)} cannot be read"
    return subscription.trouble or ""
