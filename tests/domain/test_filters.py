"""Which cards a subscription is spared."""

from __future__ import annotations

import pytest

from bot.domain.filters import excluding_term
from tests.support.cards import make_card


@pytest.mark.parametrize(
    ("without", "found"),
    [
        ((), None),
        (("python",), "python"),
        (("rust", "PYTHON"), "PYTHON"),
        (("kwargs",), "kwargs"),
        (("kwarg",), None),
        (("new  release",), "new  release"),
        (("release is",), "release is"),
        (("c++",), "c++"),
        ((".*",), None),
        (("über",), None),
        (("新しい",), "新しい"),
        (("バー",), "バー"),
        (("",), None),
    ],
)
def test_a_word_counts_where_it_stands_by_itself(without: tuple[str, ...], found: str | None) -> None:
    one = make_card(
        title="A new release", excerpt="kwargs for C++ users; darüber. 新しいバージョン", topics=("Python",)
    )
    excerpt_joined = make_card(title="A new release is out", excerpt=one.excerpt, topics=("Python",))
    assert excluding_term(excerpt_joined if "is" in "".join(without) else one, without, {"python"}) == found


def test_topics_count_as_the_server_has_them() -> None:
    card = make_card(title="One", excerpt="Two", topics=("Python",))
    assert excluding_term(card, ("python",), {"rust"}) is None
    assert excluding_term(card, ("RUST ",), {"rust"}) == "RUST "
