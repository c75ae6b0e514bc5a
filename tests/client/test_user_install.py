"""The bot of people who installed it for themselves, in a server that has not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.follows import add_feed, follow_feed, make_item, store_items
from tests.support.line import WireHarness, open_wire_harness
from tests.wire.client import Person, WireDiscord
from tests.wire.results import Outcome

OWNER, MEMBER = Person("owner", brings_bot=True), Person("owner")
ANYWHERE = {"search", "card", "saved", "privacy", "Find this card"}


@pytest.fixture
async def line(wire: WireDiscord, tmp_path: Path) -> AsyncIterator[WireHarness]:
    """A server with an instant subscription that follows a feed of one card; the folder has one for everybody."""
    async with open_wire_harness(wire, tmp_path) as harness:
        await harness.subscribe_channel("text")
        harness.write_card("everybodys", title="Harbour for everybody")
        await harness.deliver_due()
        source_id = await add_feed(harness.bot.store)
        await follow_feed(harness.bot.store, harness.guild.id, source_id)
        await store_items(harness.bot.store, source_id, make_item("own", title="Harbour of the server"))
        await harness.connect_gateway()
        yield harness


def titles(outcome: Outcome) -> list[str | None]:
    assert outcome.reply is not None
    assert outcome.reply.ephemeral
    return [embed.get("title") for embed in outcome.reply.embeds]


def labels(outcome: Outcome) -> set[str | None]:
    assert outcome.reply is not None
    return {part.get("label") for part in outcome.reply.parts}


async def test_they_see_everybodys_cards_alone_and_share_nothing(line: WireHarness) -> None:
    query = {"query": "harbour"}
    of_server = await line.wire.run_slash(line.channel, "search", query, MEMBER)
    own = await line.wire.run_slash(line.channel, "search", query, OWNER)

    assert titles(of_server) == ["Harbour of the server", "Harbour for everybody"]
    assert titles(own) == ["Harbour for everybody"]
    assert "Show to everyone" in labels(of_server)
    assert "Show to everyone" not in labels(own)
    choices = await line.wire.run_autocomplete(line.channel, "card", "card", "harbour", person=OWNER)
    assert [choice["name"] for choice in choices] == ["Harbour for everybody · Example"]


async def test_what_they_save_is_theirs_everywhere(line: WireHarness) -> None:
    card = await line.wire.run_slash(line.channel, "card", {"card": "everybodys"}, OWNER)
    assert card.reply is not None
    await line.wire.click_component(card.reply, label="Save", person=OWNER)

    for person in (OWNER, MEMBER):
        assert titles(await line.wire.run_slash(line.channel, "saved list", {}, person)) == ["Harbour for everybody"]


async def test_what_a_server_withdrew_is_withdrawn_there(line: WireHarness) -> None:
    await line.wire.run_slash(line.channel, "desk withdraw", {"card": "everybodys"}, Person("moderator"))

    assert titles(await line.wire.run_slash(line.channel, "search", {"query": "everybody"}, OWNER)) == [
        "Harbour for everybody"
    ]


async def test_only_what_reads_is_offered_to_them(line: WireHarness) -> None:
    await line.bot.sync_commands(force=True)
    for command in await line.wire.list_commands():
        by_users = command["name"] in ANYWHERE
        assert command["integration_types"] == ([0, 1] if by_users else [0]), command["name"]
        assert (2 in command["contexts"]) == by_users, command["name"]
