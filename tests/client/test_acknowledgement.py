"""Every interaction is acknowledged before the store is queried, and answered in any case."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest
from discord import AppCommandOptionType, app_commands

from bot.client.acknowledgement import Acknowledgement
from bot.client.error_handler import ErrorReportingModal, ErrorReportingView
from bot.domain.card_edit import CardEdit, CardFields
from bot.domain.feed import NewFeed
from bot.domain.fetch_result import FetchResult, FetchStatus
from bot.domain.moderation import DecisionSource
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.sources.feeds.autodiscovery import DiscoveredFeed
from bot.sources.feeds.feed_check import FeedCheck
from bot.sources.feeds.feed_lookup import FeedLookup
from bot.sources.feeds.link_lookup import LinkDetails, LinkLookup
from bot.sources.feeds.model import FeedReadResult
from bot.sources.feeds.page_metadata import PageMetadata
from bot.store.cards.rows import StoredCard
from bot.store.database import Database
from bot.store.moderation.edits import EditableCard
from bot.ui.card_buttons import ReportModal
from bot.ui.card_edit import EditDraft, EditModal
from bot.ui.feeds import FeedDraft, ImportDraft
from bot.ui.links import LinkChoice, LinkDetailsModal, LinkDraft
from bot.ui.registry import COMPONENTS
from bot.ui.review_message import TopicsModal, WithdrawModal
from bot.ui.subscription_wizard import FilterModal, ScheduleModal, SubscriptionWizard
from bot.worker.link_submissions import FoundLink
from tests.support.cards import make_card
from tests.support.followed_feeds import make_follow
from tests.support.stage import BotStage, open_stage

REPLY, UPDATE, FORM = Acknowledgement
_TURNS = 50
"""Turns of the loop in which a handler that waits for nothing would get to its first question."""
_numbers = itertools.count(10**18)

PRESSED: dict[str, Acknowledgement] = {
    "nd:save:1:5": REPLY,
    "nd:forget:1": REPLY,
    "nd:keep:5": REPLY,
    "nd:why:5": REPLY,
    "nd:stop:5": REPLY,
    "nd:more:1": REPLY,
    "nd:related:1": REPLY,
    "nd:story": REPLY,
    "nd:split": REPLY,
    "nd:join:1": REPLY,
    "nd:topic:1": REPLY,
    "nd:flag:1": FORM,
    "nd:review:p:2:-:0": REPLY,
    "nd:review:k:1:-:0": REPLY,
    "nd:review:i:2:-:0": REPLY,
    "nd:review:y:2:-:0": REPLY,
    "nd:review:w:2:-:0": FORM,
    "nd:review:t:2:-:0": FORM,
    "nd:review:p:2:-:5": UPDATE,
    "nd:review:k:1:-:5": UPDATE,
    "nd:review:i:2:-:5": REPLY,
    "nd:review:y:2:-:5": REPLY,
    "nd:review:w:2:-:5": FORM,
    "nd:review:t:2:-:5": FORM,
    "nd:edit:2": REPLY,
    "nd:undo:1": REPLY,
    "nd:redo:1,2": REPLY,
    "nd:pick:0:2:-": UPDATE,
    "nd:queue:p:0123456789ab:p0:2-": UPDATE,
    "nd:queue:w!:0123456789ab:p0:1-,2-": UPDATE,
    "nd:choose:0123456789ab:p0": UPDATE,
    "nd:turn:0123456789ab:p0": UPDATE,
    "nd:show:1": UPDATE,
    "nd:accept": REPLY,
    "nd:begin": REPLY,
    "nd:erase:1": UPDATE,
    "nd:tell:1": UPDATE,
}
"""A click on each item that outlives a restart, and what the person sees at once."""
SETUP = {
    "channel": UPDATE,
    "when": UPDATE,
    "topics": UPDATE,
    "layout": UPDATE,
    "times": FORM,
    "filters": FORM,
    "latest": UPDATE,
    "preview": REPLY,
    "subscribe": UPDATE,
}


@dataclass
class InteractionTrace:
    """What was sent to Discord for one interaction, and when the store was queried."""

    acknowledged: list[Acknowledgement] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    queries: int = 0
    """How often, by tasks that the interaction began."""
    others: set[asyncio.Task[Any]] = field(default_factory=set)
    """The tasks that were there before."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    """Until it is set, Discord has not taken the acknowledgement."""


@pytest.fixture
def trace(monkeypatch: pytest.MonkeyPatch) -> InteractionTrace:
    trace, begin = InteractionTrace(), Database._begin

    async def acknowledged(response: Any, how: Acknowledgement) -> None:
        trace.acknowledged.append(how)
        await trace.gate.wait()
        response._response_type = discord.InteractionResponseType.deferred_channel_message

    async def defer(response: Any, *, ephemeral: bool = False, thinking: bool = False) -> None:
        assert ephemeral is thinking, "a deferred reply is for this person alone"
        await acknowledged(response, REPLY if thinking else UPDATE)

    async def send_modal(response: Any, _modal: discord.ui.Modal) -> None:
        await acknowledged(response, FORM)

    async def send_message(_response: Any, text: str, **_more: Any) -> None:
        trace.said.append(text)

    async def edit(_interaction: Any, **message: Any) -> None:
        trace.said.append(str(message))

    async def follow_up(_webhook: Any, text: str = "", **message: Any) -> None:
        trace.said.append(f"{text} {message}")

    @asynccontextmanager
    async def watched(database: Any, options: Any) -> AsyncIterator[Any]:
        trace.queries += asyncio.current_task() not in trace.others
        async with begin(database, options) as connection:
            yield connection

    monkeypatch.setattr(discord.InteractionResponse, "defer", defer)
    monkeypatch.setattr(discord.InteractionResponse, "send_modal", send_modal)
    monkeypatch.setattr(discord.InteractionResponse, "send_message", send_message)
    monkeypatch.setattr(discord.Interaction, "edit_original_response", edit)
    monkeypatch.setattr(discord.Webhook, "send", follow_up)
    monkeypatch.setattr(Database, "_begin", watched)
    return trace


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[BotStage]:
    async with open_stage(tmp_path) as stage:
        stage.bot.owner_id = stage.admin.id
        await stage.load_cards("one")
        await stage.load_cards("held", published="false", heat="10")
        yield stage


async def run_interaction(
    stage: BotStage, trace: InteractionTrace, kind: int, data: dict[str, Any], **more: Any
) -> Acknowledgement:
    """One interaction from its arrival to its end; gives how it was acknowledged, the one time that it was."""
    trace.acknowledged.clear()
    trace.said.clear()
    trace.gate.clear()
    trace.queries = 0
    trace.others = asyncio.all_tasks()
    stage.bot._connection.parse_interaction_create(_payload(stage, kind, data) | more)
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    assert trace.queries == 0, "the store was queried before Discord took the acknowledgement"
    assert len(trace.acknowledged) == 1, "there was no acknowledgement"
    assert trace.said == []
    trace.gate.set()
    while started := asyncio.all_tasks() - trace.others:
        await asyncio.wait(started)
    assert len(trace.acknowledged) == 1, "it was acknowledged twice"
    return trace.acknowledged[0]


def _payload(stage: BotStage, kind: int, data: dict[str, Any]) -> Any:
    everything = str(discord.Permissions.all().value)
    user = {"id": str(stage.admin.id), "username": "admin", "discriminator": "0", "avatar": None, "global_name": None}
    joined = {"roles": [], "joined_at": "2020-01-01T00:00:00+00:00", "deaf": False, "mute": False, "flags": 0}
    return {
        "id": str(next(_numbers)),
        "application_id": str(stage.bot.application_id),
        "type": kind,
        "token": "a token",
        "version": 1,
        "data": data,
        "channel_id": str(stage.news.id),
        "channel": {"id": str(stage.news.id), "type": 0, "name": "news", "permissions": everything},
        "guild_id": str(stage.guild.id),
        "guild": {"id": str(stage.guild.id), "locale": "en-US", "features": []},
        "member": {"user": user, "permissions": everything, **joined},
        "locale": "en-US",
        "guild_locale": "en-US",
        "app_permissions": everything,
        "entitlements": [],
        "authorizing_integration_owners": {},
        "context": 0,
        "attachment_size_limit": 1,
    }


def _message(stage: BotStage, component: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(next(_numbers)),
        "channel_id": str(stage.news.id),
        "author": {"id": str(stage.bot.application_id), "username": "bot", "discriminator": "0", "avatar": None},
        "content": "",
        "timestamp": "2026-06-01T12:00:00+00:00",
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
        "flags": 64,
        "components": [{"type": 1, "id": 1, "components": [component]}],
    }


_VALUES = {AppCommandOptionType.integer: 1, AppCommandOptionType.boolean: True, AppCommandOptionType.string: "1"}


def _command_data(
    stage: BotStage, command: app_commands.Command[Any, ..., Any], *, every_option: bool
) -> dict[str, Any]:
    """The command with its required options, or with every one that is plainly typed."""
    options: list[dict[str, Any]] = []
    resolved: dict[str, Any] = {}
    for parameter in command.parameters:
        if parameter.type in _VALUES and (parameter.required or every_option):
            value: Any = parameter.choices[0].value if parameter.choices else _VALUES[parameter.type]
            value = max(value, parameter.min_value or 0) if isinstance(value, int) else value
            options.append({"name": parameter.name, "type": parameter.type.value, "value": value})
        elif parameter.type is AppCommandOptionType.attachment:
            file = {"id": "5", "filename": "a.opml", "size": 1, "url": "http://127.0.0.1/a", "proxy_url": ""}
            resolved = {"attachments": {"5": file}}
            options.append({"name": parameter.name, "type": parameter.type.value, "value": "5"})
        elif parameter.required:
            channel = {"id": str(stage.news.id), "type": 0, "name": "news", "permissions": "0"}
            resolved = {"channels": {str(stage.news.id): channel}}
            options.append({"name": parameter.name, "type": parameter.type.value, "value": str(stage.news.id)})
    data = {"type": 1, "name": command.name, "options": options}
    parent = command.parent
    while parent is not None:
        data = {"type": 1 if parent.parent is None else 2, "name": parent.name, "options": [data]}
        parent = parent.parent
    return data | {"id": "1", "resolved": resolved}


async def test_every_command_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace
) -> None:
    answered, requests = set(), set()
    for command in stage.bot.tree.walk_commands():
        if isinstance(command, app_commands.Group):
            continue
        for every_option in (False, True):
            how = await run_interaction(stage, trace, 2, _command_data(stage, command, every_option=every_option))
            opens_form = command.qualified_name == "desk withdraw" and not every_option
            assert how is (FORM if opens_form else REPLY), command.qualified_name
            assert trace.said or opens_form, command.qualified_name
            answered.add(command.qualified_name)
            requests |= {command.qualified_name} if trace.queries else set()
    assert len(answered) >= 30
    assert answered - requests <= {"help", "feed add", "feed import", "newsdesk profile", "submit"}, (
        "the watch over the store sees what these ask it for"
    )


async def test_every_context_menu_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace
) -> None:
    for menu in stage.bot.tree.walk_commands(type=discord.AppCommandType.message):
        message = _message(stage, {"type": 2, "style": 1, "custom_id": "x"}) | {"content": "https://example.org/one"}
        found = {"messages": {message["id"]: message}}
        data = {"type": 3, "id": "1", "name": menu.name, "target_id": message["id"], "resolved": found}
        assert await run_interaction(stage, trace, 2, data) is REPLY
        assert trace.said
        assert trace.queries


@pytest.mark.parametrize("custom_id", PRESSED)
async def test_every_lasting_item_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace, custom_id: str
) -> None:
    how = await _click_item(stage, trace, custom_id)
    assert how is PRESSED[custom_id]
    assert trace.said or how is FORM


async def _click_item(stage: BotStage, trace: InteractionTrace, custom_id: str, message_id: int = 0) -> Acknowledgement:
    component: dict[str, Any] = {"type": 2, "style": 1, "label": "x"}
    if custom_id.startswith(("nd:pick", "nd:keep", "nd:split", "nd:join", "nd:choose")) or custom_id.endswith(
        (":when", ":topics", ":layout", ":choose")
    ):
        component = {"type": 3, "options": [{"label": "1", "value": "1"}]}
    if custom_id.endswith(":channel"):
        component = {"type": 8}
    component |= {"id": 2, "custom_id": custom_id}
    data: dict[str, Any] = {"component_type": component["type"], "custom_id": custom_id}
    if component["type"] == 3:
        data["values"] = ["Python" if custom_id.endswith("topics") else _FIRST.get(custom_id.split(":")[-1], "1")]
    if component["type"] == 8:
        channel = {"id": str(stage.news.id), "type": 0, "name": "news", "permissions": "0"}
        data |= {"values": [channel["id"]], "resolved": {"channels": {channel["id"]: channel}}}
    message = _message(stage, component)
    if message_id:
        message["id"] = str(message_id)
    return await run_interaction(stage, trace, 3, data, message=message)


_FIRST = {"when": "daily", "layout": "list"}


def test_no_lasting_item_is_left_out() -> None:
    for item in COMPONENTS.items:
        template = item.__discord_ui_compiled_template__
        assert any(template.fullmatch(each) for each in PRESSED), f"add a click on {item.__name__}"


@pytest.mark.parametrize("item", SETUP)
async def test_every_item_of_a_setup_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace, item: str
) -> None:
    draft = SubscriptionWizard(
        replace(SubscriptionOptions(), frequency=Frequency.DAILY), ["Python"], stage.bot.open_drafts
    )
    draft.channel = stage.bot.get_channel(stage.news.id)  # type: ignore[assignment]
    stage.bot._connection.store_view(draft, 77)
    assert {each.custom_id.split(":")[-1] for each in draft.children} == set(SETUP)  # type: ignore[attr-defined]
    assert await _click_item(stage, trace, draft.item_id(item), 77) is SETUP[item]
    assert trace.said or SETUP[item] is FORM


async def test_the_form_of_an_edit_is_opened_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace
) -> None:
    draft = make_draft()
    stage.bot._connection.store_view(draft, 77)
    (item,) = draft.children
    custom_id = item.custom_id  # type: ignore[attr-defined]
    assert await _click_item(stage, trace, custom_id, 77) is FORM


def make_draft() -> EditDraft:
    stored = StoredCard(1, 1, "", make_card())
    fields = CardFields.of_card(stored.card)
    return EditDraft(EditableCard(stored, fields, fields, CardEdit(), None), DecisionSource.COMMAND)


async def test_every_item_of_a_feed_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace
) -> None:
    check = FeedCheck("https://1/", FetchResult(FetchStatus.NEW), feed=FeedReadResult("Paper"))
    choices = (DiscoveredFeed("https://1/", "News"), DiscoveredFeed("https://2/", "Others"))
    feed = FeedDraft(FeedLookup("https://1/", check, choices), make_follow())
    feed.build_reply(SimpleNamespace(client=stage.bot))  # type: ignore[arg-type]  # it takes the clock and a setting
    imports = ImportDraft([NewFeed("https://1/")], make_follow())
    for number, draft in enumerate((feed, imports), start=77):
        stage.bot._connection.store_view(draft, number)
        for item in draft.children:
            custom_id = item.custom_id  # type: ignore[attr-defined]
            assert await _click_item(stage, trace, custom_id, number) is UPDATE, custom_id
            assert trace.said


def _make_link_draft() -> LinkDraft:
    lookup = LinkLookup(PageMetadata("https://1.example/", "Paper"), "https://1.example/", ("1.example",))
    return LinkDraft(FoundLink(lookup), LinkDetails())


async def test_every_item_of_a_link_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.bot.links, "look_up", AsyncMock(return_value=_make_link_draft().found))
    for number, name in enumerate(("submit", "cancel", "details", "choose"), start=77):
        view: Any = LinkChoice(["https://1.example/", "https://2.example/"])
        if name != "choose":
            view = _make_link_draft()
            moderator = SimpleNamespace(
                client=stage.bot,
                guild_id=stage.guild.id,
                permissions=discord.Permissions.all(),
                is_user_integration=lambda: False,
            )
            view.build_reply(moderator)
        stage.bot._connection.store_view(view, number)
        (item,) = [each for each in view.children if each.custom_id.endswith(name)]
        assert await _click_item(stage, trace, item.custom_id, number) is (FORM if name == "details" else UPDATE)
        assert trace.said or name == "details"


def _iter_modals(stage: BotStage) -> Iterator[ErrorReportingModal]:
    async def look_up(interaction: Any) -> Any:
        return await interaction.client.store.archive.card(1, stage.guild.id), None

    yield ReportModal(1)
    yield WithdrawModal(look_up)
    yield TopicsModal(1, "Python")
    yield LinkDetailsModal(_make_link_draft())
    yield EditModal(make_draft())
    daily = replace(SubscriptionOptions(), frequency=Frequency.DAILY)
    for modal in (ScheduleModal, FilterModal):
        yield modal(SubscriptionWizard(daily, [], stage.bot.open_drafts))


@pytest.mark.parametrize("below", ["nd:save:1:0", "nd:review:p:2:-:5", ""])
async def test_every_form_is_acknowledged_before_the_store_is_asked(
    stage: BotStage, trace: InteractionTrace, below: str
) -> None:
    """Below a post, below a review, and of a command."""
    filled = list(_iter_modals(stage))
    ours = {each for each in ErrorReportingModal.__subclasses__() if each.__module__.startswith("bot.")}
    assert {type(each) for each in filled} == ours
    for modal in filled:
        stage.bot._connection.store_view(modal)
        parts = [
            {"type": 18, "id": 1, "component": {"type": 4, "id": 2, "custom_id": _field_id(label), "value": "8:00"}}
            for label in modal.children
        ]
        source = {"message": _message(stage, {"type": 2, "style": 1, "custom_id": below})} if below else {}
        how = await run_interaction(stage, trace, 5, {"custom_id": modal.custom_id, "components": parts}, **source)
        on_review = "review" in below and isinstance(modal, WithdrawModal | TopicsModal)
        is_update = on_review or isinstance(modal, ScheduleModal | FilterModal | LinkDetailsModal | EditModal)
        assert how is (UPDATE if is_update else REPLY), type(modal).__name__
        assert trace.said


def _field_id(label: Any) -> str:
    return str(label.component.custom_id)


def test_no_view_is_left_out() -> None:
    ours = {each for each in ErrorReportingView.__subclasses__() if each.__module__.startswith("bot.")}
    assert ours == {SubscriptionWizard, FeedDraft, ImportDraft, LinkDraft, LinkChoice, EditDraft}
