"""Who may do what: every command, button, select, form and completion, by seven kinds of people.

The server has opened all commands to everybody, as its settings allow: what Discord hides is no protection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
import simcord

from bot.domain.moderation import Decision, DecisionSource, Verdict
from tests.support.stage import BotStage, button_ids, open_stage
from tests.support.stores import query_database

PEOPLE = ("stranger", "member", "manager", "moderator", "administrator", "owner", "demoted")
EVERYBODY = frozenset(PEOPLE)
NOBODY: frozenset[str] = frozenset()
DESK = frozenset({"stranger", "moderator", "administrator"})
"""The stranger is an administrator elsewhere: there all this is allowed, and says nothing about here."""
HERE = frozenset({"moderator", "administrator"})
MANAGERS = frozenset({"manager", "administrator"})
SERVER_MANAGERS = frozenset({"stranger", "administrator"})
OWNER = frozenset({"owner"})
REFUSED = (
    "permission for this",
    "permission in",
    "Only this bot's owners",
    "I can't find that subscription",
    "Nothing to undo",
    "These subscriptions were removed",
    "This list has expired",
    "There's nothing new for it",
    "No such decisions",
    "This server has no subscriptions yet",
    "nobody has decided on this card here",
    "This button is for someone else",
)
TABLES = (
    "decisions",
    "audit_log",
    "subscriptions",
    "quiet_hours",
    "guild_settings",
    "card_edits",
    "story_decisions",
    "decision_subscriptions",
)


@dataclass
class RightsWorld:
    """A server with cards, a subscription and a decision; another one with a stranger; and where to meet people."""

    stage: BotStage
    hall: Any
    elsewhere: Any
    people: dict[str, Any]
    subscription: int
    entry: int
    delivery: int
    queue: str
    log: str

    def channel_for(self, name: str) -> Any:
        return self.elsewhere if name == "stranger" else self.hall

    async def forge_message(self, name: str, custom_id: str) -> Any:
        """A message with this button or select, where the person can click it."""
        channel = self.stage.bot.get_channel(self.channel_for(name).id)
        assert isinstance(channel, discord.TextChannel)
        view = discord.ui.View(timeout=None)
        view.stop()
        if custom_id.startswith(("nd:pick", "nd:keep", "nd:split", "nd:join", "nd:choose")):
            options = [discord.SelectOption(label=value, value=value) for value in ("1", "2")]
            view.add_item(discord.ui.Select(custom_id=custom_id, options=options))
        else:
            view.add_item(discord.ui.Button(label="Forged", custom_id=custom_id))
        return await channel.send("Forged", view=view)

    def guild_state(self) -> list[Any]:
        """All that this server has decided, subscribed and set."""
        url, own = self.stage.settings.database_url, f"guild_id IN (0, {self.stage.guild.id})"
        return [sorted(query_database(url, f"SELECT * FROM {table} WHERE {own}"), key=repr) for table in TABLES]


async def _build_world(stage: BotStage) -> RightsWorld:
    other = stage.env.create_guild("Other")
    elsewhere = other.create_text_channel("elsewhere")
    everything = discord.Permissions(administrator=True)
    hall = stage.guild.create_text_channel("hall")

    def add_person(name: str, guild: Any, permissions: discord.Permissions | None = None) -> Any:
        roles = [guild.create_role(name, permissions=permissions)] if permissions else []
        return guild.add_member(stage.env.create_user(name), roles=roles)

    people = {
        "stranger": add_person("stranger", other, everything),
        "member": stage.member,
        "manager": add_person("manager", stage.guild, discord.Permissions(manage_channels=True)),
        "moderator": add_person("moderator", stage.guild, discord.Permissions(manage_messages=True)),
        "administrator": add_person("administrator", stage.guild, everything),
        "owner": add_person("owner", stage.guild),
        "demoted": add_person("demoted", stage.guild, discord.Permissions(manage_messages=True, manage_channels=True)),
    }
    stage.bot.owner_id = people["owner"].id
    for command in await stage.bot.tree.fetch_commands():
        for guild in (stage.guild, other):
            guild.set_command_permissions(command.id, {guild.default_role: True})
    await stage.subscribe_channel()
    await stage.load_cards("held", published="false", heat="10")
    await stage.load_cards("out")
    await stage.load_cards("decided", published="false", heat="20")
    await stage.send_card("sent")
    store = stage.bot.store
    decision = Decision(stage.guild.id, 3, Verdict.PUBLISH, stage.admin.id, stage.clock())
    outcome = await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
    assert outcome.entry
    await stage.bot.pipeline.plan_deliveries()
    queue = await stage.admin.slash(hall, "desk queue")
    key = button_ids(queue.response)["Publish"].split(":")[3]
    log_request = {"kind": "log", "card_id": None, "actor_id": None, "after": None, "source": None}
    log = store.list_requests.save_request(log_request, stage.clock())
    (subscription,) = await store.subscriptions.list_for_guild(stage.guild.id)
    return RightsWorld(stage, hall, elsewhere, people, subscription.id, outcome.entry.id, 1, key, log)


def _demote_moderator(world: RightsWorld) -> None:
    """The role goes after everything was posted."""
    stage, role = world.stage, world.stage.guild.roles["demoted"]
    stage.env.backend.remove_member_role(stage.guild.id, world.people["demoted"].id, role.id)


Act = Callable[[RightsWorld, str], Awaitable[Any]]


def run_slash(command: str, **options: Any) -> Act:
    async def act(world: RightsWorld, name: str) -> Any:
        filled = {key: value(world) if callable(value) else value for key, value in options.items()}
        person = world.people[name]
        return await fill_form(person, await person.slash(world.channel_for(name), command, **filled))

    return act


def run_menu(text: str) -> Act:
    async def act(world: RightsWorld, name: str) -> Any:
        message = await world.people[name].send(world.channel_for(name), text)
        return await world.people[name].context_menu(world.channel_for(name), "Find this card", message)

    return act


def press_item(template: str) -> Act:
    async def act(world: RightsWorld, name: str) -> Any:
        values = {"subscription": world.subscription, "entry": world.entry, "queue": world.queue, "log": world.log}
        custom_id = template.format(**values)
        message = await world.forge_message(name, custom_id)
        return await click_through(world.people[name], message, custom_id)

    return act


async def click_through(person: Any, message: Any, custom_id: str) -> Any:
    """A click, or the first choice of a menu, to its end: a form is filled in."""
    if custom_id.startswith(("nd:pick", "nd:keep", "nd:split", "nd:join", "nd:choose")):
        return await person.select(message, values=["1"], custom_id=custom_id)
    return await fill_form(person, await person.click(message, custom_id=custom_id))


async def fill_form(person: Any, result: Any) -> Any:
    """Send the form that a person was shown, if there is one."""
    if result.modal is None:
        return result
    return await person.submit_modal(result, {result.modal["components"][0]["component"]["custom_id"]: "x"})


MINE = {"subscription": lambda world: str(world.subscription)}
NEWS = {"channel": lambda world: world.stage.news}
ACTS: dict[str, tuple[Act, frozenset[str]]] = {
    "/latest": (run_slash("latest"), EVERYBODY),
    "/search": (run_slash("search", query="title"), EVERYBODY),
    "/topics": (run_slash("topics"), EVERYBODY),
    "/help": (run_slash("help"), EVERYBODY),
    "/trends": (run_slash("trends"), EVERYBODY),
    "/card": (run_slash("card", card="out"), EVERYBODY),
    "/privacy export": (run_slash("privacy export"), EVERYBODY),
    "/privacy erase": (run_slash("privacy erase"), EVERYBODY),
    "/catchup": (run_slash("catchup"), EVERYBODY),
    "/follow": (run_slash("follow", topic="Space"), EVERYBODY),
    "/unfollow": (run_slash("unfollow", topic="Space"), EVERYBODY),
    "/following": (run_slash("following"), EVERYBODY),
    "/saved list": (run_slash("saved list"), EVERYBODY),
    "/saved export": (run_slash("saved export"), EVERYBODY),
    "Find this card": (run_menu("https://example.org/out"), EVERYBODY),
    "/digest setup": (run_slash("digest setup"), EVERYBODY),  # it subscribes only where the person manages the channel
    "/digest subscribe": (run_slash("digest subscribe", **NEWS, topics="Space"), MANAGERS),
    "/digest edit": (run_slash("digest edit", **MINE, topics="Space"), MANAGERS),
    "/digest pause": (run_slash("digest pause", **MINE), MANAGERS),
    "/digest resume": (run_slash("digest resume", **MINE), MANAGERS),
    "/digest preview": (run_slash("digest preview", **MINE), MANAGERS),
    "/digest why": (run_slash("digest why", **MINE, card="out"), MANAGERS),
    "/digest now": (run_slash("digest now", **MINE), MANAGERS),
    "/digest remove": (run_slash("digest remove", **MINE), MANAGERS),
    "/digest quiet": (run_slash("digest quiet", **NEWS, **{"from": "22:00", "to": "7:00"}), MANAGERS),
    "/digest list": (run_slash("digest list"), EVERYBODY),
    "/digest check": (run_slash("digest check"), EVERYBODY),
    "/digest whatif": (run_slash("digest whatif"), EVERYBODY),
    "/feed add": (run_slash("feed add", url="https://1/"), SERVER_MANAGERS),
    "/feed list": (run_slash("feed list"), SERVER_MANAGERS),
    "/feed edit": (run_slash("feed edit", feed="x", quality=60), SERVER_MANAGERS),
    "/feed pause": (run_slash("feed pause", feed="x"), SERVER_MANAGERS),
    "/feed resume": (run_slash("feed resume", feed="x"), SERVER_MANAGERS),
    "/feed remove": (run_slash("feed remove", feed="x"), SERVER_MANAGERS),
    "/feed check": (run_slash("feed check", feed="x"), SERVER_MANAGERS),
    "/newsdesk profile": (run_slash("newsdesk profile", name="Herald"), SERVER_MANAGERS),
    "/feed import": (run_slash("feed import", file=("x", b"x")), SERVER_MANAGERS),
    "/feed export": (run_slash("feed export"), SERVER_MANAGERS),
    "/desk queue": (run_slash("desk queue"), DESK),
    "/desk log": (run_slash("desk log"), DESK),
    "/desk channel": (run_slash("desk channel"), DESK),
    "/desk publish": (run_slash("desk publish", card="held"), DESK),
    "/desk withdraw": (run_slash("desk withdraw", card="out", reason="x"), DESK),
    "/desk withdraw, by form": (run_slash("desk withdraw", card="out"), DESK),
    "/desk split": (run_slash("desk split", card="sent"), DESK),
    "/desk join": (run_slash("desk join", card="sent", story="out"), DESK),
    "/desk edit": (run_slash("desk edit", card="sent"), DESK),
    "/desk undo": (run_slash("desk undo", card="decided"), HERE),
    "/desk publish everywhere": (run_slash("desk publish", card="held", scope="everywhere"), OWNER),
    "/desk withdraw everywhere": (run_slash("desk withdraw", card="out", reason="x", scope="everywhere"), OWNER),
    "/desk undo everywhere": (run_slash("desk undo", card="decided", scope="everywhere"), OWNER),
    "/status": (run_slash("status"), OWNER),
    "Save": (press_item("nd:save:2:0"), EVERYBODY),
    "Save, held": (press_item("nd:save:1:0"), NOBODY),
    "Remove": (press_item("nd:forget:2"), EVERYBODY),
    "More…": (press_item("nd:more:2"), EVERYBODY),
    "More…, held": (press_item("nd:more:1"), NOBODY),
    "Related, held": (press_item("nd:related:1"), NOBODY),
    "Not the same story…": (press_item("nd:split"), DESK),
    "The same story as…": (press_item("nd:join:2"), DESK),
    "More about a topic": (press_item("nd:topic:2"), EVERYBODY),
    "More about a topic, held": (press_item("nd:topic:1"), NOBODY),
    "Show to everyone": (press_item("nd:show:2"), EVERYBODY),
    "Show to everyone, held": (press_item("nd:show:1"), NOBODY),
    "Report": (press_item("nd:flag:2"), EVERYBODY),
    "Report, held": (press_item("nd:flag:1"), NOBODY),
    "Save a card": (press_item("nd:keep:1"), NOBODY),  # the card with the id 1 is held
    "Publish": (press_item("nd:review:p:1:-:1"), DESK),
    "Publish in…": (press_item("nd:review:i:1:-:1"), HERE),
    "Keep": (press_item("nd:review:k:1:-:1"), DESK),
    "Withdraw": (press_item("nd:review:w:2:-:1"), DESK),
    "Edit topics": (press_item("nd:review:t:1:-:1"), DESK),
    "Edit": (press_item("nd:edit:4"), DESK),
    "Why?": (press_item("nd:review:y:1:-:1"), DESK),
    "Undo": (press_item("nd:undo:{entry}"), HERE),
    "Undo several": (press_item("nd:undo:{entry},99"), HERE),
    "Redo": (press_item("nd:redo:{entry}"), HERE),
    "Publish only in…": (press_item("nd:pick:0:1:-"), HERE),
    "Queue: publish": (press_item("nd:queue:p:{queue}:p0:1-"), DESK),
    "Queue: withdraw all": (press_item("nd:queue:w:{queue}:p0:1-,3p"), DESK),
    "Queue: withdraw all, asked": (press_item("nd:queue:w!:{queue}:p0:1-,3p"), DESK),
    "Queue: choose": (press_item("nd:choose:{queue}:p0"), DESK),
    "Queue: next page": (press_item("nd:turn:{queue}:p0"), DESK),
    "Log: next page": (press_item("nd:turn:{log}:p0"), DESK),
    "Erase, somebody else's": (press_item("nd:erase:1"), NOBODY),
    "Accept withdrawals": (press_item("nd:accept"), OWNER),
}


def _reply_text(result: Any) -> str:
    """What the person reads in reply."""
    return "\n".join(str(each.content) for each in (result.response, *result.followups) if each)


async def _run_act(act: Act, world: RightsWorld, who: str) -> str:
    """The reply; Discord itself knows no channel of another server."""
    try:
        return _reply_text(await act(world, who))
    except simcord.SetupError as error:
        if who == "stranger" and "guild" in str(error).lower():
            return REFUSED[0]
        raise


def _is_refusal(words: str) -> bool:
    return any(refusal in words for refusal in REFUSED) or "no longer available" in words


@pytest.mark.parametrize("name", ACTS)
async def test_every_act_is_allowed_or_refused_in_words(tmp_path: Path, name: str) -> None:
    act, allowed = ACTS[name]
    async with open_stage(tmp_path) as stage:
        world = await _build_world(stage)
        _demote_moderator(world)
        before = world.guild_state()
        for who in sorted(EVERYBODY - allowed):
            words = await _run_act(act, world, who)
            assert _is_refusal(words), (who, words)
            assert "something went wrong" not in words, who
            assert world.guild_state() == before, who
        for who in sorted(allowed):
            before = world.guild_state()
            words = _reply_text(await act(world, who))
            assert "permission for this" not in words, (who, words)
            assert "Only this bot's owners" not in words, (who, words)
            assert "something went wrong" not in words, (who, words)
            if who == "stranger":
                assert world.guild_state() == before


async def test_completion_names_held_cards_only_to_those_who_decide(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        world = await _build_world(stage)
        _demote_moderator(world)
        for command in ("desk publish", "desk withdraw", "desk undo", "desk log"):
            for who, person in world.people.items():
                found = await person.autocomplete(world.channel_for(who), command, "card", "held")
                assert bool(found) is (who in DESK), (command, who)
        for who, person in world.people.items():
            assert await person.autocomplete(world.channel_for(who), "card", "card", "held") == [], who


async def test_completion_names_no_subscription_of_another_server(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        world = await _build_world(stage)
        for command in ("edit", "pause", "resume", "remove", "preview", "why", "now"):
            found = await world.people["stranger"].autocomplete(
                world.elsewhere, f"digest {command}", "subscription", ""
            )
            assert found == [], command


async def test_a_form_that_was_opened_before_the_role_went_is_refused(tmp_path: Path) -> None:
    async with open_stage(tmp_path) as stage:
        world = await _build_world(stage)
        demoted = world.people["demoted"]
        forms = [
            await demoted.slash(world.hall, "desk withdraw", card="out"),
            await demoted.click(
                await world.forge_message("demoted", "nd:review:t:1:-:1"), custom_id="nd:review:t:1:-:1"
            ),
        ]
        _demote_moderator(world)
        before = world.guild_state()
        for shown in forms:
            field = shown.modal["components"][0]["component"]["custom_id"]
            assert "permission for this" in _reply_text(await demoted.submit_modal(shown, {field: "x"}))
        assert world.guild_state() == before


@pytest.mark.parametrize(
    "custom_id",
    [
        "nd:review:p:99:-:1",
        "nd:review:p:9999999999:-:999999999999",
        "nd:review:p:1:w:1",
        "nd:review:i:1:p:1",
        "nd:undo:999999999999",
        "nd:redo:999999999999,999999999998",
        "nd:queue:p:000000000000:p0:99-",
        "nd:queue:p!:000000000000:p0:98-,99-",
        "nd:choose:000000000000:p0",
        "nd:queue:w:000000000000:o-9223372036854775807:1p,2p",
        "nd:pick:7:99:-",
        "nd:turn:000000000000:p0",
        "nd:related:99",
        "nd:split",
        "nd:join:99",
        "nd:flag:99",
        "nd:topic:99",
        "nd:show:99",
        "nd:show:fffffff-fffffff-0",
        "nd:save:99:99",
    ],
)
async def test_a_forged_or_stale_id_ends_in_a_clear_refusal(tmp_path: Path, custom_id: str) -> None:
    async with open_stage(tmp_path) as stage:
        world = await _build_world(stage)
        before = world.guild_state()
        message = await world.forge_message("administrator", custom_id)
        person = world.people["administrator"]
        words = _reply_text(await click_through(person, message, custom_id))
        assert words
        assert "something went wrong" not in words
        assert world.guild_state() == before
