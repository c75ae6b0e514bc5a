"""The commands that a person may use, by what they are for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.render.colour import NEUTRAL
from bot.render.limits import EMBED_DESCRIPTION, EMBED_TOTAL, units
from bot.render.listing import listed, room_for
from bot.render.lists import fair_share
from bot.render.markdown import escaped, fitted


@dataclass(frozen=True, slots=True)
class Usable:
    """A command as it is written in a message, best as a mention that starts it, and what it does."""

    mention: str
    description: str


def guide_embeds(groups: Mapping[str, Sequence[Usable]]) -> list[discord.Embed]:
    """One embed for each group that has commands, all of them within the limits of one message."""
    filled = {title: commands for title, commands in groups.items() if commands}
    sizes = [units(title) + room_for([_line(each) for each in commands]) for title, commands in filled.items()]
    share = fair_share(sizes, EMBED_TOTAL)
    embeds = []
    for title, commands in filled.items():
        text = listed(commands, _entry, min(share - units(title), EMBED_DESCRIPTION))
        embeds.append(discord.Embed(title=title, description=text, colour=NEUTRAL))
    return embeds


def _line(command: Usable) -> str:
    return f"{command.mention} · {escaped(command.description)}"


def _entry(command: Usable, room: int) -> str:
    """The whole line, or nothing where its mention does not fit: half of one starts nothing."""
    line = _line(command)
    if units(line) <= room:
        return line
    words = fitted(command.description, room - units(command.mention) - 3)
    return f"{command.mention} · {words}" if words else ""
