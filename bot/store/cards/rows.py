"""Convert cards to rows and rows to cards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, RowMapping, literal

from bot.cards.fingerprint import compute_content_hash, compute_revision
from bot.cards.model import Card, HeldReason, Image, Provider, RelatedArticle, SourceKind
from bot.cards.text import normalize_name
from bot.domain.card_edit import NO_EDIT, CardEdit, apply_edit
from bot.domain.heat import compute_heat
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.store.cards.heat import publishers_in
from bot.store.cards.visibility import Guild, edit_of, edited_revision, row_value, source_kind, state_in, verdict_of
from bot.store.column_parsers import UNUSABLE, enum_or_default, parse_number, parse_state, parse_texts, verdict_or_none
from bot.store.tables import card_edits, cards, server_cards

_ID_BITS = 28


@dataclass(frozen=True, slots=True)
class StoredCard:
    """A stored card as seen by one server, with its edit.

    `sort_key` orders all cards by time; `verdict` is the server's decision, `ruling` that of the bot's owners.
    `publishers` are those of its story that the server sees; the card's heat is by them.
    """

    id: int
    sort_key: int
    revision: str
    card: Card
    verdict: Verdict | None = None
    ruling: Verdict | None = None
    source: SourceKind = SourceKind.FOLDER
    publishers: int = 1


def compute_sort_key(published_at: datetime, card_id: int) -> int:
    """Return the timeline position: seconds since 1970, then 28 bits of id (unique below 268 million cards)."""
    # One number instead of (time, ID): one column to index, and a cursor that no two cards share.
    return (int(published_at.timestamp()) << _ID_BITS) | (card_id & ((1 << _ID_BITS) - 1))


def sort_key_seconds(place: ColumnElement[int]) -> ColumnElement[int]:
    """Extract the seconds since 1970 from a timeline position."""
    return place.bitwise_rshift(literal(_ID_BITS, Integer))


def score_order() -> ColumnElement[int]:
    """Order by points within a time range."""
    # `+ 0` keeps the planner from using the index on points instead of the one on the range.
    return (cards.c.score + 0).desc()


def card_to_row(card: Card) -> dict[str, Any]:
    """Return the columns set from a card's file; `details` holds fields that SQL never queries."""
    return {
        "slug": card.slug,
        "published_at": card.published_at,
        "state": card.state,
        "file_state": card.state,
        "held_reason": card.held_reason,
        "title": card.title,
        "provider": normalize_name(card.provider.name) if card.provider else "",
        "quality": card.quality,
        "heat": card.heat,
        "score": card_score(card),
        "details": _card_details(card),
        "revision": compute_revision(card),
        "content_hash": compute_content_hash(card),
    }


def card_score(card: Card) -> int:
    """Return the card's score: its story's heat, else its quality, else 0."""
    return next((score for score in (card.heat, card.quality) if score is not None), 0)


_DETAILS = ("excerpt", "raw_title", "raw_excerpt", "url", "type", "provider", "topics", "image", "related")


def _card_details(card: Card) -> dict[str, Any]:
    """Serialize the non-empty fields only, to keep rows small."""
    return {name: _to_json_value(value) for name in _DETAILS if (value := getattr(card, name))}


def _to_json_value(value: Any) -> Any:
    """Convert a value to JSON types; `dataclasses.asdict` deep-copies and is ten times slower."""
    if isinstance(value, tuple):
        return [_to_json_value(item) for item in value]
    if isinstance(value, Provider | Image | RelatedArticle):
        return {name: getattr(value, name) for name in value.__slots__}
    return value


def stored_card_columns(guild_id: Guild) -> list[ColumnElement[Any]]:
    """Return the columns of `cards` that `card_from_row` needs."""
    wanted = ("id", "source_id", "sort_key", "slug", "published_at", "title", "heat")
    seen = (
        state_in(guild_id).label("state"),
        row_value(server_cards.c.held_reason, cards.c.held_reason, guild_id).label("held_reason"),
        row_value(server_cards.c.quality, cards.c.quality, guild_id).label("quality"),
        verdict_of(guild_id).label("verdict"),
        verdict_of(EVERYWHERE).label("ruling"),
        edited_revision(guild_id).label("revision"),
        edit_of(card_edits.c.fields, guild_id).label("edit"),
        source_kind().label("source"),
        publishers_in(guild_id).label("publishers"),
    )
    return [*(cards.c[name] for name in wanted), cards.c.details, *seen]


def card_from_row(row: RowMapping, *, edited: bool = True) -> StoredCard:
    """Build the card of a row, with the server's edit or as its source has it.

    If its details are invalid, only the fields with own columns are set.
    """
    details = row["details"]
    try:
        card = _card_from_row(row, dict(details))
    except UNUSABLE:
        card = _card_from_row(row, {})
    verdict, ruling = (verdict_or_none(word) for word in (row["verdict"], row["ruling"]))
    source = enum_or_default(SourceKind, row["source"], SourceKind.FOLDER)
    if edited:
        card = apply_edit(card, parse_edit(row["edit"]))
    return StoredCard(row["id"], row["sort_key"], row["revision"], card, verdict, ruling, source, row["publishers"])


def parse_edit(stored: object) -> CardEdit:
    """Parse the column `fields` of `card_edits`; nothing is edited if it is null or invalid."""
    try:
        return CardEdit.from_json(stored) if stored else NO_EDIT
    except UNUSABLE:
        return NO_EDIT


def _card_from_row(row: RowMapping, details: dict[str, Any]) -> Card:
    reason, quality = row["held_reason"], parse_number(row["quality"])
    card = Card(
        slug=row["slug"],
        title=row["title"],
        published_at=row["published_at"],
        state=parse_state(row["state"]),
        held_reason=enum_or_default(HeldReason, reason, HeldReason.UNSCORED) if reason else None,
        quality=quality,
        heat=compute_heat(parse_number(row["heat"]), quality, row["publishers"]),
        provider=Provider(**details.pop("provider")) if "provider" in details else None,
        image=Image(**details.pop("image")) if "image" in details else None,
        related=tuple(RelatedArticle(**story) for story in details.pop("related", ())),
        topics=parse_texts(details.pop("topics", [])),
        **details,
    )
    if not all(isinstance(text, str) for text in (card.excerpt, card.raw_title, card.raw_excerpt, card.url or "")):
        raise TypeError("no text")
    return card
