"""The same day as a closed formula: work flows in by waves, and out at one steady rate.

With `slots` slots that a request holds for its answer's time L and a second more, μ = slots / (1 + L) requests leave a
second. The line at a wave is what it was, less what left since, and the wave: Q' = max(0, Q − μ·Δt) + n. Whatever the
order in which a line is served, as long as nobody idles while somebody waits, its length and the mean wait are these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.scaling.courier import HELD, LATENCY
from tests.scaling.news import DAY, Wave


def service_rate(slots: int, latency: float = LATENCY) -> float:
    """Requests a second that can leave."""
    return slots / (HELD + latency)


@dataclass(frozen=True, slots=True)
class FluidResult:
    """Requests and seconds. `at_midnight` is what a day leaves to the next one."""

    longest_line: float
    mean_wait: float
    at_midnight: float


def simulate_flow(waves: Sequence[Wave], mu: float) -> FluidResult:
    line = longest = waited = 0.0
    for number, wave in enumerate(waves):
        line = max(0.0, line - mu * (wave.at - waves[number - 1].at)) if number else 0.0
        size = len(wave.channels)
        waited += size * (line + size / 2) / mu
        line += size
        longest = max(longest, line)
    total = sum(len(wave.channels) for wave in waves)
    return FluidResult(longest, waited / total, max(0.0, line - mu * (DAY - waves[-1].at)))
