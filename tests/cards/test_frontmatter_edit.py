"""A decision changes the bytes of its value, wherever they stand, and no other byte."""

from __future__ import annotations

import time

import pytest
import yaml
from hypothesis import given, reject
from hypothesis import strategies as st

from bot.cards.frontmatter import FrontMatterError, split_front_matter
from bot.cards.frontmatter_edit import FrontMatterEditError, set_published
from bot.cards.parser import MAX_FILE_BYTES
from tests.support.cards import CORPUS

_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=20)
    | st.just("published: false\n---\npublished: true"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["published", "a"]) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
_DUMPED = st.builds(
    lambda key, value, style, flow, wide: yaml.safe_dump(
        {key: value}, default_style=style, default_flow_style=flow, allow_unicode=wide, width=30
    ),
    st.text(max_size=8).filter(lambda key: key != "published"),
    _VALUES,
    st.sampled_from([None, '"', "'", "|"]),
    st.sampled_from([False, None]),
    st.booleans(),
)
_WRITTEN = st.sampled_from([
    "# published: false\n", "excerpt: |\n  published: false\n\n  text\n", "about: >-\n   published: true\n", "\n",
    "title: Größe 中文 😀 \u2028 x\n", "provider: {published: false, name: \u009d}\n", "provider:\n  published: true\n",
    "published_: true\n", "topics:\n- published: false\n- published\n", "title: 'it''s\n\n  published: false'\n",
    "'a b' : published\n", "x: !!binary aGk=\n", "\u00fcblished: false\n",
])  # fmt: skip
_AROUND = st.lists(_DUMPED | _WRITTEN, max_size=4).map("".join)
_KEYS = st.sampled_from([
    "published: ", "published:   ", "published:\t", "published : \t ", "'published': ", '"published" : ',
    "published:\n  ", "? published\n: ", "!!str published: ",
])  # fmt: skip
_SAID = st.sampled_from(["true", "false", "True", "False", "TRUE", "FALSE"])
_TAILS = st.sampled_from(["", "  ", " # published: false", "\t# ä", " #"])
_BODIES = st.sampled_from(
    [b"", b"\n", b"published: false\n", b"\n---\npublished: true\n---\n", b"\xff\xfe\x80 caf\xe9"]
)


_BOMS = st.sampled_from(["", "\ufeff"])
_ENDS = st.sampled_from(["\n", "\r\n"])


@given(_AROUND, _KEYS, _SAID, _TAILS, _AROUND, _BODIES, _BOMS, _ENDS, st.booleans())
def test_exactly_the_bytes_of_the_value_differ(
    above: str, key: str, word: str, tail: str, below: str, body: bytes, bom: str, end: str, published: bool
) -> None:
    head = f"{bom}---\n{above}{key}".replace("\n", end).encode()
    rest = f"{tail}\n{below}---\n".replace("\n", end).encode() + body
    expected = word if (word.lower() == "true") is published else str(published).lower()
    try:
        split_front_matter((head + word.encode() + rest).decode("utf-8", "replace"))
    except FrontMatterError:
        reject()
    assert set_published(head + word.encode() + rest, published) == head + expected.encode() + rest


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_a_refusal_or_another_value(content: bytes, published: bool) -> None:
    whole = b"---\npublished: false\n" + content
    try:
        found = set_published(whole, published)
    except FrontMatterEditError:
        return
    assert found == (whole.replace(b"false", b"true", 1) if published else whole)


@pytest.mark.parametrize("matter", [
    b"+++\ntitle = 'published'\n\"published\"  =  %s # why\n[provider]\nname = 'x'\n+++\npublished = false\n",
    b"\xef\xbb\xbf+++\r\npublished=%s\r\n+++\r\n\xff",
    b'{\n  "title": "\xf0\x9f\x98\x80",\n  "published" : %s,\n  "heat": 3\n}\n"published": false\n',
    b'{\n"published":%s\n}\n',
])  # fmt: skip
@pytest.mark.parametrize("published", [True, False])
def test_toml_and_json_are_written_as_well(matter: bytes, published: bool) -> None:
    words = (b"false", b"true")
    assert set_published(matter % words[not published], published) == matter % words[published]
    assert set_published(matter % words[published], published) == matter % words[published]


def test_a_map_in_braces_is_written_as_well() -> None:
    content = b"---\n{provider: {published: true}, published: %s, title: a}\n---\n"
    assert set_published(content % b"false", True) == content % b"true"


@pytest.mark.parametrize(("content", "why"), [
    (b"", "no `published`"),
    (b"published: false\n", "no `published`"),
    (b"---\ntitle: a\n---\npublished: false\n", "no `published`"),
    (b"---\n---\npublished: false\n", "no `published`"),
    (b"---\nprovider:\n  published: false\n---\n", "no `published`"),
    (b"---\nexcerpt: |\n  published: false\n---\n", "no `published`"),
    (b"---\n- published: false\n---\n", "I can't read"),
    (b"---\npublished: false\n", "I can't read"),
    (b"---\npublished: false\na: [\n---\n", "I can't read"),
    (b"---js\npublished: false\n---\n", "I can't read"),
    (b"---\npublished: false\n'published': false\n---\n", "more than once"),
    (b"---\npublished: false\npublished: [1]\n---\n", "more than once"),
    (b"---\npublished:\n---\n", "neither true nor false"),
    (b"---\npublished: 'false'\n---\n", "neither true nor false"),
    (b"---\npublished: no\n---\n", "neither true nor false"),
    (b"---\npublished: fAlse\n---\n", "neither true nor false"),
    (b"---\npublished: !!bool false\n---\n", "neither true nor false"),
    (b"---\npublished: &a false\n---\n", "neither true nor false"),
    (b"---\npublished: |\n  false\n---\n", "neither true nor false"),
    (b"---\npublished: {a: false}\n---\n", "neither true nor false"),
    (b"---\na: &a false\npublished: *a\n---\n", "safely"),
    (b"+++\n[provider]\npublished = false\n+++\n", "safely"),
    (b"+++\n[provider]\npublished = true\n+++\n", "safely"),
    (b"+++\nexcerpt = '''\npublished = false\n'''\n+++\n", "safely"),
    (b"+++\npublished = false\n[provider]\npublished = false\n+++\n", "more than once"),
    (b"+++\npublished = 'false'\n+++\n", "neither true nor false"),
    (b'{\n"a": {"published": true}\n}\n', "safely"),
    (b'{\n"published": "false"\n}\n', "neither true nor false"),
])  # fmt: skip
@pytest.mark.parametrize("published", [True, False])
def test_what_is_refused(content: bytes, why: str, published: bool) -> None:
    with pytest.raises(FrontMatterEditError, match=why):
        set_published(content, published)


def test_ciphertext_that_broke_is_not_guessed_at() -> None:
    with pytest.raises(FrontMatterEditError, match="safely"):
        set_published(b'---\npublished: false\nsecured: "torn\n---\n', True)


@pytest.mark.parametrize("nested", [
    b"a: " + b"[" * (MAX_FILE_BYTES // 2),
    b"secured: " + b"[" * (MAX_FILE_BYTES // 2),
    b"secured: " + b"[" * 400_000 + b"]" * 400_000,
    b"a0: &a0 x\n" + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b"*a%d, " % (n - 1) * 9) for n in range(1, 12)),
])  # fmt: skip
def test_a_hostile_file_is_refused_soon(nested: bytes) -> None:
    started = time.monotonic()
    with pytest.raises(FrontMatterEditError):
        set_published(b"---\npublished: false\n" + nested + b"\n---\n", True)
    assert time.monotonic() - started < 10


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no real cards at hand")
def test_real_cards_differ_in_one_line() -> None:
    files = [path.read_bytes() for path in sorted((CORPUS / "cards").rglob("*.md"))]
    lines = [line for content in files for line in _rewritten_lines(content)]
    assert len(lines) > len(files) / 2
    assert set(lines) == {(b"published: false", b"published: true"), (b"published: true", b"published: false")}


def _rewritten_lines(content: bytes) -> list[tuple[bytes, bytes]]:
    """Each line that differs after the opposite decision; of a card without a decision none."""
    try:
        changed = next(
            each for each in (set_published(content, True), set_published(content, False)) if each != content
        )
    except FrontMatterEditError as error:
        return [] if "no `published`" in error.advice else [(content, b"")]
    return [(a.rstrip(), b.rstrip()) for a, b in zip(content.split(b"\n"), changed.split(b"\n"), strict=True) if a != b]
