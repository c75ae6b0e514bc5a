"""A run's report as a table."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tests.bench.table import print_table
from tests.soak.crowd import ReaderAction
from tests.soak.story import SoakReport


def print_report(report: SoakReport) -> None:
    print_table(("", ""), [(name, str(value)) for name, value in _figure_rows(report)])
    sys.stdout.write("\n")
    head = ("interaction", "made", "answered", "sorry", "ack p50 ms", "p99 ms", "slowest ms")
    both = (_format_row("all", report.crowd.actions), _format_row("all that no fault struck", report.unspoiled_actions))
    print_table(
        head,
        [*both, *(_format_row(f"  {kind}", actions) for kind, actions in _by_kind(report.unspoiled_actions).items())],
    )
    for line, times in report.errors.most_common():
        sys.stdout.write(f"\n{times} x {line}\n")


def _figure_rows(report: SoakReport) -> Iterable[tuple[str, object]]:
    size, found, memory = report.size, report.count, report.memory
    yield "servers, subscriptions", f"{size.servers:,}, {size.subscriptions:,}"
    yield "news for", f"{size.seconds / 60:.1f} min"
    yield "faults struck", ", ".join(f"{each['fault']} {each['hits']}" for each in report.faults)
    yield "requests, 429s", f"{report.totals.requests:,}, {report.totals.by_status.get('429', 0)}"
    yield "busiest second", report.totals.busiest_second
    yield "messages, of them digests", f"{found.messages:,}, {found.digests}"
    yield "deliveries wanted, held", f"{found.wanted:,}, {found.held:,}"
    yield "lost", found.lost
    yield "repeated", found.repeated
    yield "disordered channels", found.disordered
    yield "stray, stale, still standing", f"{found.stray}, {found.stale}, {found.standing}"
    yield "second posts held off by their nonce", report.totals.prevented
    yield "quiet after the last card", "never" if report.quiet is None else f"{report.quiet:.0f} s"
    yield "start to connected", f"{report.ready:.1f} s"
    yield "bot's CPU", f"{report.cpu:.0%} of a core"
    yield "memory at 0, 25, 50, 75, 100 %", ", ".join(f"{memory.memory_at(each / 4):.0f}" for each in range(5)) + " MB"
    yield "highest", f"{memory.highest:.0f} MB"
    yield "slope, second half", f"{memory.slope:+.1f} MB/h"
    yield (
        "commands answered, failed",
        f"{sum(each.is_answered for each in report.crowd.actions):,}, {_count_failed(report)}",
    )
    yield "failed without a fault", report.unanswered
    yield "errors in the log", sum(report.errors.values())


def _count_failed(report: SoakReport) -> int:
    return sum(not each.is_answered for each in report.crowd.actions)


def _by_kind(actions: list[ReaderAction]) -> dict[str, list[ReaderAction]]:
    kinds: dict[str, list[ReaderAction]] = {}
    for each in actions:
        kinds.setdefault(each.kind, []).append(each)
    return dict(sorted(kinds.items()))


def _format_row(name: str, actions: list[ReaderAction]) -> tuple[str, ...]:
    taken = sorted(each.outcome.ack_ms for each in actions if each.outcome.ack_ms is not None) or [0.0]
    times = (taken[len(taken) // 2], taken[int(len(taken) * 0.99)], taken[-1])
    counts = (len(actions), sum(each.is_answered for each in actions), sum(each.is_apology for each in actions))
    return (name, *(f"{each:,}" for each in counts), *(f"{each:.1f}" for each in times))
