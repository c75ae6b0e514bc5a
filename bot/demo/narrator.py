"""Terminal output of the story: who did what where, and each message as Discord would show it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import discord
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from bot.demo.discord_world import Channel, Message, Person
from bot.render.plain import as_panel

_MENTION = re.compile(r"<[#@](\d+)>")


class Narrator:
    """Writes to a terminal, or a substitute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._names: dict[str, str] = {}

    def introduce(self, channels: Iterable[Channel], people: Iterable[Person]) -> None:
        """Register names for mentions, which Discord shows instead of ids."""
        self._names |= {str(channel.id): f"#{channel.name}" for channel in channels}
        self._names |= {str(person.id): f"@{_called(person)}" for person in people}

    def chapter(self, title: str) -> None:
        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left"))

    def says(self, sentence: str) -> None:
        """Print a line of narration."""
        self._console.print(Text(sentence, style="italic"))

    def does(self, person: Person, channel: Channel, what: str) -> None:
        self._console.print(
            Text.assemble((_called(person), "bold cyan"), " in ", (f"#{channel.name}", "bold"), f": {what}")
        )

    def posted(self, channel: Channel, message: Message) -> None:
        self._console.print(Text.assemble(("Newsdesk", "bold green"), " posts in ", (f"#{channel.name}", "bold")))
        self._show(message)

    def answered(self, message: Message) -> None:
        seen = " (only they can see it)" if message.private else ""
        self._console.print(Text.assemble(("Newsdesk", "bold green"), f" answers{seen}"))
        self._show(message)

    def failed(self, why: str) -> None:
        self._console.print(Text(f"The story went wrong: {why}", style="bold red"))

    def _show(self, message: Message) -> None:
        """Print a message with its buttons below the last embed."""
        embeds = [discord.Embed(description=message.content)] if message.content else []
        embeds += message.embeds
        for place, embed in enumerate(embeds, start=1):
            self._console.print(as_panel(self._named(embed), message.buttons if place == len(embeds) else ()))

    def _named(self, embed: discord.Embed) -> discord.Embed:
        written = json.dumps(embed.to_dict())
        return discord.Embed.from_dict(json.loads(_MENTION.sub(self._name, written)))

    def _name(self, mention: re.Match[str]) -> str:
        return self._names.get(mention[1], mention[0])


def _called(person: Person) -> str:
    return person.user.global_name or person.name
