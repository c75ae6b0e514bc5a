"""The bot as Discord sees it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp
import discord
from discord import app_commands
from discord.ext import commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

from bot.delivery.gate import Gate
from bot.gateway.acknowledgement import ACKNOWLEDGED_AT_ONCE, FORM
from bot.gateway.buttons import CARD_BUTTONS
from bot.gateway.desk_pages import QueueButton
from bot.gateway.discord_time import DiscordTime
from bot.gateway.failures import receive, report, say_stale
from bot.gateway.frames import FrameLog, forgive_frames
from bot.gateway.languages import CommandTranslator, MemberLanguages, ServerLanguages
from bot.gateway.measuring import measure
from bot.gateway.members import EraseButton
from bot.gateway.noting import note
from bot.gateway.operators import AcceptWithdrawalsButton, accept_view
from bot.gateway.pacing import GateKeeper, Pace, count_refusals, refuse_second_try
from bot.gateway.registration import COMPARED_EVERY, sync_commands
from bot.gateway.reviews import REVIEW_ITEMS
from bot.gateway.setup import about_lost_draft
from bot.gateway.shards import Identifies
from bot.gateway.sharing import ShareButton
from bot.gateway.standby import Standby
from bot.gateway.turning import TurnButton
from bot.gateway.workload import COMPLETIONS_AT_ONCE, LONGEST_COMPLETION, MOST_COMPLETIONS_WAITING, Workload
from bot.language import tr, trn
from bot.metrics import Metrics, SkippedFrame
from bot.settings import Settings
from bot.store import Store

if TYPE_CHECKING:
    from bot.newsroom import Newsroom

_log = logging.getLogger(__name__)
_GOODBYE = 2.0
"""Seconds for the gateway to say goodbye."""
_LONGEST_WAIT = 60.0
"""Seconds that discord.py may wait for a limit by itself; longer waits are the courier's, which remembers them."""
LASTING_ITEMS: tuple[type[discord.ui.DynamicItem[Any]], ...] = (
    *CARD_BUTTONS,
    *REVIEW_ITEMS,
    QueueButton,
    TurnButton,
    ShareButton,
    AcceptWithdrawalsButton,
    EraseButton,
)
"""What answers clicks on messages of any age, after any restart."""


OUT_OF_REACH = (discord.HTTPException, aiohttp.ClientError, OSError, TimeoutError, ValueError)
"""What a request raises that Discord did not answer, or not as it should: nobody knows more until the next try."""


class NewsTree(app_commands.CommandTree["NewsBot"]):
    """The slash commands, whose failures answer the person who asked.

    Each is acknowledged as a reply; one with a `FORM` in its `extras` opens that form when it makes one.
    """

    async def interaction_check(self, interaction: discord.Interaction[NewsBot], /) -> bool:
        if interaction.type is discord.InteractionType.autocomplete:
            measure(interaction)
            note(interaction)
            return True
        command = interaction.command
        return await receive(interaction, form=command.extras.get(FORM) if command else None)

    async def on_error(self, interaction: discord.Interaction[NewsBot], error: app_commands.AppCommandError, /) -> None:
        await report(interaction, error)


class NewsBot(commands.AutoShardedBot):
    """The client. It keeps no members and no messages: what it needs to remember is in the store.

    A bot of one shard is the ordinary case of one of many: Discord says how many it wants.
    """

    newsroom: Newsroom

    def __init__(
        self,
        settings: Settings,
        store: Store,
        clock: Callable[[], datetime],
        *,
        metrics: Metrics | None = None,
        works: bool = True,
        answers: bool = True,
    ) -> None:
        """With `works` its newsroom does so from the login on; with `answers` it has commands and buttons."""
        self.metrics = metrics or Metrics()
        self.gate = Gate(clock, self.metrics.gate_changed)
        """Which requests may go to Discord; `gate.on_unauthorized` is called at a 401."""
        self.discord_time = DiscordTime()
        # It never speaks: what it lacks for that is no news for whoever reads the log.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=commands.when_mentioned,
            help_command=None,
            tree_cls=NewsTree,
            intents=discord.Intents(guilds=True),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            http_trace=_trace(settings, self.metrics, self.gate, self.discord_time),
            max_ratelimit_timeout=_LONGEST_WAIT,
            shard_count=settings.shard_count or settings.shards,
            allowed_mentions=discord.AllowedMentions.none(),
        )
        self.shard_ids = list(settings.shard_ids) if settings.shard_ids else None
        self.settings = settings
        self.store = store
        self.clock = clock
        self.translator = CommandTranslator()
        self._languages = ServerLanguages(store)
        self.member_languages = MemberLanguages(store)
        self._identifies = Identifies(1, clock)
        self.open_drafts: set[str] = set()
        """The keys of the setups that somebody is at."""
        self.command_ids: dict[str, int] = {}
        """The ids of the slash commands by name, once somebody has asked for them."""
        self.shown: deque[int] = deque(maxlen=1000)
        """The replies that were lately shown to everyone, by the ids of their messages."""
        self.standby = Standby()
        self.works = works
        self.answers = answers
        self.acknowledging = asyncio.Semaphore(ACKNOWLEDGED_AT_ONCE)
        self.workload = Workload(behind=self.acknowledging)
        self.completions = Workload(COMPLETIONS_AT_ONCE, MOST_COMPLETIONS_WAITING, LONGEST_COMPLETION)
        self._frame_log = FrameLog()
        forgive_frames()
        if settings.discord_api:
            Route.BASE = api_base(settings.discord_api)

    async def setup_hook(self) -> None:
        if self.answers:
            self.add_dynamic_items(*LASTING_ITEMS)
            await self.tree.set_translator(self.translator)
            await self.sync_commands()
        if self.works:
            # Delivering needs no gateway: cards go out while it connects, and while it is in trouble.
            self.newsroom.start()

    async def launch_shards(self) -> None:
        """Ask Discord first how many it wants, how fast they may identify, and where its gateway is."""
        recommended, gateway, limits = await self.http.get_bot_gateway()
        self.shard_count = self.shard_count or recommended
        # A session that became invalid is begun anew there: discord.py would go to Discord's own gateway.
        DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway)
        shared = self.store.meta.reserve if self.shard_ids else None
        self._identifies = Identifies(limits["max_concurrency"], self.clock, shared)
        await super().launch_shards()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:  # noqa: ARG002
        try:
            await self._identifies.turn(shard_id or 0)
        except Exception as error:
            # Anything else would end the client: this is tried again after a pause, like any connection that failed.
            raise ConnectionError(f"no turn to identify: {type(error).__name__}") from error

    async def sync_commands(self, *, force: bool = False) -> bool:
        """Register the commands where that is needed. Returns whether it was."""
        return await sync_commands(self, force=force)

    async def connect(self, *, reconnect: bool = True) -> None:
        """Answer people while no other process does so for the same shards; stand by until then."""
        async with self.store.duty.gateway_stand(self.shard_ids) as stand:
            while not await self.standby.serve(stand, lambda: self._session(reconnect)):
                pass

    async def _session(self, reconnect: bool) -> None:
        keeping = asyncio.create_task(self._keep_commands(), name="commands at Discord")
        try:
            await super().connect(reconnect=reconnect)
        finally:
            keeping.cancel()
            await self._leave_gateway()

    async def _keep_commands(self) -> None:
        while True:
            await asyncio.sleep(COMPARED_EVERY)
            try:
                await self.sync_commands()
            except Exception:  # noqa: BLE001 - the boundary of a job: it is tried again the next day
                _log.exception("The commands could not be compared with Discord's")

    async def _leave_gateway(self) -> None:
        """Close the shards, so that others can be launched later. discord.py can only close for good."""
        shards: dict[int, Any] = self._AutoShardedClient__shards  # type: ignore[attr-defined]
        closing = [asyncio.create_task(shard.close()) for shard in shards.values()]
        if closing:
            _, slow = await asyncio.wait(closing, timeout=_GOODBYE)
            for task in slow:
                task.cancel()
        if not self.is_closed():
            events: asyncio.PriorityQueue[Any] = self._AutoShardedClient__queue  # type: ignore[attr-defined]
            while not events.empty():
                events.get_nowait()
            shards.clear()
            self._ready.clear()
            self._connection.clear(views=False)

    async def warn_operators(self, held_back: int, told: set[int] | None = None) -> bool:
        """Ask the bot's owners in a direct message whether a mass withdrawal is meant, but for those `told` before.

        Returns whether nobody is left to be told. Who takes no messages cannot be, and reads the log or `/status`.
        """
        told = set() if told is None else told
        try:
            owners = await self._owners()
        except OUT_OF_REACH as error:
            _log.warning("The bot's owners could not be asked for: %s", type(error).__name__)
            return False
        for owner in owners - told:
            try:
                user = await self.fetch_user(owner)
                await user.send(_is_it_meant(held_back), view=accept_view())
            except (discord.Forbidden, discord.NotFound) as error:
                _log.warning("Owner %s takes no messages: code %s", owner, error.code)
            except OUT_OF_REACH as error:
                _log.warning("Owner %s could not be told, and will be later: %s", owner, type(error).__name__)
                continue
            told.add(owner)
        return owners <= told

    async def _owners(self) -> set[int]:
        """The owner, or the members of the team who may decide: those who were only invited, or only read, may not."""
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
        self.metrics.frame_skipped(reason)
        self._frame_log.note(reason, event, error)

    async def on_ready(self) -> None:
        _log.info("Ready as %s in %s servers", self.user, len(self.guilds))
        await self._languages.note(self.guilds)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self._languages.note([guild])

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        await self.store.follows.doubt_members(guild.id)

    async def on_guild_available(self, guild: discord.Guild) -> None:
        await self._languages.note([guild])

    async def on_guild_update(self, before: discord.Guild, after: discord.Guild) -> None:
        if before.preferred_locale != after.preferred_locale:
            await self._languages.note([after])

    @property
    def is_connected(self) -> bool:
        """Whether the gateway is connected now, and has told of the servers. Nothing is missed where none is needed."""
        if not self.answers or self.standby.is_waiting:
            return True
        return self.is_ready() and not any(shard.is_closed() for shard in self.shards.values())

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """What nobody handles was made before a restart, or by hand."""
        note(interaction)
        _log.debug("Server %s, member %s: %s", interaction.guild_id, interaction.user.id, interaction.type.name)
        await say_stale(interaction, about_lost_draft(interaction))

    async def close(self) -> None:
        # The login makes it; before that, discord.py's own close stumbles over its absence.
        if hasattr(self, "_AutoShardedClient__queue"):
            await super().close()

    async def on_command_error(self, context: commands.Context[Any], error: commands.CommandError, /) -> None:
        """There are slash commands only; somebody who mentions the bot asks for nothing."""


def _is_it_meant(held_back: int) -> str:
    lost = trn(
        "The folder of cards lost **{count}** published card at once, so nothing was withdrawn.",
        "The folder of cards lost **{count}** published cards at once, so nothing was withdrawn.",
        held_back,
    )
    fix = tr("If the folder is right, accept it here or with `newsdesk load --accept-withdrawals`; else mend it.")
    return f"{lost} {fix}"


def _trace(settings: Settings, metrics: Metrics, gate: Gate, discord_time: DiscordTime) -> aiohttp.TraceConfig:
    trace = Pace(settings.pace, gate=gate).trace()
    trace.on_request_end.append(count_refusals(metrics))
    trace.on_request_end.append(discord_time.look)
    GateKeeper(gate).watch(trace)
    trace.on_request_end.append(refuse_second_try)
    return trace


def api_base(address: str) -> str:
    """A bare host means Discord's own path on it."""
    return address if urlsplit(address).path else f"{address}/api/v10"
