"""The days in numbers and in a picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops

from bot.domain.trends import DayCount
from bot.render.chart import ChartLine, describe_heat, draw_bar_chart
from bot.render.trends import draw_trends_chart, render_trends
from tests.render.cases import ANY_TEXT
from tests.render.limits_check import assert_no_mention, assert_within_limits

FIRST = date(2026, 11, 1)
MARKS = [(0, "calm"), (70, "hot")]


def make_days(*counts: int, heat: float | None = 50) -> list[DayCount]:
    return [
        DayCount(FIRST + timedelta(days=place), cards, heat if cards else None) for place, cards in enumerate(counts)
    ]


def test_the_embed_compares_the_last_two_weeks() -> None:
    embed = render_trends(make_days(*[1] * 7, *[2] * 7), "Open_Source", "attachment://a.png")
    assert embed.title == "Open\\_Source"
    assert embed.description == "**21** cards in 14 days\n**14** in the last 7 days, **7** in the 7 before 📈"
    assert embed.image.url == "attachment://a.png"


def test_a_week_has_none_before_it_to_compare_with() -> None:
    embed = render_trends(make_days(1, 0, 0, 0, 0, 0, 0), None, "attachment://a.png")
    assert (embed.title, embed.description) == ("All topics", "**1** card in 7 days")


def test_the_words_say_what_the_picture_shows() -> None:
    found = make_days(2, 0, 3)
    chart = draw_trends_chart([found[0], found[1], DayCount(FIRST + timedelta(days=2), 3, 90.4)])
    assert chart.alt == (
        "Bar chart of cards a day over 3 days: 5 in all, at most 3 on 3 Nov, none on 1 of them; rising. "
        "Line of the mean heat: lowest on 1 Nov (calm), highest on 3 Nov (warm)."
    )


def test_days_without_heat_say_so() -> None:
    assert describe_heat([None, None], ["a", "b"]) == "No mean heat."


def _png_colours(png: bytes) -> set[tuple[int, ...]]:
    with Image.open(io.BytesIO(png)) as image:
        assert image.size == (800, 480)
        return {colour for _, colour in image.convert("RGBA").getcolors(1 << 20) or ()}  # type: ignore[misc]


def test_the_picture_has_a_panel_of_its_own_and_the_line_only_where_there_is_heat() -> None:
    amber, blue, panel = (255, 184, 107, 255), (125, 155, 255, 255), (43, 45, 58, 255)
    with_line = _png_colours(draw_bar_chart([3, 5], ["a", "b"], title="t", line=ChartLine([10, 20], "Heat", MARKS)))
    without = _png_colours(draw_bar_chart([3, 5], ["a", "b"], title="t"))
    assert {amber, blue, panel} <= with_line
    assert amber not in without
    assert (0, 0, 0, 0) in without  # the corners show the theme


def test_the_text_can_be_read_on_a_phone() -> None:
    plain, titled = (
        Image.open(io.BytesIO(draw_bar_chart([1], [""], title=title))).convert("RGB") for title in ("", "H")
    )
    box = ImageChops.difference(plain, titled).getbbox()
    assert box is not None
    shown = (box[3] - box[1]) * 270 / titled.width
    assert shown >= 12 * 0.7  # a capital letter is about 0.7 of the size of its font


@pytest.mark.parametrize("heat", [[], [None], [0.0], [None, 5, None, 7, 8], [10**7, 0, -3.5]])
def test_any_line_is_drawn(heat: Sequence[float | None]) -> None:
    assert draw_bar_chart(
        [1] * len(heat), ["x"] * len(heat), title="t", line=ChartLine(heat, "Heat", MARKS)
    ).startswith(b"\x89PNG")


@settings(deadline=None, max_examples=50)
@given(ANY_TEXT, st.integers(0, 10**9))
@example(" ", 0)
def test_any_topic_fits(topic: str, count: int) -> None:
    embeds = [render_trends(make_days(count), topic, "https://example.org/a.png")]
    assert_within_limits(embeds)
    assert_no_mention(embeds)
