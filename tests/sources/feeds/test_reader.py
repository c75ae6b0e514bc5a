"""What a feed says is read, however it says it."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta

import feedparser
import pytest

from bot.cards.model import Image, Provider
from bot.sources.feeds.item_builder import MAX_EXCERPT, MAX_ITEMS
from bot.sources.feeds.model import DocumentError, FeedProblem, RefusalReason
from tests.sources.feeds.documents import FEED_URL, NOW, atom, document, element, read, read_item, rss, rss_item


def test_an_item_is_read_with_all_that_a_card_shows() -> None:
    feed = read(
        rss(
            rss_item(
                element("category", "Sea"),
                element("category", "sea"),
                '<media:thumbnail url="https://img.example/1.jpg" width="640" height="360"/>',
                guid="h-1",
                description="<p>The new harbour <b>opened</b>.</p>",
            ),
            head="<title>The Paper</title><link>/</link><language>en_GB</language><ttl>90</ttl>"
            "<image><url>/icon.png</url></image>",
        )
    )
    assert (feed.title, feed.site, feed.language) == ("The Paper", "https://paper.example/", "en-GB")
    assert feed.ttl == timedelta(minutes=90)
    assert feed.icon == "https://paper.example/icon.png"
    assert feed.problems == ()
    (item,) = feed.items
    assert (item.title, item.excerpt) == ("Harbour opens", "The new harbour opened.")
    assert item.raw_excerpt == "<p>The new harbour <b>opened</b>.</p>"
    assert (item.link, item.canonical) == ("https://paper.example/harbour", "paper.example/harbour")
    assert item.image == Image("https://img.example/1.jpg", 640, 360)
    assert item.categories == ("Sea",)
    assert (item.type, item.guid) == ("article", "h-1")
    assert item.published_at == datetime(2026, 11, 29, 8, tzinfo=UTC)
    assert item.key
    assert item.content_hash


def test_what_is_read_can_be_carried_to_another_process() -> None:
    feed = read(rss(rss_item()))
    assert pickle.loads(pickle.dumps(feed)) == feed
    with pytest.raises(DocumentError) as refused:
        read(b"")
    copy = pickle.loads(pickle.dumps(refused.value))
    assert copy.reason is RefusalReason.EMPTY


@pytest.mark.parametrize(
    ("head", "ttl"),
    [
        ("<ttl>60</ttl>", timedelta(hours=1)),
        ("<ttl> 5 </ttl>", timedelta(minutes=5)),
        ("<ttl>0</ttl>", None),
        ("<ttl>soon</ttl>", None),
        ("<ttl>999999999</ttl>", timedelta(days=365)),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>2</sy:updateFrequency>", timedelta(minutes=30)),
        ("<sy:updatePeriod>daily</sy:updatePeriod>", timedelta(days=1)),
        ("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>", None),
        ("", None),
    ],
)
def test_how_long_a_feed_stays_the_same(head: str, ttl: timedelta | None) -> None:
    assert read(rss(head=head)).ttl == ttl


@pytest.mark.parametrize(
    ("date", "at"),
    [
        (None, None),
        ("", None),
        ("yesterday", None),
        ("Mon, 12 Oct 2026 10:00:00 EST", datetime(2026, 10, 12, 15, tzinfo=UTC)),
        ("Mon, 12 Oct 2026 10:00:00 +0200", datetime(2026, 10, 12, 8, tzinfo=UTC)),
        ("2026-10-12T10:00:00+02:00", datetime(2026, 10, 12, 8, tzinfo=UTC)),
        ("2026-10-12", datetime(2026, 10, 12, tzinfo=UTC)),
        ("12/10/2026", None),  # October or December
        ("12. Oktober 2026", None),
        ("Mon, 12 Okt 2026 10:00:00 +0200", None),
        ("1760000000", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-12:00", None),
    ],
)
def test_trap_09_and_12_a_date_is_read_right_or_not_at_all(date: str | None, at: datetime | None) -> None:
    assert read_item(rss_item(date=date)).published_at == at


@pytest.mark.parametrize("date", ["Thu, 31 Dec 2099 00:00:00 GMT", "Mon, 30 Nov 2026 12:00:01 GMT"])
def test_trap_10_a_date_in_the_future_is_none(date: str) -> None:
    assert read_item(rss_item(date=date)).published_at is None
    assert read_item(rss_item(date="Mon, 30 Nov 2026 12:00:00 GMT")).published_at == NOW


def test_the_first_publication_counts_and_not_the_last_change() -> None:
    entry = (
        "<entry><title>A</title><id>a</id><updated>2026-11-20T00:00:00Z</updated>"
        "<published>2026-11-10T00:00:00Z</published></entry>"
        "<entry><title>B</title><id>b</id><updated>2026-11-20T00:00:00Z</updated></entry>"
    )
    first, second = read(atom(entry)).items
    assert first.published_at == datetime(2026, 11, 10, tzinfo=UTC)
    assert second.published_at == datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("encoding", "declared", "content_type"),
    [
        ("latin-1", "utf-8", "text/xml; charset=utf-8"),
        ("latin-1", "utf-8", "application/rss+xml"),
        ("utf-8", "iso-8859-1", "application/rss+xml; charset=iso-8859-1"),
        ("utf-8", "utf-8", "text/html"),
        ("utf-8", "utf-8", ""),
        ("utf-8-sig", "utf-8", "text/xml"),
        ("utf-16", "utf-16", "application/xml"),
        ("utf-16-le", "utf-16", "application/xml; charset=utf-16"),
        ("utf-16-be", "utf-16", "application/xml"),
        ("utf-32", "utf-32", "application/xml"),
        ("utf-8", "nonsense", "text/xml; charset=nonsense"),
    ],
)
def test_trap_13_and_14_the_bytes_count_and_not_their_label(encoding: str, declared: str, content_type: str) -> None:
    body = rss(rss_item(title="Fähre in Malmö")).replace('encoding="utf-8"', f'encoding="{declared}"')
    (item,) = read(body.encode(encoding), content_type).items
    assert item.title == "Fähre in Malmö"


@pytest.mark.parametrize("before", [b"\n\n  ", b"\xef\xbb\xbf\n", b"\0\0", b"<!-- built by hand -->\n"])
def test_trap_14_what_stands_before_the_feed_is_passed_over(before: bytes) -> None:
    assert [item.title for item in read(before + rss(rss_item()).encode()).items] == ["Harbour opens"]


@pytest.mark.parametrize("control", ["\0", "\x0b", "\x1f", "&#0;", "&#x0B;", "&#11;", "&#xFFFF;", "\u202e", "\u2066"])
def test_trap_15_control_characters_go_and_the_rest_stays(control: str) -> None:
    feed = read(rss(rss_item()).replace("Harbour opens", f"Har{control}bour opens"))
    assert [item.title for item in feed.items] == ["Harbour opens"]
    assert feed.problems == ()


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Smith &amp; Sons", "Smith & Sons"),
        ("Smith &amp;amp; Sons", "Smith & Sons"),
        ("Smith & Sons", "Smith & Sons"),
        ("<b>Breaking</b>: news", "Breaking: news"),
        ("&lt;b&gt;Breaking&lt;/b&gt;: news", "<b>Breaking</b>: news"),
        ("Why <b> is bad style", "Why <b> is bad style"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("It&#8217;s &#x41;", "It’s A"),
        ("Spaces \n and\t lines", "Spaces and lines"),
    ],
)
def test_trap_16_a_title_has_its_entities_decoded_and_no_markup(title: str, shown: str) -> None:
    assert read_item(rss_item(title=title)).title == shown


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        (
            '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Less <em>is</em> &lt; more</div></title>',
            "Less is < more",
        ),
        ('<title type="html">Less &lt;em&gt;is&lt;/em&gt; more</title>', "Less is more"),
        ("<title>Less is more</title>", "Less is more"),
        ('<title type="html"><![CDATA[Less <b>is</b> more]]></title>', "Less is more"),
    ],
)
def test_trap_17_titles_of_atom_of_every_type(title: str, shown: str) -> None:
    (item,) = read(atom(f"<entry>{title}<id>a</id></entry>")).items
    assert item.title == shown


@pytest.mark.parametrize(
    "text",
    ["@everyone look", "**bold** _it_", "[a](http://evil.example)", "<@1234> <#5> <t:1:R>", "`code` ||spoiler||"],
)
def test_trap_18_what_discord_would_read_is_kept_for_the_renderer_to_escape(text: str) -> None:
    item = read_item(rss_item(title=text, description=element("p", text)))
    assert item.title == text


@pytest.mark.parametrize(
    ("entry", "link"),
    [
        ('<entry><title>A</title><link href="story/1"/></entry>', "https://paper.example/feeds/story/1"),
        (
            '<entry xml:base="https://cdn.example/x/"><title>A</title><link href="../1"/></entry>',
            "https://cdn.example/1",
        ),
        ('<entry><title>A</title><link href="//other.example/1"/></entry>', "https://other.example/1"),
        (
            '<entry><title>A</title><link rel="alternate" href="/1"/><link rel="replies" href="/2"/></entry>',
            "https://paper.example/1",
        ),
        (
            '<entry><title>A</title><link href="/1"/><content xml:base="https://cdn.example/">x</content></entry>',
            "https://paper.example/1",
        ),
        ('<entry><title>A</title><link href="javascript:alert(1)"/></entry>', None),
        ('<entry><title>A</title><link href="http://127.0.0.1/admin"/></entry>', None),
        ('<entry><title>A</title><link href="https://me:secret@a.example/"/></entry>', None),
    ],
)
def test_trap_19_links_are_resolved_against_their_base(entry: str, link: str | None) -> None:
    (item,) = read(atom(entry)).items
    assert item.link == link
    assert "secret" not in repr((item.link, item.canonical))


@pytest.mark.parametrize(
    ("link", "canonical"),
    [
        ("https://www.paper.example/a?utm_source=rss&id=7&at_medium=RSS", "paper.example/a?id=7"),
        ("https://paper.example/a/amp/", "paper.example/a"),
        ("https://amp.paper.example/a", "paper.example/a"),
        ("https://www.google.com/url?rct=j&url=https://paper.example/a%3Fid%3D7&ct=ga", "paper.example/a?id=7"),
        ("https://www.google.com/amp/s/paper.example/a", "paper.example/a"),
    ],
)
def test_trap_20_a_link_is_shown_as_given_and_compared_without_what_was_added(link: str, canonical: str) -> None:
    item = read_item(rss_item(link=link))
    assert (item.link, item.canonical) == (link, canonical)


def test_trap_20_the_address_behind_a_counting_redirect_identifies_the_article() -> None:
    item = read_item(
        rss_item(element("feedburner:origLink", "https://paper.example/a"), link="https://count.example/~r/9")
    )
    assert (item.link, item.canonical) == ("https://count.example/~r/9", "paper.example/a")


@pytest.mark.parametrize(
    ("content", "image"),
    [
        ('<p>Text</p><img src="/a.jpg" width="800" height="600">', "https://paper.example/a.jpg"),
        ('<img src="/a.jpg"><p>Text', "https://paper.example/a.jpg"),
        ('<img width="1" height="1" src="https://t.example/x.gif"><img src="/b.jpg">', "https://paper.example/b.jpg"),
        ('<img style="width:1px;height:1px" src="https://t.example/x.gif">', None),
        ('<img width="0" src="/x.gif">', None),
        ('<img src="/icons/share/x.png"><img src="https://s.w.org/images/core/emoji/72/1f600.png">', None),
        ('<img src="https://feeds.feedburner.com/~r/x/~4/y">', None),
        ('<img src="data:image/gif;base64,R0lG" data-src="/lazy.jpg">', "https://paper.example/lazy.jpg"),
        ('<img srcset="/s.jpg 300w, /l.jpg 900w">', "https://paper.example/s.jpg"),
        ('<img src="/logo.svg">', None),
        ('<img width="120" src="/small.jpg">', None),
        ("<p>No picture</p>", None),
        ('<img src="/google-pixel-9.jpg">', "https://paper.example/google-pixel-9.jpg"),
        ('<img src="/gamestats.jpg"><img src="/b.jpg">', "https://paper.example/gamestats.jpg"),
        ('<img src="https://stats.example/b.gif"><img src="/pixel.gif">', None),
    ],
)
def test_trap_21_a_picture_of_the_text_but_no_tracking_pixel(content: str, image: str | None) -> None:
    item = read_item(rss_item(element("content:encoded", content)))
    assert (item.image and item.image.url) == image


@pytest.mark.parametrize(
    ("more", "image", "type_"),
    [
        (
            (
                '<media:group><media:title>T</media:title><media:content url="https://v.example/v/1?version=3" '
                'type="application/x-shockwave-flash" width="640" height="390"/>'
                '<media:thumbnail url="https://i.example/hq.jpg" width="480" height="360"/></media:group>'
            ),
            "https://i.example/hq.jpg",
            "video",
        ),
        ("<yt:videoId>abc</yt:videoId>", None, "video"),
        (
            (
                '<media:content url="https://i.example/s.jpg" medium="image" width="240"/>'
                '<media:content url="https://i.example/l.jpg" medium="image" width="1200"/>'
            ),
            "https://i.example/l.jpg",
            "article",
        ),
        ('<itunes:image href="https://i.example/cover.jpg"/>', "https://i.example/cover.jpg", "article"),
        (
            '<enclosure url="https://i.example/p.jpg" type="image/jpeg" length="9"/>',
            "https://i.example/p.jpg",
            "article",
        ),
        ('<media:thumbnail url="https://i.example/dot.gif" width="1" height="1"/>', None, "article"),
    ],
)
def test_trap_22_pictures_that_the_item_names(more: str, image: str | None, type_: str) -> None:
    item = read_item(rss_item(more))
    assert (item.image and item.image.url, item.type) == (image, type_)


@pytest.mark.parametrize(
    ("enclosure", "type_"),
    [
        ('<enclosure url="https://p.example/1.mp3" type="audio/mpeg" length="9"/>', "audio"),
        ('<enclosure url="https://p.example/1.m4a" type="" length="9"/>', "audio"),
        ('<enclosure url="https://p.example/1.mp4" type="video/mp4" length="9"/>', "video"),
        ('<enclosure url="https://p.example/1.pdf" type="application/pdf" length="9"/>', "article"),
    ],
)
def test_trap_23_an_enclosure_gives_the_type_and_stands_in_for_a_missing_link(enclosure: str, type_: str) -> None:
    assert read_item(rss_item(enclosure)).type == type_
    item = read_item(rss_item(enclosure, link=None, guid="1"))
    assert item.link
    assert item.link.startswith("https://p.example/1.")


def test_another_publishers_item_names_its_source() -> None:
    item = read_item(rss_item('<source url="https://www.other.example/rss">Other &amp; Co</source>'))
    assert item.provider == Provider("Other & Co", "other.example")
    assert read_item(rss_item()).provider is None


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("Harbour opens - Other", "Harbour opens"),
        ("Harbour - Other view", "Harbour - Other view"),
        (" - Other", "- Other"),
    ],
)
def test_the_publisher_behind_a_title_is_not_said_twice(title: str, shown: str) -> None:
    assert read_item(rss_item('<source url="https://other.example/">Other</source>', title=title)).title == shown


def test_an_excerpt_is_cut_after_a_sentence() -> None:
    sentence = "Every word of this sentence is needed here. "
    item = read_item(rss_item(description=element("p", sentence * 200)))
    assert item.excerpt.endswith("needed here.")
    assert MAX_EXCERPT * 0.8 < len(item.excerpt) <= MAX_EXCERPT
    endless = read_item(rss_item(description="word " * 1000)).excerpt
    assert endless.endswith("word…")
    assert len(endless) <= MAX_EXCERPT
    assert len(read_item(rss_item(description="x" * 9999)).excerpt) == MAX_EXCERPT


@pytest.mark.parametrize(
    ("description", "excerpt"),
    [
        ("<p>One</p><p>two</p>", "One two"),
        ("<ul><li>a<li>b</ul>", "a b"),
        ("in<b>ter</b>nal", "internal"),
        ("<script>alert(1)</script><style>p{}</style>Text<iframe src='x'>no</iframe>", "Text"),
        ("Text &amp; more &amp;amp; more", "Text & more & more"),
        (
            "<p>The news.</p><p>The post <a href='/'>News</a> appeared first on <a href='/'>The Paper</a>.</p>",
            "The news.",
        ),
        ("Harbour opens", ""),  # the title once more
        ("<!-- nothing --> <br>", ""),
        ('<a href="https://forum.example/1">Comments</a>', ""),
        ("submitted by <a href='/u'> /u/sailor </a> <br> <a href='/1'>[link]</a> <a href='/2'>[comments]</a>", ""),
        ("Comments are open", "Comments are open"),
    ],
)
def test_an_excerpt_is_the_text_of_the_description(description: str, excerpt: str) -> None:
    assert read_item(rss_item(description=description)).excerpt == excerpt


def test_without_a_title_the_text_begins_the_card_and_without_both_there_is_none() -> None:
    feed = read(
        rss(rss_item(title=None, description="<p>Short note. With more to say.</p>"), rss_item(title="", date=None))
    )
    assert [item.title for item in feed.items] == ["Short note. With more to say."]
    assert feed.problems == (FeedProblem.EMPTY_ITEMS,)


def test_trap_35_a_hundred_thousand_items_are_cut_in_the_middle_before_they_are_parsed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = []
    parse = feedparser.parse

    def count_entries(stream: object, **options: object) -> object:
        result = parse(stream, **options)
        parsed.append(len(result["entries"]))
        return result

    monkeypatch.setattr(feedparser, "parse", count_entries)
    feed = read(rss(*(f"<item><title>{n}</title><guid>{n}</guid></item>" for n in range(100_000))))
    assert parsed == [MAX_ITEMS]
    assert len(feed.items) == MAX_ITEMS
    assert (feed.items[0].title, feed.items[-1].title) == ("0", "99999")
    assert feed.problems == (FeedProblem.CUT,)


@pytest.mark.parametrize(
    "declarations",
    [
        (
            '<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">'
            '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">'
        ),
        '<!ENTITY r "<rss ><feed >"><!ENTITY a "hahahahahaha"><!ENTITY e "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '\n<!ENTITY e SYSTEM "file:///etc/passwd">\n',
        '\n<!ENTITY % p SYSTEM "http://evil.example/x.dtd">\n%p;\n<!ENTITY e "x">',
    ],
)
def test_trap_37_entities_are_neither_multiplied_nor_fetched(declarations: str) -> None:
    body = rss(rss_item(description="BOMB")).replace("?><rss", f"?><!DOCTYPE rss [{declarations}]><rss")
    try:
        feed = read(body.replace("BOMB", "start &e; end"))
    except DocumentError:
        return
    for item in feed.items:
        assert len(item.raw_excerpt) < 100
        assert "root:" not in item.raw_excerpt


def test_undefined_entities_and_unclosed_elements_are_forgiven() -> None:
    broken = rss(rss_item(description="before")).replace("before", "a&nbsp;b").replace("<channel>", "<channel><wrong>")
    feed = read(broken)
    assert [item.title for item in feed.items] == ["Harbour opens"]
    assert feed.problems == (FeedProblem.MALFORMED,)


_RDF = "<rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#' xmlns='http://purl.org/rss/1.0/'>"
WHOLE = {
    "RSS 2.0": rss(*(rss_item(title=f"Story {n}", link=f"https://paper.example/{n}", guid=f"s-{n}") for n in range(3))),
    "RSS 1.0": f"{_RDF}<channel><title>The Paper</title></channel>"
    + "".join(f"<item><title>Story {n}</title><link>https://paper.example/{n}</link></item>" for n in range(3))
    + "</rdf:RDF>",
    "Atom": atom(
        *(
            f"<entry><title>Story {n}</title><id>s-{n}</id><link href='https://paper.example/{n}'/></entry>"
            for n in "012"
        )
    ),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_of_a_feed_that_breaks_off_anywhere_whole_items_alone_are_read(kind: str) -> None:
    text = WHOLE[kind]
    whole = read(text)
    assert len(whole.items) == 3
    assert whole.problems == ()
    counts = set()
    for end in range(text.index(">", text.index("The Paper")), len(text) - 1):
        feed = read(text[:end])
        assert [item.key for item in feed.items] == [item.key for item in whole.items[: len(feed.items)]]
        if len(feed.items) < 3:
            assert FeedProblem.BROKEN_OFF in feed.problems
        counts.add(len(feed.items))
    assert counts == {0, 1, 2, 3}


def json_feed(*items: object, **more: object) -> str:
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "The Paper", "items": items, **more})


def test_trap_44_a_json_feed_is_read_with_numbers_as_ids_and_without_addresses() -> None:
    feed = read(
        json_feed(
            {"id": 1, "content_text": "A <b> & c", "date_published": "2026-11-29T08:00:00+01:00"},
            {
                "id": "2", "url": "/b", "title": "B &amp; b", "content_html": "<p>Text</p>", "image": "/b.jpg",
                "tags": ["Sea", 7, None, "sea"], "attachments": [{"url": "/b.mp3", "mime_type": "audio/mpeg"}, "x"],
            },
            home_page_url="https://paper.example/", language="de-DE", favicon="/i.png",
        ),
        "application/feed+json",
    )  # fmt: skip
    assert (feed.title, feed.site, feed.language, feed.icon) == (
        "The Paper", "https://paper.example/", "de-DE", "https://paper.example/i.png",
    )  # fmt: skip
    first, second = feed.items
    assert (first.guid, first.title, first.link) == ("1", "A <b> & c", None)
    assert first.published_at == datetime(2026, 11, 29, 7, tzinfo=UTC)
    assert (second.title, second.link, second.excerpt) == ("B & b", "https://paper.example/b", "Text")
    assert second.image == Image("https://paper.example/b.jpg")
    assert (second.categories, second.type) == (("Sea", "7"), "audio")


@pytest.mark.parametrize("bad", [7, None, [], {}, "x", {"title": {}, "url": [], "date_published": "soon", "tags": "x"}])
def test_trap_44_what_is_wrong_in_one_item_leaves_the_others(bad: object) -> None:
    feed = read(json_feed(bad, {"id": 1, "title": "Good"}))
    assert [item.title for item in feed.items] == ["Good"]
    assert feed.problems == (FeedProblem.EMPTY_ITEMS,)


LOGIN = "<html><title>Log in</title><form><input type='password' name='p'></form></html>"


@pytest.mark.parametrize(
    ("body", "reason", "url"),
    [
        ("", RefusalReason.EMPTY, FEED_URL),
        (" \n\t", RefusalReason.EMPTY, FEED_URL),
        ("\0" * 50, RefusalReason.EMPTY, FEED_URL),
        ("<!doctype html><html><title>The Paper</title><p>News</p></html>", RefusalReason.WEB_PAGE, FEED_URL),
        ("<p>Nothing here</p>", RefusalReason.WEB_PAGE, FEED_URL),
        (LOGIN, RefusalReason.LOGIN_PAGE, FEED_URL),
        ("<html><title>Welcome</title></html>", RefusalReason.LOGIN_PAGE, "https://paper.example/login?next=/feed"),
        ("<html><title>Log in to news</title><p>A story</p></html>", RefusalReason.WEB_PAGE, FEED_URL),
        ("<html><title>Just a moment...</title><body></body></html>", RefusalReason.FIREWALL_PAGE, FEED_URL),
        (
            "<html><script src='/cdn-cgi/challenge-platform/x.js'></script></html>",
            RefusalReason.FIREWALL_PAGE,
            FEED_URL,
        ),
        ("<opml version='2.0'><body/></opml>", RefusalReason.FEED_LIST, FEED_URL),
        ('{"posts": []}', RefusalReason.OTHER_JSON, FEED_URL),
        ('{"items": 7}', RefusalReason.OTHER_JSON, FEED_URL),
        ("[1, 2]", RefusalReason.OTHER_JSON, FEED_URL),
        ("{broken", RefusalReason.OTHER_JSON, FEED_URL),
        ("Just text", RefusalReason.OTHER, FEED_URL),
        ("%PDF-1.7 ...", RefusalReason.OTHER, FEED_URL),
        ("<?xml version='1.0'?><svg><rect/></svg>", RefusalReason.OTHER, FEED_URL),
    ],
)
def test_trap_33_what_is_no_feed_is_told_apart(body: str, reason: RefusalReason, url: str) -> None:
    with pytest.raises(DocumentError) as refused:
        read(body, "text/html", url)
    assert refused.value.reason is reason


def test_a_feed_without_items_is_a_feed() -> None:
    assert read(rss()).items == ()
    assert read(atom()).title == "The Paper"
    assert read(json_feed()).title == "The Paper"


def test_a_document_that_is_a_files_name_opens_no_file() -> None:
    with pytest.raises(DocumentError):
        read(document(b"/etc/passwd").body)
