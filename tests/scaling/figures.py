"""One scenario, simulated and reckoned, and what is read from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.gateway.pacing import GLOBAL_LIMIT
from tests.scaling.audience import Mix
from tests.scaling.courier import Courier
from tests.scaling.fluid import Flow, flow, rate
from tests.scaling.news import DAY, Wave, day


@dataclass(frozen=True, slots=True)
class Scenario:
    """`limit` is in requests a second."""

    name: str
    mix: Mix = field(default_factory=Mix)
    limit: int = GLOBAL_LIMIT
    bots: int = 1
    """Each with a token, a limit and an equal part of the subscriptions of its own."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One bot's day. Seconds, messages, requests a second."""

    wanted: int
    load: float
    """What is wanted, as a part of what the limit lets through in a day."""
    busiest: float
    formula: Flow
    one_by_one: Courier
    gathering: Courier
    waves: Sequence[Wave]

    @property
    def mean_wait(self) -> float:
        return self.one_by_one.waits / self.wanted

    def last(self, courier: Courier) -> list[float]:
        """Seconds until the last channel had a card, for each card, the quickest first."""
        return sorted(seconds for number, seconds in courier.last.items() if self.waves[number].is_card)

    def digests(self) -> list[float]:
        """The same for digests that were due at one moment."""
        return sorted(seconds for number, seconds in self.gathering.last.items() if not self.waves[number].is_card)


def play(scenario: Scenario, subscriptions: int, cards: int, share: float = 1.0) -> Figures:
    """`share` makes a small model of it: that part of the subscriptions, and of the limit."""
    waves = day(round(subscriptions * share / scenario.bots), cards, scenario.mix)
    slots = max(1, round(scenario.limit * share))
    one_by_one, gathering = Courier(waves, slots), Courier(waves, slots, gathers=True)
    one_by_one.work()
    gathering.work()
    wanted, mu = sum(len(wave.channels) for wave in waves), rate(slots)
    return Figures(wanted, wanted / (mu * DAY), _busiest(waves), flow(waves, mu), one_by_one, gathering, waves)


def at(part: float, ordered: Sequence[float]) -> float:
    """The value that so large a part does not exceed."""
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _busiest(waves: Sequence[Wave]) -> float:
    minutes = [0] * (int(DAY) // 60 + 1)
    for wave in waves:
        minutes[int(wave.at) // 60] += len(wave.channels)
    return max(minutes) / 60
