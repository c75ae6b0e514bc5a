"""What happens is counted where it happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.client.rate_limit import count_rate_limits
from bot.delivery.sender import CardRefusedError, ChannelClosedError, MessageDeletedError, RetryLaterError
from bot.errors import UserError
from bot.metrics import Gauges, Metrics
from tests.cogs.test_digest_setup import open_wizard
from tests.support.scrape import parse_samples
from tests.support.stage import open_stage
from tests.support.worker import WorkerHarness, open_harness


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    async with open_harness(tmp_path) as harness:
        await harness.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=7, now=harness.clock())
        yield harness


def metric_values(metrics: Metrics) -> dict[str, float]:
    return parse_samples(metrics.render_text().decode())


def delivery_outcomes(metrics: Metrics) -> dict[str, float]:
    """How often each outcome came up; those that did not are left out."""
    found = metric_values(metrics)
    names = ("posted", "edited", "retracted", "removed", "refused", "later", "closed")
    counts = {name: found[f'newsdesk_sends_total{{outcome="{name}"}}'] for name in names}
    return {name: count for name, count in counts.items() if count}


async def test_posts_edits_and_retractions_are_counted(harness: WorkerHarness) -> None:
    harness.write_card("one")
    await harness.deliver_due()
    harness.write_card("one", title="Another")
    await harness.deliver_due()
    (harness.folder / "one.md").unlink()
    await harness.deliver_due()
    await harness.deliver_due(seconds=5)
    assert delivery_outcomes(harness.metrics) == {"posted": 1, "edited": 1, "retracted": 1}


async def test_every_failure_has_an_outcome_of_its_own(harness: WorkerHarness) -> None:
    harness.write_card("one")
    harness.channels.fail = [RetryLaterError("trouble")]
    await harness.deliver_due()
    harness.channels.fail = [None, ChannelClosedError("closed")]  # it is looked for before it is posted again
    await harness.deliver_due(minutes=1)
    harness.channels.fail = [None, CardRefusedError("form")]
    await harness.deliver_due(hours=2)
    harness.write_card("one", title="Another")
    harness.channels.fail = [MessageDeletedError("gone")]
    await harness.deliver_due(hours=2)
    assert delivery_outcomes(harness.metrics) == {"later": 1, "closed": 1, "refused": 1, "removed": 1}


async def test_a_lost_answer_is_a_duplicate_prevented(harness: WorkerHarness) -> None:
    harness.write_card("one")
    harness.channels.lose_answer = True
    await harness.deliver_due()
    await harness.deliver_due(minutes=1)
    assert metric_values(harness.metrics)["newsdesk_duplicates_prevented_total"] == 1
    assert harness.pipeline.duplicates_prevented == 1


async def test_the_way_from_publication_to_post_is_measured_once_a_post(harness: WorkerHarness) -> None:
    harness.write_card("one")
    harness.channels.fail = [RetryLaterError("trouble")]
    await harness.deliver_due()
    await harness.deliver_due(seconds=40)
    harness.write_card("one", title="Another")
    await harness.deliver_due(days=1)
    (harness.folder / "one.md").unlink()
    await harness.deliver_due()
    await harness.deliver_due(seconds=5)
    harness.write_card("one")
    await harness.deliver_due()
    assert delivery_outcomes(harness.metrics)["posted"] == 2
    found = metric_values(harness.metrics)
    assert found['newsdesk_publish_to_post_seconds_count{layout="card"}'] == 1
    assert found['newsdesk_publish_to_post_seconds_sum{layout="card"}'] == 40


async def test_loads_and_their_problems_are_counted(harness: WorkerHarness) -> None:
    harness.write_card("bad", heat="warm")
    await harness.worker.load_cards()
    for path in harness.folder.iterdir():
        path.unlink()
    harness.folder.rmdir()
    with pytest.raises(UserError):
        await harness.worker.load_cards()
    found = metric_values(harness.metrics)
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
    await count_rate_limits(metrics)(None, SimpleNamespace(), about)  # type: ignore[arg-type]  # it looks at the answer only
    found = {name: value for name, value in metric_values(metrics).items() if "rate_limited_total" in name and value}
    assert found == ({f'newsdesk_rate_limited_total{{scope="{scope}"}}': 1} if scope else {})


async def test_commands_are_measured_and_their_errors_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_stage(tmp_path) as stage:
        await stage.load_cards("one")
        await stage.member.slash(stage.news, "topics")
        await stage.member.slash(stage.news, "card", card="nothing like it")

        async def broken(*_: object, **__: object) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(type(stage.bot.store.cards), "list_latest", broken)
        await stage.member.slash(stage.news, "latest")
        found = metric_values(stage.bot.metrics)
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
    async with open_stage(tmp_path) as stage:
        message = await stage.admin.send(stage.news, "https://a.example")
        await stage.member.context_menu(stage.news, "Find this card", message)
        await (await open_wizard(stage)).choose_option("channel", stage.news)
        found = metric_values(stage.bot.metrics)
    seconds = "newsdesk_interaction_seconds_count"
    assert found[f'{seconds}{{kind="menu",name="Find this card"}}'] == 1
    assert found[f'{seconds}{{kind="select",name="SubscriptionWizard"}}'] == 1


def test_two_bots_in_one_process_do_not_share_their_counts() -> None:
    first, second = Metrics(), Metrics()
    first.count_duplicate_prevented()
    assert metric_values(first)["newsdesk_duplicates_prevented_total"] == 1
    assert metric_values(second)["newsdesk_duplicates_prevented_total"] == 0


def test_a_state_that_no_card_has_any_more_is_not_shown_any_more() -> None:
    metrics = Metrics()
    metrics.set_gauges(Gauges(cards={"held": 3}))
    metrics.set_gauges(Gauges(cards={"published": 3}))
    assert {name for name in metric_values(metrics) if name.startswith("newsdesk_cards")} == {
        'newsdesk_cards{state="published"}'
    }


async def test_a_newsroom_says_what_stands_still(harness: WorkerHarness) -> None:
    still = {"scheduler": "the scheduler does not run"}
    assert harness.worker.find_problems() == still
    harness.worker.start()
    try:
        assert harness.worker.find_problems() == {}
        harness.clock.now += timedelta(minutes=4)
        assert "no job since 12:00:00 UTC" in harness.worker.find_problems()["scheduler"]
    finally:
        await harness.worker.stop()
    assert harness.worker.find_problems() == still
