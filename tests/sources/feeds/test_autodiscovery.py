"""The feeds that a page names are found."""

from __future__ import annotations

import pytest

from bot.sources.feeds.autodiscovery import MAX_FEEDS, DiscoveredFeed, find_feeds
from bot.sources.feeds.web_page import MAX_PAGE
from tests.sources.feeds.documents import document

RSS = 'rel="alternate" type="application/rss+xml"'


def find(head: str, url: str = "https://paper.example/news/") -> list[DiscoveredFeed]:
    page = f"<!doctype html><html><head>{head}</head><body>Text</body></html>"
    return [*find_feeds(document(page, "text/html", url))]


def test_trap_34_two_feeds_and_one_of_comments_which_comes_last() -> None:
    found = find(
        f'<link {RSS} title="The Paper &raquo; Comments" href="/comments/feed/">'
        f'<link {RSS} title="The Paper" href="/feed/">'
        '<link rel="alternate" type="application/atom+xml; charset=utf-8" href="https://atom.example/all">'
    )
    assert found == [
        DiscoveredFeed("https://paper.example/feed/", "The Paper"),
        DiscoveredFeed("https://atom.example/all", ""),
        DiscoveredFeed("https://paper.example/comments/feed/", "The Paper » Comments", is_comments=True),
    ]


@pytest.mark.parametrize(
    "link",
    [
        "",
        '<link rel="stylesheet" href="/feed.css">',
        '<link rel="alternate" hreflang="de" href="/de/">',
        '<link rel="alternate" type="application/json+oembed" href="/oembed?url=x">',
        '<link rel="alternate" title="JSON" type="application/json" href="/wp-json/wp/v2/pages/7">',
        f'<link {RSS} href="javascript:alert(1)">',
        f"<link {RSS}>",
        f"<!-- <link {RSS} href='/feed'> -->",
    ],
)
def test_trap_34_a_page_that_names_none(link: str) -> None:
    assert find(link) == []


@pytest.mark.parametrize(
    ("head", "url"),
    [
        (f'<link {RSS} href="feed.xml">', "https://paper.example/news/feed.xml"),
        (f'<base href="https://cdn.example/x/"><link {RSS} href="feed.xml">', "https://cdn.example/x/feed.xml"),
        (f'<base href="/x/"><link {RSS} href="feed.xml">', "https://paper.example/x/feed.xml"),
        (f'<base target="_blank"><link {RSS} href="feed.xml">', "https://paper.example/news/feed.xml"),
        (f'<base href="http://[::1"><link {RSS} href="feed.xml">', "https://paper.example/news/feed.xml"),
        (f'<link {RSS} href="//other.example/rss">', "https://other.example/rss"),
        ('<LINK REL="Alternate" TYPE="Application/RSS+XML" HREF="/f">', "https://paper.example/f"),
        ('<link rel="feed" href="/f">', "https://paper.example/f"),
        ('<link rel="alternate" type="text/xml" href="/rss.xml">', "https://paper.example/rss.xml"),
        ('<link rel="alternate" type="application/feed+json" href="/f">', "https://paper.example/f"),
    ],
)
def test_addresses_are_resolved(head: str, url: str) -> None:
    assert [feed.url for feed in find(head)] == [url]


def test_a_feed_that_is_named_twice_is_found_once_and_no_more_than_a_select_takes() -> None:
    assert len(find(f'<link {RSS} href="/f">' * 3)) == 1
    assert len(find("".join(f'<link {RSS} href="/{n}">' for n in range(99)))) == MAX_FEEDS


def test_only_the_beginning_of_a_page_is_read() -> None:
    assert find("<meta name='x'>" + " " * MAX_PAGE + f'<link {RSS} href="/f">') == []


def test_what_is_no_page_names_no_feed() -> None:
    assert find_feeds(document(b"%PDF-1.7\xff\xfe", "application/pdf")) == ()
    assert find_feeds(document(b"", "")) == ()
