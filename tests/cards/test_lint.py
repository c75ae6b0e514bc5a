"""What somebody who wrote a card probably did not mean is noted on its line, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.cards.card_builder import MAX_IMAGES, MAX_RELATED, MAX_TITLE, MAX_TOPICS
from bot.cards.known_keys import CARD, IMAGE, OF_SITES, PROVIDER
from bot.cards.model import Severity
from tests.support.cards import card_file, parse_file, parse_notes, parse_valid, raw_card_file

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
LINK = "webUrl: https://news.example/a"


def lint_notes(lines: str) -> list[tuple[int, str, str]]:
    return parse_notes(raw_card_file(f"{LINK}\n{lines}"))


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("summary", "excerpt"),
        ("Summary", "excerpt"),
        ("description", "excerpt"),
        ("exerpt", "excerpt"),
        ("Excerpt", "excerpt"),
        ("tags", "topics"),
        ("topic", "topics"),
        ("topcis", "topics"),
        ("keywords", "topics"),
        ("image", "images"),
        ("thumbnail", "images"),
        ("Images", "images"),
        ("source", "provider"),
        ("author", "provider"),
        ("publisher", "provider"),
        ("provder", "provider"),
        ("hert", "heat"),
        ("score", "quality"),
        ("qualty", "quality"),
        ("publshed", "published"),
        ("draft", "published"),
        ("removd", "removed"),
        ("original_url", "originalUrl"),
        ("ORIGINALURL", "originalUrl"),
        ("amp-url", "ampUrl"),
        ("realted", "related"),
        ("tpye", "type"),
    ],
)
def test_an_unknown_key_is_noted_with_the_one_that_was_meant(key: str, meant: str) -> None:
    assert lint_notes(f"{key}: x") == [(6, key, f"not read: did you mean `{meant}`?")]


@pytest.mark.parametrize("key", ["x", "foo_bar", "weather", "Überschrift", "日本", "a" * 30])
def test_an_unknown_key_without_a_likely_one_is_noted_as_well(key: str) -> None:
    assert lint_notes(f"{key}: x") == [(6, key, "not read: no key of a card")]


def test_what_is_there_already_is_not_suggested() -> None:
    assert lint_notes("summary: x\nexcerpt: y") == [(6, "summary", "not read: no key of a card")]


def test_known_keys_that_are_not_used_are_not_noted() -> None:
    unused = (
        CARD
        - {
            "category",
            "title",
            "publishedDateTime",
            "webUrl",
            "topics",
            "images",
            "related",
            "provider",
            "heat",
            "quality",
            "published",
            "removed",
        }
    ) | OF_SITES
    assert lint_notes("\n".join(f"{key}: https://a.example/" for key in unused)) == []
    inner = ", ".join(f"{key}: null" for key in PROVIDER), ", ".join(f"{key}: null" for key in IMAGE)
    assert lint_notes("provider: {{{}}}\nimages: [{{{}}}]".format(*inner)) == []


def test_keys_of_the_provider_are_looked_at_as_well() -> None:
    assert lint_notes("provider:\n  nmae: X\n  domain: x.example") == [
        (7, "provider.nmae", "not read: did you mean `name`?")
    ]


def test_many_unknown_keys_are_a_few_notes() -> None:
    assert len(lint_notes("\n".join(f"key{number}: x" for number in range(5000)))) <= 20


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("title: B\ntitle: C", [(6, "title"), (7, "title")]),
        ("heat: 1\nheat: 2", [(7, "heat")]),
        ("provider: {name: a, name: b}", [(6, "name")]),
        ("images:\n- url: /a\n  url: /b", [(8, "url")]),
    ],
)
def test_a_key_given_twice_is_noted_where_it_stands_again(lines: str, found: list[tuple[int, str]]) -> None:
    assert [(line, field) for line, field, _ in lint_notes(lines)] == found
    assert all(problem == "given twice: the last one counts" for _, _, problem in lint_notes(lines))


def test_a_key_given_twice_in_json_is_noted_where_it_stands_again() -> None:
    content = b'{"category": "news", "title": "T", "publishedDateTime": "2020-01-01",\n'
    content += b'"webUrl": "https://a.example/",\n"title": "U",\n'
    content += b'"provider": {"name": "a",\n"name": "b"}}'
    assert [note[:2] for note in parse_notes(content)] == [(3, "title"), (5, "provider.name")]
    assert parse_valid(content).title == "U"


@pytest.mark.parametrize(
    ("lines", "line", "field", "comment"),
    [
        ("excerpt: Rust 2.0 is out #rust", 6, "excerpt", "#rust"),
        ("excerpt: Item # 3 of all", 6, "excerpt", "# 3 of all"),
        ("excerpt: C\t#", 6, "excerpt", "#"),
        ("excerpt:\n  two lines\n  of text #x", 8, "excerpt", "#x"),
        ("excerpt: #rust", 6, "excerpt", "#rust"),
        ("provider:\n  name: Studio #5", 7, "provider.name", "#5"),
        ("topics:\n- C #\n- D", 7, "topics[0]", "#"),
        ("topics:\n- A\n- #rust\n- B", 8, "topics", "#rust"),
        ("topics:\n- #rust", 7, "topics", "#rust"),
        ("topics:\n-\n\n  - x\n".replace("  - x\n", "") + "- #a", 9, "topics", "#a"),
        ("topics: Rust #1", 6, "topics", "#1"),
        ("'excerpt' : A #b", 6, "excerpt", "#b"),
    ],
)
def test_text_that_yaml_takes_for_a_comment_is_noted(lines: str, line: int, field: str, comment: str) -> None:
    assert lint_notes(lines) == [
        (line, field, f"`{comment}` was taken for a comment: put the value in quotes to keep it")
    ]


@pytest.mark.parametrize(
    "lines",
    [
        'excerpt: "Rust #rust"',
        "excerpt: 'Rust' # a comment",
        "excerpt: Rust#rust",
        "# comment",
        "heat: 80 # of 100",
        "excerpt: # nothing yet",
        "topics: [A, B] # two",
        "topics: # of this card\n- A",
        "topics:\n# comment\n- A\n- # nothing\n".replace("- # nothing\n", ""),
        "excerpt: |\n  A #b",
        "excerpt: >-\n  - #b",
        "originalUrl: https://a.example/ # old",
        "provider: # who\n  name: X",
        "images:\n- #url",
    ],
)
def test_what_is_a_comment_is_none_of_it(lines: str) -> None:
    assert lint_notes(lines) == []


@pytest.mark.parametrize(
    ("written", "topics"),
    [
        ("Security, Python; Space", ("Security", "Python", "Space")),
        ("A,B", ("A", "B")),
        ("A;;B;", ("A", "B")),
        ("'A, a , B'", ("A", "B")),
        ("A" + ", A" * 5000, ("A",)),
    ],
)
def test_topics_in_one_string_are_several_with_a_note(written: str, topics: tuple[str, ...]) -> None:
    found = parse_file(raw_card_file(f"{LINK}\ntopics: {written}"))
    assert found.card
    assert found.card.topics == topics
    assert {(note.line, note.field, note.severity) for note in found.problems} == {(6, "topics", Severity.NOTE)}


@pytest.mark.parametrize("written", ["Space", "[A, 'B, C']", "\n- R & D, mostly"])
def test_a_single_topic_and_those_of_a_list_stay_whole(written: str) -> None:
    assert lint_notes(f"topics: {written}") == []


@pytest.mark.parametrize(
    ("ahead", "words"),
    [
        (timedelta(seconds=1), "some hours in the future: the card counts as published now"),
        (timedelta(hours=14), "some hours in the future: the card counts as published now"),
        (timedelta(hours=15), "in the future: the card comes out on 2026-11-25 at 03:00 UTC"),
        (timedelta(days=365 * 400), "in the future: the card comes out on 2426-08-19 at 12:00 UTC"),
    ],
)
def test_a_time_still_to_come_is_noted_on_its_line(ahead: timedelta, words: str) -> None:
    content = card_file(publishedDateTime=NOW + ahead)
    assert parse_notes(content, now=NOW) == [(4, "publishedDateTime", words)]
    assert parse_notes(content) == parse_notes(card_file(publishedDateTime=NOW), now=NOW) == []
    assert parse_valid(content).published_at == NOW + ahead


@pytest.mark.parametrize(
    "address", ["/a.svg", "https://a.example/x.SVG", "https://a.example/x.svg?v=1", "https://a.example/x.svgz#y"]
)
def test_a_picture_that_discord_does_not_show_is_left_out_with_a_note(address: str) -> None:
    image = f"{LINK}\nimages:\n- url: {address}\n- url: https://a.example/svg.png"
    assert parse_notes(raw_card_file(image)) == [(7, "images[0].url", "left out: Discord shows no SVG pictures")]
    assert parse_valid(raw_card_file(image)).image.url == "https://a.example/svg.png"  # type: ignore[union-attr]
    icon = parse_valid(raw_card_file(f"provider: {{name: X, images: [{{url: '{address}'}}]}}")).provider
    assert icon
    assert icon.icon is None


def test_a_body_is_noted_where_it_begins() -> None:
    assert parse_notes(raw_card_file(LINK) + b"\n\nSome text.\n") == [
        (9, "", "the text below the front matter is not shown")
    ]
    assert parse_notes(raw_card_file(LINK) + b" \n\n\t\n") == []


@pytest.mark.parametrize(
    ("field", "item", "most"),
    [
        ("topics", "t{}", MAX_TOPICS),
        ("images", "{{url: /{}.png}}", MAX_IMAGES),
        ("related", "{{title: t{0}, webUrl: 'https://a.example/{0}'}}", MAX_RELATED),
    ],
)
@pytest.mark.parametrize("more", [0, 1, 900])
def test_long_lists_are_kept_up_to_a_length(field: str, item: str, most: int, more: int) -> None:
    content = raw_card_file(f"{LINK}\n{field}: [{', '.join(map(item.format, range(most + more)))}]")
    expected = [(6, field, f"only the first {most} of {most + more:,} are kept")] if more else []
    assert parse_notes(content) == expected
    card = parse_valid(content)
    assert len(card.topics) + len(card.related) in {most, 0}


@pytest.mark.parametrize(
    "lines",
    [
        "title: {}",
        "excerpt: {}",
        "type: {}",
        "provider: {{name: {}}}",
        "provider: {{domain: {}}}",
        "topics: [{}]",
        "related: [{{title: {}, webUrl: 'https://a.example/r'}}]",
        "originalUrl: {}",
    ],
)
@pytest.mark.parametrize("sign", ["x", "é", "😀", "\u200b", "&#1", "<b "])
def test_long_texts_are_kept_up_to_a_length(lines: str, sign: str) -> None:
    found = parse_file(raw_card_file(f"{LINK}\n" + lines.format(f"'{sign * 60_000}'")))
    kept = [note.problem for note in found.problems if "characters are kept" in note.problem]
    assert len(kept) == 1
    assert len(repr(found)) < 10 * 10_000


def test_a_title_of_the_longest_length_is_whole() -> None:
    assert parse_valid(card_file(title="x" * MAX_TITLE)).title == "x" * MAX_TITLE
    assert len(parse_valid(card_file(title="x" * (MAX_TITLE + 1))).title) == MAX_TITLE


@pytest.mark.parametrize(
    "title", ["\u200b", "'\u2060 \u00ad'", '"\\u3164"', "<i></i>", "'&zwnj;'", '"\\u2800"', "'\U000e0041'"]
)
def test_a_title_that_nobody_can_see_is_an_error(title: str) -> None:
    found = parse_file(raw_card_file(f"{LINK}\n").replace(b"A title", title.encode()))
    assert [(each.line, each.field, each.problem) for each in found.problems if each.severity is Severity.ERROR] == [
        (3, "title", "nothing of the title can be seen")
    ]


ALL_WRONG = {
    "YAML": """---
category: news
title:
publishedDateTime: soon
heat: hot
topics:
  - A
  - [B]
provider:
  domain: x.example
  name: [X]
images:
  - url: /a.png
    width: wide
related:
  - title: T
    webUrl: https://a.example/1
  - title: U
    webUrl: {}
---
""",
    "TOML": """+++
category = "news"
title = ""
publishedDateTime = "soon"
heat = "hot"
topics = [
  "A",
  ["B"],
]
[provider]
domain = "x.example"
"name" = ["X"]
[[images]]
url = "/a.png"
width = "wide"
[[related]]
title = "T"
webUrl = "https://a.example/1"
[[related]]
title = "U"
webUrl = {}
+++
""",
    "JSON": """{
"category": "news",
"title": null,
"publishedDateTime": "soon",
"heat": "hot",
"topics": [
  "A",
  ["B"]
],
"provider": {"domain": "x.example",
  "name": ["X"]
},
"images": [{"url": "/a.png",
  "width": "wide"}],
"related": [
  {"title": "T",
   "webUrl": "https://a.example/1"},
  {"title": "U",
   "webUrl": {}}]
}
""",
}
LINES = {"YAML": [3, 4, 5, 8, 11, 14, 19], "TOML": [3, 4, 5, 6, 12, 15, 21], "JSON": [3, 4, 5, 8, 11, 14, 19]}


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("form", ALL_WRONG)
def test_all_that_is_wrong_is_named_each_on_its_own_line(form: str, end: str) -> None:
    found = parse_file(ALL_WRONG[form].replace("\n", end).encode())
    errors = [(each.field, each.line) for each in found.problems if each.severity is Severity.ERROR]
    fields = [
        "title",
        "publishedDateTime",
        "heat",
        "topics[1]",
        "provider.name",
        "images[0].width",
        "related[1].webUrl",
    ]
    assert errors == list(zip(fields, LINES[form], strict=True))


def test_more_findings_than_anybody_reads_are_a_number() -> None:
    found = parse_file(raw_card_file("related:\n" + "- {title: [], webUrl: []}\n" * 300))
    assert found.card is None
    assert len(found.problems) == 51
    assert "more of its findings are left out" in {problem.problem.partition(" ")[2] for problem in found.problems}
