"""What happens is counted where it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.delivery.poster import CardRefusedError, ChannelClosedError, MessageRemovedError, TryLaterError
from bot.errors import UserError
from bot.gateway.pacing import count_refusals
from bot.metrics import Gauges, Metrics
from tests.cogs.test_digest_setup import begun
from tests.support.desk import Desk, a_desk
from tests.support.scrape import samples
from tests.support.stage import on_stage


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as desk:
        await desk.store.subscriptions.add(guild_id=1, channel_id=2, created_by=7, now=desk.clock())
        yield desk


def counted(metrics: Metrics) -> dict[str, float]:
    return samples(metrics.text().decode())


def outcomes(metrics: Metrics) -> dict[str, float]:
    """How often each outcome came up; those that did not are left out."""
    found = counted(metrics)
    names = ("posted", "edited", "retracted", "removed", "refused", "later", "closed")
    counts = {name: found[f'newsdesk_sends_total{{outcome="{name}"}}'] for name in names}
    return {name: count for name, count in counts.items() if count}


async def test_posts_edits_and_retractions_are_counted(desk: Desk) -> None:
    desk.write("one")
    await desk.deliver()
    desk.write("one", title="Another")
    await desk.deliver()
    (desk.folder / "one.md").unlink()
    await desk.deliver()
    await desk.deliver(seconds=5)
    assert outcomes(desk.metrics) == {"posted": 1, "edited": 1, "retracted": 1}


async def test_every_failure_has_an_outcome_of_its_own(desk: Desk) -> None:
    desk.write("one")
    desk.channels.fail = [TryLaterError("trouble")]
    await desk.deliver()
    desk.channels.fail = [None, ChannelClosedError("closed")]  # it is looked for before it is posted again
    await desk.deliver(minutes=1)
    desk.channels.fail = [None, CardRefusedError("form")]
    await desk.deliver(hours=2)
    desk.write("one", title="Another")
    desk.channels.fail = [MessageRemovedError("gone")]
    await desk.deliver(hours=2)
    assert outcomes(desk.metrics) == {"later": 1, "closed": 1, "refused": 1, "removed": 1}


async def test_a_lost_answer_is_a_duplicate_prevented(desk: Desk) -> None:
    desk.write("one")
    desk.channels.lose_answer = True
    await desk.deliver()
    await desk.deliver(minutes=1)
    assert counted(desk.metrics)["newsdesk_duplicates_prevented_total"] == 1
    assert desk.newsroom.duplicates_prevented == 1


async def test_the_way_from_publication_to_post_is_measured_once_a_post(desk: Desk) -> None:
    desk.write("one")
    desk.channels.fail = [TryLaterError("trouble")]
    await desk.deliver()
    await desk.deliver(seconds=40)
    desk.write("one", title="Another")
    await desk.deliver(days=1)
    (desk.folder / "one.md").unlink()
    await desk.deliver()
    await desk.deliver(seconds=5)
    desk.write("one")
    await desk.deliver()
    assert outcomes(desk.metrics)["posted"] == 2
    found = counted(desk.metrics)
    assert found['newsdesk_publish_to_post_seconds_count{layout="card"}'] == 1
    assert found['newsdesk_publish_to_post_seconds_sum{layout="card"}'] == 40


async def test_loads_and_their_problems_are_counted(desk: Desk) -> None:
    desk.write("bad", heat="warm")
    await desk.newsroom.load()
    for path in desk.folder.iterdir():
        path.unlink()
    desk.folder.rmdir()
    with pytest.raises(UserError):
        await desk.newsroom.load()
    found = counted(desk.metrics)
    assert found['newsdesk_loads_total{outcome="done"}'] == 1
    assert found['newsdesk_loads_total{outcome="failed"}'] == 1
    assert found["newsdesk_card_problems"] == 1


@pytest.mark.parametrize(
    ("status", "headers", "scope"),
    [
        (429, {"X-RateLimit-Scope": "shared"}, "shared"),
        (429, {}, "unknown"),
        (429, {"X-RateLimit-Scope": "a new one"}, "unknown"),
        (200, {"X-RateLimit-Scope": "user"}, None),
    ],
)
async def test_answers_that_ask_for_patience_are_counted(
    status: int, headers: dict[str, str], scope: str | None
) -> None:
    metrics = Metrics()
    about: Any = SimpleNamespace(response=SimpleNamespace(status=status, headers=headers))
    await count_refusals(metrics)(None, SimpleNamespace(), about)  # type: ignore[arg-type]  # it looks at the answer only
    found = {name: value for name, value in counted(metrics).items() if "rate_limited_total" in name and value}
    assert found == ({f'newsdesk_rate_limited_total{{scope="{scope}"}}': 1} if scope else {})


async def test_commands_are_measured_and_their_errors_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.load("one")
        await stage.member.slash(stage.news, "topics")
        await stage.member.slash(stage.news, "card", card="nothing like it")

        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(type(stage.bot.store.archive), "latest", broken)
        await stage.member.slash(stage.news, "latest")
        found = counted(stage.bot.metrics)
    assert found['newsdesk_interaction_seconds_count{kind="command",name="topics"}'] == 1
    assert found['newsdesk_interaction_seconds_count{kind="command",name="latest"}'] == 1
    errors = {
        name: value for name, value in found.items() if value and name.startswith("newsdesk_interaction_errors_total")
    }
    assert errors == {
        'newsdesk_interaction_errors_total{error="refused",kind="command",name="card"}': 1,
        'newsdesk_interaction_errors_total{error="failed",kind="command",name="latest"}': 1,
    }


async def test_menus_and_selects_are_measured_like_commands(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        message = await stage.admin.send(stage.news, "https://a.example")
        await stage.member.context_menu(stage.news, "Find this card", message)
        await (await begun(stage)).choose("channel", stage.news)
        found = counted(stage.bot.metrics)
    seconds = "newsdesk_interaction_seconds_count"
    assert found[f'{seconds}{{kind="menu",name="Find this card"}}'] == 1
    assert found[f'{seconds}{{kind="select",name="SetupView"}}'] == 1


def test_two_bots_in_one_process_do_not_share_their_counts() -> None:
    first, second = Metrics(), Metrics()
    first.duplicate_prevented()
    assert counted(first)["newsdesk_duplicates_prevented_total"] == 1
    assert counted(second)["newsdesk_duplicates_prevented_total"] == 0


def test_a_state_that_no_card_has_any_more_is_not_shown_any_more() -> None:
    metrics = Metrics()
    metrics.show(Gauges(cards={"held": 3}))
    metrics.show(Gauges(cards={"published": 3}))
    assert {name for name in counted(metrics) if name.startswith("newsdesk_cards")} == {
        'newsdesk_cards{state="published"}'
    }


async def test_a_newsroom_says_what_stands_still(desk: Desk) -> None:
    still = {"scheduler": "the scheduler does not run"}
    assert desk.newsroom.troubles() == still
    desk.newsroom.start()
    try:
        assert desk.newsroom.troubles() == {}
        desk.clock.now += timedelta(minutes=4)
        assert "no job since 12:00:00 UTC" in desk.newsroom.troubles()["scheduler"]
    finally:
        await desk.newsroom.stop()
    assert desk.newsroom.troubles() == still
