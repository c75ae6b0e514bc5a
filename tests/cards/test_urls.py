"""Which addresses are linked, in which form, and when two are one article."""

from __future__ import annotations

from time import perf_counter
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.urls import (
    MAX_URL,
    InvalidUrlError,
    find_links,
    normalize_host,
    normalize_url,
    redact_url,
    resolve_asset_url,
    sanitize_url,
)

THUMBOR = (
    "https://cdn.example/resizer/X-_y=/1200x0/filters:format(jpg):quality(70)/https%3A%2F%2Fa.example%2Fb%20c.jpg?x=%7B"
)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@a.example/", "https://user@a.example/", "https://127.0.0.1/", "http://10.0.0.1:8080/x",
        "http://[::1]/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://127.1/", "http://1.1.1.1./",
        "http://１２７.０.０.１/", "http://127。0。0。1/", "http://localhost/", "http://LOCALHOST:80/", "http://a.localhost/",
        "http://printer.local/", "http://db.internal/", "http://intranet/", "ftp://a.example/", "javascript:alert(1)",
        "//a.example/x", "/x", "a.example", "", "https://", "https:///x", "https://a.example\\@b.example/",
        "https://a.exa\nmple/", "https://a.example/\x00", "https://a.example/\x7f", "https://a..example/",
        "https://-a.example/", "https://exa mple.com/", "https://a.example:99999/", "https://a.example:x/", "http://[::1",
        "https://a.example/" + "x" * MAX_URL, "https://a.example/" + "é" * 400, "https://a.example/\ud800",
        "https://☕.example/", "https://a\u200db.example/", "https://\u0301a.example/", "https://ü--.example/",
        "https://é\ue000.example/",
        "https://" + "ß." * 120 + "example/", "https://" + "ü" * 900 + "/",
        "https://" + "a" * 64 + ".example/", "https://" + "ä" * 64 + ".example/",
    ],
)  # fmt: skip
def test_what_must_not_be_linked_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrlError):
        sanitize_url(url)


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        (THUMBOR, THUMBOR),
        ("https://a.example/a(b)_c*d~e!f'g;h=i,j&k+l%20m%zz#n", None),
        ("HTTPS://A.Example:8443/X", None),
        ("  https://a.example/x  ", "https://a.example/x"),
        ("https://a.example/a b", "https://a.example/a%20b"),
        ('https://a.example/<x>"`{|}', "https://a.example/%3Cx%3E%22%60%7B%7C%7D"),
        ("https://a.example/größe?q=中", "https://a.example/gr%C3%B6%C3%9Fe?q=%E4%B8%AD"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://BÜCHER.example:8080/x", "https://xn--bcher-kva.example:8080/x"),
        ("https://İ.example:8080/x", "https://xn--i-9bb.example:8080/x"),
        ("https://faß.example/x", "https://xn--fa-hia.example/x"),
        ("https://FAẞ.example:8443/", "https://xn--fa-hia.example:8443/"),
        ("https://βόλος.example/", "https://xn--nxasmm1c.example/"),
        ("https://نامه‌ای.example/", "https://xn--mgba3gch31f060k.example/"),
        ("https://ｂücher。example/", "https://xn--bcher-kva.example/"),
        ("https://xn--fa-hia.example/", None),
        ("https://1and1.example/x", None),
        ("https://a.example./x", None),
        ("https://a.example/" + "x" * (MAX_URL - 18), None),
    ],
)
def test_what_may_be_linked_keeps_every_character_that_an_address_may_hold(url: str, linked: str | None) -> None:
    assert sanitize_url(url) == (linked or url)


_HOSTS = st.sampled_from(["a.example", "bücher.example", "İ.example:80", "例え.example", "ẞ.example", "a。example"])


@given(st.one_of(st.text(), st.builds("{}://{}/{}".format, st.sampled_from(["http", "https"]), _HOSTS, st.text())))
def test_a_linked_address_is_linked_again_unchanged(url: str) -> None:
    try:
        once = sanitize_url(url)
    except InvalidUrlError:
        return
    assert sanitize_url(once) == once
    assert once.isascii()
    assert len(once) <= MAX_URL
    assert " " not in once
    normalize_url(once)


@pytest.mark.parametrize(
    ("path", "base", "url"),
    [
        ("/images/a.png", "https://host.example/site", "https://host.example/site/images/a.png"),
        ("/images/a.png", "https://host.example/site/", "https://host.example/site/images/a.png"),
        ("/images/a b.png", "https://host.example", "https://host.example/images/a%20b.png"),
        ("/images/a.png", None, None),
        ("//evil.example/a.png", "https://host.example", None),
        ("https://a.example/x.png", None, "https://a.example/x.png"),
        ("https://a.example/x.png", "https://host.example", "https://a.example/x.png"),
        ("images/a.png", "https://host.example", None),
        ("http://127.0.0.1/x.png", None, None),
    ],
)
def test_a_site_relative_picture_is_put_behind_the_base_as_it_is(path: str, base: str | None, url: str | None) -> None:
    assert resolve_asset_url(path, base) == url


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("www.a.example", "a.example"),
        ("M.A.example", "a.example"),
        ("amp.a.example", "a.example"),
        ("feeds.a.example", "a.example"),
        ("www.m.feeds.a.example", "a.example"),
        ("news.a.example", "news.a.example"),
        ("myamp.a.example", "myamp.a.example"),
        ("www2.a.example", "www2.a.example"),
        ("amp.dev", "amp.dev"),
        ("www.amp.dev", "amp.dev"),
        ("feeds", "feeds"),
        ("m.", "m."),
        ("", ""),
    ],
)
def test_a_host_belongs_to_its_site(host: str, site: str) -> None:
    assert normalize_host(host) == site


@given(st.from_regex(r"(?:www\.|m\.|amp\.|feeds\.|[a-z]{0,3}\.?)*", fullmatch=True))
def test_a_site_is_its_own_site(host: str) -> None:
    assert normalize_host(normalize_host(host)) == normalize_host(host)


@pytest.mark.parametrize(
    "other",
    [
        "http://a.example/story", "https://www.a.example/story/", "https://m.a.example/story", "https://A.example:443/story",
        "https://a.example/story#part", "https://a.example/story?utm_source=x&utm_medium=y&fbclid=z",
    ],
)  # fmt: skip
def test_spellings_of_one_article_are_equal(other: str) -> None:
    assert normalize_url(other) == normalize_url("https://a.example/story")


@pytest.mark.parametrize(
    ("other", "normalized"),
    [
        (
            "https://a.example/story?at_medium=RSS&msclkid=1&_hsenc=2&mkt_tok=3&id=7",
            "a.example/story?id=7",
        ),
        ("https://amp.a.example/story", "a.example/story"),
        ("https://feeds.a.example/story", "a.example/story"),
        ("https://m.youtube.com/redirect?q=https%3A%2F%2Fa.example%2Fstory", "a.example/story"),
        ("https://a.example/amp/story", "a.example/story"),
        ("https://a.example/story/amp/", "a.example/story"),
        ("https://a.example/story.amp.html?amp=1", "a.example/story.html"),
        ("https://a.example/story.amp", "a.example/story"),
        ("https://a.example/amp", "a.example/amp"),
        ("https://a.example/guitar/stamp", "a.example/guitar/stamp"),
        ("https://www.google.com/amp/s/a.example/story", "a.example/story"),
        ("https://a-example.cdn.ampproject.org/c/s/a.example/story?x=1", "a.example/story?x=1"),
        ("https://www.google.com/url?sa=t&url=https%3A%2F%2Fa.example%2Fstory%3Fid%3D7", "a.example/story?id=7"),
        ("https://l.facebook.com/l.php?u=https%3A%2F%2Fa.example%2Fstory&h=x", "a.example/story"),
        ("https://out.reddit.com/t3_x?url=https%3A%2F%2Fa.example%2Fstory", "a.example/story"),
        ("https://www.google.com/url?url=javascript:1", "google.com/url?url=javascript%3A1"),
        ("https://www.google.com/url?url=http://127.0.0.1/", "google.com/url?url=http%3A%2F%2F127.0.0.1%2F"),
        (
            "https://www.google.com/search?q=https://a.example/story",
            "google.com/search?q=https%3A%2F%2Fa.example%2Fstory",
        ),
        ("https://share.example/?url=https://a.example/story", "share.example?url=https%3A%2F%2Fa.example%2Fstory"),
    ],
)
def test_trap_20_redirectors_light_pages_and_tracking_lead_to_the_article(other: str, normalized: str) -> None:
    assert normalize_url(other) == normalized


def test_redirectors_that_lead_to_each_other_are_followed_a_few_times() -> None:
    url = "https://a.example/story"
    for _ in range(9):
        url = f"https://www.google.com/url?url={quote(url, safe='')}"
    assert normalize_url(url[:MAX_URL])


@pytest.mark.parametrize(
    "other", ["https://a.example/Story", "https://a.example/story?id=1", "https://b.example/story", "https://a.example:8080/story"]
)  # fmt: skip
def test_other_articles_stay_apart(other: str) -> None:
    assert normalize_url(other) != normalize_url("https://a.example/story")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("See https://a.example/x, please.", ["a.example/x"]),
        ("<https://a.example/x>", ["a.example/x"]),
        ("[words](https://a.example/x_(y))", ["a.example/x_(y)"]),
        ("(https://a.example/x)", ["a.example/x"]),
        ("**HTTPS://WWW.A.example/x/?utm_source=y#z**", ["a.example/x"]),
        ("[https://a.example/x](https://b.example/y)", ["a.example/x", "b.example/y"]),
        ("https://a.example/x http://a.example/x/", ["a.example/x"]),
        ("||https://a.example/x||\n`https://b.example/`", ["a.example/x", "b.example"]),
        ("https://münchen.example/x", ["xn--mnchen-3ya.example/x"]),
        ("ftp://a.example/x javascript:alert(1) a.example //a.example", []),
        ("https:// http://)))) https://127.0.0.1/x http://[::1]/ https://user:pw@a.example/ http://localhost/", []),
        ("https://a.example:99999/ https://a.exam\x00ple/ https://\ud800.example/", []),
        ("https://a.example/" + "x" * 5000, []),
        ("", []),
    ],
)
def test_the_links_of_a_text(text: str, found: list[str]) -> None:
    assert list(find_links(text, 10)) == found


def test_only_the_first_links_of_a_text_count() -> None:
    text = " ".join(f"https://a.example/{number}" for number in range(5000))
    assert list(find_links(text, 3)) == ["a.example/0", "a.example/1", "a.example/2"]
    assert find_links("x" * 50_000 + " https://a.example/", 3) == {}


@pytest.mark.parametrize("tail", [")", "]", ".", "(", "](", "%", "[:::"])
def test_a_huge_text_of_nothing_but_link_ends_is_read_at_once(tail: str) -> None:
    start = perf_counter()
    find_links("https://a.example/" + tail * 100_000, 10)
    find_links(f"https://a.example/{tail * 30} " * 10_000, 10)
    assert perf_counter() - start < 1


@given(st.text())
def test_any_text_has_links_or_none(text: str) -> None:
    for found in find_links(f"https://{text} http://a.example/{text}", 10):
        assert found


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://paper.example/feed?page=2&author=ann#top", "https://paper.example/feed?page=2&author=ann#top"),
        ("https://reader:s3cret@paper.example/feed", "https://paper.example/feed"),
        ("https://s3cret@paper.example", "https://paper.example"),
        ("https://a:s3cret@b@paper.example/x@y", "https://paper.example/x@y"),
        ("//reader:s3cret@paper.example/", "//paper.example/"),
        ("https://paper.example/feed?token=s3cret", "https://paper.example/feed?token=…"),
        ("https://paper.example/?a=1&feed_token=s3cret&b=2", "https://paper.example/?a=1&feed_token=…&b=2"),
        ("https://paper.example/?API-KEY=s3cret;x=1#f", "https://paper.example/?API-KEY=…;x=1#f"),
        ("https://paper.example/?accessToken=s3cret&key=s3cret", "https://paper.example/?accessToken=…&key=…"),
        ("https://paper.example/?keyword=tea&monkey=1", "https://paper.example/?keyword=tea&monkey=1"),
        ("not an address?key=s3cret", "not an address?key=…"),
        ("", ""),
    ],
)
def test_trap_40_keys_are_left_out_of_a_url_that_is_shown(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@given(st.text())
def test_any_text_can_be_shown_as_a_url(text: str) -> None:
    assert len(redact_url(text)) <= len(text) + text.count("=")
