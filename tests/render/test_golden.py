"""Eight cards as they are sent, alone and in digests.

After a wanted change: `NEWSDESK_UPDATE_GOLDEN=1 pytest tests/render`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.desk.subscription import Layout, When
from bot.render.card import card_embed
from bot.render.digest import continued, digest_message, entry_size, heading, parts
from bot.render.lists import card_list
from bot.store.records import FiledCard
from tests.render.cases import MOMENT, PICTURES, SAMPLES, filed_file
from tests.render.limits_check import assert_within_limits

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


def _check(name: str, sent: Any) -> None:
    path = GOLDEN / f"{name}.json"
    if os.environ.get("NEWSDESK_UPDATE_GOLDEN"):
        path.write_text(json.dumps(sent, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    assert sent == json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("slug", CHOSEN)
def test_a_card(slug: str) -> None:
    filed = filed_file(SAMPLES / f"{slug}.md")
    assert filed is not None
    full, compact = card_embed(filed, PICTURES), card_embed(filed, PICTURES, compact=True, number=1)
    assert_within_limits([full])
    assert_within_limits([compact])
    _check(slug, {"full": full.to_dict(), "compact": compact.to_dict()})


def _chosen() -> list[FiledCard]:
    return [filed for slug in CHOSEN if (filed := filed_file(SAMPLES / f"{slug}.md"))]


def test_a_list() -> None:
    embeds = card_list(_chosen(), PICTURES)
    assert_within_limits(embeds)
    _check("list", [embed.to_dict() for embed in embeds])


def _digest(layout: Layout, cards: Sequence[FiledCard], **more: Any) -> list[dict[str, Any]]:
    """Every message of a digest, as the courier is given them: only the first one has the heading, and calls."""
    counts = parts([entry_size(each) for each in cards], layout)
    line = heading(When.DAILY, MOMENT, ("Space", "Security"), parts=len(counts))
    sent, rest = [], list(cards)
    for part, count in enumerate(counts):
        opening = {"heading": line, **more} if part == 0 else {"heading": continued()}
        message = digest_message(rest[:count], layout, PICTURES, **opening)
        assert_within_limits(message.embeds)
        sent.append({"content": message.content, "embeds": [embed.to_dict() for embed in message.embeds]})
        rest = rest[count:]
    return sent


@pytest.mark.parametrize("layout", [Layout.CARDS, Layout.LIST])
def test_a_digest(layout: Layout) -> None:
    sent = _digest(layout, _chosen(), mention=77)
    assert len(sent) == 1
    _check(f"digest-{layout}", sent)


@pytest.mark.parametrize(("layout", "times"), [(Layout.CARDS, 2), (Layout.LIST, 5)])
def test_a_digest_of_two_messages(layout: Layout, times: int) -> None:
    sent = _digest(layout, _chosen() * times)
    assert len(sent) == 2
    _check(f"digest-{layout}-in-two", sent)


def test_no_golden_file_is_left_over() -> None:
    digests = {f"digest-{layout}{more}" for layout in ("cards", "list") for more in ("", "-in-two")}
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*CHOSEN, *digests, "list"}
