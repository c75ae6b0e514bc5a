"""A client on the Discord that is being tested."""

from collections.abc import AsyncIterator

import discord
import pytest

from tests.wire.client import WireDiscord


@pytest.fixture
async def client(wire: WireDiscord) -> AsyncIterator[discord.Client]:
    """Logged in over REST, with no gateway: enough for sending."""
    async with discord.Client(intents=discord.Intents.none(), max_ratelimit_timeout=60.0) as client:
        await client.login("token")
        yield client
