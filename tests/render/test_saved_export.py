"""Saved cards as files: nothing in a card's text formats, links or reckons."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from bot.cards.model import Provider
from bot.i18n import override_language
from bot.render.saved_export import ExportFormat, format_saved
from bot.store.cards.rows import StoredCard
from tests.support.cards import make_card

TEXTS = [
    "*bold* _it_ `code` ~~gone~~", "[a](http://evil.example)", "# head", "- item", "+ item", "1. one", "2026) x",
    "> quote", "<b>html</b>", "&amp; &#42;", "a | b", "https://evil.example www.evil.example", "![i](x)", "\\",
    "===", "---", "a\n# b",
    "me@evil.example",
]  # fmt: skip


def make_stored_card(**changes: object) -> StoredCard:
    return StoredCard(1, 1, "r", make_card(**changes))  # type: ignore[arg-type]  # a card's own fields


def csv_rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def markdown_text(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("text", TEXTS)
def test_markdown_shows_a_title_and_an_excerpt_as_they_are(text: str) -> None:
    for url in ("https://news.example/a(b)", None):
        written = format_saved([make_stored_card(title=text, excerpt=text, url=url)], ExportFormat.MARKDOWN)
        parser = MarkdownIt("gfm-like")
        links, texts = [], []
        for token in parser.parse(written):
            assert token.type not in ("html_block", "table_open", "hr", "blockquote_open", "ordered_list_open"), token
            for child in token.children or []:
                assert child.type in ("text", "link_open", "link_close", "softbreak", "text_special"), child
                if child.type == "link_open":
                    links.append(child.attrGet("href"))
                if child.type == "text":
                    texts.append(child.content)
        assert links == ([url] if url else [])
        assert markdown_text("".join(texts)).count(markdown_text(text)) >= 2


@given(st.text(max_size=40))
def test_any_text_is_one_list_entry_without_other_links(text: str) -> None:
    written = format_saved([make_stored_card(title=text, excerpt=text)], ExportFormat.MARKDOWN)
    tokens = MarkdownIt("gfm-like").parse(written)
    assert sum(token.type == "list_item_open" for token in tokens) == 1
    links = [c.attrGet("href") for token in tokens for c in token.children or [] if c.type == "link_open"]
    assert links == ["https://news.example/a-card"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1"])
def test_a_cell_that_a_spreadsheet_would_reckon_with_begins_with_an_apostrophe(text: str) -> None:
    written = format_saved(
        [make_stored_card(title=text, excerpt=text, topics=(text,), provider=Provider(text))], ExportFormat.CSV
    )
    _, found = csv_rows(written)
    assert [cell for cell in found if cell.startswith("'")] == [f"'{text.strip()}"] * 4


def test_csv_keeps_order_quotes_and_letters() -> None:
    cards = [make_stored_card(title='Ünï "code", 日本', url=None), make_stored_card(title="Second", topics=("A", "B"))]
    head, first, second = csv_rows(format_saved(cards, ExportFormat.CSV))
    assert head == ["title", "url", "publisher", "published", "topics", "excerpt"]
    assert first[:4] == ['Ünï "code", 日本', "", "", "2026-11-24"]
    assert (second[0], second[1], second[4]) == ("Second", "https://news.example/a-card", "A, B")


def test_csv_names_its_columns_in_the_language_of_who_asks() -> None:
    with override_language("de"):
        assert csv_rows(format_saved([], ExportFormat.CSV)) == [
            ["Titel", "Adresse", "Quelle", "veröffentlicht", "Themen", "Auszug"]
        ]
