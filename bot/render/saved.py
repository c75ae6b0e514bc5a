"""Saved cards as a file, with untrusted text escaped for its format."""

from __future__ import annotations

import csv
import enum
import io
import re
from collections.abc import Sequence
from urllib.parse import quote

from bot.cards.model import Card
from bot.language import marked, tr
from bot.store.records import FiledCard

MOST = 1000
"""Maximum cards per file."""


class Form(enum.StrEnum):
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
    marked("title"),
    marked("url"),
    marked("publisher"),
    marked("published"),
    marked("topics"),
    marked("excerpt"),
)


def saved_file(cards: Sequence[FiledCard], form: Form) -> str:
    """Write the cards in the given order."""
    found = [filed.card for filed in cards]
    return _csv(found) if form is Form.CSV else _markdown(found)


def _markdown(cards: Sequence[Card]) -> str:
    return f"# {tr('Saved cards')}\n\n" + "".join(map(_entry, cards))


def _entry(card: Card) -> str:
    title = _escaped(card.title) or tr("link")
    target = _UNSAFE_IN_TARGET.sub(lambda found: quote(found[0], safe=""), card.url) if card.url else ""
    head = f"[{title}](<{target}>)" if target else title
    behind = [_escaped(card.provider.name)] if card.provider else []
    behind += [f"{card.published_at:%Y-%m-%d}", *([_escaped(", ".join(card.topics))] if card.topics else [])]
    excerpt = _escaped(card.excerpt)
    return f"- {head} · {' · '.join(behind)}\n" + (f"\n  {excerpt}\n\n" if excerpt else "\n")


def _escaped(text: str) -> str:
    return _NUMBERED.sub(r"\1\\", _SPECIAL.sub(r"\\\g<0>", " ".join(text.split())))


def _csv(cards: Sequence[Card]) -> str:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(map(tr, _COLUMNS))
    for card in cards:
        publisher, topics = card.provider.name if card.provider else "", ", ".join(card.topics)
        row = (card.title, card.url or "", publisher, f"{card.published_at:%Y-%m-%d}", topics, card.excerpt)
        writer.writerow(map(_cell, row))
    # without a BOM Excel does not detect UTF-8
    return _BOM + out.getvalue()


def _cell(text: str) -> str:
    line = " ".join(text.split())
    return f"'{line}" if line.startswith(_FORMULA) else line
