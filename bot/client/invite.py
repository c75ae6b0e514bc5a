"""The link that invites the bot to a server, and the application that a token belongs to."""

from __future__ import annotations

import asyncio
import base64
import re

import aiohttp
import discord
from discord.http import Route

from bot.client.bot import resolve_api_base
from bot.client.permissions import REQUIRED_PERMISSIONS
from bot.errors import DiscordUnreachableError, LoginError

_TOKEN = re.compile(r"([\w-]{20,40})\.[\w-]{4,}\.[\w-]{20,}", re.ASCII)
_ID = re.compile(r"[1-9][0-9]{16,19}", re.ASCII)
_LONGEST_LOGIN = 10.0
"""Seconds. discord.py would retry for minutes while Discord has an outage."""


def build_invite_url(application_id: int) -> str:
    """Return the address where somebody who manages a server adds the bot, with the permissions that it needs."""
    return discord.utils.oauth_url(
        application_id, permissions=REQUIRED_PERMISSIONS, scopes=("bot", "applications.commands")
    )


def parse_application_id(token: str) -> int:
    """Return the id that a bot token begins with, in base64. Raises `LoginError` if it is no bot token."""
    if match := _TOKEN.fullmatch(token):
        # A lenient decoder: what is no base64 becomes bytes that are no number.
        encoded = match[1] + "=" * (-len(match[1]) % 4)
        try:
            decoded = base64.urlsafe_b64decode(encoded).decode("ascii")
        except ValueError:
            decoded = ""
        if _ID.fullmatch(decoded):
            return int(decoded)
    raise LoginError(
        "This is no bot token.",
        "Copy it from the Developer Portal: your application → Bot → Reset Token. It has three parts, with dots.",
    )


async def fetch_application_id(token: str, api: str | None) -> int:
    """Return the id of the token's application; of a bot from before 2016 it is another than the token's own.

    Raises `DiscordUnreachableError` if Discord doesn't answer, and `LoginError` if it does not know the token.
    """
    if api:
        Route.BASE = resolve_api_base(api)
    try:
        async with asyncio.timeout(_LONGEST_LOGIN), discord.Client(intents=discord.Intents(guilds=True)) as client:
            await client.login(token)
            return client.application_id or parse_application_id(token)
    except discord.LoginFailure as error:
        raise LoginError(
            "Discord does not know this token.", "Reset it in the Developer Portal, then try again."
        ) from error
    except (OSError, TimeoutError, aiohttp.ClientError, discord.DiscordException, ValueError) as error:
        raise DiscordUnreachableError("Discord cannot be reached.") from error
