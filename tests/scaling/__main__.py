"""`python -m tests.scaling [--servers 100000] [--subscriptions 150000] [--cards 500]`: how far one bot reaches."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence

from tests.bench.table import print_table
from tests.scaling import machines
from tests.scaling.audience import Mix
from tests.scaling.courier import SimulatedCourier
from tests.scaling.figures import Scenario, ScenarioFigures, percentile, play_scenario
from tests.scaling.fluid import service_rate
from tests.scaling.news import DAY

SCENARIOS = (
    Scenario("digests alone", Mix(instant=0)),
    Scenario("5 % instant", Mix(instant=0.05)),
    Scenario("10 % instant", Mix(instant=0.1)),
    Scenario("20 % instant", Mix(instant=0.2)),
    Scenario("40 % instant", Mix(instant=0.4)),
    Scenario("20 %, all with topics", Mix(instant=0.2, everything=0)),
    Scenario("20 %, two bots", Mix(instant=0.2), bots=2),
    Scenario("20 %, 500 a second", Mix(instant=0.2), limit=500),
    Scenario("60 %, 500 a second", Mix(instant=0.6), limit=500),
)
_HOURS = range(0, 24, 3)
_MINUTE, _HOUR = 60, 3600


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("servers", 100_000), ("subscriptions", 150_000), ("cards", 500)):
        parser.add_argument(f"--{name}", type=int, default=default)
    sizes = parser.parse_args()
    _print_table("the gateways", *_machine_rows(sizes.servers))
    played = [(scenario, play_scenario(scenario, sizes.subscriptions, sizes.cards)) for scenario in SCENARIOS]
    _print_table("a day's load of each bot", *_load_rows(played))
    _print_table("until the last channel has a card", *_delay_rows(played))
    _print_table("messages that wait, one by one, in thousands, at this hour (UTC)", *_queue_rows(played))
    _print_table("simulated / by the formula", *_check_rows(played))


_Table = tuple[Sequence[str], list[Sequence[str]]]
_Played = Sequence[tuple[Scenario, ScenarioFigures]]


def _print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    print(f"\n{title}\n")
    print_table(head, rows)


def _machine_rows(servers: int) -> _Table:
    head = ("servers a shard", "shards", "start, one at a time", "16 at a time", "MB in one process", "in each of two")
    counts = [(per, machines.shard_count(servers, per)) for per in (machines.SERVERS, machines.MOST_SERVERS)]
    needed = [f"{machines.process_memory(servers, processes):,.0f}" for processes in (1, 2)]
    return head, [
        (f"{per:,}", f"{count}", *(_format_span(machines.start_seconds(count, many)) for many in (1, 16)), *needed)
        for per, count in counts
    ]


def _load_rows(played: _Played) -> _Table:
    head = ("subscriptions", "messages wanted", "the limit lets through", "load", "busiest minute", "left at midnight")
    return head, [
        (
            scenario.name,
            f"{found.wanted:,}",
            f"{service_rate(scenario.limit) * DAY:,.0f}",
            f"{found.load:.0%}",
            f"{found.busiest:,.0f}/s",
            f"{found.one_by_one.at_midnight:,}",
        )
        for scenario, found in played
    ]


def _delay_rows(played: _Played) -> _Table:
    head = ("subscriptions", "half", "99 %", "worst", "gathered: half", "99 %", "worst", "in lists", "digests: worst")
    return head, [
        (
            scenario.name,
            *(_format_delay(found, found.one_by_one) if found.load < 1 else ("grows",) * 3),
            *_format_delay(found, found.gathering),
            f"{found.gathering.gathered / found.wanted:.0%}",
            _format_span(percentile(1, found.digest_arrivals())),
        )
        for scenario, found in played
    ]


def _format_delay(found: ScenarioFigures, courier: SimulatedCourier) -> Iterator[str]:
    last = found.last_arrivals(courier)
    return (_format_span(percentile(part, last)) if last else "none" for part in (0.5, 0.99, 1))


def _queue_rows(played: _Played) -> _Table:
    return ("subscriptions", *(f"{hour}:00" for hour in _HOURS)), [
        (scenario.name, *(f"{_queue_length(found, hour * _HOUR) / 1000:,.1f}" for hour in _HOURS))
        for scenario, found in played
    ]


def _queue_length(found: ScenarioFigures, moment: float) -> int:
    """What waits at that moment, with the digests that it has just brought."""
    return max(
        (line for wave, line in zip(found.waves, found.one_by_one.lines, strict=True) if wave.at == moment), default=0
    )


def _check_rows(played: _Played) -> _Table:
    head = ("subscriptions", "longest line", "formula", "ratio", "mean wait", "formula", "ratio")
    return head, [(scenario.name, *_format_comparison(found)) for scenario, found in played]


def _format_comparison(found: ScenarioFigures) -> Iterator[str]:
    longest, formula = max(found.one_by_one.lines), found.formula
    yield from (f"{longest:,}", f"{formula.longest_line:,.0f}", f"{longest / formula.longest_line:.3f}")
    yield from (
        f"{found.mean_wait:,.1f} s",
        f"{formula.mean_wait:,.1f} s",
        f"{found.mean_wait / formula.mean_wait:.3f}",
    )


def _format_span(seconds: float) -> str:
    if seconds < 2 * _MINUTE:
        return f"{seconds:.1f} s"
    return f"{seconds / _MINUTE:.0f} min" if seconds < 2 * _HOUR else f"{seconds / _HOUR:.1f} h"


if __name__ == "__main__":
    main()
