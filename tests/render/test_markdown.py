"""Foreign text never formats, links or mentions; and it is cut between graphemes, at a word where one is near."""

from __future__ import annotations

import re

import pytest
import regex  # type: ignore[import-untyped]  # it comes without types
from hypothesis import given
from hypothesis import strategies as st

from bot.render.limits import count_units
from bot.render.markdown import ELLIPSIS, cut_text, escape_markdown, fit_escaped, fit_link, fit_plain, masked_link
from tests.render.cases import ANY_TEXT, LONG_TEXT, URLS
from tests.render.limits_check import ESCAPED, MENTION

LIMITS = st.integers(0, 300)


def render_as_shown(text: str) -> str:
    """What a reader sees of escaped text."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text).replace("\u200b", "")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("snake_case *and* `code`", r"snake\_case \*and\* \`code\`"),
        ("[label](https://evil.example)", r"\[label\](https\://evil.example)"),
        ("||spoiler|| ~~gone~~", r"\|\|spoiler\|\| \~\~gone\~\~"),
        ("# heading", r"\# heading"),
        ("  ### heading", r"  \### heading"),
        ("#1 in #news", "#1 in #news"),
        ("-# small", r"\-# small"),
        ("- item\n  - deeper", "\\- item\n  \\- deeper"),
        ("-5 degrees", "-5 degrees"),
        ("1. one 2. two", r"1\. one 2. two"),
        ("> quote\n>>> rest", "\\> quote\n\\>>> rest"),
        ("a > b", "a > b"),
        (":smile: at 12:30", r"\:smile: at 12:30"),
        ("@everyone, @here", "@\u200beveryone, @\u200bhere"),
        ("me@example.com", "me@example.com"),
        ("<@1> <@&2> <#3>", "\\<\u200b@1> \\<\u200b@&2> \\<\u200b#3>"),
        ("<t:1:R> <:a:1> </x:1>", "\\<\u200bt\\:1:R> \\<\u200b\\:a:1> \\<\u200b/x:1>"),
        ("back\\slash", "back\\\\slash"),
        ("a < b", r"a \< b"),
    ],
)
def test_escaped(text: str, safe: str) -> None:
    assert escape_markdown(text) == safe


@given(ANY_TEXT)
def test_escaped_text_reads_as_before(text: str) -> None:
    assert render_as_shown(escape_markdown(text)) == text.replace("\u200b", "")


@given(ANY_TEXT)
def test_nothing_is_left_to_format_or_mention(text: str) -> None:
    safe = escape_markdown(text)
    assert not MENTION.search(safe)
    assert not re.search(r"[\\*_~`|\[\]<]|://", ESCAPED.sub("", safe))
    assert not re.search(r"^\s*(?:#{1,3}\s|-\s|-#|>)", safe, re.MULTILINE)


@given(LONG_TEXT, LIMITS)
def test_a_cut_keeps_whole_graphemes(text: str, limit: int) -> None:
    short = cut_text(text, limit)
    assert count_units(short) <= limit
    if short != text and short:
        kept = regex.findall(r"\X", short.removesuffix(ELLIPSIS))
        assert regex.findall(r"\X", text)[: len(kept)] == kept


@given(LONG_TEXT, LIMITS)
def test_fitted_text_fits_and_no_escape_is_torn(text: str, limit: int) -> None:
    safe = fit_escaped(text, limit)
    assert count_units(safe) <= limit
    assert not MENTION.search(safe)
    assert render_as_shown(safe).removesuffix(ELLIPSIS) in text.replace("\u200b", "") + ELLIPSIS
    assert not ESCAPED.sub("", safe).endswith("\\")


@given(LONG_TEXT, LIMITS)
def test_plain_text_is_one_line_without_backslashes_of_ours(text: str, limit: int) -> None:
    line = fit_plain(text, limit)
    assert count_units(line) <= limit
    assert "\n" not in line
    assert line.count("\\") <= text.count("\\")
    assert not MENTION.search(line)


def test_a_cut_falls_on_a_word_where_one_is_near() -> None:
    assert cut_text("Ten words, of which the last ones go away", 20) == "Ten words, of which…"
    assert cut_text("Comma, then more", 9) == "Comma…"
    assert cut_text("x" * 50, 10) == "x" * 9 + "…"
    assert cut_text("short", 5) == "short"
    assert cut_text("short", 0) == ""


def test_what_discord_may_count_double_counts_double() -> None:
    assert cut_text("😀" * 10, 11) == "😀" * 5 + "…"
    assert cut_text("👨‍👩‍👧‍👦" * 2, 12) == "👨‍👩‍👧‍👦…"
    assert cut_text("👨‍👩‍👧‍👦" * 2, 11) == "…"


def test_fitted_uses_the_room_it_has() -> None:
    assert fit_escaped("*" * 100, 21) == r"\*" * 10 + "…"


@pytest.mark.parametrize(
    ("text", "url", "written"),
    [
        ("A story", "https://a.example/b_c", "[A story](https://a.example/b_c)"),
        ("A story", "https://a.example/b_(c)", "[A story](<https://a.example/b_(c)>)"),
        ("[Update] *now*", "https://a.example", r"\[Update\] \*now\* [Open](https://a.example)"),
        ("first[T](items)", "https://a.example", r"first\[T\](items) [Open](https://a.example)"),
        ("**kwargs and __init__", "https://a.example", r"\*\*kwargs and \_\_init\_\_ [Open](https://a.example)"),
        (r"C:\x", "https://a.example", r"C:\\x [Open](https://a.example)"),
        ("One | two * three_four ~5 `", "https://a.example", "[One | two * three_four ~5 `](https://a.example)"),
        ("a < b > c", "https://a.example", "[a < b > c](https://a.example)"),
        ("see https://b.example", "https://a.example", "[see https:\u200b//b.example](https://a.example)"),
        ("@everyone", "https://a.example/@everyone", "[@\u200beveryone](https://a.example/%40everyone)"),
        (" ", "https://a.example/a b>", "[link](https://a.example/a%20b%3E)"),
    ],
)
def test_link(text: str, url: str, written: str) -> None:
    assert masked_link(text, url) == written


_LINK = re.compile(r"(?P<before>.*) \[Open\]\((?P<a>\S+)\)|\[(?P<label>.+)\]\((?P<b>\S+)\)")
_FORMATTING = re.compile(r"[\\\[\]]|\*.*\*|_.*_|~~|\|\||`.*`|://")


@given(LONG_TEXT, URLS, st.integers(0, 3000))
def test_a_link_is_whole_or_not_there(text: str, url: str, limit: int) -> None:
    written = fit_link(text, url, limit)
    assert count_units(written) <= limit
    assert not MENTION.search(written)
    if written:
        match = _LINK.fullmatch(written)
        assert match
        assert re.fullmatch(r"<[^\s<>]+>|[^\s<>()]+", match["a"] or match["b"])
        if match["label"]:
            assert not _FORMATTING.search(match["label"])
        else:
            assert not re.search(r"[\\*_~`|\[\]<]|://", ESCAPED.sub("", match["before"]))


@given(LONG_TEXT, URLS)
def test_every_sign_of_a_links_text_is_shown_as_it_is(text: str, url: str) -> None:
    match = _LINK.fullmatch(masked_link(text, url))
    assert match
    shown = match["label"].replace("\u200b", "") if match["label"] else render_as_shown(match["before"])
    assert shown == (" ".join(text.split()).replace("\u200b", "") or "link")
