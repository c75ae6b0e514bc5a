"""Cards that are posted with a server's token are that server's alone, by the token's policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.intake import IntakePolicy, generate_token, hash_token
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.render.moderation import log_text
from bot.store.cards.card_query import CardQuery
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.queue import QueueFilters
from tests.intake.test_endpoints import CARD, Intake, open_intake

HERE, THERE = 1, 2


@pytest.fixture
async def intake(tmp_path: Path) -> AsyncIterator[Intake]:
    async with open_intake(tmp_path) as opened:
        for guild_id in (HERE, THERE):
            await opened.harness.store.subscriptions.add_subscription(
                guild_id=guild_id, channel_id=10 * guild_id, created_by=7, now=opened.harness.clock()
            )
        opened.harness.clock.advance(seconds=1)
        yield opened


async def make_token(
    intake: Intake, policy: IntakePolicy = IntakePolicy.PUBLISHED, name: str = "here", guild_id: int = HERE
) -> str:
    token, store = generate_token(), intake.harness.store
    await store.intake.create_token(name, name, policy, hash_token(token), intake.harness.clock(), guild_id)
    return token


async def find_titles(intake: Intake, guild_id: int) -> list[str]:
    """What the server finds, by words and without."""
    cards = intake.harness.store.cards
    found = [stored.card.title for stored in (await cards.search_cards(CardQuery("release"), guild_id, limit=9)).cards]
    assert found == [stored.card.title for stored in (await cards.list_latest(guild_id, limit=9)).cards]
    return found


async def find_waiting(intake: Intake, guild_id: int) -> list[str]:
    page = await intake.harness.store.moderation.queue.get_page(guild_id, QueueFilters(), limit=9, offset=0)
    return [each.card.card.title for each in page.waiting]


async def test_a_published_card_is_seen_and_posted_in_its_server_alone(intake: Intake) -> None:
    token = await make_token(intake)

    status, answer = await intake.post(CARD | {"quality": 90}, token)

    assert (status, answer["slug"].startswith("http/here/")) == (202, True)
    assert await intake.deliver() == ["A release"]
    assert await find_titles(intake, HERE) == ["A release"]
    for elsewhere in (THERE, 0):
        assert await find_titles(intake, elsewhere) == []
    topics = {guild: await intake.harness.store.cards.list_all_topics(guild) for guild in (HERE, THERE)}
    assert topics == {HERE: ["Python"], THERE: []}
    stored = await intake.harness.store.cards.get_card(answer["id"], HERE)
    assert stored is not None
    assert stored.card.quality == 90
    assert await intake.harness.store.cards.get_card(answer["id"], THERE, hidden=True) is None


async def test_a_held_card_waits_for_the_moderators_of_its_server(intake: Intake) -> None:
    token = await make_token(intake, IntakePolicy.HELD)
    _, answer = await intake.post(CARD | {"published": True}, token)
    assert await intake.deliver() == []
    assert await find_waiting(intake, HERE) == ["A release"]
    assert await find_waiting(intake, THERE) == []

    decision = Decision(HERE, answer["id"], Verdict.PUBLISH, 9, intake.harness.clock())
    decisions = intake.harness.store.moderation.decisions
    await decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)

    assert await intake.deliver() == ["A release"]


@pytest.mark.parametrize("fields", [{"published": False}, {"heat": -1}])
async def test_a_card_may_hold_itself_and_be_published_later(intake: Intake, fields: dict[str, Any]) -> None:
    token = await make_token(intake)
    await intake.post(CARD | fields, token)
    assert await intake.deliver() == []
    assert await find_waiting(intake, HERE) == ["A release"]

    await intake.post(CARD, token)

    assert await intake.deliver() == ["A release"]
    assert await find_waiting(intake, HERE) == []


async def test_an_edit_is_an_edit_and_removed_takes_it_back_until_it_is_posted_again(intake: Intake) -> None:
    token = await make_token(intake)
    await intake.post(CARD, token)
    await intake.deliver()
    await intake.post(CARD | {"title": "A better release"}, token)
    assert await intake.deliver() == ["A better release"]

    await intake.post(CARD | {"removed": True}, token)

    assert await intake.deliver() == []
    assert await find_titles(intake, HERE) == []
    await intake.post(CARD, token)
    assert await find_titles(intake, HERE) == ["A release"]
    log, wanted = intake.harness.store.moderation.audit_log, AuditFilter(source=DecisionSource.FILE)
    words = log_text((await log.get_page(HERE, wanted, limit=9)).entries)
    assert "Available → withdrawn" in words
    assert "Withdrawn → available" in words
    assert (await log.get_page(THERE, wanted, limit=9)).entries == ()


async def test_two_servers_and_everybody_may_have_a_card_of_one_address(intake: Intake) -> None:
    tokens = [await make_token(intake), await make_token(intake, name="there", guild_id=THERE), intake.token]
    ids = {(await intake.post(CARD | {"title": f"Release {number}"}, token))[1]["id"] for number, token in
           enumerate(tokens)}  # fmt: skip
    assert len(ids) == 3
    assert sorted(await find_titles(intake, HERE)) == ["Release 0", "Release 2"]
    assert sorted(await find_titles(intake, THERE)) == ["Release 1", "Release 2"]
