"""Composition root: build the bot from its settings, run it, and close everything in reverse order."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from enum import StrEnum
from functools import partial
from http import HTTPStatus

import discord
from aiohttp.abc import AbstractResolver

from bot.client.bot import NewsBot
from bot.client.discord_wait import OUT_OF_REACH, describe_error
from bot.clock import Clock, utc_now
from bot.errors import DiscordUnreachableError, LoginError
from bot.intake import CardEndpoint, serve_intake
from bot.metrics import Metrics
from bot.monitor import serve_monitor
from bot.posting.discord_sender import DiscordSender
from bot.settings import Settings
from bot.shutdown import stop_on_sigterm
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_service import FeedService
from bot.sources.feeds.lookup_service import LookupService
from bot.sources.folder_source import folders_from_settings
from bot.sources.loader import Loader
from bot.store import open_store
from bot.supervisor import Supervisor, finish_step
from bot.ui.owner_actions import warn_owners
from bot.ui.registry import COMPONENTS
from bot.worker.link_submissions import LinkSubmissions
from bot.worker.pipeline import Pipeline
from bot.worker.server_feeds import ServerFeeds
from bot.worker.worker import Worker
from cogs import ALL

_LAST_STEP = 2.0
"""Timeout in seconds for one shutdown step; `bot.shutdown.WITHIN` bounds all of them together."""
_LAST_WORK = 8.0


@asynccontextmanager
async def open_bot(
    settings: Settings,
    *,
    clock: Clock = utc_now,
    background: bool = True,
    handle_interactions: bool = True,
    run_as_leader: bool = True,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator[NewsBot]:
    """Open the bot with store, worker and commands, not logged in yet.

    With `background` it loads, watches, plans and delivers on its own once logged in; without, the caller drives its
    `pipeline` step by step. Without `run_as_leader`, everything that needs the card folder is left to another process.
    With `handle_interactions` it has commands and buttons. `resolver` takes the place of the system's for the hosts of
    feeds and links.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.database_url))
        metrics = Metrics()
        bot = NewsBot(
            settings,
            store,
            clock,
            components=COMPONENTS,
            metrics=metrics,
            run_worker=background,
            handle_interactions=handle_interactions,
        )
        stack.push_async_callback(finish_step, "Closing the gateway", bot.close, _LAST_STEP)
        loader = Loader(store.cards.importer, *folders_from_settings(settings))
        supervisor = Supervisor(clock, metrics)
        bot.pipeline = Pipeline(settings, store, loader, DiscordSender(bot), clock, supervisor, metrics, bot.gate)
        bot.feeds = FeedService(settings, store, clock, metrics, resolver)
        stack.push_async_callback(asyncio.to_thread, bot.feeds.close)
        # Not the poller's reader: who gives an address does not wait for what is being polled.
        reader = DocumentReader()
        stack.push_async_callback(asyncio.to_thread, reader.close)
        lookups = LookupService(bot.feeds.open_fetcher, reader)
        bot.server_feeds = ServerFeeds(store, lookups, clock, settings.feeds_per_server)
        bot.links = LinkSubmissions(store, lookups, clock, settings.submissions_per_hour)
        bot.worker = Worker(settings, store, bot.pipeline, bot.feeds, clock, supervisor)
        bot.worker.is_leader = run_as_leader and not background
        bot.worker.warn_owners = partial(warn_owners, bot)
        bot.worker.set_pace = bot.limiter.set_slots
        stack.push_async_callback(finish_step, "Stopping the worker", bot.worker.stop, _LAST_WORK)
        for cog in ALL:
            await bot.add_cog(cog(bot))
        yield bot


def freeze_gc() -> None:
    """Exclude objects made during startup from garbage collection: a full pass over them takes 50 ms."""
    gc.collect()
    gc.freeze()


class ProcessRole(StrEnum):
    """The role of a process when several processes share a bot."""

    COURIER = "courier"
    """Loads, plans and delivers; needs no gateway."""
    GATEWAY = "gateway"
    """Answers commands and buttons; needs no courier."""


async def run_bot(settings: Settings, token: str, role: ProcessRole | None = None) -> None:
    """Log in and serve until stopped, either everything or only one part.

    Raises `LoginError` with a one-line message if Discord rejects the token, at login or later.
    """
    work = asyncio.create_task(_run_until_stopped(settings, token, role), name="run")
    with stop_on_sigterm(work.cancel):
        await asyncio.wait([work])
        if not work.cancelled():
            work.result()


async def _run_until_stopped(settings: Settings, token: str, only: ProcessRole | None) -> None:
    works = only is not ProcessRole.GATEWAY
    opening = open_bot(
        settings, background=works, run_as_leader=works, handle_interactions=only is not ProcessRole.COURIER
    )
    async with opening as bot, _monitor_endpoint(settings, bot), _intake_endpoint(settings, bot):
        freeze_gc()
        rejected = asyncio.Event()
        bot.gate.on_unauthorized = rejected.set
        serving = asyncio.create_task(_connect_and_serve(bot, token), name="gateway")
        rejecting = asyncio.create_task(rejected.wait(), name="rejection of the token")
        try:
            await asyncio.wait([serving, rejecting], return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Stop only the gateway here: in-flight calls finish and are recorded while `open_bot` closes.
            for task in (serving, rejecting):
                task.cancel()
            await asyncio.wait([serving, rejecting], timeout=_LAST_STEP)
        if rejected.is_set():
            raise LoginError(_UNKNOWN_TOKEN)
        if serving.done() and not serving.cancelled():
            serving.result()


def _monitor_endpoint(settings: Settings, bot: NewsBot) -> AbstractAsyncContextManager[object]:
    return serve_monitor(bot, settings.metrics_addr) if settings.metrics_addr else nullcontext()


def _intake_endpoint(settings: Settings, bot: NewsBot) -> AbstractAsyncContextManager[object]:
    if settings.intake_addr is None or not bot.runs_worker:
        return nullcontext()
    endpoint = CardEndpoint(bot.store, bot.clock, lambda: bot.worker.is_leader, bot.worker.plan_soon, bot.metrics)
    return serve_intake(endpoint, settings.intake_addr)


_UNKNOWN_TOKEN = "Discord does not know this token. Copy it again from the Developer Portal → Bot → Reset Token."  # noqa: S105 - no token
_INTENTS = (
    "Discord refuses the intents that the bot asks for. It needs none of the privileged ones: look at the Developer "
    "Portal → Bot, and for a newer version of Newsdesk."
)
_SHARDS = (
    "Discord refuses the shards: NEWSDESK_SHARDS, or NEWSDESK_SHARD_IDS and NEWSDESK_SHARD_COUNT, do not fit the bot. "
    "Leave them unset, or ask for more shards."
)
_REFUSED = {
    4004: _UNKNOWN_TOKEN,
    4010: _SHARDS,
    4011: _SHARDS,
    4012: "Discord's gateway does not speak this version any more. Install a newer version of Newsdesk.",
    4013: _INTENTS,
    4014: _INTENTS,
}
"""Gateway close codes after which reconnecting is pointless (Discord's documentation, "Opcodes")."""


async def _connect_and_serve(bot: NewsBot, token: str) -> None:
    try:
        await bot.discord_wait.retry(lambda: bot.login(token), alone=True)
        if bot.handles_interactions:
            await bot.connect()
        else:
            await asyncio.Event().wait()
    except discord.LoginFailure as error:
        raise LoginError(_UNKNOWN_TOKEN) from error
    except discord.PrivilegedIntentsRequired as error:
        raise LoginError(_INTENTS) from error
    except discord.ConnectionClosed as error:
        if error.code not in _REFUSED:
            raise
        raise LoginError(_REFUSED[error.code]) from error
    except OUT_OF_REACH as error:
        refusal = error.__cause__ if isinstance(error, discord.GatewayNotFound) else error
        if isinstance(refusal, discord.HTTPException) and refusal.status == HTTPStatus.UNAUTHORIZED:
            raise LoginError(_UNKNOWN_TOKEN) from error
        raise DiscordUnreachableError(
            f"Discord cannot be reached: {describe_error(error)}. Check the network, then start again."
        ) from error
