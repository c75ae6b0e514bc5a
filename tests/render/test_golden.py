"""Eight cards as they are sent, alone and in digests.

After a wanted change: `NEWSDESK_UPDATE_GOLDEN=1 pytest tests/render`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from bot.render.card import render_card
from bot.render.card_list import render_card_list
from bot.render.digest import continued_heading, format_heading, format_text, render_digest
from bot.render.layouts import DIGEST_LAYOUTS, LAYOUTS
from bot.store.cards.rows import StoredCard
from bot.ui.magazine import build_magazine
from tests.render.cases import MOMENT, PICTURES, SAMPLES, read_stored_card
from tests.render.limits_check import assert_magazine_within_limits, assert_within_limits

DELIVERY = 5
ORDINARY = SubscriptionOptions()
GOLDEN = Path(__file__).parent / "golden"
CHOSEN = [
    "1969-07-20-apollo-11-first-steps-on-the-moon",
    "2017-02-22-sieben-erdgrosse-planeten-um-trappist-1",
    "2019-04-10-eso-black-hole-shadow-in-m87",
    "2019-04-10-first-image-of-a-black-hole",
    "2020-02-05-infoworlds-2020-technology-of-the-year-award-winners",
    "2023-06-10-debian-12-bookworm-est-publiee",
    "2023-10-02-python-3-12-kwargs-generics-and-f-strings",
    "2024-03-29-backdoor-found-in-xz-utils",
]


def _compare_golden(name: str, sent: Any) -> None:
    path = GOLDEN / f"{name}.json"
    if os.environ.get("NEWSDESK_UPDATE_GOLDEN"):
        path.write_text(json.dumps(sent, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert sent == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("slug", CHOSEN)
def test_a_card(slug: str) -> None:
    stored = read_stored_card(SAMPLES / f"{slug}.md")
    assert stored is not None
    full, compact = render_card(stored, PICTURES), render_card(stored, PICTURES, compact=True, number=1)
    assert_within_limits([full])
    assert_within_limits([compact])
    _compare_golden(slug, {"full": full.to_dict(), "compact": compact.to_dict()})


def _golden_cards() -> list[StoredCard]:
    return [stored for slug in CHOSEN if (stored := read_stored_card(SAMPLES / f"{slug}.md"))]


def test_a_list() -> None:
    embeds = render_card_list(_golden_cards(), PICTURES)
    assert_within_limits(embeds)
    _compare_golden("list", [embed.to_dict() for embed in embeds])


def _render_messages(layout: Layout, cards: Sequence[StoredCard], options: SubscriptionOptions = ORDINARY) -> list[Any]:
    """Every message of a digest, as the courier is given them: only the first one has the heading, and calls."""
    look = LAYOUTS[layout]
    counts = look.split_cards([look.measure_card(each) for each in cards])
    line = format_heading(Frequency.DAILY, MOMENT, ("Space", "Security"), parts=len(counts))
    sent, rest = [], [replace(card, id=number) for number, card in enumerate(cards, 1)]
    for part, count in enumerate(counts):
        shown = rest[:count]
        text = format_text(
            shown,
            layout,
            options if part == 0 else SubscriptionOptions(colour=options.colour),
            MOMENT,
            heading=continued_heading() if part else line,
        )
        if layout is Layout.MAGAZINE:
            view = build_magazine(shown, DELIVERY, PICTURES, text=text, colour=options.colour)
            assert_magazine_within_limits(view)
            sent.append(view.to_components())  # type: ignore[no-untyped-call]
        else:
            message = render_digest(shown, layout, PICTURES, text=text, colour=options.colour)
            assert_within_limits(message.embeds)
            sent.append({"content": message.content, "embeds": [embed.to_dict() for embed in message.embeds]})
        rest = rest[count:]
    return sent


@pytest.mark.parametrize("layout", DIGEST_LAYOUTS)
def test_a_digest(layout: Layout) -> None:
    sent = _render_messages(layout, _golden_cards(), SubscriptionOptions(mention_role_id=77))
    assert len(sent) == 1
    _compare_golden(f"digest-{layout}", sent)


@pytest.mark.parametrize("layout", DIGEST_LAYOUTS)
def test_a_digest_in_its_own_words_and_colour(layout: Layout) -> None:
    options = SubscriptionOptions(colour=0x3E82F6, template="**Good morning!** {heading} · {title} ({publisher})")
    _compare_golden(f"digest-{layout}-own", _render_messages(layout, _golden_cards()[:2], options))


@pytest.mark.parametrize(
    ("layout", "times"), [(Layout.CARDS, 2), (Layout.LIST, 5), (Layout.COMPACT, 2), (Layout.MAGAZINE, 2)]
)
def test_a_digest_of_two_messages(layout: Layout, times: int) -> None:
    sent = _render_messages(layout, _golden_cards() * times)
    assert len(sent) == 2
    _compare_golden(f"digest-{layout}-in-two", sent)


def test_no_golden_file_is_left_over() -> None:
    digests = {f"digest-{layout}{more}" for layout in DIGEST_LAYOUTS for more in ("", "-own", "-in-two")}
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*CHOSEN, *digests, "list"}
