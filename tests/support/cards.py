"""Cards, card files and readings to test with."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from bot.cards.model import Card, CardState, ParseResult, Severity, SourceItem, SourceKind
from bot.cards.parser import parse_card
from bot.store import Store

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
"""The tests' present; cards are an hour old unless they say otherwise."""

CORPUS = Path(__file__).parents[2].parent / "shared" / "corpus"
"""Real cards, beside the repository where they are at hand."""


def make_card(slug: str = "a-card", **changes: Any) -> Card:
    """A published card, an hour old."""
    fields: dict[str, Any] = {
        "title": f"Title of {slug}",
        "published_at": NOW - timedelta(hours=1),
        "url": f"https://news.example/{slug}",
        "state": CardState.PUBLISHED,
        "aliases": (f"news.example/{slug}",),
    }
    return Card(slug=slug, **(fields | changes))


def card_file(**fields: Any) -> bytes:
    """A card file with these fields; a field set to None is left out."""
    written: dict[str, Any] = {
        "category": "news",
        "title": "A title",
        "publishedDateTime": NOW - timedelta(hours=1),
        "webUrl": "https://news.example/a-card",
        "published": True,
        "heat": 90,
    }
    kept = {name: value for name, value in (written | fields).items() if value is not None}
    return f"---\n{yaml.safe_dump(kept, allow_unicode=True, sort_keys=False)}---\n".encode()


def raw_card_file(lines: str) -> bytes:
    """A card file of the required fields and these lines of YAML, as written; they begin at line 5."""
    return f"---\ncategory: news\ntitle: A title\npublishedDateTime: 2026-11-24T09:00:00Z\n{lines}\n---\n".encode()


def parse_file(content: bytes, slug: str = "a-card") -> ParseResult:
    return parse_card(content, file=f"{slug}.md", slug=slug)


def parse_valid(content: bytes, slug: str = "a-card") -> Card:
    """The card of a file that must be one."""
    found = parse_file(content, slug)
    assert found.card is not None, found.problems
    return found.card


def parse_problem(content: bytes) -> tuple[int, str, str]:
    """Line, field and words of the one error of a file that must not be a card."""
    found = parse_file(content)
    assert found.card is None
    (only,) = (each for each in found.problems if each.severity is Severity.ERROR)
    return only.line, only.field, only.problem


def parse_notes(content: bytes, slug: str = "a-card", **how: Any) -> list[tuple[int, str, str]]:
    """Line, field and words of what is noted about a file that must be a card."""
    found = parse_card(content, file=f"{slug}.md", slug=slug, **how)
    assert found.card is not None, found.problems
    return [(each.line, each.field, each.problem) for each in found.problems]


async def folder_id(store: Store) -> int:
    """The source that `store_cards` puts cards into."""
    return await store.cards.importer.ensure_source(SourceKind.FOLDER, "/cards")


async def store_cards(store: Store, *cards: Card, now: datetime = NOW) -> list[int]:
    """Put cards into the store as a load would, and return their ids."""
    batch = [(SourceItem(f"{each.slug}.md", "1"), ParseResult(each)) for each in cards]
    await store.cards.importer.import_batch(await folder_id(store), batch, vanished=(), now=now, withdraw=True)
    await store.cards.importer.recount_names()
    found = [await store.cards.get_by_slug(each.slug, 0, hidden=True) for each in cards]
    return [each.id for each in found if each]


def make_older(card: Card, **span: float) -> Card:
    return replace(card, published_at=card.published_at - timedelta(**span))
