"""Simulate a subscription over past days."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.desk.digest import Candidate, Had, choose, ranked
from bot.desk.subscription import Wish
from bot.desk.timetable import Timetable, timetable


@dataclass(frozen=True, slots=True)
class Brought:
    """Result of a simulation: cards per local day, the number of digests, and the card ids, newest first."""

    days: tuple[tuple[date, int], ...]
    digests: int
    card_ids: tuple[int, ...]


def played_again(
    pool: Collection[Candidate],
    wish: Wish,
    now: datetime,
    days: int,
    left_out: Callable[[int], bool] | None = None,
) -> Brought:
    """Simulate the last `days` local days, including today. Cards are assumed to arrive when published.

    `left_out` tells whether a card is excluded by its text.
    """
    arrived = sorted(
        (replace(card, arrived_at=card.published_at) for card in pool),
        key=lambda card: (card.published_at, card.card_id),
    )
    zone = ZoneInfo(wish.timezone)
    today = now.astimezone(zone).date()
    calendar = [today - timedelta(days=back) for back in reversed(range(days))]
    start = datetime.combine(calendar[0], datetime.min.time(), tzinfo=zone)
    turns = _turns(arrived, timetable(wish), start, now)
    had: tuple[set[int], set[int]] = (set(), set())
    counts: Counter[date] = Counter()
    brought: list[int] = []
    digests = 0
    for at, since, cards, period in turns:
        chosen = choose(ranked(cards, at, period), wish, at, since, Had(*had), left_out).chosen
        story = {card.card_id: card.story_id for card in cards}
        had[0].update(each.card_id for each in chosen)
        had[1].update(story[each.card_id] for each in chosen)
        counts[at.astimezone(zone).date()] += len(chosen)
        brought += [each.card_id for each in reversed(chosen)]
        digests += bool(chosen)
    shown = tuple((day, counts[day]) for day in calendar)
    return Brought(shown, digests if timetable(wish) else 0, tuple(reversed(brought)))


Turn = tuple[datetime, datetime, Sequence[Candidate], timedelta]
_MOMENT = timedelta(microseconds=1)


def _turns(arrived: Sequence[Candidate], table: Timetable | None, start: datetime, now: datetime) -> list[Turn]:
    """Times at which something would have been sent, as (time, previous time, candidate cards, period)."""
    if table is None:
        recent = [card for card in arrived if start <= card.published_at <= now]
        return [(card.published_at, card.published_at - _MOMENT, (card,), timedelta(0)) for card in recent]
    moments = [card.published_at for card in arrived]
    first = table.latest(start)
    since = first.at if first else start
    turns: list[Turn] = []
    for slot in table.between(start, now):
        among = arrived[bisect_right(moments, since) : bisect_right(moments, slot.at)]
        turns.append((slot.at, since, among, table.period))
        since = slot.at
    return turns
