"""Lists of feeds go in and out as OPML."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bot.sources.feeds.model import DocumentError, RefusalReason
from bot.sources.feeds.opml import OpmlFeed, OpmlImport, read_opml, write_opml
from tests.sources.feeds.documents import document


def read(body: bytes | str) -> OpmlImport:
    return read_opml(document(body, "text/x-opml"))


def opml(outlines: str) -> str:
    return f'<?xml version="1.0"?><opml version="2.0"><head><title>Mine</title></head><body>{outlines}</body></opml>'


def test_trap_43_feeds_in_folders_in_folders_have_their_names_as_topics() -> None:
    found = read(
        opml(
            '<outline text="News"><outline text="Science &amp; more"><outline text="Stars" type="rss" '
            'xmlUrl="https://stars.example/rss" category="/Space/Night,Sky"/></outline>'
            '<outline title="Paper" xmlUrl="https://paper.example/rss"/></outline>'
            '<outline text="Bare" xmlUrl=" https://bare.example/rss "/>'
        )
    )
    assert found.title == "Mine"
    assert found.feeds == (
        OpmlFeed("https://stars.example/rss", "Stars", ("Space", "Night", "Sky", "News", "Science & more")),
        OpmlFeed("https://paper.example/rss", "Paper", ("News",)),
        OpmlFeed("https://bare.example/rss", "Bare"),
    )


def test_trap_43_a_feed_that_is_repeated_is_one_with_all_its_folders() -> None:
    outline = '<outline text="{}" xmlUrl="{}"/>'
    found = read(
        opml(
            f'<outline text="A">{outline.format("First", "https://a.example/rss")}</outline>'
            f'<outline text="B">{outline.format("Second", "https://a.example/rss")}</outline>'
            f'<outline text="C">{outline.format("Third", "feed:https://a.example/rss")}</outline>'
        )
    )
    assert found.feeds == (OpmlFeed("https://a.example/rss", "First", ("A", "B", "C")),)


def test_trap_43_five_thousand_feeds_are_read() -> None:
    found = read(opml("".join(f'<outline text="{n}" xmlUrl="https://h{n}.example/rss"/>' for n in range(5000))))
    assert [feed.url for feed in found.feeds] == [f"https://h{n}.example/rss" for n in range(5000)]
    assert found.left_out == 0


def test_feeds_above_the_limit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.sources.feeds.opml.MAX_FEEDS", 2)
    found = read(opml("".join(f'<outline text="{n}" xmlUrl="https://h{n}.example/rss"/>' for n in range(5))))
    assert (len(found.feeds), found.left_out) == (2, 3)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "javascript:1", "paper", "http://", "http://[::1", "ftp://a.example/"]
)
def test_addresses_that_are_none_of_the_web_are_refused(url: str) -> None:
    found = read(opml(f'<outline text="x" xmlUrl="{url}"/><outline text="y" xmlUrl="https://a.example/"/>'))
    assert found.refused == (url,)
    assert [feed.url for feed in found.feeds] == ["https://a.example/"]


def test_feed_is_a_scheme_of_some_readers() -> None:
    assert read(opml('<outline text="x" xmlUrl="feed://a.example/rss"/>')).feeds[0].url == "https://a.example/rss"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", RefusalReason.EMPTY),
        ("https://a.example/rss\nhttps://b.example/rss", RefusalReason.OTHER),
        ("<html><title>Hello</title></html>", RefusalReason.WEB_PAGE),
        ('<opml><outline text="A"></outline></outline></opml>', RefusalReason.UNREADABLE),
        (b"\x89PNG\r\n\x1a\n\xff\xff", RefusalReason.OTHER),
    ],
)
def test_trap_43_what_is_no_list_is_told_apart(body: bytes | str, reason: RefusalReason) -> None:
    with pytest.raises(DocumentError) as refused:
        read(body)
    assert refused.value.reason is reason


def test_trap_37_entities_of_a_list_are_not_multiplied() -> None:
    body = opml('<outline text="&b;" xmlUrl="https://a.example/"/>').replace(
        "<opml", '<!DOCTYPE opml [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;">]><opml', 1
    )
    (feed,) = read(body).feeds
    assert "haha" not in feed.title


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_lists_come_in_any_encoding(encoding: str) -> None:
    assert read(opml('<outline text="Fähre" xmlUrl="https://a.example/"/>').encode(encoding)).feeds[0].title == "Fähre"


def test_what_is_written_is_read_again() -> None:
    feeds = (
        OpmlFeed("https://a.example/rss?a=1&b=2", 'A <b> & "c"', ("AI/ML", "Sea, sun")),
        OpmlFeed("https://b.example/rss", "B", ("Sea, sun",)),
        OpmlFeed("https://c.example/rss", "C"),
    )
    body = write_opml("Feeds of\x00 a server", feeds)
    assert ElementTree.fromstring(body).tag == "opml"
    again = read(body)
    assert again.title == "Feeds of a server"
    assert set(again.feeds) == set(feeds)


def test_a_feed_without_a_title_is_written_with_its_address() -> None:
    assert read(write_opml("", [OpmlFeed("https://a.example/rss")])).feeds[0].title == "https://a.example/rss"
