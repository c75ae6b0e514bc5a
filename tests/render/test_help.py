"""The commands within one message."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.render.help import UsableCommand, render_help
from bot.render.limits import EMBED_TOTAL, count_total
from tests.render.cases import ANY_TEXT
from tests.render.limits_check import assert_within_limits

COMMANDS = st.lists(st.builds(UsableCommand, st.from_regex(r"\A</[a-z]{1,32}:[0-9]{18}>\Z"), ANY_TEXT), max_size=80)


def test_groups_without_commands_are_left_out() -> None:
    (embed,) = render_help({"Reading": [UsableCommand("</a:1>", "One*"), UsableCommand("`/b`", "Two")], "Digests": []})
    assert (embed.title, embed.description) == ("Reading", "</a:1> · One\\*\n`/b` · Two")
    assert render_help({}) == []


def test_a_long_group_leaves_the_short_ones_whole() -> None:
    many = [UsableCommand(f"</command{number}:{10**18}>", "Does something. " * 6) for number in range(200)]
    long, short = render_help({"Reading": many, "Digests": many[:2]})
    assert count_total([long, short]) <= EMBED_TOTAL
    assert (long.description or "").splitlines()[-1].endswith(" more")
    assert len((short.description or "").splitlines()) == 2


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.sampled_from(["Reading", "Digests", "The desk", "Operating"]), COMMANDS))
def test_any_commands_fit(groups: dict[str, list[UsableCommand]]) -> None:
    assert_within_limits(render_help(groups))
