"""One scenario, simulated and calculated, and what is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.client.rate_limit import GLOBAL_LIMIT
from tests.scaling.audience import Mix
from tests.scaling.courier import SimulatedCourier
from tests.scaling.fluid import FluidResult, service_rate, simulate_flow
from tests.scaling.news import DAY, Wave, simulate_day


@dataclass(frozen=True, slots=True)
class Scenario:
    """`limit` is in requests a second."""

    name: str
    mix: Mix = field(default_factory=Mix)
    limit: int = GLOBAL_LIMIT
    bots: int = 1
    """Each with a token, a limit and an equal part of the subscriptions of its own."""


@dataclass(frozen=True, slots=True)
class ScenarioFigures:
    """One bot's day. Seconds, messages, requests a second."""

    wanted: int
    load: float
    """What is wanted, as a part of what the limit lets through in a day."""
    busiest: float
    formula: FluidResult
    one_by_one: SimulatedCourier
    gathering: SimulatedCourier
    waves: Sequence[Wave]

    @property
    def mean_wait(self) -> float:
        return self.one_by_one.waits / self.wanted

    def last_arrivals(self, courier: SimulatedCourier) -> list[float]:
        """Seconds until the last channel received a card, for each card, the quickest first."""
        return sorted(seconds for number, seconds in courier.last.items() if self.waves[number].is_card)

    def digest_arrivals(self) -> list[float]:
        """The same for digests that were due at one moment."""
        return sorted(seconds for number, seconds in self.gathering.last.items() if not self.waves[number].is_card)


def play_scenario(scenario: Scenario, subscriptions: int, cards: int, share: float = 1.0) -> ScenarioFigures:
    """`share` makes a small model of it: that part of the subscriptions, and of the limit."""
    waves = simulate_day(round(subscriptions * share / scenario.bots), cards, scenario.mix)
    slots = max(1, round(scenario.limit * share))
    one_by_one, gathering = SimulatedCourier(waves, slots), SimulatedCourier(waves, slots, gathers=True)
    one_by_one.deliver_day()
    gathering.deliver_day()
    wanted, mu = sum(len(wave.channels) for wave in waves), service_rate(slots)
    return ScenarioFigures(
        wanted, wanted / (mu * DAY), _busiest_rate(waves), simulate_flow(waves, mu), one_by_one, gathering, waves
    )


def percentile(part: float, ordered: Sequence[float]) -> float:
    """The value that so large a part does not exceed."""
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _busiest_rate(waves: Sequence[Wave]) -> float:
    minutes = [0] * (int(DAY) // 60 + 1)
    for wave in waves:
        minutes[int(wave.at) // 60] += len(wave.channels)
    return max(minutes) / 60
