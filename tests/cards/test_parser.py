"""Every field of a card file, good and bad."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from bot.cards.model import CardState, HeldReason, Provider, Severity
from bot.cards.parser import MAX_FILE_BYTES
from tests.support.cards import card_file, parse_file, parse_problem, parse_valid, raw_card_file

NO_LINK = {"webUrl": None}
AMP = {name: f"https://copies.example/{name}" for name in ("ampWebUrl", "cdnAmpWebUrl", "ampUrl", "cdnAmpUrl")}


@pytest.mark.parametrize(
    ("fields", "url"),
    [
        ({"webUrl": "https://a.example/web", "originalUrl": "https://a.example/original"}, "https://a.example/web"),
        (NO_LINK | {"originalUrl": "https://a.example/o", "sourceUrl": "https://a.example/s"}, "https://a.example/o"),
        (NO_LINK | {"sourceUrl": "https://a.example/s"}, "https://a.example/s"),
        ({"webUrl": "", "originalUrl": "https://a.example/o"}, "https://a.example/o"),
        ({"webUrl": "https://127.0.0.1/", "originalUrl": "https://a.example/o"}, "https://a.example/o"),
        (NO_LINK | AMP, None),
    ],
)
def test_the_link_is_the_first_usable_address_and_never_an_amp_copy(fields: dict[str, Any], url: str | None) -> None:
    assert parse_valid(card_file(**fields)).url == url


def test_amp_copies_are_aliases_under_which_a_card_is_found() -> None:
    card = parse_valid(card_file(webUrl="https://www.news.example/a/?utm_source=x", **AMP))
    assert card.aliases == ("news.example/a", *(f"copies.example/{name}" for name in AMP))


def test_a_card_without_any_address_loads_with_a_note() -> None:
    found = parse_file(card_file(webUrl=None))
    assert found.card
    assert [(note.field, note.severity) for note in found.problems] == [("webUrl", Severity.NOTE)]


@pytest.mark.parametrize(
    ("fields", "state", "reason"),
    [
        ({"published": True, "heat": 90}, CardState.PUBLISHED, None),
        ({"published": True, "heat": -1}, CardState.PUBLISHED, None),
        ({"published": True, "heat": None}, CardState.PUBLISHED, None),
        ({"published": None, "heat": None}, CardState.HELD, HeldReason.UNSCORED),
        ({"published": None, "heat": 40}, CardState.HELD, HeldReason.UNSCORED),
        ({"published": False, "heat": None}, CardState.HELD, HeldReason.UNSCORED),
        ({"published": False, "heat": 40}, CardState.HELD, HeldReason.BELOW_BAR),
        ({"published": False, "heat": -1}, CardState.HELD, HeldReason.COVERED),
        ({"published": None, "heat": -1}, CardState.HELD, HeldReason.COVERED),
        ({"published": True, "removed": True}, CardState.WITHDRAWN, None),
        ({"published": None, "removed": True, "heat": -1}, CardState.WITHDRAWN, None),
        ({"published": True, "removed": False}, CardState.PUBLISHED, None),
    ],
)
def test_the_file_says_published_withdrawn_or_held_and_why(
    fields: dict[str, Any], state: CardState, reason: HeldReason | None
) -> None:
    card = parse_valid(card_file(**fields))
    assert (card.state, card.held_reason) == (state, reason)


@pytest.mark.parametrize("written", ["NO", "yes", "1984", "2020-02-05", "1_000", "0x1F", "12:30:45", ".5", "1e3"])
def test_topics_titles_and_excerpts_are_text_as_written(written: str) -> None:
    lines = f"category: news\ntitle: {written}\nexcerpt: {written}!\ntopics: [{written}]\npublishedDateTime: 2026-01-01"
    card = parse_valid(f"---\n{lines}\n---\n".encode())
    assert (card.title, card.excerpt, card.topics) == (written, f"{written}!", (written,))


@pytest.mark.parametrize(
    ("written", "topics"),
    [
        ("topics:", ()),
        ("topics: []", ()),
        ("topics: [null, AI, ~, '']", ("AI",)),
        ("topics: [AI, ' ai ', 'A I', Ai]", ("AI", "A I")),
        ("topics: Space", ("Space",)),
        ("topics: ['null']", ("null",)),
        ("topics:\n  -\n  - R&amp;D", ("R&D",)),
    ],
)
def test_topics_are_repaired_and_stand_once_without_nulls(written: str, topics: tuple[str, ...]) -> None:
    assert parse_valid(raw_card_file(written)).topics == topics


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2019-11-01T20:27:57Z", datetime(2019, 11, 1, 20, 27, 57, tzinfo=UTC)),
        ("2019-11-01", datetime(2019, 11, 1, tzinfo=UTC)),
        ("2019-11-01 20:27:57", datetime(2019, 11, 1, 20, 27, 57, tzinfo=UTC)),
        ("2019-11-01T20:27:57.123+02:00", datetime(2019, 11, 1, 18, 27, 57, tzinfo=UTC)),
        ("2019-11-1 2:27:57 -0530", datetime(2019, 11, 1, 7, 57, 57, tzinfo=UTC)),
        ("2019-11-01T20:27:57 +2", datetime(2019, 11, 1, 18, 27, 57, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_yaml_writes_them_and_mean_utc(written: str, moment: datetime) -> None:
    content = f"---\ncategory: news\ntitle: T\npublishedDateTime: {written}\n---\n".encode()
    assert parse_valid(content).published_at == moment


def test_the_file_names_day_stands_in_for_a_missing_time() -> None:
    assert parse_valid(card_file(publishedDateTime=None), "2020/2020-02-05-awards").published_at == datetime(
        2020, 2, 5, tzinfo=UTC
    )
    assert parse_problem(card_file(publishedDateTime=None))[1] == "publishedDateTime"


@pytest.mark.parametrize("written", ["0001-01-01", "9999-12-31T23:59:59Z"])
def test_a_year_that_no_news_has_is_a_problem_and_not_a_crash_of_the_store(written: str) -> None:
    line, field, _ = parse_problem(f"---\ncategory: news\ntitle: T\npublishedDateTime: {written}\n---\n".encode())
    assert (line, field) == (4, "publishedDateTime")


@pytest.mark.parametrize(
    ("lines", "line", "field", "words"),
    [
        ("topics: {a: b}", 5, "topics", "should be a list, not a map"),
        ("topics: [[a]]", 5, "topics[0]", "should be text, not a list"),
        ("excerpt: [a]", 5, "excerpt", "should be text, not a list"),
        ("quality: high", 5, "quality", "should be a whole number, not 'high'"),
        ("quality: '90'", 5, "quality", "should be a whole number, not '90'"),
        ("quality: 5000000000", 5, "quality", "should have at most nine digits, not '5000000000'"),
        ("quality: 9.5", 5, "quality", "should be a whole number"),
        ("heat: 12345678901", 5, "heat", "should have at most nine digits"),
        ("x: 1\npublished: maybe", 6, "published", "should be true or false, not 'maybe'"),
        ("removed: 'true'", 5, "removed", "should be true or false"),
        ("provider: ESA", 5, "provider", "should be a map, not 'ESA'"),
        ("provider:\n  name: [ESA]", 6, "provider.name", "should be text"),
        ("images: pic.jpg", 5, "images", "should be a list"),
        ("images: [pic.jpg]", 5, "images[0]", "should be a map"),
        ("images: [{url: 'https://a.example/b', width: wide}]", 5, "images[0].width", "should be a whole number"),
        ("related: {a: b}", 5, "related", "should be a list"),
        ("webUrl: [a]", 5, "webUrl", "should be text"),
        ("a: b: c", 5, "", "not valid YAML"),
        ("a: *gone", 5, "", "not valid YAML: found undefined alias"),
        ("a: &b [*b]", 5, "", "not valid YAML"),
        ("? [a, b]\n: c", 5, "", "not valid YAML"),
        ("a: \x00", 5, "", "the character U+0000 is not allowed"),
    ],
)
def test_a_wrong_file_gives_one_problem_with_line_field_and_words(
    lines: str, line: int, field: str, words: str
) -> None:
    found = parse_problem(raw_card_file(lines))
    assert found[:2] == (line, field)
    assert words in found[2]


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "words"),
    [
        ("title: A title", "title: '  '", 3, "title", "a card needs a title"),
        ("title: A title", "title: <b></b>", 3, "title", "nothing of the title can be seen"),
        ("title: A title", "title: [A]", 3, "title", "should be text"),
        ("2026-11-24T09:00:00Z", "soon", 4, "publishedDateTime", "'soon' is not a time"),
        ("2026-11-24T09:00:00Z", "2026-13-01", 4, "publishedDateTime", "is not a time"),
        ("2026-11-24T09:00:00Z", "[2026]", 4, "publishedDateTime", "a list is not a time"),
    ],
)
def test_a_wrong_required_field_gives_one_problem_too(old: str, new: str, line: int, field: str, words: str) -> None:
    found = parse_problem(raw_card_file("x: 1").replace(old.encode(), new.encode()))
    assert found[:2] == (line, field)
    assert words in found[2]


def test_a_missing_title_is_named() -> None:
    assert parse_problem(card_file(title=None))[1:] == ("title", "a card needs a title")


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"x" * (MAX_FILE_BYTES + 1), 1, "1,048,577 bytes"),
        (raw_card_file("excerpt: caf\u00e9").replace("é".encode(), b"\xe9"), 5, "not UTF-8 text"),
        (raw_card_file("x: " + "[" * 100_000), 5, "too deeply nested|maximum nesting depth"),
        (raw_card_file("x:\n  " + "- " * 100_000), 6, "too deeply nested|maximum nesting depth"),
        (b"---\ncategory: news\ntitle: open", 1, "never closed"),
        (b"---js\nmodule.exports = {}\n---\n", 1, "'js' is refused"),
        (b"---\r\n- a\r\n---\r\n", 1, "not a list of fields"),
        (b"+++\ncategory = 'news'\n\nx = \n+++\n", 4, "not valid TOML"),
        (b"+++\nx = " + b"[" * 100_000 + b"\n+++\n", 2, "too deeply nested"),
        (b"+++\nx = " + b"9" * 5000 + b"\n+++\n", 2, "not valid TOML"),
        (b'{\n"category": "news",\n"title": nope\n}\n', 3, "not valid JSON"),
        (b'{\n"x": ' + b"[" * 100_000 + b"\n}\n", 1, "too deeply nested"),
    ],
)
def test_a_file_beyond_the_limits_gives_one_clear_problem(content: bytes, line: int, words: str) -> None:
    found = parse_problem(content)
    assert found[0] == line
    assert any(wanted in found[2] for wanted in words.split("|"))


_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 30)
)


@pytest.mark.parametrize("last", ["x: \u009d", "category: *a29", "publishedDateTime: *a29", "topics: *a29", "y: *a29"])
def test_an_alias_bomb_costs_no_time_wherever_it_stands(last: str) -> None:
    assert len(str(parse_file(raw_card_file(_BOMB + last)))) < 2000


def test_a_tag_that_asks_for_code_is_taken_as_text() -> None:
    assert parse_valid(
        raw_card_file("excerpt: !!python/object/apply:os.system ['echo']\ntopics: []").replace(b"['echo']", b"echo")
    )


_YAML = "category: News \ntitle: T\npublishedDateTime: 2020-01-01T10:00:00Z\ntopics:\n- A\nheat: 90"


@pytest.mark.parametrize(
    "content",
    [
        (
            b"+++\ncategory = 'news'\ntitle = 'T'\n"
            b"publishedDateTime = 2020-01-01T10:00:00Z\ntopics = ['A']\nheat = 90\n+++"
        ),
        b'{\n"category":"news","title":"T","publishedDateTime":"2020-01-01T10:00:00Z","topics":["A"],"heat":90\n}\n',
        f"---\n{_YAML}\n---\n".replace("\n", "\r\n").encode(),
        f"\ufeff---\n{_YAML}\n---".encode(),
    ],
    ids=["TOML", "JSON", "CRLF", "BOM"],
)
def test_other_spellings_of_front_matter_give_the_same_card(content: bytes) -> None:
    card = parse_valid(content)
    assert (card.title, card.topics, card.heat) == ("T", ("A",), 90)
    assert card.published_at == datetime(2020, 1, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# Just text\n", "it has no front matter"),
        (b"---\ntitle: T\n---\n", "it has no category"),
        (b"---\ncategory: learning\n---\n", "its category is 'learning'"),
        (b"---\ncategory: [news]\n---\n", "its category is a list"),
    ],
)
def test_a_file_that_is_no_news_card_gets_a_note_and_no_error(content: bytes, words: str) -> None:
    found = parse_file(content)
    assert found.card is None
    assert [note.severity for note in found.problems] == [Severity.NOTE]
    assert words in found.problems[0].problem


@pytest.mark.parametrize("content", [b"", b"\n", b" \t\r\n" * 40, b"\0" * 4096, b"\xef\xbb\xbf", b"\n\0\n", b"\f\v"])
def test_a_file_with_nothing_in_it_is_an_error_and_says_so(content: bytes) -> None:
    found = parse_file(content)
    (problem,) = found.problems
    assert (problem.line, problem.severity) == (1, Severity.ERROR)
    assert problem.problem == ("the file consists of NUL bytes" if b"\0" in content else "the file is empty")


def test_related_stories_leave_out_the_cards_own_address_repeats_and_those_without_one() -> None:
    stories = [
        {"title": "One", "webUrl": "https://one.example/a", "provider": {"name": "One News"}},
        {"title": "Own", "webUrl": "https://www.news.example/a-card/?utm_source=feed"},
        {"title": "One again", "webUrl": "http://one.example/a/"},
        {"title": "None", "webUrl": ""},
        {"title": "Video", "webUrl": "", "originalUrl": "https://video.example/v"},
        {"webUrl": "https://untitled.example/a"},
    ]
    found = parse_file(card_file(related=stories))
    assert found.card
    assert [(each.title, each.provider) for each in found.card.related] == [("One", "One News"), ("Video", "")]
    assert [note.field for note in found.problems] == ["related[3]", "related[5]"]


def test_the_provider_has_a_name_a_domain_and_the_first_usable_icon() -> None:
    images = [{"url": "ftp://a.example/x"}, {"url": "/assets/icon.png"}]
    given = {"name": "ESA &amp; co", "domain": "esa.int", "images": images}
    assert parse_valid(card_file(provider=given)).provider == Provider("ESA & co", "esa.int", "/assets/icon.png")
    assert parse_valid(card_file(provider={"domain": "esa.int"})).provider == Provider("esa.int", "esa.int")
    assert parse_valid(card_file(provider={})).provider is None


def test_an_excerpt_that_repeats_the_title_is_not_shown_twice() -> None:
    card = parse_valid(card_file(title="Big  News", excerpt="big news"))
    assert (card.excerpt, card.raw_excerpt) == ("", "big news")


@pytest.mark.parametrize(
    "secured",
    [
        'secured: "CIPHERTEXT"',
        "secured: [CIPHERTEXT]",
        "secured: {CIPHERTEXT: {CIPHERTEXT: 1}}",
        'secured: "CIPHERTEXT',
        "secured: *CIPHERTEXT",
        "secured: @CIPHERTEXT",
        "secured: CIPHERTEXT: CIPHERTEXT",
        "secured: \x01CIPHERTEXT",
        "secured: 'CIPHERTEXT\n  CIPHERTEXT",
    ],
)
def test_secured_never_rejects_a_card_and_never_shows_anywhere(secured: str) -> None:
    found = parse_file(raw_card_file(f"webUrl: https://news.example/a\n{secured}\ntopics: [AI]"))
    assert found.card
    assert found.card.topics == ("AI",)
    assert "CIPHER" not in repr(found)


def test_a_problem_beside_a_broken_secured_is_still_found_on_its_own_line() -> None:
    found = parse_problem(raw_card_file('secured: "CIPHERTEXT\n  CIPHERTEXT\nquality: high'))
    assert found[:2] == (7, "quality")


def test_half_a_character_in_an_address_costs_the_link_only() -> None:
    fields = (
        b'"category": "news", "title": "T", "publishedDateTime": "2020-01-01", "webUrl": "https://a.example/\\ud800"'
    )
    content = b"{\n" + fields + b"\n}"
    assert parse_valid(content).url is None
