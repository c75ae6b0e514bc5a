"""The simulation in small, held against the closed formula; `make scaling` plays it at full size."""

from __future__ import annotations

import pytest

from tests.scaling import machines
from tests.scaling.audience import Mix
from tests.scaling.courier import SimulatedCourier
from tests.scaling.figures import Scenario, play_scenario
from tests.scaling.fluid import service_rate, simulate_flow
from tests.scaling.news import Wave, simulate_day

AGREE = 0.02
"""How far simulation and formula may lie apart: the one counts whole messages and uneven answers, the other flows."""


@pytest.mark.parametrize("instant", [0.1, 0.2, 0.4])
def test_the_simulation_and_the_formula_agree_below_and_above_the_limit(instant: float) -> None:
    found = play_scenario(Scenario("small", Mix(instant=instant)), subscriptions=150_000, cards=500, share=0.04)
    assert max(found.one_by_one.lines) == pytest.approx(found.formula.longest_line, rel=AGREE)
    assert found.mean_wait == pytest.approx(found.formula.mean_wait, rel=AGREE)
    assert found.one_by_one.at_midnight == pytest.approx(found.formula.at_midnight, rel=AGREE, abs=10)
    assert found.one_by_one.sent == found.wanted
    assert (found.load > 1) == (instant == 0.4)


def test_the_same_seed_gives_the_same_day() -> None:
    assert simulate_day(1_000, 50, Mix()) == simulate_day(1_000, 50, Mix())
    assert simulate_day(1_000, 50, Mix()) != simulate_day(1_000, 50, Mix(), seed=9)


def test_one_card_to_many_channels_takes_as_long_as_the_slots_say() -> None:
    courier = SimulatedCourier([Wave(0, range(100), is_card=True)], slots=1, latency=lambda: 0.25)
    courier.deliver_day()
    assert courier.last == {0: pytest.approx(100 / service_rate(1, 0.25) - 1)}


def test_a_channel_has_one_request_at_a_time() -> None:
    waves = [Wave(0, [7], is_card=True), Wave(0, [7], is_card=True)]
    courier = SimulatedCourier(waves, slots=50, latency=lambda: 0.25)
    courier.deliver_day()
    assert courier.last == {0: pytest.approx(0.25), 1: pytest.approx(0.5)}


def test_stories_that_waited_for_an_hour_come_as_one_list() -> None:
    """One slot, an hour a request: the first story is late, and the others that wait by then are gathered."""
    waves = [Wave(second, [7], is_card=True) for second in range(5)]
    courier = SimulatedCourier(waves, slots=1, gathers=True, latency=lambda: 3600)
    courier.deliver_day()
    assert (courier.sent, courier.gathered, courier.waiting, len(courier.last)) == (2, 4, 0, 5)


def test_what_leaves_slower_than_it_comes_stays() -> None:
    waves = [Wave(0, range(1000), is_card=True), Wave(10, range(1000), is_card=True)]
    assert simulate_flow(waves, mu=50).longest_line == 1500
    assert simulate_flow(waves, mu=50).at_midnight == 0


def test_the_gateways_of_a_hundred_thousand_servers() -> None:
    assert (machines.shard_count(100_000), machines.shard_count(100_000, machines.MOST_SERVERS)) == (100, 40)
    assert machines.start_seconds(100, 1) == pytest.approx(99 * 5.2)
    assert machines.start_seconds(100, 16) == pytest.approx(6 * 5.2)
    assert machines.process_memory(10_000, 1) == 197
