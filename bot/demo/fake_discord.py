"""An offline Discord around the real bot. Only this module and `preview_page` use simcord.

User actions (`slash`, `click` …) return when the bot has responded. The bot's background work runs concurrently, in a
separate context.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import discord
import simcord
from discord.ext import commands
from simcord.backend.cdn import CDN_BASE

from bot.i18n import ENGLISH, tr_command_name

Person = simcord.MemberActor
Channel = simcord.ChannelHandle
Answer = simcord.InteractionResult
Assets = Mapping[str, tuple[str, bytes]]

_AMERICAN = "en-US"
_AVATAR = "newsdesk"
_SETTLE_SECONDS = 60.0
"""Timeout of a response in simcord."""
_IN_WORLD: ContextVar[bool] = ContextVar("in_world", default=False)
_CHANGES = {"MESSAGE_CREATE", "MESSAGE_UPDATE", "MESSAGE_DELETE"}


@dataclass(frozen=True)
class Message:
    """A message as a user sees it. `buttons` are their labels."""

    id: int
    content: str
    embeds: tuple[discord.Embed, ...]
    buttons: tuple[str, ...]
    private: bool
    raw: discord.Message

    @property
    def text(self) -> str:
        """Return all readable text."""
        parts = [self.content]
        for embed in self.embeds:
            parts += [embed.author.name or "", embed.title or "", embed.description or "", embed.footer.text or ""]
            parts += [f"{field.name}\n{field.value}" for field in embed.fields]
        return "\n".join(filter(None, parts))


@dataclass(frozen=True)
class MessageChange:
    """A change to a message by the bot's background work, not in response to a user."""

    channel_id: int
    message_id: int
    new: bool


class FakeDiscord:
    """One guild with its channels and people, and the bot in it."""

    def __init__(self, bot: commands.AutoShardedBot) -> None:
        self.bot = bot
        self.env = simcord.Env(bot, shard_count=1, check_errors=False, settle_timeout=_SETTLE_SECONDS)
        self.turn = asyncio.Lock()
        """Held during each action: simcord does one thing at a time and refuses what overlaps."""
        self.channels: dict[str, Channel] = {}
        self.language = ENGLISH
        self._private: dict[int, Sequence[Person]] = {}
        self._guild: simcord.GuildHandle | None = None
        self._listeners: list[Callable[[MessageChange], None]] = []

    async def start(self, now: datetime, *, server: str, language: str = ENGLISH) -> None:
        """Log the bot in at the time `now`, and create a guild whose members all use the same locale."""
        # This context is for responses to users; the bot's background work runs in a fresh one, where this is unset.
        _IN_WORLD.set(True)
        self.env.backend.bot_user.name = self.env.backend.bot_user.global_name = "Newsdesk"
        self.env.backend.bot_user.avatar = _AVATAR
        # simcord starts at a fixed date; cards of today would lie in its future.
        self.env.backend.advance_clock(max(0.0, (now - self.env.now()).total_seconds()))
        # simcord wraps the handler, and would count every error as a failure of the bot.
        answer = self.bot.tree.on_error
        await self.env.start()
        self.bot.tree.on_error = answer  # type: ignore[method-assign]  # a `UserError` is not a failure
        self.language = language
        localize_simcord(self.bot, lambda _user_id: self.locale)
        self._guild = self.env.create_guild(server, preferred_locale=self.locale)
        self.env.backend.subscribers.append(self._on_event)

    @property
    def locale(self) -> str:
        """Return the members' locale, in Discord's spelling."""
        return _AMERICAN if self.language == ENGLISH else self.language

    @property
    def guild(self) -> simcord.GuildHandle:
        if self._guild is None:
            raise RuntimeError("the world has not started")
        return self._guild

    @property
    def avatar_address(self) -> str:
        """Return where the bot's picture is looked for."""
        return f"{CDN_BASE}/avatars/{self.env.backend.bot_user.id}/{_AVATAR}.png"

    def add_channel(self, name: str, topic: str = "", *, only_for: Sequence[Person] = ()) -> Channel:
        """Create a text channel, for everyone or for some people and the bot."""
        overwrites: dict[Any, discord.PermissionOverwrite] = {}
        # The bot as well: it is an ordinary member where permissions are concerned.
        if only_for and self.bot.user:
            may = discord.PermissionOverwrite(view_channel=True)
            overwrites = dict.fromkeys([*only_for, self.bot.user], may)
            overwrites[self.guild.default_role] = discord.PermissionOverwrite(view_channel=False)
        channel = self.guild.create_text_channel(name, topic=topic, overwrites=overwrites)
        self.channels[name] = channel
        if only_for:
            self._private[channel.id] = only_for
        return channel

    def readers_of(self, channel: Channel, people: Sequence[Person]) -> Sequence[Person]:
        """Return the people who can read a channel."""
        return [person for person in people if person in self._private.get(channel.id, people)]

    def add_person(self, name: str, permissions: discord.Permissions | None = None, role: str = "") -> Person:
        """Add a member, with a role that grants `permissions` if given."""
        roles = [self.guild.create_role(role or name, permissions=permissions)] if permissions else []
        return self.guild.add_member(self.env.create_user(name.split()[0].lower(), global_name=name), roles=roles)

    async def allow_command(self, name: str, person: Person) -> None:
        """Override a command's permissions, as in a guild's integration settings, so that a member can see it."""
        synced = await self.bot.tree.fetch_commands()
        command = next(each for each in synced if each.name == name)
        self.guild.set_command_permissions(command.id, {person: True})

    async def run_command(self, person: Person, channel: Channel, command: str, /, **options: Any) -> Answer:
        async with self.turn:
            return await person.slash(channel, command, **options)

    async def click_button(self, person: Person, message: Message, label: str) -> Answer:
        async with self.turn:
            return await person.click(message.raw, label=label)

    async def submit_modal(self, person: Person, shown: Answer, **texts: str) -> Answer:
        """Submit a form. `texts` are by the labels of its fields; the others stay as they are."""
        if shown.modal is None:
            raise LookupError("the bot showed no form")
        fields = {label["label"]: label["component"] for label in shown.modal["components"]}
        values = {field["custom_id"]: texts.get(label, field.get("value") or "") for label, field in fields.items()}
        async with self.turn:
            return await person.submit_modal(shown, values)

    async def get_suggestions(
        self, person: Person, channel: Channel, command: str, option: str, typed: str
    ) -> list[dict[str, Any]]:
        """Autocomplete an option; return choices with `name` and `value`."""
        async with self.turn:
            return await person.autocomplete(channel, command, option, typed)

    def message_commands(self) -> list[dict[str, str]]:
        """Return the commands of the message menu: names, and labels in the members' language."""
        names = [command.name for command in self.bot.tree.get_commands(type=discord.AppCommandType.message)]
        return [{"name": name, "label": tr_command_name(name, self.language)} for name in sorted(names)]

    def command_names(self) -> dict[str, str]:
        """Return the slash commands and groups in the members' language, by their English names."""
        names = [command.qualified_name for command in self.bot.tree.walk_commands()]
        return {
            f"/{name}": "/" + " ".join(tr_command_name(word, self.language) for word in name.split()) for name in names
        }

    def get_messages(self, channel: Channel, viewer: Person | None = None) -> list[Message]:
        """Return a channel's messages, oldest first; ephemeral ones only for their recipient."""
        return [_to_message(message) for message in channel.history(viewer=viewer)]

    def on_change(self, listener: Callable[[MessageChange], None]) -> None:
        """Call `listener` whenever the bot's background work changes a channel."""
        self._listeners.append(listener)

    def _on_event(self, event: str, payload: Mapping[str, Any]) -> None:
        # A response to a click is shown by the page itself; reloading it would lose what the person is typing.
        if event in _CHANGES and not _IN_WORLD.get():
            for listener in self._listeners:
                listener(MessageChange(int(payload["channel_id"]), int(payload["id"]), new=event == "MESSAGE_CREATE"))

    async def advance_clock(self, now: datetime) -> None:
        """Advance the world's clock to `now`."""
        async with self.turn:
            with suppress(TimeoutError):  # the bot is still at work; the next call moves the rest of the way
                await self.env.advance_time(max(0.0, (now - self.env.now()).total_seconds()))

    async def close(self) -> None:
        """Release the bot. simcord never closes it: leave `open_bot` first."""
        await self.env.shutdown()


def localize_simcord(bot: commands.AutoShardedBot, locale_of: Callable[[int], str]) -> None:
    """Set locales by user and guild; simcord sends American English for all."""
    parsers = bot._connection.parsers  # noqa: SLF001 - simcord injects gateway events here
    parse = parsers["INTERACTION_CREATE"]

    def on_payload(payload: dict[str, Any]) -> None:
        user = payload["user"] if "user" in payload else payload["member"]["user"]
        payload["locale"] = locale_of(int(user["id"]))
        if guild := bot.get_guild(int(payload.get("guild_id", 0))):
            payload["guild_locale"] = str(guild.preferred_locale)
        parse(payload)

    # discord.py looks parsers up for each event, so that replacing the entry is enough.
    parsers["INTERACTION_CREATE"] = on_payload


def answer_message(answer: Answer) -> Message:
    """Return the response a user got. Raises `LookupError` if there was none."""
    if answer.response is None:
        raise LookupError("the bot gave no answer")
    return _to_message(answer.response.message)


def _to_message(message: discord.Message) -> Message:
    buttons = [button for row in message.components for button in getattr(row, "children", ())]
    return Message(
        id=message.id,
        content=message.content,
        embeds=tuple(message.embeds),
        buttons=tuple(_button_label(button) for button in buttons),
        private=message.flags.ephemeral,
        raw=message,
    )


def _button_label(button: Any) -> str:
    words = (button.emoji, button.label) if hasattr(button, "label") else (button.placeholder, "▾")
    return " ".join(str(part) for part in words if part)
