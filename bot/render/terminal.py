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
    # Escapes come first: an escaped asterisk begins no bold text.
    r"\\(?P<literal>[^0-9A-Za-z\s])"
    r"|\[(?P<label>[^\[\]\n]+)\]\(<?(?P<target>https?://[^\s<>]+?)>?\)(?=\s|$)"
    r"|\*\*(?P<bold>(?:\\.|[^*\\\n])+)\*\*"
    r"|\*(?P<italic>(?:\\.|[^*\\\n])+)\*"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?m:^)-# (?P<small>[^\n]+)"
    r"|<t:(?P<time>-?\d+)(?::\w)?>"
    r"|<(?P<channel>#\d+)>"
)

_STYLES = {"bold": "bold", "italic": "italic", "small": "dim"}


def render_panel(embed: discord.Embed, buttons: Sequence[str] = ()) -> Panel:
    """Return the embed in a border of its colour, with URLs spelled out, above its buttons."""
    body = Text("\n").join(part for part in _iter_parts(embed, buttons) if part.plain)
    return Panel(body, border_style=str(embed.colour) if embed.colour else "", expand=False, padding=(0, 1))


def _iter_parts(embed: discord.Embed, buttons: Sequence[str]) -> Iterator[Text]:
    yield _styled_text(embed.author.name)
    yield _render_markup(embed.title, "bold")
    yield _styled_text(embed.url, "dim")
    yield _render_markup(embed.description)
    for field in embed.fields:
        yield Text("\n").join([_render_markup(field.name, "bold"), _render_markup(field.value)])
    yield _picture_line(embed)
    yield _styled_text(" · ".join(filter(None, [embed.footer.text, _format_moment(embed.timestamp)])), "dim")
    yield _styled_text("  ".join(f"[ {button} ]" for button in buttons), "reverse")


def _picture_line(embed: discord.Embed) -> Text:
    address = embed.image.url or embed.thumbnail.url
    return _styled_text(f"image: {address}", "dim") if address else Text()


def _format_moment(moment: datetime | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if moment else ""


def _styled_text(text: str | None, style: str = "") -> Text:
    return Text(_strip_unprintable(text or ""), style=style)


def _strip_unprintable(text: str) -> str:
    """Strip what would control a terminal, reorder the line or break its encoding, and zero-width separators."""
    return "".join(c for c in text if c in _JOINERS or c == "\n" or unicodedata.category(c) not in _UNSHOWN)


def _render_markup(text: str | None, style: str = "") -> Text:
    """Render the markup that this program writes; escaped characters are literal."""
    source, done, rendered = _strip_unprintable(text or ""), 0, Text(style=style)
    for match in _MARKUP.finditer(source):
        rendered.append(source[done : match.start()])
        rendered.append_text(_draw_markup(match))
        done = match.end()
    return rendered.append(source[done:])


def _draw_markup(match: re.Match[str]) -> Text:
    kind, value = match.lastgroup, str(match[match.lastgroup or 0])
    if kind in _STYLES:
        return _render_markup(value, _STYLES[kind])
    if kind == "target":
        return Text.assemble((match["label"], "underline"), " ", (value, "dim"))
    return Text(_format_timestamp(int(value)) if kind == "time" else value)


def _format_timestamp(since_1970: int) -> str:
    try:
        return _format_moment(datetime.fromtimestamp(since_1970, UTC))
    except (OverflowError, ValueError, OSError):
        return str(since_1970)
