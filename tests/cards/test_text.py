"""Text repair: what is broken is repaired, what is well-formed stays as it is."""

from __future__ import annotations

import pytest
from ftfy import fix_text
from ftfy.badness import is_bad
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.text import _MOJIBAKE_ONLY, clean_text, normalize_name
from tests.support.cards import parse_valid, raw_card_file


@pytest.mark.parametrize(
    ("broken", "repaired_text"),
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
def test_broken_text_is_mended(broken: str, repaired_text: str) -> None:
    assert clean_text(broken) == repaired_text


@pytest.mark.parametrize(
    "text",
    [
        "苹果发布新款芯片", "Größe, Übung und Maß", "👩‍👩‍👧 and 👍🏽 and 🇩🇪", "“curled” ‘quotes’ – and — dashes…",
        "می‌خواهم", "ﬁne ligatures",
        "ＦＵＬＬ width", "naïve café", "한국어 제목", "日本語のタイトル", "ภาษาไทย", "50 % < 60 %",
    ],
)  # fmt: skip
def test_well_formed_text_is_untouched(text: str) -> None:
    assert clean_text(text) == text


def test_a_card_with_a_c1_character_loads_and_is_mended_and_its_raw_title_kept() -> None:
    card = parse_valid(raw_card_file('title: "The â€œquoteâ€\u009d"\nexcerpt: "caf\u00e9 \ue09d"'))
    assert card.title == "The “quote”"
    assert card.raw_title == "The â€œquoteâ€\u009d"


@given(st.text())
def test_repaired_text_is_one_trimmed_line_whatever_comes_in(text: str) -> None:
    once = clean_text(text)
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
        settled = clean_text(settled)
    assert clean_text(settled) == settled


@given(st.text(st.characters(codec="ascii", exclude_characters="<&")))
def test_plain_ascii_only_loses_white_space_and_controls(text: str) -> None:
    assert clean_text(text) == " ".join("".join(c for c in text if c.isprintable() or c.isspace()).split())


def test_names_are_compared_trimmed_and_without_case() -> None:
    assert normalize_name("  Big\tData ") == normalize_name("BIG data") == "big data"
    assert normalize_name("Straße") == normalize_name("STRASSE")


ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
TEXAS = "\U0001f3f4\U000e0075\U000e0073\U000e0074\U000e0078\U000e007f"


@pytest.mark.parametrize(
    "text",
    [
        f"{ENGLAND} beats {SCOTLAND}",
        f"{TEXAS}{TEXAS}!",
        "🏴 alone, 🏴‍☠️ and 🏳️‍🌈",
        "👩🏽‍🚀👨‍👩‍👧‍👦 #️⃣ 🇩🇪",
        "\U0001faea Unicode 16",
        "\U0001fadc and \U0001fabe",
        "\U0001faef of a later one",
        "\U0001f8ff",
        "\U0001fbff not assigned yet",
        "\u0378 neither",
    ],
)
def test_emoji_stay_sign_by_sign_also_those_that_this_python_does_not_know(text: str) -> None:
    assert clean_text(text) == text


@given(
    st.text(st.characters(min_codepoint=0xE0000, max_codepoint=0xE0FFF), max_size=8),
    st.sampled_from(["", "\U0001f3f4"]),
)
def test_tags_that_make_no_flag_are_text_that_nobody_sees_and_go(tags: str, before: str) -> None:
    made = clean_text(f"a{before}{tags}b")
    assert (
        made in {f"a{before}b"} or any(mark in made for mark in _VARIATIONS) or made.startswith("a\U0001f3f4\U000e0030")
    )


_VARIATIONS = [chr(code) for code in range(0xE0100, 0xE01F0)]  # of ideographs: they belong to the sign before them


@pytest.mark.parametrize(
    "code", [0xFFFE, 0xFFFF, 0xFDD0, 0x1FFFE, 0xE000, 0xF8FF, 0x100000, 0xD800, 0x202E, 0x2066, 0xAD]
)
def test_what_is_no_character_goes(code: int) -> None:
    assert clean_text(f"a{chr(code)}b") == "ab"


@pytest.mark.parametrize(
    "text",
    [
        "\u200b",
        "\u200d\u200c",
        "\ufeff\u2060",
        "\u3164",
        "\u115f\u1160",
        "\uffa0",
        "\u2800 \u2800",
        "\ufe0f",
        "\u0301\u0302",
        "\u034f",
        "\u17b4\u17b5",
        "\u180e\u180b",
        "\u202e\u202c",
        "\U000e0041\U000e007f",
        "\xad",
        "\x00\x1b",
        "\ue000",
        "<b></b>",
        "&#8203;&zwj;",
        "&nbsp;",
        "\u2028\u3000",
        "\U0001d173",
        "\ud800",
    ],
)
def test_text_of_which_nothing_can_be_seen_is_empty(text: str) -> None:
    assert clean_text(text) == ""


@pytest.mark.parametrize(
    "text", ["a", "1", "?", "…", "é", "中", "🏴", ENGLAND, "\U0001faea", "©", "²", "\u0e01\u0e33", "#️⃣", "€"]
)
def test_text_of_which_anything_can_be_seen_is_not(text: str) -> None:
    assert clean_text(f" \u200b{text}\u3164") != ""


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/?a=1&copy=2&section=3&currency=EUR",
        "https://example.org/?x=1&lt=2&amp=3&para=4&times=5&reg",
        "AT&T and R&D",
        "&copy 2026",
        "&ampere;",
        "&copyright;",
        "&notin",
        "&notanentity;",
        "a &# b &#; &#x; &#xg; &;",
        "&#99999999;",
        "&#" + "1" * 4301 + ";",
        "&#x" + "f" * 5000 + ";",
        "&" + "a" * 5000 + ";",
        "x&y;z",
    ],
)
def test_what_is_no_whole_entity_stays_letter_by_letter(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("&copy; &amp;copy; &sect;&times;", "© © §×"),
        ("&#169;&#xA9;&#XA9;", "©©©"),
        ("&amp;#8217;s", "’s"),
        ("&#128;", "€"),
        ("&hellip;&NotEqual;&nGt;", "…≠≫⃒"),
        ("&#x1F600;", "😀"),
        ("&#1114112;x", "�x"),
    ],
)
def test_whole_entities_are_characters(text: str, shown: str) -> None:
    assert clean_text(text) == shown


@given(st.text())
def test_what_is_not_asked_of_ftfy_is_nothing_that_it_would_change(text: str) -> None:
    if not is_bad(text) and "\n" not in text:
        assert fix_text(text, _MOJIBAKE_ONLY) == text
