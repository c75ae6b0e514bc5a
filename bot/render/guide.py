"""The list of usable commands, grouped by purpose."""

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
    """A command and its description; ideally the name is a clickable mention."""

    mention: str
    description: str


def guide_embeds(groups: Mapping[str, Sequence[Usable]]) -> list[discord.Embed]:
    """Render one embed per nonempty group, within the limits of one message."""
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
    """Return the whole line, or nothing if its mention does not fit, since a cut mention is broken."""
    line = _line(command)
    if units(line) <= room:
        return line
    words = fitted(command.description, room - units(command.mention) - 3)
    return f"{command.mention} · {words}" if words else ""
