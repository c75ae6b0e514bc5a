"""The way in for tests: starts the server, sets the stage, does what people do, and reads what came of it."""

import asyncio
from typing import Any, Self, TypeVar

from tests.support.polling import PATIENCE, poll_until
from tests.wire import results
from tests.wire.errors import Json
from tests.wire.line import WireError
from tests.wire.people import People, Person
from tests.wire.process import Address, WireProcess
from tests.wire.results import Request, Status, Totals, WireChannel, WireMessage
from tests.wire.stage import ControlStage

__all__ = ["ANY", "Person", "WireDiscord", "WireError"]

ANY = None
"""For ``times`` of a fault: as often as a request matches."""

_T = TypeVar("_T")


class WireDiscord(ControlStage, People):
    """An open line to the server's control API.

    ``async with WireDiscord() as wire`` starts a process of its own; with ``at`` it joins one that runs,
    which saves half a second, and empties its world first.
    """

    def __init__(self, at: Address | None = None) -> None:
        self._process = None if at else WireProcess()
        super().__init__(at or Address(0, "", "", ""))

    async def __aenter__(self) -> Self:
        if self._process is not None:
            self.address = await asyncio.to_thread(self._process.start)
        await self._open_session()
        await self.reset_world()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._close_session()
        if self._process is not None:
            await asyncio.to_thread(self._process.stop)

    async def get_status(self) -> Status:
        return Status(**await self._call_verb("status"))

    async def wait_for_sessions(self, shards: int = 1, within: float = PATIENCE) -> Status:
        """Waits until that many sessions are on line."""
        return await poll_until(self.get_status, lambda found: found.connected >= shards, within)

    async def list_messages(self, channel_id: int, *, deleted: bool = False) -> list[WireMessage]:
        """In order of sending; deleted ones only on request."""
        views = await self._call_verb("messages", channel_id=channel_id, deleted=deleted)
        return [results.message_from_view(each) for each in views]

    async def wait_for_messages(self, channel_id: int, count: int, within: float = PATIENCE) -> list[WireMessage]:
        """The messages once there are at least that many."""

        async def fetch_messages() -> list[WireMessage]:
            return await self.list_messages(channel_id)

        return await poll_until(fetch_messages, lambda found: len(found) >= count, within)

    async def list_posts(self, channel_id: int, *, deleted: bool = False) -> list[WireChannel]:
        """A forum's posts, or a channel's threads, in order of opening, with their messages in ``content`` and the
        first one as ``starter``; deleted posts and messages only on request.
        """
        views = await self._call_verb("posts", channel_id=channel_id, deleted=deleted)
        return [results.channel_from_view(each) for each in views]

    async def wait_for_posts(self, channel_id: int, count: int, within: float = PATIENCE) -> list[WireChannel]:
        """The posts once there are at least that many."""

        async def fetch_posts() -> list[WireChannel]:
            return await self.list_posts(channel_id)

        return await poll_until(fetch_posts, lambda found: len(found) >= count, within)

    async def get_totals(self) -> Totals:
        return Totals(**await self._call_verb("totals"))

    async def list_requests(self, **query: Any) -> list[Request]:
        """The request log; ``method``, ``path`` (a regular expression), ``get_status`` and ``since`` (a number)
        select.
        """
        return [Request(**each) for each in await self._call_verb("log", **query)]

    async def list_commands(self, guild_id: int = 0) -> list[Json]:
        """The uploaded commands, of one guild or for everywhere."""
        commands: list[Json] = await self._call_verb("commands", guild_id=guild_id)
        return commands
