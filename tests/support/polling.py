"""Wait for what happens in other tasks and processes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

_T = TypeVar("_T")
_PAUSE = 0.01
PATIENCE = 180.0
"""Seconds to wait for what should happen at once: no test may fail because a machine is slow."""


@overload
async def poll_until(look: Callable[[], Awaitable[_T]], enough: Callable[[_T], bool], within: float = ...) -> _T: ...
@overload
async def poll_until(look: Callable[[], _T], enough: Callable[[_T], bool], within: float = ...) -> _T: ...
async def poll_until(look: Callable[[], Any], enough: Callable[[Any], bool], within: float = PATIENCE) -> Any:
    """Call `look`, which may be a coroutine function, until its result is `enough`. Raises `TimeoutError`."""
    async with asyncio.timeout(within):
        while True:
            found = look()
            result = await found if inspect.isawaitable(found) else found
            if enough(result):
                return result
            await asyncio.sleep(_PAUSE)


async def wait_until(holds: Callable[[], Any], within: float = PATIENCE) -> None:
    """Wait until `holds`, which may be a coroutine function, returns something true. Raises `TimeoutError`."""
    await poll_until(holds, bool, within)
