"""Every sample card, and every real card where the corpus is at hand, within Discord's limits and telling no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bot.render.card import render_card
from bot.render.card_list import render_card_list, render_related
from tests.render.cases import CORPUS, PICTURES, SAMPLES, read_stored_card
from tests.render.limits_check import assert_no_mention, assert_within_limits

_AMP_FIELD = re.compile(r"^\s*(?:cdnAmp|amp|cdnamp)(?:Web)?Url:\s*[\"']?(https?://[^\"'\s]+)", re.MULTILINE)
_LINKED_FIELD = re.compile(r"^[\s-]*(?:webUrl|originalUrl|sourceUrl):\s*[\"']?(https?://[^\"'\s]+)", re.MULTILINE)
_SECURED = re.compile(r"^secured:\s*[\"']?([^\"'\n]+)", re.MULTILINE)
_PIECE = 12


def _check_card(path: Path) -> bool:
    stored = read_stored_card(path)
    if stored is None:
        return False
    source = path.read_text(encoding="utf-8")
    full, compact = render_card(stored, PICTURES, note="Held"), render_card(stored, PICTURES, compact=True, number=1)
    for embed in (full, compact, render_related(stored)):
        assert_within_limits([embed])
        assert_no_mention([embed])
        _assert_discreet(json.dumps(embed.to_dict(), ensure_ascii=False), source)
    return True


def _assert_discreet(sent: str, source: str) -> None:
    assert "ampproject.org" not in sent.lower()
    for amp in set(_AMP_FIELD.findall(source)) - set(_LINKED_FIELD.findall(source)):
        assert f'"{amp}"' not in sent
        assert f"]({amp})" not in sent
    for secret in _SECURED.findall(source):
        pieces = {secret[at : at + _PIECE] for at in range(len(secret) - _PIECE + 1)}
        assert not any(piece in sent for piece in pieces)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.md")), ids=lambda path: path.stem[:40])
def test_a_sample(path: Path) -> None:
    assert _check_card(path)


def test_real_cards() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real cards is not at hand")
    shown = [path for path in sorted(CORPUS.rglob("*.md*")) if _check_card(path)]
    assert len(shown) > 40


def test_lists_of_real_cards() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus of real cards is not at hand")
    cards = [stored for path in sorted(CORPUS.rglob("*.md")) if (stored := read_stored_card(path))]
    for start in range(0, len(cards), 10):
        embeds = render_card_list(cards[start : start + 10], PICTURES)
        assert_within_limits(embeds)
        assert_no_mention(embeds)
