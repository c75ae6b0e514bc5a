"""The desk's memory: what an undo restores, what owners decide for everywhere, reports, and a log that only grows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cards.model import State
from bot.desk.publication import EVERYWHERE, Decision, Source, Verdict
from bot.store import Store
from bot.store.desk import Act
from bot.store.flags import MOST, WITHIN, Flag, Flagged
from bot.store.log import Entry, Wanted
from tests.support.cards import NOW, card, file_cards
from tests.support.stores import ask, url_of

HERE = 1
LATER = NOW + timedelta(hours=1)


async def decide(store: Store, card_id: int, verdict: Verdict, guild: int = HERE, **more: object) -> Entry:
    for expected in (None, *Verdict):
        decision = replace(Decision(guild, card_id, verdict, 7, NOW, "because"), **more)  # type: ignore[arg-type]  # fields
        outcome = await store.desk.decide(decision, source=Source.COMMAND, expected=expected)
        if outcome.taken and outcome.entry:
            return outcome.entry
    raise AssertionError("nothing was decided")


async def undo(store: Store, entry: Entry, by: int = 8) -> Entry:
    outcome = await store.desk.undo(entry.guild_id, entry.id, Act(by, LATER, Source.BUTTON))
    assert outcome
    assert outcome.taken
    assert outcome.entry
    return outcome.entry


def stored(tmp_path: Path, question: str) -> list[tuple[object, ...]]:
    return ask(url_of(tmp_path / "newsdesk.db"), question)


@pytest.mark.parametrize("act", ["UPDATE audit SET reason = 'better'", "DELETE FROM audit"])
async def test_the_log_only_grows(store: Store, tmp_path: Path, act: str) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    await decide(store, card_id, Verdict.PUBLISH)
    with pytest.raises(Exception, match="only grows"):
        stored(tmp_path, act)


async def test_an_undo_restores_the_decision_before_with_its_author_and_moment(store: Store, tmp_path: Path) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    await decide(store, card_id, Verdict.PUBLISH, decided_by=5, decided_at=NOW - timedelta(days=1))
    withdrawn = await decide(store, card_id, Verdict.WITHDRAW)
    undone = await undo(store, withdrawn)
    (row,) = stored(tmp_path, "SELECT verdict, decided_by, reason FROM decisions")
    assert row == ("published", 5, "because")
    assert (undone.before, undone.after, undone.undoes, undone.actor_id) == ("withdrawn", "published", withdrawn.id, 8)
    await undo(store, undone)
    (row,) = stored(tmp_path, "SELECT verdict, decided_by FROM decisions")
    assert row == ("withdrawn", 7)


async def test_an_undo_of_the_first_decision_leaves_none(store: Store, tmp_path: Path) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    await undo(store, await decide(store, card_id, Verdict.PUBLISH))
    assert stored(tmp_path, "SELECT * FROM decisions") == []
    assert await store.archive.card(card_id, HERE) is None


async def test_what_was_overtaken_or_is_anothers_cannot_be_undone(store: Store) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    first = await decide(store, card_id, Verdict.PUBLISH)
    second = await decide(store, card_id, Verdict.WITHDRAW)
    late = await store.desk.undo(HERE, first.id, Act(8, LATER, Source.BUTTON))
    assert late
    assert (late.taken, late.entry) == (False, second)
    assert await store.desk.undo(2, second.id, Act(8, LATER, Source.BUTTON)) is None
    assert await store.desk.undo(HERE, 99, Act(8, LATER, Source.BUTTON)) is None


async def test_picked_subscriptions_come_back_with_their_decision_as_far_as_they_still_exist(store: Store) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    made = [
        await store.subscriptions.add(guild_id=HERE, channel_id=channel, created_by=1, now=NOW) for channel in (5, 6)
    ]
    await decide(store, card_id, Verdict.PUBLISH, only=tuple(each.id for each in made))
    withdrawn = await decide(store, card_id, Verdict.WITHDRAW)
    await store.subscriptions.remove(HERE, made[0].id)
    assert (await undo(store, withdrawn)).only == [made[1].id]


async def test_owners_rule_until_the_file_takes_the_card_down(store: Store) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD, topics=("Space",)))
    published = await decide(store, card_id, Verdict.PUBLISH, guild=EVERYWHERE)
    assert [bool(await store.archive.card(card_id, guild)) for guild in (0, 1, 2)] == [True] * 3
    assert [topic.count for topic in await store.archive.topics(2, limit=5)] == [1]
    await file_cards(store, card(state=State.HELD, topics=("Space",), title="Rewritten"))
    assert await store.archive.card(card_id, 2)
    await decide(store, card_id, Verdict.WITHDRAW, guild=2)
    assert await store.archive.card(card_id, 2) is None
    await undo(store, published)
    assert await store.archive.card(card_id, 1) is None
    assert await store.archive.topics(1, limit=5) == []
    await decide(store, card_id, Verdict.PUBLISH, guild=EVERYWHERE)
    await file_cards(store, card(state=State.WITHDRAWN, topics=("Space",), title="Rewritten"))
    assert await store.archive.card(card_id, 1) is None


async def test_an_owners_withdrawal_beats_a_servers_publication(store: Store) -> None:
    (card_id,) = await file_cards(store, card())
    await decide(store, card_id, Verdict.PUBLISH)
    withdrawn = await decide(store, card_id, Verdict.WITHDRAW, guild=EVERYWHERE)
    assert [bool(await store.archive.card(card_id, guild)) for guild in (0, HERE)] == [False, False]
    await undo(store, withdrawn)
    assert [bool(await store.archive.card(card_id, guild)) for guild in (0, HERE)] == [True, True]


async def test_what_a_file_changes_stands_in_the_log_and_is_shown_when_asked_for(store: Store) -> None:
    (card_id,) = await file_cards(store, card())
    await file_cards(store, card(state=State.HELD))
    await store.cabinet.forget("/cards", ["a-card.md"], LATER)
    page = await store.log.page(HERE, Wanted(source=Source.FILE), limit=10)
    assert [(each.before, each.after, each.at) for each in page.entries] == [
        ("held", "withdrawn", LATER),
        ("published", "held", NOW),
    ]
    assert (await store.log.page(HERE, Wanted(card_id=card_id), limit=10)).entries == ()


async def test_the_log_turns_its_pages_both_ways(store: Store) -> None:
    ids = await file_cards(store, *(card(f"card-{number}", state=State.HELD) for number in range(5)))
    entries = [await decide(store, card_id, Verdict.PUBLISH, guild=(HERE, EVERYWHERE)[card_id % 2]) for card_id in ids]
    newest = [entry.id for entry in reversed(entries)]
    first = await store.log.page(HERE, Wanted(), limit=2)
    assert ([each.id for each in first.entries], first.has_newer, first.has_older) == (newest[:2], False, True)
    second = await store.log.page(HERE, Wanted(), limit=2, place=first.entries[-1].id)
    assert ([each.id for each in second.entries], second.has_newer, second.has_older) == (newest[2:4], True, True)
    back = await store.log.page(HERE, Wanted(), limit=2, place=second.entries[0].id, newer=True)
    assert ([each.id for each in back.entries], back.has_newer) == (newest[:2], False)


async def test_topics_of_a_servers_own_are_compared_and_set(store: Store) -> None:
    (card_id,) = await file_cards(store, card(topics=("Space",)))
    act = Act(7, NOW, Source.BUTTON)
    first = await store.desk.edit_topics(HERE, card_id, ["Mars"], act, expected=None)
    late = await store.desk.edit_topics(HERE, card_id, ["Moon"], act, expected=None)
    assert (first.taken, late.taken) == (True, False)
    assert late.entry == first.entry
    seen = [await store.archive.card(card_id, guild) for guild in (HERE, 2)]
    assert [each.card.topics for each in seen if each] == [("Mars",), ("Space",)]
    assert first.entry
    await undo(store, first.entry)
    assert await store.desk.own_topics(HERE, card_id) is None


async def test_a_member_reports_a_card_once_and_not_too_many_an_hour(store: Store) -> None:
    ids = await file_cards(store, *(card(f"card-{number}") for number in range(MOST + 1)))
    flag = Flag(9, "dead link", NOW)
    assert await store.flags.add(HERE, ids[0], flag) is Flagged.TAKEN
    assert await store.flags.add(HERE, ids[0], flag) is Flagged.AGAIN
    assert [await store.flags.add(HERE, each, flag) for each in ids[1:MOST]] == [Flagged.TAKEN] * (MOST - 1)
    assert await store.flags.add(HERE, ids[MOST], flag) is Flagged.TOO_MANY
    assert await store.flags.add(HERE, ids[MOST], replace(flag, at=NOW + WITHIN)) is Flagged.TAKEN
    assert await store.flags.open(HERE, ids[0]) == [flag]
    await decide(store, ids[0], Verdict.PUBLISH, decided_at=LATER)
    assert await store.flags.open(HERE, ids[0]) == []
