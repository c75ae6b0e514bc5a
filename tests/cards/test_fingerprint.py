"""A card has changed when a reader would see it, and only then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.fingerprint import RELATED_SHOWN, compute_content_hash, compute_revision
from bot.cards.model import CardState, HeldReason, Image, Provider, RelatedArticle
from tests.support.cards import card_file, make_card, parse_valid

STORIES = tuple(RelatedArticle(f"Story {n}", f"https://other.example/{n}", "Other") for n in range(5))


@pytest.mark.parametrize(
    "fields",
    [
        {"secured": "other"}, {"heat": 200}, {"quality": 189}, {"published": False}, {"removed": True},
        {"featuredContent": "<iframe>"}, {"ampUrl": "https://amp.example/a"}, {"unknown": 1},
    ],
)  # fmt: skip
def test_what_no_reader_sees_is_no_new_revision(fields: dict[str, Any]) -> None:
    assert compute_revision(parse_valid(card_file(**fields))) == compute_revision(
        parse_valid(card_file(secured="CIPHERTEXT"))
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"}, {"excerpt": "Other"}, {"url": "https://other.example/"}, {"url": None},
        {"image": Image("https://a.example/i.png")}, {"provider": Provider("ESA")}, {"topics": ("AI",)},
        {"type": "video"},
        {"published_at": make_card().published_at + timedelta(seconds=1)}, {"related": STORIES[:1]},
    ],
)  # fmt: skip
def test_what_a_reader_sees_is_a_new_revision(changes: dict[str, Any]) -> None:
    assert compute_revision(replace(make_card(), **changes)) != compute_revision(make_card())


def test_of_the_related_stories_the_shown_ones_and_their_number_count() -> None:
    shown = replace(make_card(), related=STORIES)
    renamed = (*STORIES[:RELATED_SHOWN], replace(STORIES[RELATED_SHOWN], title="Other"), *STORIES[RELATED_SHOWN + 1 :])
    assert compute_revision(replace(shown, related=renamed)) == compute_revision(shown)
    assert compute_revision(replace(shown, related=STORIES[:4])) != compute_revision(shown)
    assert compute_revision(replace(shown, related=STORIES[::-1])) != compute_revision(shown)


def test_a_renamed_file_has_the_same_content_and_another_score_does_not() -> None:
    held = replace(
        make_card("b", title="T", url=None, aliases=()), state=CardState.HELD, held_reason=HeldReason.COVERED
    )
    assert compute_content_hash(make_card("a", title="T", url=None, aliases=())) == compute_content_hash(held)
    assert compute_content_hash(replace(held, quality=3)) != compute_content_hash(held)
