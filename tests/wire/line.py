"""The line to the control API, over which everything a test asks for goes."""

from typing import Any

import aiohttp

from tests.support.polling import PATIENCE
from tests.wire.process import Address


class WireError(AssertionError):
    """The test wants what cannot be, such as a click on a button that is not there."""


class ControlLine:
    """Asks one verb at a time, each with a form of JSON."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._http: aiohttp.ClientSession | None = None

    async def _open_session(self) -> None:
        many_at_once = aiohttp.TCPConnector(limit=0)
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2 * PATIENCE), connector=many_at_once)

    async def _close_session(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _call_verb(self, verb: str, *, within: float = 2 * PATIENCE, **form: Any) -> Any:
        assert self._http is not None, "use it as an async context manager"
        patience = aiohttp.ClientTimeout(total=within)
        async with self._http.post(f"{self.address.control}/{verb}", json=form, timeout=patience) as response:
            answer = await response.json()
        if response.status != 200:
            raise WireError(answer["problem"])
        return answer
