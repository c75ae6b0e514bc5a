"""The discord.py client."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.client.acknowledgement import ACKNOWLEDGED_AT_ONCE, FORM
from bot.client.bucket_sweep import sweep_buckets_rarely
from bot.client.command_sync import COMPARED_EVERY, sync_commands
from bot.client.discord_time import DiscordTime
from bot.client.discord_wait import DiscordWait
from bot.client.error_handler import answer_expired_component, receive_interaction, report_error
from bot.client.gateway_frames import FrameLog, forgive_frames
from bot.client.greeting import Greeter
from bot.client.interaction_context import bind_interaction_context
from bot.client.interaction_metrics import measure_interaction
from bot.client.interaction_queue import (
    COMPLETIONS_AT_ONCE,
    MAX_COMPLETION_SECONDS,
    MAX_COMPLETIONS_WAITING,
    InteractionQueue,
)
from bot.client.localization import CommandTranslator, GuildLanguages, MemberLanguages
from bot.client.rate_limit import (
    GateReporter,
    RequestLimiter,
    count_rate_limits,
    forbid_resend,
    through_gate,
)
from bot.client.sharding import IdentifyLimiter
from bot.client.standby import Standby
from bot.delivery.gate import Gate
from bot.metrics import Metrics, SkippedFrame
from bot.settings import Settings
from bot.sources.feeds.feed_service import FeedService
from bot.store import Store
from bot.worker.link_submissions import LinkSubmissions
from bot.worker.pipeline import Pipeline
from bot.worker.server_feeds import ServerFeeds
from bot.worker.worker import Worker

_log = logging.getLogger(__name__)
_GOODBYE = 2.0
"""Seconds to wait for the gateway to close."""
_MAX_WAIT = 60.0
"""Maximum seconds discord.py may sleep on a rate limit; longer waits are persisted by the courier."""
_LONGEST_LOGIN = 90.0
"""Seconds; discord.py itself tries again for 25 s, and may sleep for `_MAX_WAIT`."""
_LONGEST_GATEWAY_LOOKUP = 30.0


@dataclass(frozen=True, slots=True)
class Components:
    """The user interface that the bot is given: it knows no component itself. `bot.ui.registry` lists them."""

    items: Sequence[type[discord.ui.DynamicItem[Any]]] = ()
    """Persistent components: they respond on messages of any age, after any restart."""
    pages: Mapping[type, Callable[..., Awaitable[dict[str, Any]]]] = field(default_factory=dict)
    """What loads a page of a list, by the type of its request."""
    expired_text: Callable[[discord.Interaction[Any]], str] = lambda _interaction: ""
    """What to say of a component without a handler, if there is more to say than that it expired."""
    build_greeting: Callable[[NewsBot, discord.Guild, bool], Awaitable[dict[str, Any]]] | None = None
    """Builds the message to a server that the bot joins, for a channel of it or, if True, for a direct message."""


class NewsTree(app_commands.CommandTree["NewsBot"]):
    """The slash commands; failures are reported to the user.

    Commands are acknowledged with a deferred reply. One with a `FORM` in its `extras` opens the modal that it returns,
    if any.
    """

    async def interaction_check(self, interaction: discord.Interaction[NewsBot], /) -> bool:
        if interaction.type is discord.InteractionType.autocomplete:
            measure_interaction(interaction)
            bind_interaction_context(interaction)
            return True
        command = interaction.command
        return await receive_interaction(interaction, form=command.extras.get(FORM) if command else None)

    async def on_error(self, interaction: discord.Interaction[NewsBot], error: app_commands.AppCommandError, /) -> None:
        await report_error(interaction, error)


class NewsBot(commands.AutoShardedBot):
    """The client. Caches no members and no messages; persistent state is in the store.

    A single shard is just the common case: Discord recommends the shard count.
    """

    pipeline: Pipeline
    """What commands and clicks may ask for."""
    worker: Worker
    """The background work: for its start, its end and the monitor alone."""
    feeds: FeedService
    server_feeds: ServerFeeds
    """The feeds of servers, for commands and clicks."""
    links: LinkSubmissions
    """The links that people submit, for commands and clicks."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], datetime],
        *,
        components: Components | None = None,
        metrics: Metrics,
        run_worker: bool = True,
        handle_interactions: bool = True,
    ) -> None:
        """Run the worker after login if `run_worker`; handle commands and components if `handle_interactions`."""
        self.components = components or Components()
        self.metrics = metrics
        self.gate = Gate(clock, self.metrics.set_gate_state)
        """Decides which requests may be sent; a 401 calls `gate.on_unauthorized`."""
        self.limiter = RequestLimiter(settings.pace, gate=self.gate)
        self.discord_wait = DiscordWait(self.gate, store.health, clock)
        self.discord_time = DiscordTime()
        # Voice is not used, so silence discord.py's warnings about missing voice dependencies.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=NewsTree,
            intents=discord.Intents(guilds=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            http_trace=_build_trace_config(self.limiter, self.metrics, self.gate, self.discord_time),
            max_ratelimit_timeout=_MAX_WAIT,
            shard_count=settings.shard_count or settings.shards,
            allowed_mentions=discord.AllowedMentions.none(),
            # What else Discord lets people install for themselves is up to the application's settings.
            allowed_installs=app_commands.AppInstallationType(guild=True),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True),
        )
        sweep_buckets_rarely(self.http)
        self.shard_ids = list(settings.shard_ids) if settings.shard_ids else None
        self.settings = settings
        self.store = store
        self.clock = clock
        self.translator = CommandTranslator()
        self._guild_languages = GuildLanguages(store)
        self.member_languages = MemberLanguages(store)
        build = self.components.build_greeting
        self._greeter = Greeter(store.greetings, clock, partial(build, self)) if build else None
        self._identify_limiter = IdentifyLimiter(1, clock)
        self.open_drafts: set[str] = set()
        """Keys of the open setup drafts."""
        self.command_ids: dict[str, int] = {}
        """Slash command ids by name, fetched on first use."""
        self.shared_messages: deque[int] = deque(maxlen=1000)
        """Replies recently shared with the channel, by message id."""
        self.standby = Standby()
        self._launching: set[int] = set()
        """Shards that are being connected for the first time."""
        self.runs_worker = run_worker
        self.handles_interactions = handle_interactions
        self.acknowledging = asyncio.Semaphore(ACKNOWLEDGED_AT_ONCE)
        self.workload = InteractionQueue(behind=self.acknowledging)
        self.completions = InteractionQueue(COMPLETIONS_AT_ONCE, MAX_COMPLETIONS_WAITING, MAX_COMPLETION_SECONDS)
        self._frame_log = FrameLog()
        forgive_frames()
        if settings.discord_api:
            Route.BASE = resolve_api_base(settings.discord_api)

    async def login(self, token: str) -> None:
        """Log in. After a failure it can be called again, which discord.py does not provide for."""
        await self.http.close()
        self.http.connector = discord.utils.MISSING
        # Through the gate, a page that is not Discord's raises an error instead of being taken for an answer.
        async with asyncio.timeout(_LONGEST_LOGIN):
            with through_gate():
                await super().login(token)

    async def setup_hook(self) -> None:
        if self.handles_interactions:
            self.add_dynamic_items(*self.components.items)
            await self.tree.set_translator(self.translator)
            await self.sync_commands()
        if self.runs_worker:
            # Delivery needs only REST, so it starts before the gateway connects and continues while it is down.
            self.worker.start()

    async def launch_shards(self) -> None:
        """Fetch the recommended shard count, `max_concurrency` and gateway URL before launching the shards."""
        recommended, gateway, limits = await self.discord_wait.retry(self._look_up_gateway, alone=not self.runs_worker)
        self.shard_count = self.shard_count or recommended
        # On an invalid session discord.py reconnects to its default gateway, not to the configured one.
        DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway)
        shared = self.store.key_values.reserve_slot if self.shard_ids else None
        self._identify_limiter = IdentifyLimiter(limits["max_concurrency"], self.clock, shared)
        await super().launch_shards()

    async def _look_up_gateway(self) -> tuple[int, str, discord.types.gateway.SessionStartLimit]:
        try:
            async with asyncio.timeout(_LONGEST_GATEWAY_LOOKUP):
                return await self.http.get_bot_gateway()
        except (TypeError, KeyError) as error:
            raise ValueError("the answer is not Discord's") from error

    async def launch_shard(self, gateway: URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect a shard once the gateway can be reached.

        discord.py would call this again every five seconds, each call inside the last, until there are too many.
        """
        if shard_id in self._launching:
            raise ConnectionError("the gateway cannot be reached")
        self._launching.add(shard_id)
        launch = partial(super().launch_shard, gateway, shard_id, initial=initial)
        try:
            await self.discord_wait.retry(launch, alone=not self.runs_worker)
        finally:
            self._launching.discard(shard_id)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002
        try:
            await self._identify_limiter.wait_turn(shard_id or 0)
        except Exception as error:
            # Any other exception would end the client; a ConnectionError is retried with backoff.
            raise ConnectionError(f"no turn to identify: {type(error).__name__}") from error

    async def sync_commands(self, *, force: bool = False) -> bool:
        """Register the commands if needed; return whether they were."""
        return await sync_commands(self, self.translator, self.store.key_values, force=force)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Handle interactions while this process holds its shards; stand by otherwise."""
        async with self.store.leader.gateway_lock(self.shard_ids) as lock:
            while not await self.standby.serve_session(lock, lambda: self._run_session(reconnect)):
                pass

    async def _run_session(self, reconnect: bool) -> None:
        keeping = asyncio.create_task(self._keep_commands_registered(), name="commands at Discord")
        try:
            await super().connect(reconnect=reconnect)
        finally:
            keeping.cancel()
            await self._close_shards()

    async def _keep_commands_registered(self) -> None:
        while True:
            await asyncio.sleep(COMPARED_EVERY)
            try:
                await self.sync_commands()
            except Exception:  # noqa: BLE001 - boundary of a job, retried the next day
                _log.exception("Could not compare the commands with those at Discord")

    async def _close_shards(self) -> None:
        """Close the shards so that they can be launched again later. discord.py can only close for good."""
        shards: dict[int, Any] = self._AutoShardedClient__shards  # type: ignore[attr-defined]
        closing = [asyncio.create_task(shard.close()) for shard in shards.values()]
        if closing:
            _, slow = await asyncio.wait(closing, timeout=_GOODBYE)
            for task in slow:
                task.cancel()
        if not self.is_closed():
            events: asyncio.PriorityQueue[Any] = self._AutoShardedClient__queue  # type: ignore[attr-defined]
            # An event of an old shard would end the next session.
            while not events.empty():
                events.get_nowait()
            shards.clear()
            self._ready.clear()
            user = self._connection.user
            self._connection.clear(views=False)  # persistent components are registered only once
            # Handlers of the session's last events still run, and ask `guild.me` what the bot may do.
            self._connection.user = user

    async def fetch_owners(self) -> set[int]:
        """Return the owner, or the team members who may decide: those who accepted and are not read-only."""
        info = await self.application_info()
        if not info.team:
            return {info.owner.id}
        return {
            member.id
            for member in info.team.members
            if member.membership_state is discord.TeamMembershipState.accepted
            and member.role is not discord.TeamMemberRole.read_only
        }

    async def on_frame_skipped(self, reason: SkippedFrame, event: str, error: Exception) -> None:
        self.metrics.count_skipped_frame(reason)
        self._frame_log.log_frame(reason, event, error)

    async def on_ready(self) -> None:
        _log.info("Ready as %s in %s guilds", self.user, len(self.guilds))
        await self._guild_languages.store_changes(self.guilds)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self._welcome_guild(guild)

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.store.subscriptions.personal_digests.forget_members(guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        # A server that was joined meanwhile comes so as well, and one that is joined may come as if it were known.
        await self._welcome_guild(guild)

    async def _welcome_guild(self, guild: discord.Guild) -> None:
        await self._guild_languages.store_changes([guild])
        if self._greeter is not None:
            await self._greeter.greet_guild(guild)

    async def on_guild_update(self, before: discord.Guild, after: discord.Guild) -> None:
        if before.preferred_locale != after.preferred_locale:
            await self._guild_languages.store_changes([after])

    @property
    def is_connected(self) -> bool:
        """Return whether the gateway is connected and the guilds have arrived; True if no gateway is needed."""
        if not self.handles_interactions or self.standby.is_waiting:
            return True
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Report components without a handler as expired: they come from before a restart, or are forged."""
        bind_interaction_context(interaction)
        _log.debug("Guild %s, member %s: %s", interaction.guild_id, interaction.user.id, interaction.type.name)
        await answer_expired_component(interaction, self.components.expired_text(interaction))

    async def close(self) -> None:
        # `login` creates the queue; discord.py's `close` fails without it.
        if hasattr(self, "_AutoShardedClient__queue"):
            await super().close()

    async def on_command_error(self, context: commands.Context[Any], error: commands.CommandError, /) -> None:
        """Ignore mentions: there are only slash commands."""


def _build_trace_config(
    limiter: RequestLimiter, metrics: Metrics, gate: Gate, discord_time: DiscordTime
) -> aiohttp.TraceConfig:
    trace = limiter.trace_config()
    trace.on_request_end.append(count_rate_limits(metrics))
    trace.on_request_end.append(discord_time.on_request_end)
    GateReporter(gate).attach_to(trace)
    trace.on_request_end.append(forbid_resend)  # last: it raises, and hooks behind it would not run
    return trace


def resolve_api_base(address: str) -> str:
    """Return the API base URL; a bare host gets Discord's default path."""
    return address if urlsplit(address).path else f"{address}/api/v10"


Interaction = discord.Interaction[NewsBot]
"""An interaction that this bot handles."""
