"""One server process for all tests of this folder, and a fresh world in it for each."""

from collections.abc import AsyncIterator, Iterator

import discord
import pytest

from tests.wire.client import WireDiscord
from tests.wire.process import WireProcess, pointed_at


@pytest.fixture(scope="session")
def wire_process() -> Iterator[WireProcess]:
    with WireProcess() as process:
        yield process


@pytest.fixture
async def wire(wire_process: WireProcess) -> AsyncIterator[WireDiscord]:
    with pointed_at(wire_process.address):
        async with WireDiscord(at=wire_process.address) as wire:
            yield wire


@pytest.fixture
async def client(wire: WireDiscord) -> AsyncIterator[discord.Client]:
    """Logged in over REST, with no gateway: enough for sending."""
    async with discord.Client(intents=discord.Intents.none(), max_ratelimit_timeout=60.0) as client:
        await client.login("token")
        yield client
