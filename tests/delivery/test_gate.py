"""The gate in front of Discord, without any: when it shuts, what it lets through, how long it waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.delivery.gate import FIRST_WAIT, LONGEST_WAIT, LONGEST_WISH, Admission, Gate
from tests.support.stage import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(clock)


def test_an_open_gate_lets_everything_through(gate: Gate) -> None:
    assert {gate.admit() for _ in range(10)} == {Admission.FREE}
    assert (gate.is_open, gate.until, gate.reason) == (True, None, "")


def test_a_shut_gate_lets_nothing_through_and_then_one_request(gate: Gate, clock: Clock) -> None:
    gate.shut("a page")
    assert gate.until == clock() + FIRST_WAIT
    assert gate.reason == "a page"
    assert gate.admit() is Admission.REFUSED
    clock.now += FIRST_WAIT
    assert [gate.admit() for _ in range(3)] == [Admission.PROBE, Admission.REFUSED, Admission.REFUSED]
    gate.open()
    assert gate.admit() is Admission.FREE


def test_each_probe_in_vain_doubles_the_wait_up_to_the_longest(gate: Gate, clock: Clock) -> None:
    waits = []
    gate.shut("a page")
    for _ in range(8):
        waits.append(gate.wait())
        clock.now += gate.wait()
        assert gate.admit() is Admission.PROBE
        gate.shut("a page")
    assert waits[:3] == [FIRST_WAIT, FIRST_WAIT * 2, FIRST_WAIT * 4]
    assert max(waits) == waits[-1] == LONGEST_WAIT


def test_requests_that_were_under_way_do_not_lengthen_the_wait(gate: Gate) -> None:
    for _ in range(50):
        gate.shut("a page")
    assert gate.wait() == FIRST_WAIT


@pytest.mark.parametrize(
    ("wish", "waits"),
    [
        (timedelta(seconds=1), FIRST_WAIT),
        (timedelta(seconds=90), timedelta(seconds=90)),
        (timedelta(days=4000), LONGEST_WISH),
    ],
)
def test_discords_own_wish_is_heeded_within_reason(gate: Gate, wish: timedelta, waits: timedelta) -> None:
    gate.shut("a page", wish)
    assert gate.wait() == waits


@pytest.mark.parametrize("back", [timedelta(seconds=5), timedelta(hours=1), timedelta(days=700)])
def test_a_clock_that_is_set_back_makes_no_wait_longer(gate: Gate, clock: Clock, back: timedelta) -> None:
    gate.shut("a page", timedelta(seconds=30))
    clock.now -= back
    assert gate.wait() <= timedelta(seconds=30)
    clock.now += timedelta(seconds=30)
    assert gate.admit() is Admission.PROBE


def test_one_place_alone_does_not_stop_the_others_by_5xx(gate: Gate) -> None:
    for _ in range(100):
        gate.doubt("5", "answered 500")
    assert gate.is_open


def test_several_places_in_a_row_do(gate: Gate) -> None:
    for place in "567":
        gate.doubt(place, "answered 503")
    assert gate.admit() is Admission.REFUSED


def test_a_success_between_them_clears_the_doubt(gate: Gate) -> None:
    for place in "5678":
        gate.doubt(place, "answered 503")
        gate.open()
    assert gate.is_open


def test_a_probe_that_fails_shuts_the_gate_again(gate: Gate, clock: Clock) -> None:
    gate.shut("a page")
    clock.now += gate.wait()
    gate.admit()
    gate.doubt("5", "timeout")
    assert gate.wait() == FIRST_WAIT * 2


def test_a_401_calls_for_the_end_and_later_successes_do_not_open(gate: Gate, clock: Clock) -> None:
    calls = []
    gate.on_unauthorized = lambda: calls.append(gate.is_authorized)
    gate.shut("answered 401", unauthorized=True)  # the login: discord.py says so itself
    assert gate.is_open
    gate.open()
    gate.shut("answered 401", unauthorized=True)
    gate.open()  # a request that was under way
    assert calls == [False]
    assert gate.admit() is Admission.REFUSED
    clock.now += gate.wait()
    assert gate.admit() is Admission.PROBE
    gate.open()
    assert gate.is_authorized
    assert gate.is_open


def test_reading_opens_no_gate_that_writing_shut(gate: Gate, clock: Clock) -> None:
    gate.shut("a page")
    clock.now += gate.wait()
    assert gate.admit() is Admission.PROBE
    gate.open(reading=True)
    assert not gate.is_open
    assert gate.admit() is Admission.PROBE
    gate.open()
    gate.shut("a page", reading=True)
    gate.open(reading=True)
    assert gate.is_open


def test_it_logs_once_when_it_shuts_and_once_when_it_opens(
    gate: Gate, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        gate.shut("answered 403 with a page")
        clock.now += gate.wait()
        gate.admit()
    gate.open()
    assert len(caplog.records) == 2
