"""Terminal output of the story: who did what where, and each message as Discord would show it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import discord
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from bot.demo.fake_discord import Channel, Message, Person
from bot.render.terminal import render_panel

_MENTION = re.compile(r"<[#@](\d+)>")


class Narrator:
    """Writes to a terminal, or a substitute."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._names: dict[str, str] = {}

    def add_names(self, channels: Iterable[Channel], people: Iterable[Person]) -> None:
        """Register names for mentions, which Discord shows instead of ids."""
        self._names |= {str(channel.id): f"#{channel.name}" for channel in channels}
        self._names |= {str(person.id): f"@{_display_name(person)}" for person in people}

    def print_chapter(self, title: str, summary: str = "") -> None:
        self._console.print()
        self._console.print(Rule(Text(title, style="bold"), align="left"))
        if summary:
            self.print_line(summary)

    def print_line(self, sentence: str) -> None:
        """Print a line of narration."""
        self._console.print(Text(sentence, style="italic"))

    def print_action(self, person: Person, channel: Channel, what: str) -> None:
        self._console.print(
            Text.assemble((_display_name(person), "bold cyan"), " in ", (f"#{channel.name}", "bold"), f": {what}")
        )

    def print_post(self, channel: Channel, message: Message) -> None:
        self._console.print(Text.assemble(("Newsdesk", "bold green"), " posts in ", (f"#{channel.name}", "bold")))
        self._print_message(message)

    def print_answer(self, message: Message) -> None:
        seen = " (only they can see it)" if message.private else ""
        self._console.print(Text.assemble(("Newsdesk", "bold green"), f" answers{seen}"))
        self._print_message(message)

    def print_update(self, message: Message) -> None:
        """Print what the decision changed in a message that was shown before: its text and buttons."""
        self._console.print(Text.assemble(("Newsdesk", "bold green"), " updates its message"))
        embed = discord.Embed(description=message.content)
        self._console.print(render_panel(self._replace_mentions(embed), message.buttons))

    def print_failure(self, why: str) -> None:
        self._console.print(Text(f"The story went wrong: {why}", style="bold red"))

    def _print_message(self, message: Message) -> None:
        """Print a message with its buttons below the last embed."""
        embeds = [discord.Embed(description=message.content)] if message.content else []
        embeds += message.embeds
        for place, embed in enumerate(embeds, start=1):
            self._console.print(
                render_panel(self._replace_mentions(embed), message.buttons if place == len(embeds) else ())
            )

    def _replace_mentions(self, embed: discord.Embed) -> discord.Embed:
        # Mentions may stand in any field of an embed: replacing them in its JSON reaches all of them.
        written = json.dumps(embed.to_dict())
        return discord.Embed.from_dict(json.loads(_MENTION.sub(self._mention_name, written)))

    def _mention_name(self, mention: re.Match[str]) -> str:
        return self._names.get(mention[1], mention[0])


def _display_name(person: Person) -> str:
    return person.user.global_name or person.name
