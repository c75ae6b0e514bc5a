"""Saved cards as a file, with untrusted text escaped for its format."""

from __future__ import annotations

import csv
import enum
import io
import re
from collections.abc import Sequence
from urllib.parse import quote

from bot.cards.model import Card
from bot.i18n import tr, tr_noop
from bot.store.cards.rows import StoredCard

MAX_SAVED_CARDS = 1000
"""Maximum cards per file."""


class ExportFormat(enum.StrEnum):
    """File format; the value is the file extension."""

    MARKDOWN = "md"
    CSV = "csv"


# CommonMark with GitHub's extensions: what could start a link, emphasis, HTML, an entity, a table or a formula.
_SPECIAL = re.compile(r"[\\`*_\[\]<>&~|#$@!{}]|:(?=//)|(?<=www)\.|^[-+=]", re.IGNORECASE)
_NUMBERED = re.compile(r"^(\d{1,9})(?=[.)])")
_UNSAFE_IN_TARGET = re.compile(r"[\s<>\\]")
_BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
"""Cells starting with these would be evaluated as formulas; the full-width ones under Japanese settings."""
_COLUMNS = (
    tr_noop("title"),
    tr_noop("url"),
    tr_noop("publisher"),
    tr_noop("published"),
    tr_noop("topics"),
    tr_noop("excerpt"),
)


def format_saved(cards: Sequence[StoredCard], form: ExportFormat) -> str:
    """Write the cards in the given order."""
    found = [stored.card for stored in cards]
    return _to_csv(found) if form is ExportFormat.CSV else _to_markdown(found)


def _to_markdown(cards: Sequence[Card]) -> str:
    return f"# {tr('Saved cards')}\n\n" + "".join(map(_markdown_entry, cards))


def _markdown_entry(card: Card) -> str:
    title = _escape_text(card.title) or tr("link")
    target = _UNSAFE_IN_TARGET.sub(lambda found: quote(found[0], safe=""), card.url) if card.url else ""
    head = f"[{title}](<{target}>)" if target else title
    behind = [_escape_text(card.provider.name)] if card.provider else []
    behind += [f"{card.published_at:%Y-%m-%d}", *([_escape_text(", ".join(card.topics))] if card.topics else [])]
    excerpt = _escape_text(card.excerpt)
    return f"- {head} · {' · '.join(behind)}\n" + (f"\n  {excerpt}\n\n" if excerpt else "\n")


def _escape_text(text: str) -> str:
    return _NUMBERED.sub(r"\1\\", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))


def _to_csv(cards: Sequence[Card]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(map(tr, _COLUMNS))
    for card in cards:
        publisher, topics = card.provider.name if card.provider else "", ", ".join(card.topics)
        row = (card.title, card.url or "", publisher, f"{card.published_at:%Y-%m-%d}", topics, card.excerpt)
        writer.writerow(map(_csv_cell, row))
    # without a BOM Excel does not detect UTF-8
    return _BOM + out.getvalue()


def _csv_cell(text: str) -> str:
    line = " ".join(text.split())
    # Spreadsheets take a cell that begins with an apostrophe as text.
    return f"'{line}" if line.startswith(_FORMULA) else line
