"""What a page says about itself becomes a card's beginning; what is not certain stays empty."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from bot.cards.model import Image, Provider
from bot.sources.feeds.model import DocumentError, RefusalReason
from bot.sources.feeds.page_metadata import PageMetadata, apply_oembed, read_page
from tests.sources.feeds.documents import document

URL = "https://www.paper.example/2026/harbour?utm_source=x"


def page(head: str, body: str = "<p>Text</p>", url: str = URL) -> PageMetadata:
    return read_page(document(f"<!doctype html><html lang='en-GB'><head>{head}</head>{body}</html>", "text/html", url))


def linked_data(value: object) -> str:
    return f'<script type="application/ld+json">{json.dumps(value)}</script>'


def test_opengraph_is_read() -> None:
    found = page(
        '<meta property="og:title" content="Harbour &amp;amp; town"><meta property="og:description" content="It did.">'
        '<meta property="og:image" content="/img/h.jpg"><meta property="og:image:width" content="1200">'
        '<meta property="og:site_name" content="The Paper"><meta property="article:published_time" '
        'content="2026-11-29T08:00:00+01:00"><link rel="canonical" href="/2026/harbour">'
        '<link rel="alternate" type="application/json+oembed" href="https://paper.example/oembed?u=1">'
    )
    assert found == PageMetadata(
        url="https://www.paper.example/2026/harbour",
        title="Harbour & town",
        excerpt="It did.",
        image=Image("https://www.paper.example/img/h.jpg", 1200),
        provider=Provider("The Paper", "paper.example"),
        published_at=datetime(2026, 11, 29, 7, tzinfo=UTC),
        language="en-GB",
        oembed_url="https://paper.example/oembed?u=1",
    )


ARTICLE = {
    "@type": "NewsArticle",
    "headline": "Harbour opens",
    "description": "It did.",
    "image": {"@type": "ImageObject", "url": "/h.jpg", "width": 800},
    "datePublished": "2026-11-29T08:00:00Z",
    "publisher": {"name": "The Paper"},
}


@pytest.mark.parametrize(
    "value",
    [
        ARTICLE,
        [{"@type": "WebSite", "name": "x"}, ARTICLE],
        {"@context": "https://schema.org", "@graph": [{"@type": "Person", "name": "x"}, ARTICLE]},
        ARTICLE | {"@type": ["https://schema.org/NewsArticle"], "image": ["/h.jpg"]},
        [ARTICLE | {"headline": "Other", "url": "/other"}, ARTICLE | {"mainEntityOfPage": {"@id": "/2026/harbour"}}],
    ],
)
def test_trap_45_json_ld_as_object_list_and_graph(value: object) -> None:
    found = page(linked_data(value))
    assert (found.title, found.excerpt) == ("Harbour opens", "It did.")
    assert found.image
    assert found.image.url == "https://www.paper.example/h.jpg"
    assert found.published_at == datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert found.provider == Provider("The Paper", "paper.example")


@pytest.mark.parametrize(
    "script",
    [
        linked_data([ARTICLE, ARTICLE | {"headline": "Other"}]),  # a list of stories: which one is the page?
        linked_data({"@type": "Product", "headline": "Buy"}),
        linked_data([[ARTICLE]]),
        linked_data(None),
        linked_data({"@type": {"x": 1}, "@graph": 7}),
        linked_data({"@type": "Article", "headline": ["x"], "image": 7, "datePublished": 7, "publisher": "x"}),
        '<script type="application/ld+json">{broken</script>',
        '<script type="application/ld+json">' + "[" * 5000 + "</script>",
    ],
)
def test_trap_45_json_ld_that_says_nothing_certain_is_passed_over(script: str) -> None:
    found = page(f"<title>From the title</title>{script}")
    assert (found.title, found.image, found.published_at) == ("From the title", None, None)


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Harbour opens</title>", "Harbour opens"),
        ('<title>Harbour opens | The Paper</title><meta property="og:site_name" content="The Paper">', "Harbour opens"),
        ("<title>Harbour opens | The Paper</title>", "Harbour opens | The Paper"),
        ("<title> \n </title>", ""),
        ("", ""),
        ("<body><svg><title>Icon</title></svg>", ""),
    ],
)
def test_the_title_of_last_resort(head: str, title: str) -> None:
    assert page(head).title == title


@pytest.mark.parametrize(
    ("canonical", "url"),
    [
        ("https://paper.example/2026/harbour", "https://paper.example/2026/harbour"),
        ("/2026/harbour", "https://www.paper.example/2026/harbour"),
        ("https://evil.example/2026/harbour", URL),
        ("https://paper.example.evil.example/", URL),
        ("https://www.paper.example/", URL),  # a template that names the front page everywhere
        ("javascript:alert(1)", URL),
        ("http://127.0.0.1/", URL),
        ("", URL),
    ],
)
def test_trap_45_a_canonical_address_of_another_host_is_not_trusted(canonical: str, url: str) -> None:
    assert page(f'<link rel="canonical" href="{canonical}">').url == url
    assert page(f'<meta property="og:url" content="{canonical}">').url == url


@pytest.mark.parametrize(
    ("image", "url"),
    [
        ("/h.jpg", "https://www.paper.example/h.jpg"),
        ("h.jpg", "https://www.paper.example/2026/h.jpg"),
        ("//cdn.example/h.jpg", "https://cdn.example/h.jpg"),
        ("data:image/png;base64,x", None),
        ("/logo.svg", None),
        ("http://10.0.0.1/h.jpg", None),
    ],
)
def test_trap_45_a_relative_picture_is_resolved(image: str, url: str | None) -> None:
    found = page(f'<meta property="og:image" content="{image}">')
    assert (found.image and found.image.url) == url


def test_a_tiny_picture_is_none() -> None:
    assert (
        page('<meta property="og:image" content="/x.jpg"><meta property="og:image:width" content="16">').image is None
    )


@pytest.mark.parametrize(
    ("media_type", "body"),
    [("application/pdf", b"%PDF-1.7 /Title (Secret)"), ("application/zip", b"PK\x03\x04"), ("", b"\xff\xd8\xff\xe0")],
)
def test_trap_45_a_file_is_named_by_nobody(media_type: str, body: bytes) -> None:
    found = read_page(document(body, media_type, "https://paper.example/report.pdf"))
    expected = PageMetadata("https://paper.example/report.pdf", provider=Provider("paper.example", "paper.example"))
    assert found == replace(expected, media_type=media_type)


def test_trap_45_a_picture_is_its_own_picture() -> None:
    found = read_page(document(b"\x89PNG\r\n", "image/png", "https://paper.example/a.png"))
    assert found.image == Image("https://paper.example/a.png")
    assert read_page(document(b"\x00\x00\x00 ftyp", "video/mp4", "https://paper.example/a.mp4")).type == "video"


def test_trap_45_of_a_page_of_five_megabytes_the_beginning_is_read() -> None:
    found = page("<title>Long</title>", "<p>word</p>" * 500_000 + '<meta property="og:title" content="Late">')
    assert found.title == "Long"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<html><title>Just a moment...</title></html>", RefusalReason.FIREWALL_PAGE),
        ("<html><title>Attention Required! | Cloudflare</title></html>", RefusalReason.FIREWALL_PAGE),
        ("<html><title>\n Access Denied </title></html>", RefusalReason.FIREWALL_PAGE),
        ("<html><title>Sign in</title><input type=password></html>", RefusalReason.LOGIN_PAGE),
        ("", RefusalReason.EMPTY),
    ],
)
def test_a_page_that_stands_in_the_way_is_refused(body: str, reason: RefusalReason) -> None:
    with pytest.raises(DocumentError) as refused:
        read_page(document(body, "text/html", URL))
    assert refused.value.reason is reason


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "utf-16"])
def test_pages_come_in_any_encoding(encoding: str) -> None:
    body = "<html><head><title>Fähre</title></head></html>".encode(encoding)
    assert read_page(document(body, "text/html", URL)).title == "Fähre"
    labelled = b"<html><meta charset=koi8-r><title>\xf0\xc1\xd2\xcf\xcd</title>"
    assert read_page(document(labelled, "text/html", URL)).title == "Паром"


def test_oembed_takes_precedence_and_nonsense_none() -> None:
    found = page("<title>From the title</title>")
    answer = {
        "type": "video", "title": "The film", "provider_name": "Films", "provider_url": "https://films.example/",
        "thumbnail_url": "https://films.example/t.jpg", "thumbnail_width": 480, "thumbnail_height": 360,
    }  # fmt: skip
    joined = apply_oembed(found, json.dumps(answer).encode())
    assert (joined.title, joined.type) == ("The film", "video")
    assert joined.image == Image("https://films.example/t.jpg", 480, 360)
    assert joined.provider == Provider("Films", "films.example")
    for nonsense in (b"", b"[]", b"{}", b"<html>", b'{"title": 7, "thumbnail_url": [], "type": {}}'):
        assert apply_oembed(found, nonsense) == found


def test_a_video_is_one_and_a_time_in_the_future_is_none() -> None:
    assert page('<meta property="og:type" content="video.other">').type == "video"
    assert page(linked_data(ARTICLE | {"@type": "VideoObject"})).type == "video"
    for time in ("2099-01-01", "soon", "0001-01-01T00:00:00+14:00"):
        assert page(f'<meta property="article:published_time" content="{time}">').published_at is None


@pytest.mark.parametrize(
    ("title", "url"),
    [
        ("Access denied: how sites keep bots out", URL),
        ("Please wait for the tide, says harbour master", URL),
        ("Airport security check takes an hour", URL),
        ("Guide", "https://paper.example/auth/guide"),
        ("Guide", "https://paper.example/login-pages-compared"),
    ],
)
def test_an_article_about_what_stands_in_the_way_is_an_article(title: str, url: str) -> None:
    assert page(f"<title>{title}</title>", url=url).title == title
