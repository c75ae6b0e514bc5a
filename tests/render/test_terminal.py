"""An embed in the terminal."""

from __future__ import annotations

import io
import re

import discord
from hypothesis import given
from rich.console import Console

from bot.cards.model import Image, Provider
from bot.render.card import render_card
from bot.render.terminal import render_panel
from bot.store.cards.rows import StoredCard
from tests.render.cases import FILED, PICTURES, make_card, make_related


def print_panel(embed: discord.Embed, *buttons: str, colour: bool = False) -> str:
    console = Console(
        file=io.StringIO(), width=100, force_terminal=colour, color_system="truecolor" if colour else None
    )
    console.print(render_panel(embed, buttons))
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_everything_is_there_and_nothing_escaped() -> None:
    stored = make_card(
        title="The *walrus*",
        excerpt="snake_case [bold]x[/bold] :smile: @everyone",
        url="https://a.example/walrus",
        provider=Provider("PSF"),
        topics=("Python",),
        image=Image("/walrus.jpg"),
        related=make_related(1),
    )
    text = print_panel(render_card(stored, PICTURES, note="Held"), "Open", "Save")
    for line in (
        "PSF",
        "The *walrus*",
        "https://a.example/walrus",
        "Held",
        "snake_case [bold]x[/bold] :smile: @everyone",
        "Also covered by",
        "Other view 0 https://other.example/0 · Other 0",
        f"image: {PICTURES}/walrus.jpg",
        "Python · 2024-03-29 15:30 UTC",
        "[ Open ]  [ Save ]",
    ):
        assert re.search(rf"│ {re.escape(line)} *│", text), line


def test_marks_of_this_program_are_drawn() -> None:
    embed = discord.Embed(description="<#12> · since <t:1704067200:R> · *Also* <t:99999999999999999:R>")
    small = discord.Embed(description="-# 7 *picked*\nSee `/feed list`, not \\`-# this\\`")
    assert re.search(r"│ 7 picked *│\n│ See /feed list, not `-# this` *│", print_panel(small))
    assert "#12 · since 2024-01-01 00:00 UTC · Also 99999999999999999" in print_panel(embed)


@given(FILED)
def test_no_card_steers_the_terminal(stored: StoredCard) -> None:
    text = print_panel(render_card(stored, PICTURES, number=1))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_the_border_has_the_colour() -> None:
    assert "\x1b[38;2;18;165;148m" in print_panel(render_card(make_card(topics=("Python",)), None), colour=True)
