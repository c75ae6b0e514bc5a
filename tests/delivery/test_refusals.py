"""The table of Discord's error codes: every published one is in it once, the decisive ones where they belong."""

from __future__ import annotations

from itertools import combinations

import pytest

from bot.delivery import error_classification
from bot.delivery.error_classification import ErrorScope, classify_error

GROUPS = [
    error_classification.DONE,
    error_classification.MESSAGE,
    error_classification.WAY,
    error_classification.PLACE,
    error_classification.CARD,
    error_classification.LATER,
    error_classification.UNRELATED,
]

PUBLISHED = """
0 10001-10016 10020 10021 10026-10033 10036 10038 10049 10050 10057 10059-10063 10065-10071 10087 10097 10124 10129
20001 20002 20009 20012 20015 20016 20018 20022 20024 20028 20029 20031 20035
30001-30005 30007 30008 30010 30011 30013 30015 30016 30018 30019 30030-30035 30037-30040 30042 30045-30048 30052
30056 30058 30060 30061
40001-40007 40009 40012 40018 40019 40032 40033 40041 40043 40058 40060-40062 40066 40067 40074 40094 40333
50001-50017 50019-50021 50024-50028 50033-50036 50039 50041 50045 50046 50054 50055 50057 50067 50068 50070 50073
50074 50080 50081 50083-50086 50091 50095 50097 50101 50109 50110 50123 50124 50131 50132 50138 50144-50146 50151
50159-50163 50167 50173 50178 50192 50278 50600
60003 80004 90001 90002 110000 110001 130000 150006 160002 160004-160007 160014 170001-170007 180000 180002
200000 200001 220001-220004 240000 340015 350000 350001 400001 500000 520000-520004 520006 530000-530004 530006 530007
"""
"""Discord's documentation, "Opcodes and Status Codes"."""


def published() -> list[int]:
    ends = [tuple(map(int, (each if "-" in each else f"{each}-{each}").split("-"))) for each in PUBLISHED.split()]
    return [code for first, last in ends for code in range(first, last + 1)]


def test_every_published_code_is_in_exactly_one_group() -> None:
    assert set().union(*GROUPS) == set(published())
    assert not any(one & other for one, other in combinations(GROUPS, 2))


@pytest.mark.parametrize(
    ("scope", "answers"),
    [
        (ErrorScope.PLACE, [(403, 50001), (403, 50013), (404, 10003), (404, 10004), (400, 160006), (400, 160007)]),
        (ErrorScope.PLACE, [(400, 50024), (403, 50007), (403, 50278), (400, 40067), (403, 160005), (400, 50083)]),
        (ErrorScope.CARD, [(400, 50035), (400, 50006), (400, 200000), (400, 200001), (400, 240000), (413, 40005)]),
        (ErrorScope.WAY, [(403, 40333), (400, 40333), (401, 0), (401, 50014), (401, 50001), (503, 130000)]),
        (ErrorScope.MESSAGE, [(404, 10008), (403, 50005)]),
        (ErrorScope.DONE, [(400, 40033)]),
        (ErrorScope.LATER, [(429, 20028), (429, 20022), (429, 30046), (400, 30046), (500, 0), (502, 50035)]),
        # no code, or one that Discord has not published
        (ErrorScope.CARD, [(400, 0), (400, 999_999), (413, 0), (422, 1)]),
        (ErrorScope.PLACE, [(403, 0), (403, 999_999), (404, 0), (404, 77)]),
        (ErrorScope.LATER, [(409, 0), (418, 5), (429, 0), (599, 0), (302, 0)]),
    ],
)
def test_an_answer_belongs_to(scope: ErrorScope, answers: list[tuple[int, int]]) -> None:
    assert {answer: classify_error(*answer) for answer in answers} == dict.fromkeys(answers, scope)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404, 429, 500, 503, 530])
def test_what_is_not_discords_json_is_the_ways_whatever_its_status(status: int) -> None:
    assert classify_error(status, None) is ErrorScope.WAY


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
def test_every_code_has_a_scope_at_every_status(status: int) -> None:
    assert all(isinstance(classify_error(status, code), ErrorScope) for code in published())
