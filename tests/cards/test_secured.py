"""Ciphertext that broke costs a card nothing, in no language, and is nowhere to be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cards import parse_file

_YAML = "category: news\ntitle: T\npublishedDateTime: 2020-01-01T10:00:00Z\n{}\ntopics: [AI]\n"
_TOML = "category = 'news'\ntitle = 'T'\npublishedDateTime = 2020-01-01T10:00:00Z\n{}\ntopics = ['AI']\n"
_JSON = '"category": "news",\n"title": "T",\n"publishedDateTime": "2020-01-01T10:00:00Z",\n{}\n"topics": ["AI"]\n'
FORMS = {"YAML": f"---\n{_YAML}---\n", "TOML": f"+++\n{_TOML}+++\n", "JSON": "{{\n" + _JSON + "}}\n"}

BROKEN = {
    "YAML": [
        "secured: |\nCIPHER\nCIPHER", "secured: >-\nCIPHER==;CIPHER\n\nCIPHER", "secured: |\n  CIPHER\n CIPHER\nCIPHER",
        '"secured": "CIPHER', "'secured': 'CIPHER", '"secured" : CIPHER: CIPHER', 'secured: "CIPHER\\qCIPHER"',
        "secured: [CIPHER", "secured: {CIPHER", "secured: *CIPHER", "secured: &CIPHER", "secured: !<CIPHER",
        "secured: @CIPHER",
        "secured: `CIPHER", "secured: %CIPHER", "secured: \x01CIPHER\x00", "secured:\tCIPHER: CIPHER",
        "secured: - CIPHER",
        'secured: "CIPHER\nCIPHER\n  CIPHER\n\nCIPHER', "secured: {CIPHER: 1, CIPHER: 2}", "secured: CIPHER\n- CIPHER",
        'secured: "\\ud800CIPHER"', "secured: " + "[CIPHER" * 200,
    ],
    "TOML": [
        'secured = "CIPHER', "secured = 'CIPHER", 'secured = """CIPHER\nCIPHER', "secured = CIPHER",
        '"secured" = CIPHER',
        'secured = "CIPHER\\qCIPHER"', "secured = [CIPHER", "secured = \x01CIPHER", "secured = " + "CIPHER." * 99,
        "secured =",
    ],
    "JSON": [
        '"secured": "CIPHER\\qCIPHER",', '"secured": "CIPHER,', '"secured": CIPHER,', '"secured": "CIPHER\nCIPHER",',
        '"secured": "CIPHER\tCIPHER",', '"secured" : {CIPHER},', '"secured":"CIPHER"CIPHER",', '"secured": ,',
        '"secured": "CIPHER\\",',
    ],
}  # fmt: skip


@pytest.mark.parametrize(("form", "secured"), [(form, each) for form, all_ in BROKEN.items() for each in all_])
def test_a_broken_cipher_costs_nothing_and_is_nowhere(form: str, secured: str) -> None:
    found = parse_file(FORMS[form].format(secured).encode())
    assert found.card, found.problems
    assert found.card.topics == ("AI",)
    assert "CIPHER" not in repr(found)


@pytest.mark.parametrize("content", [
    '{"category": "news", "title": "T", "publishedDateTime": "2020-01-01", "secured": "CIPHER\\q", "heat": 1}',
    '{"category": "news", "title": "T", "publishedDateTime": "2020-01-01", "secured": "CIPHER}',
    '{"secured": "CIPHER\\q", "category": "news", "title": "T", "publishedDateTime": "2020-01-01"}',
    '---\n{category: news, title: T, publishedDateTime: 2020-01-01, secured: "CIPHER\\q"}\n---\n',
])  # fmt: skip
def test_a_broken_cipher_costs_nothing_on_one_line_with_the_rest(content: str) -> None:
    found = parse_file(content.encode())
    assert found.card, found.problems
    assert "CIPHER" not in repr(found)


@pytest.mark.parametrize("form", FORMS)
def test_bytes_that_are_no_text_cost_nothing_within_it_and_the_card_outside_of_it(form: str) -> None:
    quoted = {"YAML": 'secured: "CIPHER~"', "TOML": 'secured = "CIPHER~"', "JSON": '"secured": "CIPHER~",'}[form]
    content = FORMS[form].format(quoted).encode()
    assert parse_file(content.replace(b"~", b"\xff\x80")).card
    outside = parse_file(content.replace(b"~", b"\xff").replace(b"AI", b"A\xe4"))
    assert outside.card is None
    assert outside.problems[0].problem.startswith("not UTF-8 text")


@given(st.text(st.characters(codec="utf-8"), max_size=60).filter(lambda text: "---" not in text and "..." not in text))
def test_whatever_is_written_as_a_quoted_cipher_the_card_loads(cipher: str) -> None:
    # A line that looks like another key ends it.
    one_line = "".join(cipher.split())
    found = parse_file(FORMS["YAML"].format(f'secured: "{one_line}').encode())
    assert found.card, found.problems


def test_a_problem_elsewhere_is_told_with_its_own_line() -> None:
    found = parse_file(FORMS["YAML"].format('secured: "CIPHER\n  CIPHER\nx: 1\nheat: [1').encode())
    assert [(each.line, each.problem) for each in found.problems] == [
        (9, "not valid YAML: did not find expected ',' or ']'")
    ]
    assert "CIPHER" not in repr(found)
