"""Cards before the moderators: what comes, what can be done, and the record that stays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import discord
import pytest
from sqlalchemy import delete, event, func, insert, select

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store.moderation.reports import Report
from bot.store.tables import cards, deliveries, subscriptions
from tests.support.stage import BotStage, button_ids, open_stage


async def _open_review_channel(stage: BotStage, **options: Any) -> Any:
    """A review channel, named as a moderator names it."""
    desk = stage.private_channel("desk")
    result = await stage.admin.slash(stage.news, "desk channel", channel=desk, **options)
    assert "Held cards are now posted in" in result.response.content
    return desk


async def _load_held(stage: BotStage, *slugs: str, **fields: Any) -> None:
    await stage.load_cards(*slugs, **{"published": "false", "heat": "10", **fields})


def _get_reviews(stage: BotStage, desk: Any) -> list[discord.Message]:
    return stage.list_posts(desk)


async def test_a_held_card_comes_once_as_readers_will_see_it_with_the_reason(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await _load_held(stage, "one")
        await stage.load_cards("fine")
        (review,) = _get_reviews(stage, desk)
        assert review.embeds[0].title == "Title of one"
        assert "Held: not enough coverage yet" in review.content
        assert list(button_ids(review)) == ["Publish", "Publish in…", "Withdraw", "Edit topics", "Why?"]
        await stage.bot.pipeline.plan_and_deliver()
        await stage.restart_bot()
        await stage.bot.pipeline.plan_and_deliver()
        assert len(_get_reviews(stage, desk)) == 1


async def test_publishing_turns_the_review_into_a_record_that_can_be_undone_after_a_restart(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel()
        await _load_held(stage, "one")
        (review,) = _get_reviews(stage, desk)
        await stage.admin.click(review, label="Publish")
        (record,) = _get_reviews(stage, desk)
        assert f"Published by <@{stage.admin.id}>" in record.content
        assert "Undo" in button_ids(record)
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == ["Title of one"]
        await stage.restart_bot()
        (record,) = _get_reviews(stage, desk)
        await stage.admin.click(record, label="Undo")
        await stage.bot.pipeline.plan_and_deliver()
        assert stage.list_titles() == []
        (again,) = _get_reviews(stage, desk)
        assert "Decision undone by" in again.content
        assert "Publish" in button_ids(again)


async def test_a_burst_does_not_flood_the_desk_and_the_best_come_first(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage, waiting=2)
        for place in range(6):
            stage.write_card(f"card-{place}", published="false", heat=str(10 + place))
        await stage.load_cards()
        first = {message.embeds[0].title for message in _get_reviews(stage, desk)}
        assert first == {"Title of card-5", "Title of card-4"}
        await stage.admin.click(_get_reviews(stage, desk)[0], label="Publish")
        await stage.bot.pipeline.plan_and_deliver()
        assert [m.embeds[0].title for m in _get_reviews(stage, desk)][-1] == "Title of card-3"
        assert len(_get_reviews(stage, desk)) == 3
        queue = await stage.admin.slash(stage.news, "desk queue")
        assert "**5** cards are waiting" in queue.response.content


async def test_a_decision_by_command_and_a_take_down_change_the_review_too(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await _load_held(stage, "one", "two")
        await stage.admin.slash(stage.news, "desk withdraw", card="one", reason="a duplicate")
        await _load_held(stage, "two", removed="true")
        (record,) = _get_reviews(stage, desk)
        assert "Withdrawn by" in record.content
        assert "a duplicate" in record.content
        assert record.embeds[0].title == "Title of one"


async def test_a_card_can_be_published_in_chosen_subscriptions_only(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel()
        await stage.subscribe_channel(stage.digest, topics="Space", min_quality=500)
        await _load_held(stage, "one")
        (review,) = _get_reviews(stage, desk)
        requests = await stage.admin.click(review, label="Publish in…")
        select = requests.response.components[0]["components"][0]
        (there,) = [option["value"] for option in select["options"] if "#digest" in option["label"]]
        done = await stage.admin.select(requests.response, values=[there], custom_id=select["custom_id"])
        assert "Published **" in done.response.content
        await stage.bot.pipeline.plan_and_deliver()
        assert (stage.list_titles(), stage.list_titles(stage.digest)) == ([], ["Title of one"])
        (record,) = _get_reviews(stage, desk)
        assert f"only in <#{stage.digest.id}>" in record.content
        assert (await stage.member.slash(stage.news, "card", card="one")).response.embeds


async def test_edited_topics_decide_where_a_card_goes_and_what_its_post_shows(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel(topics="Space")
        await stage.subscribe_channel(stage.digest, topics="Python")
        await _load_held(stage, "one")
        (review,) = _get_reviews(stage, desk)
        shown = await stage.admin.click(review, label="Edit topics")
        assert shown.modal is not None
        field = shown.modal["components"][0]["component"]
        assert field["value"] == "Python"
        await stage.admin.submit_modal(shown, {field["custom_id"]: "Space,  Mars "})
        (review,) = _get_reviews(stage, desk)
        assert "topics Python → Space, Mars" in review.content
        await stage.admin.click(review, label="Publish")
        await stage.bot.pipeline.plan_and_deliver()
        assert (stage.list_titles(), stage.list_titles(stage.digest)) == (["Title of one"], [])
        assert stage.list_posts()[0].embeds[0].footer.text == "Space · Mars"


async def test_a_members_report_puts_a_published_card_before_the_moderators(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel()
        await stage.load_cards("one")
        (post,) = stage.list_posts()
        for answer in ("Thanks", "already"):
            more = await stage.member.click(post, label="More…")
            shown = await stage.member.click(more.response, label="Report")
            field = shown.modal["components"][0]["component"]["custom_id"]
            result = await stage.member.submit_modal(shown, {field: "The **link** is dead @everyone"})
            assert answer in result.response.content
        await stage.bot.pipeline.plan_and_deliver()
        (review,) = _get_reviews(stage, desk)
        assert "Reported by 1 member" in review.content
        queue = await stage.admin.slash(stage.news, "desk queue")
        assert "Reported by 1 member" in (queue.response.embeds[0].description or "")
        await stage.admin.click(review, label="Keep")
        await stage.bot.pipeline.plan_and_deliver()
        (record,) = _get_reviews(stage, desk)
        assert "Published by" in record.content
        assert "The queue is empty" in (await stage.admin.slash(stage.news, "desk queue")).response.content


async def test_a_report_comes_to_the_desk_although_it_is_full(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage, waiting=1)
        await stage.load_cards("one", "two")
        await _load_held(stage, "held", "later")
        assert len(_get_reviews(stage, desk)) == 1
        for user_id, (card_id, reason) in enumerate(((1, "First"), (2, "Second"), (1, "Third")), 1):
            stage.clock.advance(seconds=1)
            report = Report(user_id, reason, stage.clock())
            await stage.bot.store.moderation.reports.add_report(stage.guild.id, card_id, report)
            await stage.bot.pipeline.plan_and_deliver()
        _, first, second = _get_reviews(stage, desk)
        assert "Reported by 2 members**: “Third” · “First”" in first.content
        assert "“Second”" in second.content
        assert list(button_ids(first))[:2] == ["Keep", "Withdraw"]
        await stage.admin.click(first, label="Keep")
        await stage.bot.pipeline.plan_and_deliver()
        assert len(_get_reviews(stage, desk)) == 3


async def test_why_says_what_keeps_a_card_and_where_it_would_go(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel()
        await _load_held(stage, "one")
        result = await stage.admin.click(_get_reviews(stage, desk)[0], label="Why?")
        (embed,) = result.response.embeds
        assert "enough coverage" in (embed.description or "")
        assert f"<#{stage.news.id}>" in (embed.fields[-1].value or "")


async def test_a_public_channel_and_a_subscribed_one_are_no_desk(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        public = await stage.admin.slash(stage.news, "desk channel", channel=stage.news)
        assert "Everyone can read" in public.response.content
        private = stage.private_channel("private")
        await stage.subscribe_channel(private)
        taken = await stage.admin.slash(stage.news, "desk channel", channel=private)
        assert "has subscriptions" in taken.response.content
        desk = await _open_review_channel(stage)
        refused = await stage.subscribe_channel(desk)
        assert "moderators' desk" in refused.response.content


async def test_another_desk_takes_over_what_waits_and_none_takes_it_away(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        first = await _open_review_channel(stage)
        await _load_held(stage, "one", "two")
        await stage.admin.click(_get_reviews(stage, first)[0], label="Publish")
        second = stage.private_channel("other-desk")
        await stage.admin.slash(stage.news, "desk channel", channel=second)
        await stage.bot.pipeline.plan_and_deliver()
        assert (len(_get_reviews(stage, first)), len(_get_reviews(stage, second))) == (1, 1)
        await stage.admin.slash(stage.news, "desk channel")
        await stage.bot.pipeline.plan_and_deliver()
        assert (len(_get_reviews(stage, first)), len(_get_reviews(stage, second))) == (1, 0)


async def test_a_review_left_undecided_makes_room_when_its_card_is_old(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage, waiting=1)
        await _load_held(stage, "old", heat="60", publishedDateTime="2026-05-20T10:00:00Z")
        await _load_held(stage, "new")
        assert [m.embeds[0].title for m in _get_reviews(stage, desk)] == ["Title of old"]
        stage.clock.advance(days=5)
        await stage.load_cards()
        assert [m.embeds[0].title for m in _get_reviews(stage, desk)] == ["Title of new"]


async def test_a_desk_that_was_opened_to_everybody_gets_nothing_until_it_is_private_again(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        stage.take_permissions(desk)
        await stage.restart_bot()  # the bot learns of the change
        await _load_held(stage, "one")
        assert _get_reviews(stage, desk) == []
        reply = await stage.admin.slash(stage.news, "desk channel", channel=desk)
        assert "Everyone can read" in reply.response.content


@pytest.mark.slow
async def test_a_click_plans_its_card_in_its_server_and_nothing_of_other_servers(tmp_path: Path) -> None:
    """Thousands of due digests and changed cards of others do not make a click slower than Discord waits."""
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel()
        await _load_held(stage, "one")
        await _load_held(stage, "two")
        first, second = _get_reviews(stage, desk)
        await stage.bot.pipeline.plan_deliveries()
        with _record_statements(stage) as alone:
            await stage.admin.click(first, label="Publish")
        await stage.bot.pipeline.plan_and_deliver()
        await _fill_other_servers(stage, digests=2000, posts=20)
        before = await _read_plan(stage)
        with _record_statements(stage) as among_many:
            await stage.admin.click(second, label="Publish")
        assert among_many == alone
        assert await _read_plan(stage) == before
        await stage.bot.pipeline.courier.deliver_due()
        assert stage.list_titles() == ["Title of one", "Title of two"]
        assert await stage.bot.pipeline.plan_deliveries() == 2000 + (20 + 1) * 5
        assert await _read_plan(stage) != before


async def test_a_click_keeps_to_quiet_hours_that_no_plan_has_begun_yet(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        desk = await _open_review_channel(stage)
        await stage.subscribe_channel()
        await stage.admin.slash(stage.news, "digest quiet", channel=stage.news, **{"from": "13:00", "to": "14:00"})
        await _load_held(stage, "one")
        (review,) = _get_reviews(stage, desk)
        stage.clock.advance(hours=1)
        await stage.admin.click(review, label="Publish")
        await stage.bot.pipeline.courier.deliver_due()
        assert stage.list_titles() == []
        stage.clock.advance(hours=1)
        await stage.bot.pipeline.plan_and_deliver()
        assert len(stage.list_posts()) == 1


@contextmanager
def _record_statements(stage: BotStage) -> Iterator[list[str]]:
    """All that the store sends to its engine meanwhile."""
    statements: list[str] = []
    engine = stage.bot.store.subscriptions._database.engine.sync_engine

    def record(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", record)
    try:
        yield statements
    finally:
        event.remove(engine, "before_cursor_execute", record)


async def _fill_other_servers(stage: BotStage, *, digests: int, posts: int) -> None:
    """Digests of other servers that are due, and changed cards for their channels; nothing of it is planned."""
    options = SubscriptionOptions(frequency=Frequency.HOURLY, skip_empty=False)
    for moment in (options, SubscriptionOptions()):
        await stage.bot.store.subscriptions.add_subscription(
            guild_id=1, channel_id=1, created_by=1, now=stage.clock(), options=moment
        )
    stage.clock.advance(hours=1)
    async with stage.bot.store.subscriptions._database.begin_write() as connection:
        query = select(subscriptions).where(subscriptions.c.guild_id == 1)
        for row in (await connection.execute(query)).mappings().all():
            many = posts if row["frequency"] == Frequency.INSTANT else digests
            places = range(10_000 * len(row["frequency"]), 10_000 * len(row["frequency"]) + many)
            rows = [{**row, "id": place, "guild_id": place, "channel_id": place} for place in places]
            await connection.execute(insert(subscriptions), rows)
        await connection.execute(delete(subscriptions).where(subscriptions.c.guild_id == 1))
    for number in range(5):
        stage.write_card(f"other-{number}", topics=f"[Topic {number}]", provider=f"{{name: Paper {number}}}")
    stage.clock.advance(seconds=1)
    await stage.bot.pipeline.load_sources()


async def _read_plan(stage: BotStage) -> tuple[Any, ...]:
    """What is planned for other servers, and which cards and digests are still to be planned."""
    own = stage.guild.id
    queries = (
        select(func.count()).select_from(deliveries).where(deliveries.c.guild_id != own),
        select(func.count()).where(cards.c.needs_planning, cards.c.slug.startswith("other")),
        select(func.count()).where(subscriptions.c.next_digest_at <= stage.clock()),
    )
    async with stage.bot.store.subscriptions._database.begin_read() as connection:
        return tuple([(await connection.execute(query)).scalar_one() for query in queries])
