"""A play on the stage, step by step: what people do with every command, button, menu and form, and what they read."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from operator import attrgetter
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, patch

import discord

from bot.cards.model import CardState
from bot.i18n import override_language
from bot.ui import owner_actions
from bot.ui.greeting import build_greeting
from tests.support.bracketed import iter_shown
from tests.support.stage import BotStage

COSMOS, CHAOS, LETHE = "Κόσμος", "Χάος", "Λήθη"
"""Topics; no card has the second one."""
GREEK = {"excerpt": "Λίγα λόγια", "topics": f"[{COSMOS}]", "provider": "{name: Πηγή, domain: example.org}"}
GONE = 404
"""A channel that there is not."""


@dataclass
class ScriptedSession:
    """The stage, further places on it, and what somebody has before them: something to press, a form."""

    stage: BotStage
    message: Any = None
    form: Any = None
    received: int = 0
    named_results: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        guild, denied = self.stage.guild, discord.PermissionOverwrite
        self.named_results = {
            "role": guild.create_role("Ρόλος", mentionable=True),
            "forum": guild.create_forum_channel("forum"),
            "desk": self.stage.private_channel("desk"),
            "subscribed": self.stage.private_channel("subscribed"),
            "locked": guild.create_text_channel("locked", overwrites={guild.me: denied(send_messages=False)}),
            "silent": guild.create_text_channel("silent", overwrites={guild.me: denied(mention_everyone=False)}),
        }
        self.received = len(self.stage.env.http_requests)

    async def resolve_value(self, text: Any) -> Any:
        """What an option is given: something itself, or how to find it on the stage."""
        found = text(self) if callable(text) else text
        return await found if inspect.isawaitable(found) else found

    def remember_result(self, result: Any) -> None:
        """What the next step may press or fill in."""
        self.form = result if result.modal else self.form
        if result.response and result.response.components:
            self.message = result.response

    def collect_texts(self) -> list[str]:
        """All texts that were sent to Discord since the last time."""
        sent = self.stage.env.http_requests[self.received :]
        self.received += len(sent)
        return [text for request in sent for text in iter_shown(request.json)]


Step = Callable[[ScriptedSession], Awaitable[None]]
Found = Callable[[ScriptedSession], Any]


def _stage_value(path: str) -> Found:
    return lambda play: attrgetter(path)(play.stage)


def _named_result(name: str) -> Found:
    return lambda play: play.named_results[name]


news, digest, member, moderators = map(_stage_value, ("news", "digest", "member", "moderators"))
everyone, admins_dm, members_dm = map(
    _stage_value, ("guild.default_role", "admin.user.dm_channel", "member.user.dm_channel")
)
role, forum, desk, subscribed = map(_named_result, ("role", "forum", "desk", "subscribed"))
locked, silent = map(_named_result, ("locked", "silent"))
"""Channels in which the bot may not write, or call people."""


def site_page(path: str) -> Found:
    """A page of the site that the stage may fetch from."""

    def find_url(play: ScriptedSession) -> str:
        (site,) = play.stage.settings.fetch_private
        return f"http://{site.host}:{site.port}{path}"

    return find_url


def own_subscription(number: int) -> Found:
    """A subscription of the server, from 0."""

    async def find_id(play: ScriptedSession) -> str:
        subscriptions = await play.stage.bot.store.subscriptions.list_for_guild(play.stage.guild.id)
        return str(subscriptions[number].id)

    return find_id


def run_slash(command: str, who: str = "admin", **options: Any) -> Step:
    async def act(play: ScriptedSession) -> None:
        filled = {key: await play.resolve_value(value) for key, value in options.items()}
        play.remember_result(await getattr(play.stage, who).slash(play.stage.news, command, **filled))

    return act


def run_in_dm(command: str, **options: Any) -> Step:
    """A command in direct messages."""

    async def act(play: ScriptedSession) -> None:
        play.remember_result(await play.stage.admin.user.slash(command, **options))

    return act


def complete_option(command: str, option: str, typed: str = "") -> Step:
    async def act(play: ScriptedSession) -> None:
        await play.stage.admin.autocomplete(play.stage.news, command, option, typed)

    return act


def press_item(named: str, *values: Any, who: str = "admin", dm: bool = False) -> Step:
    """The first button or menu whose `custom_id` begins or ends so; of a menu the first option, or these values."""

    async def act(play: ScriptedSession) -> None:
        item, person = _find_item(play.message, named), getattr(play.stage, who)
        person = person.user if dm else person
        if "options" in item or values:
            selected = [await play.resolve_value(value) for value in values] or [item["options"][0]["value"]]
            play.remember_result(await person.select(play.message, selected, custom_id=item["custom_id"]))
        else:
            play.remember_result(await person.click(play.message, custom_id=item["custom_id"]))

    return act


def _find_item(message: Any, named: str) -> dict[str, Any]:
    for row in message.components:
        for item in row["components"] if isinstance(row, dict) else row.children:
            plain: dict[str, Any] = item if isinstance(item, dict) else item.to_dict()
            if plain.get("custom_id", "").startswith(named) or plain.get("custom_id", "").endswith(named):
                return plain
    raise LookupError(f"there is no {named} in {message.components}")


def press_forged(custom_id: str, who: str = "admin", *, card: str = "") -> Step:
    """A button that nobody was given, or that stands for what is gone. `{}` in its id is the card's."""

    async def act(play: ScriptedSession) -> None:
        stage = play.stage
        found = await stage.bot.store.cards.get_by_slug(card, stage.guild.id, hidden=True)
        channel, named = stage.bot.get_channel(stage.news.id), custom_id.format(found.id if found else 0)
        assert isinstance(channel, discord.TextChannel)
        view = discord.ui.View(timeout=None)
        view.stop()
        view.add_item(discord.ui.Button(emoji="🃏", custom_id=named))
        message = await channel.send("🃏", view=view)
        play.remember_result(await getattr(stage, who).click(message, custom_id=named))

    return act


def fill_form(*typed: str, who: str = "admin") -> Step:
    """Send the form with these in its fields, from the first on."""

    async def act(play: ScriptedSession) -> None:
        fields = [label["component"]["custom_id"] for label in play.form.modal["components"]]
        play.remember_result(
            await getattr(play.stage, who).submit_modal(play.form, dict(zip(fields, typed, strict=False)))
        )

    return act


def send_card(slug: str, title: str, *, held: bool = False) -> Step:
    """A card comes from another program."""

    async def act(play: ScriptedSession) -> None:
        fields = {"title": title, "excerpt": GREEK["excerpt"], "topics": (COSMOS,)}
        await play.stage.send_card(slug, **fields, **({"state": CardState.HELD} if held else {}))

    return act


def load_cards(*slugs: str, **fields: str) -> Step:
    """Cards come, of these fields and else Greek ones."""

    async def act(play: ScriptedSession) -> None:
        for slug in slugs:
            play.stage.write_card(slug, **{"title": f"Τίτλος {slug}", **GREEK, **fields})
        await play.stage.load_cards()

    return act


def advance_clock(**span: float) -> Step:
    async def act(play: ScriptedSession) -> None:
        play.stage.clock.advance(**span)
        await play.stage.bot.pipeline.plan_and_deliver()

    return act


def view_newest(where: Found = news) -> Step:
    """Look at the newest message of a channel."""

    async def act(play: ScriptedSession) -> None:
        play.message = list(where(play).history())[-1]

    return act


def run_menu(text: Any, name: str = "Find this card") -> Step:
    async def act(play: ScriptedSession) -> None:
        message = await play.stage.member.send(play.stage.news, await play.resolve_value(text))
        play.remember_result(await play.stage.admin.context_menu(play.stage.news, name, message))

    return act


def refuse_messages(channel: Found, code: int, times: int = 1) -> Step:
    """Discord takes no message there; what it says of that is in its own words."""

    async def act(play: ScriptedSession) -> None:
        where = f"/channels/{channel(play).id}/messages"
        play.stage.env.inject_error("POST", where, status=403, code=code, message="Όχι", times=times)

    return act


def strand_subscriptions(*channels: Any) -> Step:
    """Subscriptions whose channels have changed since they were made."""

    async def act(play: ScriptedSession) -> None:
        stage, add = play.stage, play.stage.bot.store.subscriptions.add_subscription
        for channel in channels:
            where = channel if isinstance(channel, int) else channel(play).id
            await add(guild_id=stage.guild.id, channel_id=where, created_by=stage.admin.id, now=stage.clock())

    return act


def with_failing_query(query: str, step: Step) -> Step:
    """A step at which a query of the store fails."""

    async def act(play: ScriptedSession) -> None:
        subject, _, name = query.rpartition(".")
        with patch.object(attrgetter(subject)(play.stage.bot.store), name, side_effect=RuntimeError("a defect")):
            await step(play)

    return act


async def forget_drafts(play: ScriptedSession) -> None:
    play.stage.bot.open_drafts.clear()


async def open_commands(stage: BotStage) -> None:
    """To everybody, as a server's settings can: what Discord hides is no protection."""
    for command in await stage.bot.tree.fetch_commands():
        stage.guild.set_command_permissions(command.id, {stage.guild.default_role: True})


def warn_owners(language: str) -> Step:
    """Nobody knows the language of an owner, but what is said to them can be said in any."""

    async def act(play: ScriptedSession) -> None:
        bot = play.stage.bot
        owner = SimpleNamespace(team=None, owner=play.stage.admin)
        bot.application_info = AsyncMock(return_value=owner)  # type: ignore[method-assign]
        with override_language(language):
            await owner_actions.warn_owners(bot, 30)
        bot.pipeline.held_back = 30
        await bot.worker.store_state()

    return act


def post_greeting(language: str) -> Step:
    """What the server would hear if the bot joined it now."""

    async def act(play: ScriptedSession) -> None:
        bot, channel = play.stage.bot, play.stage.bot.get_channel(play.stage.news.id)
        assert isinstance(channel, discord.TextChannel)
        with override_language(language):
            await channel.send(**await build_greeting(bot, channel.guild, False))

    return act


async def write_back(play: ScriptedSession) -> None:
    """From here on the owners' decisions go into the files, which have changed meanwhile."""
    worker = play.stage.bot.worker
    worker._settings = worker._settings.model_copy(update={"write_back": True})
    await worker.store_state()
    for path in play.stage.folder.glob("*.md"):
        path.write_bytes(path.read_bytes() + b"\n")
