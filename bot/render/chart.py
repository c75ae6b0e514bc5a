"""A small bar chart as an image, with alt text."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.levels import heat_text

_WIDTH, _HEIGHT = 800, 480
_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_SCALE = 2
"""Supersampling factor: Pillow does not antialias."""
_TEXT_SIZE = 36
"""A phone shows the chart 270 to 330 pixels wide, where this is 12 pixels or more."""
_EDGE, _GAP = 24, 12
_TOP, _BOTTOM = 104, 72
_HEADING = 44
_MARKS_APART = _TEXT_SIZE
# A solid panel contrasts with both Discord's dark and light theme.
_PANEL, _GRID, _TEXT, _QUIET, _BAR = "#2b2d3a", "#434657", "#eceef6", "#a9adc1", "#7d9bff"
_LINE = "#ffb86b"
_ALT = 1024  # Discord's limit for the description of a file


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A second series drawn over the bars; gaps where a value is None.

    Its scale on the right names the `marks`, values from the lowest on, as far as the line comes near them.
    """

    values: Sequence[float | None]
    name: str
    marks: Sequence[tuple[int, str]]


def draw_bar_chart(counts: Sequence[int], labels: Sequence[str], *, title: str, line: ChartLine | None = None) -> bytes:
    """Draw a PNG of 800 × 480 pixels with one bar per count, in order, and as many labels as are legible."""
    image = Image.new("RGBA", (_WIDTH * _SCALE, _HEIGHT * _SCALE), (0, 0, 0, 0))
    canvas = _Canvas(ImageDraw.Draw(image))
    canvas.draw_panel()
    canvas.draw_text((_EDGE, _HEADING), title, _TEXT, "lm")
    top = round_up_scale(max(counts, default=0))
    ticks = {tick: _short_number(tick) for tick in (0, top // 2, top)}
    marks = _select_marks(line) if line else {}
    left = _EDGE + _widest(ticks.values()) + _GAP
    right = _WIDTH - _EDGE - (_widest(marks.values()) + _GAP if marks else 0)
    for tick, name in ticks.items():
        height = _bar_height(tick, top)
        canvas.draw_line(left, height, right)
        canvas.draw_text((left - _GAP, height), name, _QUIET, "rm")
    _draw_bars(canvas, counts, labels, (left, right))
    if line:
        for mark, name in marks.items():
            canvas.draw_text((right + _GAP, _bar_height(mark, _line_top(line))), name, _LINE, "lm")
        _draw_line(canvas, line, (left, right))
    written = io.BytesIO()
    image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _draw_bars(canvas: _Canvas, counts: Sequence[int], labels: Sequence[str], span: tuple[float, float]) -> None:
    left, right = span
    top = round_up_scale(max(counts, default=0))
    step = (right - left) / max(len(counts), 1)
    free = float(_WIDTH)
    # From the right, so that the newest day always has a label.
    for place, (count, label) in reversed([*enumerate(zip(counts, labels, strict=True))]):
        middle = left + step * (place + 0.5)
        if count:
            canvas.draw_bar(middle, min(step * 0.72, 60), _bar_height(count, top))
        end = min(middle + _measure(label) / 2, _WIDTH - _EDGE)
        if end <= free and end - _measure(label) >= _EDGE:
            canvas.draw_text((end, _HEIGHT - _BOTTOM / 2), label, _QUIET, "rm")
            free = end - _measure(label) - 2 * _GAP


def _line_top(line: ChartLine) -> int:
    """Return the top of the line's scale: it shows the lowest two marks, and the whole line."""
    most = max((value for value in line.values if value is not None), default=0)
    return round_up_scale(math.ceil(max([most, *(mark for mark, _ in line.marks[:2])])))


def _select_marks(line: ChartLine) -> dict[int, str]:
    """Return the marks that are on the line's scale, and far enough from those below to be legible."""
    top, below, selected = _line_top(line), math.inf, {}
    for mark, name in line.marks:
        height = _bar_height(mark, top)
        if mark <= top and below - height >= _MARKS_APART:
            selected[mark], below = name, height
    return selected


def _draw_line(canvas: _Canvas, line: ChartLine, span: tuple[float, float]) -> None:
    left, right = span
    canvas.draw_legend(line.name)
    step, top = (right - left) / max(len(line.values), 1), _line_top(line)
    points = [
        None if value is None else (left + step * (place + 0.5), _bar_height(max(value, 0), top))
        for place, value in enumerate(line.values)
    ]
    # Days without a value interrupt the curve.
    for known, group in groupby(points, key=lambda point: point is not None):
        if known:
            canvas.draw_curve([point for point in group if point], min(step * 0.25, 6))


def _bar_height(count: float, top: int) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * count / top


_ROUND = (10, 12, 16, 20, 24, 30, 40, 50, 60, 80, 100)


def round_up_scale(most: int) -> int:
    """Round up to a number with an integer half, for the top of the scale."""
    if most <= 10:
        return max(most + most % 2, 2)
    unit = int(10 ** (len(str(most)) - 2))
    return next(top * unit for top in _ROUND if top * unit >= most)


def _short_number(value: int) -> str:
    for size, sign in ((10**9, "B"), (10**6, "M"), (10**4, "k")):
        if value >= size:
            return f"{format_number(value / (1000 if sign == 'k' else size))}{sign}"
    return str(value)


class _Canvas:
    """Draws in chart pixels."""

    def __init__(self, draw: ImageDraw.ImageDraw) -> None:
        self._draw = draw

    def draw_panel(self) -> None:
        self._draw.rounded_rectangle((0, 0, _WIDTH * _SCALE - 1, _HEIGHT * _SCALE - 1), 14 * _SCALE, _PANEL)

    def draw_line(self, left: float, y: float, right: float) -> None:
        self._draw.line((left * _SCALE, y * _SCALE, right * _SCALE, y * _SCALE), _GRID, _SCALE)

    def draw_bar(self, middle: float, width: float, top: float) -> None:
        box = (middle - width / 2, min(top, _HEIGHT - _BOTTOM - 2), middle + width / 2, _HEIGHT - _BOTTOM)
        radius = min(4.0, width / 2, (box[3] - box[1]) / 2)
        scaled = [edge * _SCALE for edge in box]
        self._draw.rounded_rectangle(scaled, radius * _SCALE, _BAR, corners=(True, True, False, False))

    def draw_curve(self, points: Sequence[tuple[float, float]], dot: float) -> None:
        """Draw a polyline, set off from the bars by an outline in the panel's colour."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        # The outline of the whole curve first: drawn piece by piece it would cut into the line.
        for colour, more in ((_PANEL, 3.0), (_LINE, 0.0)):
            for ends in pairwise(scaled):
                self._draw.line(ends, colour, round((5 + more * 2) * _SCALE))
            for point in scaled:
                self._draw.circle(point, (dot + more) * _SCALE, colour)

    def draw_legend(self, name: str) -> None:
        """Draw the line's name in the upper right corner."""
        end = _WIDTH - _EDGE
        self.draw_text((end, _HEADING), name, _LINE, "rm")
        start = end - _measure(name) - _GAP
        self.draw_curve([(start - 40, _HEADING), (start, _HEADING)], 0)

    def draw_text(self, place: tuple[float, float], words: str, colour: str, anchor: str) -> None:
        x, y = place
        self._draw.text((x * _SCALE, y * _SCALE), words.replace("\n", " "), colour, _load_font(), anchor)


@cache
def _load_font() -> ImageFont.FreeTypeFont:
    """Load a bundled font: Pillow's default only covers English letters."""
    return ImageFont.truetype(_FONT, _TEXT_SIZE * _SCALE)


def _measure(words: str) -> float:
    """Return the width of a text in chart pixels."""
    return _load_font().getlength(words.replace("\n", " ")) / _SCALE


def _widest(texts: Iterable[str]) -> float:
    return max(map(_measure, texts), default=0)


def describe_counts(counts: Sequence[int], labels: Sequence[str]) -> str:
    """Describe a chart of cards per day in a sentence or two."""
    if not any(counts):
        return trn("Bar chart: no cards in {count} day.", "Bar chart: no cards in {count} days.", len(counts))
    most, empty = max(counts), sum(not count for count in counts)
    text = tr(
        _SHOWN_WITH_GAPS if empty else _SHOWN,
        days=format_number(len(counts)),
        total=format_number(sum(counts)),
        most=format_number(most),
        busiest=labels[list(counts).index(most)],
        empty=format_number(empty),
        trend=_trend_text(counts),
    )
    return text[:_ALT]


_SHOWN = tr_noop("Bar chart of cards a day over {days} days: {total} in all, at most {most} on {busiest}; {trend}.")
_SHOWN_WITH_GAPS = tr_noop(
    "Bar chart of cards a day over {days} days: {total} in all, at most {most} on {busiest}, none on {empty} of them; "
    "{trend}."
)


def _trend_text(counts: Sequence[int]) -> str:
    half = len(counts) // 2
    before, after = sum(counts[:half]), sum(counts[-half:] if half else ())
    if after > before * 1.25:
        return tr("rising")
    return tr("falling") if after < before * 0.8 else tr("steady")


def describe_heat(values: Sequence[float | None], labels: Sequence[str]) -> str:
    """Describe the line of the mean heat in a sentence."""
    known = [(value, label) for value, label in zip(values, labels, strict=True) if value is not None]
    if not known:
        return tr("No mean heat.")
    (low, low_day), (high, high_day) = min(known), max(known)
    return tr(
        "Line of the mean heat: lowest on {low_day} ({low}), highest on {high_day} ({high}).",
        low=heat_text(low),
        low_day=low_day,
        high=heat_text(high),
        high_day=high_day,
    )
