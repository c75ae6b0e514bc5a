"""A bot in a process of its own, made to be killed: sends numbered messages with stable nonces over REST.

``python -m tests.wire.killable_bot API CHANNEL COUNT``. It keeps no account of what it sent, so that after a
kill it can only begin again, and the nonces alone keep the channel right.
"""

import asyncio
import sys

import discord
from discord.http import Route


async def _send_all(channel_id: int, count: int) -> None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login("token")
        channel = client.get_partial_messageable(channel_id)
        for number in range(count):
            await channel.send(str(number), nonce=f"{channel_id}-{number}")


if __name__ == "__main__":
    Route.BASE = sys.argv[1]
    asyncio.run(_send_all(int(sys.argv[2]), int(sys.argv[3])))
