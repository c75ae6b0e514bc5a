"""The list of usable commands, grouped by purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import discord

from bot.render.card_list import fair_share
from bot.render.colour import NEUTRAL
from bot.render.fit_lines import fit_lines, required_room
from bot.render.limits import EMBED_DESCRIPTION, EMBED_TOTAL, count_units
from bot.render.markdown import escape_markdown, fit_escaped


@dataclass(frozen=True, slots=True)
class UsableCommand:
    """A command and its description; ideally the name is a clickable mention."""

    mention: str
    description: str


def render_help(groups: Mapping[str, Sequence[UsableCommand]]) -> list[discord.Embed]:
    """Render one embed per nonempty group, within the limits of one message."""
    filled = {title: commands for title, commands in groups.items() if commands}
    sizes = [
        count_units(title) + required_room([_format_line(each) for each in commands])
        for title, commands in filled.items()
    ]
    share = fair_share(sizes, EMBED_TOTAL)
    embeds = []
    for title, commands in filled.items():
        text = fit_lines(commands, _format_entry, min(share - count_units(title), EMBED_DESCRIPTION))
        embeds.append(discord.Embed(title=title, description=text, colour=NEUTRAL))
    return embeds


def _format_line(command: UsableCommand) -> str:
    return f"{command.mention} · {escape_markdown(command.description)}"


def _format_entry(command: UsableCommand, room: int) -> str:
    """Return the whole line, or nothing if its mention does not fit, since a cut mention is broken."""
    line = _format_line(command)
    if count_units(line) <= room:
        return line
    words = fit_escaped(command.description, room - count_units(command.mention) - 3)
    return f"{command.mention} · {words}" if words else ""
