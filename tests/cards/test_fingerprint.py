"""A card has changed when a reader would see it, and only then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.fingerprint import RELATED_SHOWN, content, revision
from bot.cards.model import HeldReason, Image, Provider, Related, State
from tests.support.cards import card, loaded, page

STORIES = tuple(Related(f"Story {n}", f"https://other.example/{n}", "Other") for n in range(5))


@pytest.mark.parametrize(
    "fields",
    [
        {"secured": "other"}, {"heat": 200}, {"quality": 189}, {"published": False}, {"removed": True},
        {"featuredContent": "<iframe>"}, {"ampUrl": "https://amp.example/a"}, {"unknown": 1},
    ],
)  # fmt: skip
def test_what_no_reader_sees_is_no_new_revision(fields: dict[str, Any]) -> None:
    assert revision(loaded(page(**fields))) == revision(loaded(page(secured="CIPHERTEXT")))


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"}, {"excerpt": "Other"}, {"url": "https://other.example/"}, {"url": None},
        {"image": Image("https://a.example/i.png")}, {"provider": Provider("ESA")}, {"topics": ("AI",)},
        {"type": "video"},
        {"published_at": card().published_at + timedelta(seconds=1)}, {"related": STORIES[:1]},
    ],
)  # fmt: skip
def test_what_a_reader_sees_is_a_new_revision(changes: dict[str, Any]) -> None:
    assert revision(replace(card(), **changes)) != revision(card())


def test_of_the_related_stories_the_shown_ones_and_their_number_count() -> None:
    shown = replace(card(), related=STORIES)
    renamed = (*STORIES[:RELATED_SHOWN], replace(STORIES[RELATED_SHOWN], title="Other"), *STORIES[RELATED_SHOWN + 1 :])
    assert revision(replace(shown, related=renamed)) == revision(shown)
    assert revision(replace(shown, related=STORIES[:4])) != revision(shown)
    assert revision(replace(shown, related=STORIES[::-1])) != revision(shown)


def test_a_renamed_file_has_the_same_content_and_another_score_does_not() -> None:
    held = replace(card("b", title="T", url=None, aliases=()), state=State.HELD, held_reason=HeldReason.COVERED)
    assert content(card("a", title="T", url=None, aliases=())) == content(held)
    assert content(replace(held, quality=3)) != content(held)
