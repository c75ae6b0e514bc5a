"""`newsdesk new` writes a file that reads back as the card that was meant, and never over another one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.cards.card_builder import MAX_TITLE
from bot.cards.model import Card, CardState
from bot.cards.parser import parse_card
from bot.cards.text import clean_text, normalize_name, strip_unstorable
from bot.errors import UserError
from bot.sources.folder import slug_for_path
from bot.sources.lint import check_paths
from bot.sources.new_card import create_card_file

NOW = datetime(2026, 11, 30, 14, 30, 15, 250, tzinfo=UTC)
LINK = "https://news.example/a"


def read_card(path: Path) -> Card:
    result = parse_card(path.read_bytes(), file=path.name, slug=slug_for_path(path.name), need_category=True)
    assert result.card is not None, result.problems
    return result.card


def test_the_file_holds_what_was_given_and_is_held(tmp_path: Path) -> None:
    made = create_card_file(tmp_path, "Rust 1.95: what is new", LINK, ["Rust", "Languages, old"], NOW)
    card = read_card(made.path)
    assert made.path.name == "2026-11-30-rust-1-95-what-is-new.md"
    assert made.notes == ()
    assert (card.title, card.url, card.topics) == ("Rust 1.95: what is new", LINK, ("Rust", "Languages, old"))
    assert (card.state, card.published_at) == (CardState.HELD, NOW.replace(microsecond=0))
    assert check_paths([tmp_path]).findings == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), min_size=1, max_size=60), st.lists(st.text(st.characters(), max_size=20), max_size=3))
@example("---\nremoved: true\n---", ["]", "- x", "#"])
@example("yes", ["null", "no", "1.0"])
@example("'\"\\ {{ title }} *a &b !!python/object:os.system", [])
@example("\udcff surrogate", ["\x85", "\u2028"])
@example("../../etc/passwd", [])
@example("aux" + "漢" * 300, [])
def test_any_title_reads_back_as_itself_or_is_refused(tmp_path: Path, title: str, topics: list[str]) -> None:
    seen = clean_text(strip_unstorable(" ".join(title.split()))[:MAX_TITLE])
    if not seen:
        with pytest.raises(UserError, match="makes no card"):
            create_card_file(tmp_path, title, None, topics, NOW)
        return
    path = create_card_file(tmp_path, title, None, topics, NOW).path
    card = read_card(path)
    assert path.parent == tmp_path
    assert card.title == seen
    assert card.state is CardState.HELD
    names = [clean_text(strip_unstorable(" ".join(each.split()))) for each in topics]
    assert [normalize_name(each) for each in card.topics] == list(
        dict.fromkeys(map(normalize_name, filter(None, names)))
    )
    path.unlink()


def test_no_file_is_overwritten_and_no_name_taken_twice(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "2026-11-30-news.markdown").write_text("kept")
    (tmp_path / "2026-11-30-news-2.md").symlink_to(tmp_path / "nowhere")
    first = create_card_file(tmp_path, "News", LINK, [], NOW, beside=[other])
    second = create_card_file(tmp_path, "News!", LINK, [], NOW, beside=[other])
    assert [first.path.name, second.path.name] == ["2026-11-30-news-3.md", "2026-11-30-news-4.md"]
    assert (other / "2026-11-30-news.markdown").read_text() == "kept"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://localhost/a", "news.example/a", ""])
def test_an_address_that_cannot_be_linked_is_refused_before_anything_is_written(tmp_path: Path, url: str) -> None:
    with pytest.raises(UserError, match="cannot be linked"):
        create_card_file(tmp_path, "News", url, [], NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="missing does not exist"):
        create_card_file(tmp_path / "missing", "News", None, [], NOW)
