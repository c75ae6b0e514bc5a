"""Real files, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cards.model import Severity
from bot.cards.parser import parse_card
from tests.support.cards import CORPUS

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real cards is not beside the repository")


def _corpus_files(folder: str) -> list[Path]:
    return sorted(path for path in (CORPUS / folder).rglob("*") if path.is_file())


@pytest.mark.parametrize(("folder", "count"), [("cards/news", 48), ("cards/insideout", 1), ("cards/evolution", 35)])
def test_every_real_news_card_loads_without_an_error(folder: str, count: int) -> None:
    readings = [parse_card(path.read_bytes(), file=path.name, slug=path.stem) for path in _corpus_files(folder)]
    assert len(readings) == count
    assert [reading.problems for reading in readings if reading.card is None] == []
    assert all("�" not in reading.card.title and "â€" not in reading.card.title for reading in readings if reading.card)


def test_other_collections_are_notes_and_not_cards() -> None:
    readings = [parse_card(path.read_bytes(), file=path.name, slug=path.stem) for path in _corpus_files("cards/other")]
    assert len(readings) == 14
    assert all(reading.card is None for reading in readings)
    assert {problem.severity for reading in readings for problem in reading.problems} == {Severity.NOTE}


def test_posts_of_other_sites_are_never_taken_for_cards() -> None:
    readings = [parse_card(path.read_bytes(), file=path.name, slug=path.stem) for path in _corpus_files("posts")]
    assert len(readings) == 70
    assert all(reading.card is None and len(reading.problems) == 1 for reading in readings)
