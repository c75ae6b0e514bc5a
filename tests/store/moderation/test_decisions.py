"""The desk's memory: what an undo restores, what owners decide for everywhere, reports, and a log that only grows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cards.model import CardState
from bot.domain.card_edit import CardEdit
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.store import Store
from bot.store.moderation.audit_log import AuditEntry, AuditFilter, ModerationAct
from bot.store.moderation.reports import MAX_REPORTS, WITHIN, Report, ReportResult
from tests.support.cards import NOW, folder_id, make_card, store_cards
from tests.support.edits import make_act
from tests.support.stores import query_database, url_of

HERE = 1
LATER = NOW + timedelta(hours=1)


async def decide_card(store: Store, card_id: int, verdict: Verdict, guild: int = HERE, **more: object) -> AuditEntry:
    for expected in (None, *Verdict):
        decision = replace(Decision(guild, card_id, verdict, 7, NOW, "because"), **more)  # type: ignore[arg-type]  # fields
        outcome = await store.moderation.decisions.decide_card(
            decision, source=DecisionSource.COMMAND, expected=expected
        )
        if outcome.accepted and outcome.entry:
            return outcome.entry
    raise AssertionError("nothing was decided")


async def undo_entry(store: Store, entry: AuditEntry, by: int = 8) -> AuditEntry:
    outcome = await store.moderation.decisions.undo_entry(
        entry.guild_id, entry.id, ModerationAct(by, LATER, DecisionSource.BUTTON)
    )
    assert outcome
    assert outcome.accepted
    assert outcome.entry
    return outcome.entry


def query_store(tmp_path: Path, question: str) -> list[tuple[object, ...]]:
    return query_database(url_of(tmp_path / "newsdesk.db"), question)


@pytest.mark.parametrize("act", ["UPDATE audit_log SET reason = 'better'", "DELETE FROM audit_log"])
async def test_the_log_only_grows(store: Store, tmp_path: Path, act: str) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    await decide_card(store, card_id, Verdict.PUBLISH)
    with pytest.raises(Exception, match="only grows"):
        query_store(tmp_path, act)


async def test_an_undo_restores_the_decision_before_with_its_author_and_moment(store: Store, tmp_path: Path) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    await decide_card(store, card_id, Verdict.PUBLISH, decided_by=5, decided_at=NOW - timedelta(days=1))
    withdrawn = await decide_card(store, card_id, Verdict.WITHDRAW)
    undone = await undo_entry(store, withdrawn)
    (row,) = query_store(tmp_path, "SELECT verdict, decided_by, reason FROM decisions")
    assert row == ("published", 5, "because")
    assert (undone.before, undone.after, undone.reverts_id, undone.actor_id) == (
        "withdrawn",
        "published",
        withdrawn.id,
        8,
    )
    await undo_entry(store, undone)
    (row,) = query_store(tmp_path, "SELECT verdict, decided_by FROM decisions")
    assert row == ("withdrawn", 7)


async def test_an_undo_of_the_first_decision_leaves_none(store: Store, tmp_path: Path) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    await undo_entry(store, await decide_card(store, card_id, Verdict.PUBLISH))
    assert query_store(tmp_path, "SELECT * FROM decisions") == []
    assert await store.cards.get_card(card_id, HERE) is None


async def test_what_was_overtaken_or_is_anothers_cannot_be_undone(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    first = await decide_card(store, card_id, Verdict.PUBLISH)
    second = await decide_card(store, card_id, Verdict.WITHDRAW)
    late = await store.moderation.decisions.undo_entry(HERE, first.id, ModerationAct(8, LATER, DecisionSource.BUTTON))
    assert late
    assert (late.accepted, late.entry) == (False, second)
    assert (
        await store.moderation.decisions.undo_entry(2, second.id, ModerationAct(8, LATER, DecisionSource.BUTTON))
        is None
    )
    assert await store.moderation.decisions.undo_entry(HERE, 99, ModerationAct(8, LATER, DecisionSource.BUTTON)) is None


async def test_picked_subscriptions_come_back_with_their_decision_as_far_as_they_still_exist(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    made = [
        await store.subscriptions.add_subscription(guild_id=HERE, channel_id=channel, created_by=1, now=NOW)
        for channel in (5, 6)
    ]
    await decide_card(store, card_id, Verdict.PUBLISH, subscription_ids=tuple(each.id for each in made))
    withdrawn = await decide_card(store, card_id, Verdict.WITHDRAW)
    await store.subscriptions.remove_subscription(HERE, made[0].id)
    assert (await undo_entry(store, withdrawn)).subscription_ids == [made[1].id]


async def test_owners_rule_until_the_file_takes_the_card_down(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD, topics=("Space",)))
    published = await decide_card(store, card_id, Verdict.PUBLISH, guild=EVERYWHERE)
    assert [bool(await store.cards.get_card(card_id, guild)) for guild in (0, 1, 2)] == [True] * 3
    assert [topic.count for topic in await store.cards.list_topics(2, limit=5)] == [1]
    await store_cards(store, make_card(state=CardState.HELD, topics=("Space",), title="Rewritten"))
    assert await store.cards.get_card(card_id, 2)
    await decide_card(store, card_id, Verdict.WITHDRAW, guild=2)
    assert await store.cards.get_card(card_id, 2) is None
    await undo_entry(store, published)
    assert await store.cards.get_card(card_id, 1) is None
    assert await store.cards.list_topics(1, limit=5) == []
    await decide_card(store, card_id, Verdict.PUBLISH, guild=EVERYWHERE)
    await store_cards(store, make_card(state=CardState.WITHDRAWN, topics=("Space",), title="Rewritten"))
    assert await store.cards.get_card(card_id, 1) is None


async def test_an_owners_withdrawal_beats_a_servers_publication(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card())
    await decide_card(store, card_id, Verdict.PUBLISH)
    withdrawn = await decide_card(store, card_id, Verdict.WITHDRAW, guild=EVERYWHERE)
    assert [bool(await store.cards.get_card(card_id, guild)) for guild in (0, HERE)] == [False, False]
    await undo_entry(store, withdrawn)
    assert [bool(await store.cards.get_card(card_id, guild)) for guild in (0, HERE)] == [True, True]


async def test_what_a_file_changes_stands_in_the_log_and_is_shown_when_asked_for(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card())
    await store_cards(store, make_card(state=CardState.HELD))
    await store.cards.importer.forget_items(await folder_id(store), ["a-card.md"], LATER)
    page = await store.moderation.audit_log.get_page(HERE, AuditFilter(source=DecisionSource.FILE), limit=10)
    assert [(each.before, each.after, each.at) for each in page.entries] == [
        ("held", "withdrawn", LATER),
        ("published", "held", NOW),
    ]
    assert (await store.moderation.audit_log.get_page(HERE, AuditFilter(card_id=card_id), limit=10)).entries == ()


async def test_the_log_turns_its_pages_both_ways(store: Store) -> None:
    ids = await store_cards(store, *(make_card(f"card-{number}", state=CardState.HELD) for number in range(5)))
    entries = [
        await decide_card(store, card_id, Verdict.PUBLISH, guild=(HERE, EVERYWHERE)[card_id % 2]) for card_id in ids
    ]
    newest = [entry.id for entry in reversed(entries)]
    first = await store.moderation.audit_log.get_page(HERE, AuditFilter(), limit=2)
    assert ([each.id for each in first.entries], first.has_newer, first.has_older) == (newest[:2], False, True)
    second = await store.moderation.audit_log.get_page(HERE, AuditFilter(), limit=2, place=first.entries[-1].id)
    assert ([each.id for each in second.entries], second.has_newer, second.has_older) == (newest[2:4], True, True)
    back = await store.moderation.audit_log.get_page(
        HERE, AuditFilter(), limit=2, place=second.entries[0].id, newer=True
    )
    assert ([each.id for each in back.entries], back.has_newer) == (newest[:2], False)


async def test_topics_of_a_servers_own_are_compared_and_set(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(topics=("Space",)))
    edits = store.moderation.edits
    first = await edits.edit_card(HERE, card_id, CardEdit(topics=("Mars",)), make_act(), expected=None)
    late = await edits.edit_card(HERE, card_id, CardEdit(topics=("Moon",)), make_act(8), expected=None)
    assert (first.accepted, late.accepted) == (True, False)
    assert late.entry == first.entry
    seen = [await store.cards.get_card(card_id, guild) for guild in (HERE, 2)]
    assert [each.card.topics for each in seen if each] == [("Mars",), ("Space",)]
    assert first.entry
    await undo_entry(store, first.entry)
    editable = await edits.load_card(HERE, card_id)
    assert editable
    assert not editable.edit


async def test_a_member_reports_a_card_once_and_not_too_many_an_hour(store: Store) -> None:
    ids = await store_cards(store, *(make_card(f"card-{number}") for number in range(MAX_REPORTS + 1)))
    flag = Report(9, "dead link", NOW)
    assert await store.moderation.reports.add_report(HERE, ids[0], flag) is ReportResult.ACCEPTED
    assert await store.moderation.reports.add_report(HERE, ids[0], flag) is ReportResult.ALREADY_REPORTED
    assert [await store.moderation.reports.add_report(HERE, each, flag) for each in ids[1:MAX_REPORTS]] == [
        ReportResult.ACCEPTED
    ] * (MAX_REPORTS - 1)
    assert await store.moderation.reports.add_report(HERE, ids[MAX_REPORTS], flag) is ReportResult.TOO_MANY
    assert (
        await store.moderation.reports.add_report(HERE, ids[MAX_REPORTS], replace(flag, at=NOW + WITHIN))
        is ReportResult.ACCEPTED
    )
    assert await store.moderation.reports.list_open(HERE, ids[:1]) == {ids[0]: [flag]}
    await decide_card(store, ids[0], Verdict.PUBLISH, decided_at=LATER)
    assert await store.moderation.reports.list_open(HERE, ids[:1]) == {}
