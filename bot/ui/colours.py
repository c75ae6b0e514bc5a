"""Colours as people type them: a name, or a number as on web pages."""

from __future__ import annotations

import re

import discord

from bot.domain.user_input import normalize_input, shorten_input
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.render.markdown import escape_markdown

COLOURS = {
    tr_noop("red"): discord.Colour.red(),
    tr_noop("orange"): discord.Colour.orange(),
    tr_noop("gold"): discord.Colour.gold(),
    tr_noop("yellow"): discord.Colour.yellow(),
    tr_noop("green"): discord.Colour.green(),
    tr_noop("teal"): discord.Colour.teal(),
    tr_noop("blue"): discord.Colour.blue(),
    tr_noop("purple"): discord.Colour.purple(),
    tr_noop("magenta"): discord.Colour.magenta(),
    tr_noop("pink"): discord.Colour.pink(),
    tr_noop("grey"): discord.Colour.light_grey(),
    tr_noop("white"): discord.Colour(0xFFFFFF),
    tr_noop("black"): discord.Colour(1),
}
_HEX = re.compile(r"(?:#|0x)?([0-9a-f]{3}|[0-9a-f]{6})")


def parse_colour(text: str) -> int:
    """Parse a name, in English or the user's language, or `#RRGGBB`. Raises `UserError`."""
    word = normalize_input(text)
    for name, colour in COLOURS.items():
        if word in (name, normalize_input(tr(name))):
            return colour.value
    if not (match := _HEX.fullmatch(word)):
        raise UserError(
            tr(
                "“{text}” isn't a colour I know. Use one such as `blue` or `#3E82F6`.",
                text=escape_markdown(shorten_input(text)),
            )
        )
    digits = match[1] if len(match[1]) == 6 else "".join(digit * 2 for digit in match[1])
    # To Discord 0 means no colour of its own, so black is the next one.
    return int(digits, 16) or COLOURS["black"].value


def suggest_colours(beginning: str) -> dict[str, str]:
    """Return the names that contain what was typed, by their translation."""
    word = normalize_input(beginning)
    return {tr(name): name for name in COLOURS if word in name or word in normalize_input(tr(name))}


def format_colour(colour: int) -> str:
    """Return the name of a colour, or its number."""
    named = next((tr(name) for name, each in COLOURS.items() if each.value == colour), "")
    return named or f"#{colour:06X}"
