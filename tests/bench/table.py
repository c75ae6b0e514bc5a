"""Results as a small table."""

from __future__ import annotations

from collections.abc import Sequence


def print_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns as wide as they need; the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
    for row in (head, ["-" * width for width in widths], *rows):
        first, *others = (
            text.rjust(width) if place else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        print("  ".join([first, *others]))


def p50(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2]


def p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99) - 1]


def format_verdict(value: float, bar: float) -> str:
    return "ok" if value <= bar else "OVER"
