"""Tolerate malformed gateway frames: repair or skip them, and count them.

discord.py lets an error in one frame end the whole client and offers no public hook for it, so this module overrides
its websocket's `received_message`, here and nowhere else; `tests/client/test_gateway_frames.py` notices if that
changes.
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
"""Errors of the connection rather than of a frame; discord.py reconnects after them."""
_LONGEST_INTERVAL = 3_600_000
"""Longest accepted heartbeat interval in milliseconds; Discord sends 41,250."""
_MOST_IN_A_ROW = 20
"""Unreadable frames in a row before reconnecting."""
_MOST_KINDS = 100
"""Maximum kinds of malformed frames that are logged, one line each."""


class MalformedHelloError(ConnectionError):
    """A frame without which the session cannot continue; reconnect with backoff, as after any lost connection."""


def forgive_frames() -> None:
    """Make discord.py's shards use `ForgivingWebSocket`."""
    discord.shard.DiscordWebSocket = ForgivingWebSocket  # type: ignore[misc]  # the name that `Shard` uses


class ForgivingWebSocket(DiscordWebSocket):
    """A gateway connection that dispatches each skipped frame as the event `frame_skipped`."""

    _unreadable = 0
    """Consecutive unreadable frames."""

    async def received_message(self, msg: Any, /) -> None:
        try:
            text = self._decompress(msg)
        except MalformedHelloError:
            await self.close(4000)
            raise
        if text is None:
            return
        if not utils.HAS_ORJSON and "\\ud" in text.lower():
            text = _repair_text(text) or text
        before = self.sequence
        try:
            if self._keep_alive is None:
                _check_hello(_parse_frame(text))
            await self._handle_text(text)
        except MalformedHelloError:
            await self.close(4000)
            raise
        finally:
            if type(self.sequence) is not int and self.sequence is not None:
                self.sequence = before  # any other sequence number in a heartbeat would end the session

    def _decompress(self, msg: Any) -> str | None:
        """Return the frame's text; None for an incomplete frame, or one that is not text."""
        if not isinstance(msg, bytes):
            return str(msg)
        try:
            return self._decompressor.decompress(msg)
        except UnicodeDecodeError as error:
            self._skip_unreadable(error)
            return None
        except Exception as error:
            # All frames share one compression stream, so nothing after this can be read.
            raise MalformedHelloError(f"the gateway's stream is broken ({type(error).__name__})") from error

    async def _handle_text(self, text: str) -> None:
        try:
            await super().received_message(text)
        except _THE_CONNECTIONS:
            raise
        except Exception as error:  # noqa: BLE001 - boundary of one frame
            packet = _parse_frame(text)
            if packet is None and (repaired := _repair_text(text)) and _parse_frame(repaired):
                await self._handle_text(repaired)
            else:
                self._skip_event(packet, error)
        else:
            self._unreadable = 0

    def _skip_event(self, packet: dict[str, Any] | None, error: Exception) -> None:
        """Skip a malformed frame. Raises for HELLO (no heartbeats without it) and READY (no session without it)."""
        if packet is None:
            self._skip_unreadable(error)
        elif packet.get("op") == self.HELLO or packet.get("t") == "READY":
            raise MalformedHelloError(f"the gateway's {packet.get('t') or 'hello'} cannot be used") from error
        else:
            self._skip(SkippedFrame.MALFORMED, error, packet)

    def _skip_unreadable(self, error: Exception) -> None:
        """Skip an unreadable frame. Raises after many in a row, which mean that the stream is corrupt."""
        self._skip(SkippedFrame.UNREADABLE, error)
        self._unreadable += 1
        if self._unreadable >= _MOST_IN_A_ROW:
            raise MalformedHelloError("the gateway's frames cannot be read any more") from error

    def _skip(self, reason: SkippedFrame, error: Exception, packet: dict[str, Any] | None = None) -> None:
        self._dispatch("frame_skipped", reason, str((packet or {}).get("t") or ""), error)


class FrameLog:
    """Logs each kind of malformed frame once, without its content."""

    def __init__(self) -> None:
        self._known: set[tuple[str, str, str]] = set()

    def log_frame(self, reason: SkippedFrame, event: str, error: Exception) -> None:
        last = traceback.extract_tb(error.__traceback__)[-1:]
        where = f"{type(error).__name__} in {last[0].name}" if last else type(error).__name__
        event = event if event.isidentifier() and event.isupper() else ""
        if (reason, event, where) in self._known or len(self._known) >= _MOST_KINDS:
            return
        self._known.add((reason, event, where))
        _log.warning("Skipped a gateway frame: %s %s (%s)", reason, event or "frame", where)


def _check_hello(packet: dict[str, Any] | None) -> None:
    """Check the heartbeat interval: zero would flood Discord with heartbeats, infinity would send none."""
    if packet is None or packet.get("op") != DiscordWebSocket.HELLO:
        return
    data = packet.get("d")
    interval = data.get("heartbeat_interval") if isinstance(data, dict) else None
    if isinstance(interval, bool) or not isinstance(interval, int | float) or not 0 < interval <= _LONGEST_INTERVAL:
        raise MalformedHelloError("the gateway's hello cannot be used")


def _parse_frame(text: str) -> dict[str, Any] | None:
    """Return the frame's object; None if it is not a JSON object."""
    try:
        found = utils._from_json(text)  # noqa: SLF001 - discord.py's own decoder
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _repair_text(text: str) -> str | None:
    """Return the same JSON without lone surrogates (`\\ud800`), which orjson rejects and no database stores."""
    try:
        whole = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode("utf-8")
        orjson.loads(whole)
    except (ValueError, RecursionError):
        return None
    return whole
