"""Eight cards as they are sent. After a wanted change: `NEWSDESK_UPDATE_GOLDEN=1 pytest tests/render`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bot.render.card import card_embed
from bot.render.lists import card_list
from tests.render.cases import PICTURES, SAMPLES, filed_file
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


def test_a_list() -> None:
    cards = [filed for slug in CHOSEN if (filed := filed_file(SAMPLES / f"{slug}.md"))]
    embeds = card_list(cards, PICTURES)
    assert_within_limits(embeds)
    _check("list", [embed.to_dict() for embed in embeds])


def test_no_golden_file_is_left_over() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == {*CHOSEN, "list"}
