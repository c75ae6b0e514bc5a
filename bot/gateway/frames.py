"""Frames of the gateway that are not as they should be end nothing: they are mended or left out, and counted.

discord.py lets an error in one frame end the whole client. It has no public place to catch it, so that its websocket's
`received_message` is overridden here and nowhere else; `tests/gateway/test_frames.py` notices when that changes.
"""

from __future__ import annotations

import json
import logging
import traceback
from typing import Any

import aiohttp
import discord.shard
import orjson
from discord import utils
from discord.gateway import DiscordWebSocket, ReconnectWebSocket, WebSocketClosure

from bot.metrics import SkippedFrame

_log = logging.getLogger(__name__)
_THE_CONNECTIONS = (
    ReconnectWebSocket, WebSocketClosure, discord.ConnectionClosed, OSError, aiohttp.ClientError, TimeoutError
)  # fmt: skip
"""Errors that are about the connection and not about a frame: discord.py answers them by connecting again."""
_LONGEST_INTERVAL = 3_600_000
"""Milliseconds between two heartbeats; Discord's are 41,250."""
_MOST_IN_A_ROW = 20
"""Unreadable frames before the connection is begun anew."""
_MOST_KINDS = 100
"""Kinds of faulty frames that the log names, one line each."""


class MalformedHelloError(ConnectionError):
    """A frame without which the connection cannot go on: it is begun anew after a pause, as after any lost one."""


def forgive_frames() -> None:
    """Let the clients of this program have a websocket that survives faulty frames."""
    discord.shard.DiscordWebSocket = ForgivingWebSocket  # type: ignore[misc]  # the name that `Shard` takes it from


class ForgivingWebSocket(DiscordWebSocket):
    """The gateway's connection. Each frame left out is dispatched as the event `frame_skipped`."""

    _unreadable = 0
    """Frames in a row that could not be read."""

    async def received_message(self, msg: Any, /) -> None:
        try:
            text = self._decompressed(msg)
        except MalformedHelloError:
            await self.close(4000)
            raise
        if text is None:
            return
        if not utils.HAS_ORJSON and "\\ud" in text.lower():
            text = _mended(text) or text
        before = self.sequence
        try:
            if self._keep_alive is None:
                _check_hello(_read(text))
            await self._take(text)
        except MalformedHelloError:
            await self.close(4000)
            raise
        finally:
            if type(self.sequence) is not int and self.sequence is not None:
                self.sequence = before  # a heartbeat with anything else would end the session

    def _decompressed(self, msg: Any) -> str | None:
        """The frame's text; None for the first part of one, and for what is none."""
        if not isinstance(msg, bytes):
            return str(msg)
        try:
            return self._decompressor.decompress(msg)
        except UnicodeDecodeError as error:
            self._skip_unreadable(error)
            return None
        except Exception as error:
            # All frames are one compressed stream, of which nothing can be read any more.
            raise MalformedHelloError(f"the gateway's stream is broken ({type(error).__name__})") from error

    async def _take(self, text: str) -> None:
        try:
            await super().received_message(text)
        except _THE_CONNECTIONS:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary of one frame
            packet = _read(text)
            if packet is None and (mended := _mended(text)) and _read(mended):
                await self._take(mended)
            else:
                self._leave_out(packet, error)
        else:
            self._unreadable = 0

    def _leave_out(self, packet: dict[str, Any] | None, error: Exception) -> None:
        """Without a hello there are no heartbeats, and without READY no session: raises for these."""
        if packet is None:
            self._skip_unreadable(error)
        elif packet.get("op") == self.HELLO or packet.get("t") == "READY":
            raise MalformedHelloError(f"the gateway's {packet.get('t') or 'hello'} cannot be used") from error
        else:
            self._skip(SkippedFrame.MALFORMED, error, packet)

    def _skip_unreadable(self, error: Exception) -> None:
        """One is a fault of its own; many in a row come of a stream that is broken. Raises then."""
        self._skip(SkippedFrame.UNREADABLE, error)
        self._unreadable += 1
        if self._unreadable >= _MOST_IN_A_ROW:
            raise MalformedHelloError("the gateway's frames cannot be read any more") from error

    def _skip(self, reason: SkippedFrame, error: Exception, packet: dict[str, Any] | None = None) -> None:
        self._dispatch("frame_skipped", reason, str((packet or {}).get("t") or ""), error)


class FrameLog:
    """Writes down each kind of faulty frame once, without anything of what it holds."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str, str]] = set()

    def note(self, reason: SkippedFrame, event: str, error: Exception) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = f"{type(error).__name__} in {last[0].name}" if last else type(error).__name__
        event = event if event.isidentifier() and event.isupper() else ""
        if (reason, event, where) in self._known or len(self._known) >= _MOST_KINDS:
            return
        self._known.add((reason, event, where))
        _log.warning("A frame of the gateway was left out: %s %s (%s)", reason, event or "frame", where)


def _check_hello(packet: dict[str, Any] | None) -> None:
    """An interval of nothing would send heartbeats without end, one of for ever none at all."""
    if packet is None or packet.get("op") != DiscordWebSocket.HELLO:
        return
    data = packet.get("d")
    interval = data.get("heartbeat_interval") if isinstance(data, dict) else None
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= _LONGEST_INTERVAL:
        raise MalformedHelloError("the gateway's hello cannot be used")


def _read(text: str) -> dict[str, Any] | None:
    """The frame's object; None when it is no JSON, or something else."""
    try:
        found = utils._from_json(text)  # noqa: SLF001 - what discord.py itself reads it with
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _mended(text: str) -> str | None:
    """The same JSON without half characters (`\\ud800` alone), which orjson refuses and no database takes."""
    try:
        whole = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
        orjson.loads(whole)
    except (ValueError, RecursionError):
        return None
    return whole
