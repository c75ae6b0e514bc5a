"""The gate in front of Discord, without any: when it shuts, what it lets through, how long it waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.delivery.gate import MAX_RETRY_AFTER, MAX_WAIT, MIN_WAIT, Admission, Gate
from tests.support.stage import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def gate(clock: ManualClock) -> Gate:
    return Gate(clock)


def test_an_open_gate_lets_everything_through(gate: Gate) -> None:
    assert {gate.admit_request() for _ in range(10)} == {Admission.FREE}
    assert (gate.is_open, gate.closed_until, gate.reason) == (True, None, "")


def test_a_shut_gate_lets_nothing_through_and_then_one_request(gate: Gate, clock: ManualClock) -> None:
    gate.shut_gate("a page")
    assert gate.closed_until == clock() + MIN_WAIT
    assert gate.reason == "a page"
    assert gate.admit_request() is Admission.REFUSED
    clock.now += MIN_WAIT
    assert [gate.admit_request() for _ in range(3)] == [Admission.PROBE, Admission.REFUSED, Admission.REFUSED]
    gate.open_gate()
    assert gate.admit_request() is Admission.FREE


def test_each_probe_in_vain_doubles_the_wait_up_to_the_longest(gate: Gate, clock: ManualClock) -> None:
    waits = []
    gate.shut_gate("a page")
    for _ in range(8):
        waits.append(gate.remaining_wait())
        clock.now += gate.remaining_wait()
        assert gate.admit_request() is Admission.PROBE
        gate.shut_gate("a page")
    assert waits[:3] == [MIN_WAIT, MIN_WAIT * 2, MIN_WAIT * 4]
    assert max(waits) == waits[-1] == MAX_WAIT


def test_requests_that_were_under_way_do_not_lengthen_the_wait(gate: Gate) -> None:
    for _ in range(50):
        gate.shut_gate("a page")
    assert gate.remaining_wait() == MIN_WAIT


@pytest.mark.parametrize(
    ("options", "waits"),
    [
        (timedelta(seconds=1), MIN_WAIT),
        (timedelta(seconds=90), timedelta(seconds=90)),
        (timedelta(days=4000), MAX_RETRY_AFTER),
    ],
)
def test_discords_own_wish_is_heeded_within_reason(gate: Gate, options: timedelta, waits: timedelta) -> None:
    gate.shut_gate("a page", options)
    assert gate.remaining_wait() == waits


@pytest.mark.parametrize("back", [timedelta(seconds=5), timedelta(hours=1), timedelta(days=700)])
def test_a_clock_that_is_set_back_makes_no_wait_longer(gate: Gate, clock: ManualClock, back: timedelta) -> None:
    gate.shut_gate("a page", timedelta(seconds=30))
    clock.now -= back
    assert gate.remaining_wait() <= timedelta(seconds=30)
    clock.now += timedelta(seconds=30)
    assert gate.admit_request() is Admission.PROBE


def test_one_place_alone_does_not_stop_the_others_by_5xx(gate: Gate) -> None:
    for _ in range(100):
        gate.report_suspect("5", "answered 500")
    assert gate.is_open


def test_several_places_in_a_row_do(gate: Gate) -> None:
    for place in "567":
        gate.report_suspect(place, "answered 503")
    assert gate.admit_request() is Admission.REFUSED


def test_a_success_between_them_clears_the_doubt(gate: Gate) -> None:
    for place in "5678":
        gate.report_suspect(place, "answered 503")
        gate.open_gate()
    assert gate.is_open


def test_a_probe_that_fails_shuts_the_gate_again(gate: Gate, clock: ManualClock) -> None:
    gate.shut_gate("a page")
    clock.now += gate.remaining_wait()
    gate.admit_request()
    gate.report_suspect("5", "timeout")
    assert gate.remaining_wait() == MIN_WAIT * 2


def test_a_401_calls_for_the_end_and_later_successes_do_not_open(gate: Gate, clock: ManualClock) -> None:
    calls = []
    gate.on_unauthorized = lambda: calls.append(gate.is_authorized)
    gate.shut_gate("answered 401", unauthorized=True)  # the login: discord.py says so itself
    assert gate.is_open
    gate.open_gate()
    gate.shut_gate("answered 401", unauthorized=True)
    gate.open_gate()  # a request that was under way
    assert calls == [False]
    assert gate.admit_request() is Admission.REFUSED
    clock.now += gate.remaining_wait()
    assert gate.admit_request() is Admission.PROBE
    gate.open_gate()
    assert gate.is_authorized
    assert gate.is_open


def test_reading_opens_no_gate_that_writing_shut(gate: Gate, clock: ManualClock) -> None:
    gate.shut_gate("a page")
    clock.now += gate.remaining_wait()
    assert gate.admit_request() is Admission.PROBE
    gate.open_gate(reading=True)
    assert not gate.is_open
    assert gate.admit_request() is Admission.PROBE
    gate.open_gate()
    gate.shut_gate("a page", reading=True)
    gate.open_gate(reading=True)
    assert gate.is_open


def test_it_logs_once_when_it_shuts_and_once_when_it_opens(
    gate: Gate, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(20):
        gate.shut_gate("answered 403 with a page")
        clock.now += gate.remaining_wait()
        gate.admit_request()
    gate.open_gate()
    assert len(caplog.records) == 2
