"""Render an embed for the terminal. Card text is literal: no markup, no control characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import discord
from rich.panel import Panel
from rich.text import Text

_JOINERS = "\u200c\u200d"
_UNSHOWN = {"Cc", "Cf", "Cs"}

_MARKUP = re.compile(
    r"\\(?P<literal>[^0-9A-Za-z\s])"
    r"|\[(?P<label>[^\[\]\n]+)\]\(<?(?P<target>https?://[^\s<>]+?)>?\)(?=\s|$)"
    r"|\*\*(?P<bold>(?:\\.|[^*\\\n])+)\*\*"
    r"|\*(?P<italic>(?:\\.|[^*\\\n])+)\*"
    r"|<t:(?P<time>-?\d+)(?::\w)?>"
    r"|<(?P<channel>#\d+)>"
)


def as_panel(embed: discord.Embed, buttons: Sequence[str] = ()) -> Panel:
    """Return the embed in a border of its colour, with URLs spelled out, above its buttons."""
    body = Text("\n").join(part for part in _parts(embed, buttons) if part.plain)
    return Panel(body, border_style=str(embed.colour) if embed.colour else "", expand=False, padding=(0, 1))


def _parts(embed: discord.Embed, buttons: Sequence[str]) -> Iterator[Text]:
    yield _text(embed.author.name)
    yield _marked(embed.title, "bold")
    yield _text(embed.url, "dim")
    yield _marked(embed.description)
    for field in embed.fields:
        yield Text("\n").join([_marked(field.name, "bold"), _marked(field.value)])
    yield _picture(embed)
    yield _text(" · ".join(filter(None, [embed.footer.text, _moment(embed.timestamp)])), "dim")
    yield _text("  ".join(f"[ {button} ]" for button in buttons), "reverse")


def _picture(embed: discord.Embed) -> Text:
    address = embed.image.url or embed.thumbnail.url
    return _text(f"image: {address}", "dim") if address else Text()


def _moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def _text(text: str | None, style: str = "") -> Text:
    return Text(_shown(text or ""), style=style)


def _shown(text: str) -> str:
    """Strip what would control a terminal, reorder the line or break its encoding, and zero-width separators."""
    return "".join(c for c in text if c in _JOINERS or c == "\n" or unicodedata.category(c) not in _UNSHOWN)


def _marked(text: str | None, style: str = "") -> Text:
    """Render the markup that this program writes; escaped characters are literal."""
    source, done, drawn = _shown(text or ""), 0, Text(style=style)
    for found in _MARKUP.finditer(source):
        drawn.append(source[done : found.start()])
        drawn.append_text(_drawn(found))
        done = found.end()
    return drawn.append(source[done:])


def _drawn(found: re.Match[str]) -> Text:
    kind, value = found.lastgroup, str(found[found.lastgroup or 0])
    if kind in ("bold", "italic"):
        return _marked(value, kind)
    if kind == "target":
        return Text.assemble((found["label"], "underline"), " ", (value, "dim"))
    return Text(_seconds(int(value)) if kind == "time" else value)


def _seconds(since_1970: int) -> str:
    try:
        return _moment(datetime.fromtimestamp(since_1970, UTC))
    except (OverflowError, ValueError, OSError):
        return str(since_1970)
