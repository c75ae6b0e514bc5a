"""Simulate a subscription over past days."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain.digest_schedule import WeeklySchedule, schedule_for
from bot.domain.digest_selection import AlreadyDelivered, Candidate, TextJudge, rank_candidates, select_cards
from bot.domain.subscription import SubscriptionOptions


@dataclass(frozen=True, slots=True)
class SimulationResult:
    """Result of a simulation: cards per local day, the number of digests, and the card ids, newest first."""

    days: tuple[tuple[date, int], ...]
    digests: int
    card_ids: tuple[int, ...]


def simulate_options(
    candidates: Collection[Candidate],
    options: SubscriptionOptions,
    now: datetime,
    days: int,
    judge_text: TextJudge | None = None,
) -> SimulationResult:
    """Simulate the last `days` local days, including today. Cards are assumed to arrive when published."""
    arrived = sorted(
        (replace(card, arrived_at=card.published_at) for card in candidates),
        key=lambda card: (card.published_at, card.card_id),
    )
    zone = ZoneInfo(options.timezone)
    today = now.astimezone(zone).date()
    calendar = [today - timedelta(days=back) for back in reversed(range(days))]
    start = datetime.combine(calendar[0], datetime.min.time(), tzinfo=zone)
    runs = _simulated_runs(arrived, schedule_for(options), start, now)
    already_delivered: tuple[set[int], set[int]] = (set(), set())
    counts: Counter[date] = Counter()
    result: list[int] = []
    digests = 0
    for at, since, cards, period in runs:
        selected = select_cards(
            rank_candidates(cards, at, period), options, at, since, AlreadyDelivered(*already_delivered), judge_text
        ).cards
        # Later digests must leave out what earlier ones of the simulation have delivered.
        story = {card.card_id: card.story_id for card in cards}
        already_delivered[0].update(each.card_id for each in selected)
        already_delivered[1].update(story[each.card_id] for each in selected)
        counts[at.astimezone(zone).date()] += len(selected)
        result += [each.card_id for each in reversed(selected)]
        digests += bool(selected)
    shown = tuple((day, counts[day]) for day in calendar)
    return SimulationResult(shown, digests if schedule_for(options) else 0, tuple(reversed(result)))


SimulatedRun = tuple[datetime, datetime, Sequence[Candidate], timedelta]
_MOMENT = timedelta(microseconds=1)


def _simulated_runs(
    arrived: Sequence[Candidate], schedule: WeeklySchedule | None, start: datetime, now: datetime
) -> list[SimulatedRun]:
    """Times at which something would have been sent, as (time, previous time, candidate cards, period)."""
    if schedule is None:
        recent = [card for card in arrived if start <= card.published_at <= now]
        return [(card.published_at, card.published_at - _MOMENT, (card,), timedelta(0)) for card in recent]
    moments = [card.published_at for card in arrived]
    # The first digest looks back to the slot before the simulated days, as a running subscription would.
    first = schedule.latest_slot(start)
    since = first.at if first else start
    runs: list[SimulatedRun] = []
    for slot in schedule.slots_between(start, now):
        among = arrived[bisect_right(moments, since) : bisect_right(moments, slot.at)]
        runs.append((slot.at, since, among, schedule.period))
        since = slot.at
    return runs
