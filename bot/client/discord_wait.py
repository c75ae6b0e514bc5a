"""Wait for Discord while a process starts: repeat what needs it until it answers, and say so meanwhile."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from itertools import count
from typing import TypeVar

import aiohttp
import discord

from bot.clock import Clock
from bot.delivery.gate import Gate
from bot.domain.backoff import retry_delay
from bot.errors import DiscordUnreachableError
from bot.store.health import HealthChecks, process_name
from bot.supervisor import finish_step

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
LIMIT = 15 * 60.0
"""Seconds after which a process that does nothing else gives up."""
_MAX_PAUSE = timedelta(minutes=1)
_NOTE_WITHIN = 5.0
OUT_OF_REACH = (
    OSError, TimeoutError, aiohttp.ClientError, discord.HTTPException, discord.GatewayNotFound, discord.RateLimited,
    ValueError,
)  # fmt: skip
"""Raised when Discord did not respond, or not as expected: `ValueError` for a response that is not JSON."""


class DiscordWait:
    """Repeats an attempt, with backoff, for as long as Discord or the way to it is in trouble.

    `reason` is why Discord is being waited for; empty if it is not.
    """

    def __init__(self, gate: Gate, health: HealthChecks, clock: Clock) -> None:
        self._gate = gate
        self._health = health
        self._clock = clock
        self.reason = ""

    @property
    def problems(self) -> dict[str, str]:
        """What `/readyz` and the heartbeat say of it; empty if nothing is waited for."""
        return {"discord": f"waiting for Discord: {self.reason}"} if self.reason else {}

    async def retry(self, attempt: Callable[[], Awaitable[_T]], *, alone: bool) -> _T:
        """Return the result of the first attempt that reaches Discord; raise other errors, such as a refusal.

        `alone` says that the process does nothing else meanwhile: then it notes in the store that it waits, and raises
        `DiscordUnreachableError` after `LIMIT`.
        """
        try:
            async with asyncio.timeout(LIMIT if alone else None):
                return await self._retry(attempt, alone)
        except TimeoutError as error:
            raise DiscordUnreachableError(
                f"Discord could not be reached for {LIMIT / 60:g} minutes: {self.reason or 'no answer'}.",
                "Check the network, and NEWSDESK_DISCORD_API if it is set; then start again.",
            ) from error
        finally:
            if self.reason and alone:
                delete = partial(self._health.delete_heartbeat, process_name())
                await finish_step("Deleting the note of the wait", delete, _NOTE_WITHIN)
            self.reason = ""

    async def _retry(self, attempt: Callable[[], Awaitable[_T]], alone: bool) -> _T:
        for failures in count(1):
            try:
                result = await attempt()
            except OUT_OF_REACH as error:
                if not is_temporary(error):
                    raise
                self._set_reason(describe_error(error))
                if alone:
                    await self._note_wait()
                await asyncio.sleep(self._find_pause(failures, error).total_seconds())
            else:
                if self.reason:
                    _log.warning("Discord answers again")
                return result
        raise AssertionError("unreachable")

    def _set_reason(self, reason: str) -> None:
        if reason != self.reason:
            _log.warning("Waiting for Discord: %s", reason)
        self.reason = reason

    async def _note_wait(self) -> None:
        write = partial(self._health.write_heartbeat, process_name(), self._clock(), self.problems)
        await finish_step("Noting the wait for Discord", write, _NOTE_WITHIN)

    def _find_pause(self, failures: int, error: Exception) -> timedelta:
        pause = min(retry_delay(failures, random.random()), _MAX_PAUSE)  # noqa: S311 - jitter
        asked = timedelta(seconds=error.retry_after) if isinstance(error, discord.RateLimited) else timedelta(0)
        return max(pause, self._gate.remaining_wait(), asked)


def is_temporary(error: BaseException) -> bool:
    """Return whether trying again may help: False if Discord itself refused, for example an unknown token."""
    if isinstance(error, discord.GatewayNotFound) and error.__cause__:
        error = error.__cause__
    return (
        not isinstance(error, discord.HTTPException)
        or error.status == HTTPStatus.TOO_MANY_REQUESTS
        or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )


def describe_error(error: BaseException) -> str:
    """Return one line for a log."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return " ".join(str(error).split()).rstrip(".")[:200] or type(error).__name__
