"""The invitation: the application that a token belongs to, and what the link asks for."""

from __future__ import annotations

import base64
import re

import discord
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.client.invite import build_invite_url, fetch_application_id, parse_application_id
from bot.errors import DiscordUnreachableError, LoginError
from tests.test_docs import ROOT
from tests.wire.client import WireDiscord

REST = ".Gabcde.abcdefghijklmnopqrstuvwxyz-_0123456789"


def write_token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") + REST


@given(st.integers(10**16, 2**64 - 1))
def test_a_token_names_its_application(number: int) -> None:
    assert parse_application_id(write_token(str(number))) == number


@pytest.mark.parametrize(
    "token",
    [
        "",
        "token",
        "a.b.c",
        REST,
        f"Bot {write_token('1' * 18)}",
        write_token("1" * 18) + "\n",
        write_token("no number at all"),
        write_token("٣" * 18),
        write_token("0" * 18),
        write_token("1" * 18).replace(".", " "),
        "é" * 24 + REST,
        "_" * 24 + REST,
        "A" * 21 + REST,
        write_token("1" * 18) * 2000,
    ],
)
def test_what_is_no_token_is_refused_without_being_repeated(token: str) -> None:
    with pytest.raises(LoginError, match=r"^This is no bot token\.") as caught:
        parse_application_id(token)
    assert REST not in str(caught.value)


def test_the_invitation_asks_for_what_the_page_of_questions_says() -> None:
    page = (ROOT / "docs/faq.md").read_text("utf-8")
    (written,) = re.findall(r"`(https://discord\.com/oauth2/authorize\?[^`]+)`", page)
    assert build_invite_url(17) == written.replace("YOUR_APPLICATION_ID", "17")


async def test_discord_says_which_application_it_is(wire: WireDiscord) -> None:
    async with discord.Client(intents=discord.Intents(guilds=True)) as client:
        await client.login("token")
        assert await fetch_application_id(write_token("1" * 18), None) == client.application_id


async def test_a_token_that_discord_does_not_know_is_told_from_an_outage(wire: WireDiscord) -> None:
    await wire.add_fault("401", "GET", "/users/@me$")
    with pytest.raises(LoginError, match="does not know this token") as caught:
        await fetch_application_id(write_token("1" * 18), None)
    assert caught.value.exit_code == 2
    await wire.clear_faults()
    await wire.add_fault("no_message", "GET", "/users/@me$")
    with pytest.raises(DiscordUnreachableError):
        await fetch_application_id(write_token("1" * 18), None)
