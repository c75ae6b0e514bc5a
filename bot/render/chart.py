"""A small bar chart as an image, with alt text."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby, pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.levels import heat_text

_WIDTH, _HEIGHT = 800, 300
_FONT = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
_SCALE = 2
"""Supersampling factor: Pillow does not antialias."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 32, 52, 40
_MARKS = 96
"""Room to the right of a chart with a line."""
_MARKS_APART = 18
# A solid panel contrasts with both Discord's dark and light theme.
_PANEL, _GRID, _TEXT, _QUIET, _BAR = "#2b2d3a", "#434657", "#eceef6", "#a9adc1", "#7d9bff"
_LINE = "#ffb86b"
_MAX_LABELS = 10
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
    """Draw a PNG of 800 × 300 pixels with one bar per count, in order, and as many labels as are legible."""
    image = Image.new("RGBA", (_WIDTH * _SCALE, _HEIGHT * _SCALE), (0, 0, 0, 0))
    canvas = _Canvas(ImageDraw.Draw(image))
    canvas.draw_panel()
    canvas.draw_text((_LEFT, 18), title, 18, _TEXT, "lm")
    right = _WIDTH - (_MARKS if line else _RIGHT)
    _draw_bars(canvas, counts, labels, right)
    if line:
        _draw_line(canvas, line, right)
    written = io.BytesIO()
    image.resize((_WIDTH, _HEIGHT), Image.Resampling.LANCZOS).save(written, "PNG", optimize=True)
    return written.getvalue()


def _draw_bars(canvas: _Canvas, counts: Sequence[int], labels: Sequence[str], right: int) -> None:
    top = round_up_scale(max(counts, default=0))
    for tick in sorted({0, top // 2, top}):
        canvas.draw_line(_LEFT, _bar_height(tick, top), right)
        canvas.draw_text((_LEFT - 10, _bar_height(tick, top)), _short_number(tick), 13, _QUIET, "rm")
    step = (right - _LEFT) / max(len(counts), 1)
    every = -(-len(counts) // _MAX_LABELS) or 1
    for place, (count, label) in enumerate(zip(counts, labels, strict=True)):
        middle = _LEFT + step * (place + 0.5)
        if count:
            canvas.draw_bar(middle, min(step * 0.72, 60), _bar_height(count, top))
        # Counted from the right, so that the newest day always has a label.
        if (len(counts) - 1 - place) % every == 0:
            canvas.draw_text((middle, _HEIGHT - _BOTTOM + 18), label, 13, _QUIET, "mm")


def _draw_line(canvas: _Canvas, line: ChartLine, right: int) -> None:
    most = max((value for value in line.values if value is not None), default=0)
    top = round_up_scale(math.ceil(max([most, *(mark for mark, _ in line.marks[:2])])))
    below = float(_HEIGHT)
    for mark, name in line.marks:
        height = _bar_height(mark, top)
        if mark <= top and below - height >= _MARKS_APART:
            canvas.draw_text((right + 10, height), name, 13, _LINE, "lm")
            below = height
    canvas.draw_legend(right, line.name)
    step = (right - _LEFT) / max(len(line.values), 1)
    points = [
        None if value is None else (_LEFT + step * (place + 0.5), _bar_height(max(value, 0), top))
        for place, value in enumerate(line.values)
    ]
    # Days without a value interrupt the curve.
    for known, group in groupby(points, key=lambda point: point is not None):
        if known:
            canvas.draw_curve([point for point in group if point], min(step * 0.25, 4))


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
        for colour, more in ((_PANEL, 2.0), (_LINE, 0.0)):
            for ends in pairwise(scaled):
                self._draw.line(ends, colour, round((3 + more * 2) * _SCALE))
            for point in scaled:
                self._draw.circle(point, (dot + more) * _SCALE, colour)

    def draw_legend(self, right: float, name: str) -> None:
        """Draw the line's name above its scale."""
        self.draw_text((right, 18), name, 14, _LINE, "rm")
        width = _load_font(14).getlength(name) / _SCALE
        self.draw_curve([(right - width - 34, 18), (right - width - 10, 18)], 0)

    def draw_text(self, place: tuple[float, float], words: str, size: int, colour: str, anchor: str) -> None:
        x, y = place
        self._draw.text((x * _SCALE, y * _SCALE), words.replace("\n", " "), colour, _load_font(size), anchor)


@cache
def _load_font(size: int) -> ImageFont.FreeTypeFont:
    """Load a bundled font: Pillow's default only covers English letters."""
    return ImageFont.truetype(_FONT, size * _SCALE)


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
