"""What a test sets up: guilds and channels, settings, faults, and the state of the gateway."""

from collections.abc import Iterable
from typing import Any

from tests.wire import results
from tests.wire.errors import Json
from tests.wire.line import ControlLine
from tests.wire.results import WireChannel, WireGuild


class ControlStage(ControlLine):
    """The part of :class:`tests.wire.client.WireDiscord` that changes the world from outside."""

    async def reset_world(self, **settings: Any) -> None:
        """Drops all connections and begins an empty world; settings not named are Discord's own again."""
        await self._call_verb("reset", settings=settings)

    async def configure_settings(self, **settings: Any) -> None:
        """Sets some of :class:`tests.wire.settings.WireSettings` and leaves the rest."""
        await self._call_verb("configure", **settings)

    async def add_guilds(
        self,
        count: int = 1,
        channels: Iterable[str] = ("text",),
        *,
        tags: Iterable[str] = (),
        roles: Iterable[str] = (),
        **more: Any,
    ) -> list[WireGuild]:
        """Guilds alike. Channels are kinds, with a name if wanted: ``text``, ``announcement``,
        ``forum:questions``.

        ``tags`` are those of its forums; ``more`` is ``name``, ``bot_permissions``, ``everyone``, ``locale``,
        ``unmentionable`` (names of roles), ``joined_now`` (not long ago), and for forums
        ``tag_required`` and ``moderated`` (names of tags).
        """
        form = more | {"count": count, "channels": list(channels), "tags": list(tags), "roles": list(roles)}
        return [results.guild_from_view(each) for each in await self._call_verb("guilds", **form)]

    async def add_guild(self, *channels: str, **more: Any) -> WireGuild:
        return (await self.add_guilds(1, channels or ("text",), **more))[0]

    async def add_channel(self, guild_id: int, channel: str, tags: Iterable[str] = (), **more: Any) -> WireChannel:
        """``more`` is a forum's ``tag_required`` and ``moderated`` (names of tags that only moderators set)."""
        form = more | {"guild_id": guild_id, "channel": channel, "tags": list(tags)}
        return results.channel_from_view(await self._call_verb("add_channel", **form))

    async def change_guild(self, guild_id: int, **changes: Any) -> WireGuild:
        """``left=True`` puts the bot out; ``bot_permissions`` and ``everyone`` change what roles grant."""
        return results.guild_from_view(await self._call_verb("guild", guild_id=guild_id, **changes))

    async def change_channel(self, channel_id: int, **changes: Any) -> WireChannel:
        """``access`` is ``open``, ``no_view``, ``no_send``, ``no_thread_send``, ``no_threads``, ``no_embed``,
        ``no_history``, ``gone``, ``closed`` (a DM), or a list of them; a thread takes only ``open`` and ``gone``.
        ``allow`` are permission bits that the bot has there besides its role's. Also ``archived`` and ``locked``
        of a thread; ``tags``, ``moderated`` and ``tag_required`` of a forum. With ``tell=False`` the bot does not
        hear of it.
        """
        return results.channel_from_view(await self._call_verb("channel", channel_id=channel_id, **changes))

    async def refill_limits(self) -> None:
        """Ends all rate limits' windows, as the hour would that a crosspost counts for."""
        await self._call_verb("refill")

    async def add_fault(self, fault: str, method: str = "*", path: str = "", times: int | None = 1, **more: Any) -> int:
        """Makes a rule of :class:`tests.wire.faults.FaultRule` and says its number. ``times=ANY`` never ends."""
        rule = await self._call_verb("fault", fault=fault, method=method, path=path, times=times, **more)
        return int(rule["id"])

    async def list_faults(self) -> list[Json]:
        """The rules with how often each has struck (``hits``)."""
        rules: list[Json] = await self._call_verb("faults")
        return rules

    async def clear_faults(self, rule_id: int | None = None) -> None:
        await self._call_verb("clear_faults", id=rule_id)

    async def command_gateway(self, action: str, shard: int | None = None, **more: Any) -> int:
        """``reconnect`` (op 7), ``invalid`` (op 9), ``close`` (with ``code``) or ``drop``;
        ``resumable=False`` also ends the session. Says how many connections it struck.
        """
        return int((await self._call_verb("gateway", action=action, shard=shard, **more))["connections"])

    async def frame(self, data: str | bytes, *, packed: bool = True) -> int:
        """Sends a frame that no Discord should send to every live connection. ``packed=False`` breaks the compressed
        stream with it. Says how many connections it struck.
        """
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        return int((await self._call_verb("frame", data=raw.hex(), packed=packed))["connections"])
