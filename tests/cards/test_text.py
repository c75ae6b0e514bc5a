"""Text repair: what is broken is mended, what is well-formed stays as it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.text import folded, repaired
from tests.support.cards import loaded, raw


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("InfoWorldâ€™s 2020", "InfoWorld’s 2020"),
        ("a â€œquoteâ€\u009d", "a “quote”"),
        ("cafÃ©", "café"),
        ("R&amp;D", "R&D"),
        ("R&amp;amp;D", "R&D"),
        ("R&amp;amp;amp;D", "R&amp;D"),
        ("&#8220;x&#8221;", "“x”"),
        ("one<br>two<br/>three", "one two three"),
        ("<p>one</p><p>two</p>", "one two"),
        ('an <a href="https://a.example">anchor</a>', "an anchor"),
        ("torn <strong", "torn <strong"),
        ('torn <a href="https://a.exa', "torn"),
        ("torn </em", "torn"),
        ("use <Suspense> in React", "use <Suspense> in React"),
        ("vector<int> and a < b > c", "vector<int> and a < b > c"),
        ("\ufefftitle\r\n  two\tlines\u2028three ", "title two lines three"),
        ("right\u202eto left", "rightto left"),
        ("bell\x07 and nul\x00", "bell and nul"),
    ],
)
def test_broken_text_is_mended(broken: str, mended: str) -> None:
    assert repaired(broken) == mended


@pytest.mark.parametrize(
    "text",
    [
        "苹果发布新款芯片", "Größe, Übung und Maß", "👩‍👩‍👧 and 👍🏽 and 🇩🇪", "“curled” ‘quotes’ – and — dashes…",
        "می‌خواهم", "ﬁne ligatures",
        "ＦＵＬＬ width", "naïve café", "한국어 제목", "日本語のタイトル", "ภาษาไทย", "50 % < 60 %",
    ],
)  # fmt: skip
def test_well_formed_text_is_untouched(text: str) -> None:
    assert repaired(text) == text


def test_a_card_with_a_c1_character_loads_and_is_mended_and_its_raw_title_kept() -> None:
    card = loaded(raw('title: "The â€œquoteâ€\u009d"\nexcerpt: "caf\u00e9 \ue09d"'))
    assert card.title == "The “quote”"
    assert card.raw_title == "The â€œquoteâ€\u009d"


@given(st.text())
def test_repaired_text_is_one_trimmed_line_whatever_comes_in(text: str) -> None:
    once = repaired(text)
    assert len(once.splitlines()) <= 1
    assert once == " ".join(once.split())


_PIECES = st.sampled_from(
    [
        "&amp;",
        "amp;",
        "&lt;",
        "<b>",
        "</b>",
        "<a href='x",
        "â€™",
        "Ã©",
        "\u009d",
        " ",
        "\n",
        "中文",
        "ß",
        "👍🏽",
        "<Suspense>",
        "x",
    ]
)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_repairing_settles_after_a_few_times(text: str) -> None:
    settled = text
    for _ in range(8):
        settled = repaired(settled)
    assert repaired(settled) == settled


@given(st.text(st.characters(codec="ascii", exclude_characters="<&")))
def test_plain_ascii_only_loses_white_space_and_controls(text: str) -> None:
    assert repaired(text) == " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def test_names_are_compared_trimmed_and_without_case() -> None:
    assert folded("  Big\tData ") == folded("BIG data") == "big data"
    assert folded("Straße") == folded("STRASSE")
