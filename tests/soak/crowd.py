"""The readers: commands, autocompletion and buttons at a steady rate, whatever is still unanswered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from tests.soak.plan import WORDS, Channel, Size
from tests.wire.client import Person, WireDiscord
from tests.wire.errors import Json
from tests.wire.results import Outcome

_PATIENCE = 15.0
"""Seconds after which a reader is taken to have no answer; Discord itself gives a first answer 3."""
_LABELS = ("Save", "More…")
_APOLOGY = "something went wrong"


@dataclass(frozen=True, slots=True)
class ReaderAction:
    """One thing that a reader did, and what came of it."""

    kind: str
    outcome: Outcome

    @property
    def is_answered(self) -> bool:
        return self.outcome.acknowledged and (self.outcome.replied or self.outcome.choices is not None)

    @property
    def is_apology(self) -> bool:
        """Whether the answer is the apology for a failure."""
        return _APOLOGY in self.outcome.text


@dataclass
class Crowd:
    """Who uses what, and every use."""

    wire: WireDiscord
    channels: list[Channel]
    size: Size
    actions: list[ReaderAction] = field(default_factory=list)
    nothing_to_click: int = 0

    def __post_init__(self) -> None:
        self._chance = random.Random(self.size.seed)
        self._ways: dict[str, tuple[int, Callable[[int, Person], Awaitable[Outcome | None]]]] = {
            "search": (30, self._run_search),
            "latest": (20, self._run_latest),
            "topics": (10, self._run_topics),
            "autocomplete": (20, self._run_autocomplete),
            "button": (15, self._click_button),
            "desk queue": (5, self._run_queue),
        }

    async def run_readers(self) -> None:
        """Until the run's time is over and everybody has an answer or has waited for long enough."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        names = list(self._ways)
        weights = [weight for weight, _ in self._ways.values()]
        async with asyncio.TaskGroup() as group:
            for number in range(int(self.size.seconds * self.size.commands)):
                await asyncio.sleep(max(began + number / self.size.commands - loop.time(), 0))
                (kind,) = self._chance.choices(names, weights)
                group.create_task(self._act_once(kind))

    async def _act_once(self, kind: str) -> None:
        channel = self._chance.choice(self.channels)
        reader = Person(f"reader-{self._chance.randrange(1000)}")
        outcome = await self._ways[kind][1](channel.id, reader)
        if outcome is None:
            self.nothing_to_click += 1
        else:
            self.actions.append(ReaderAction(kind, outcome))

    async def _run_search(self, channel_id: int, reader: Person) -> Outcome:
        return await self._run_slash(channel_id, "search", {"query": self._chance.choice(WORDS)}, reader)

    async def _run_latest(self, channel_id: int, reader: Person) -> Outcome:
        return await self._run_slash(channel_id, "latest", {"count": self._chance.randint(1, 10)}, reader)

    async def _run_topics(self, channel_id: int, reader: Person) -> Outcome:
        return await self._run_slash(channel_id, "topics", {}, reader)

    async def _run_queue(self, channel_id: int, reader: Person) -> Outcome:
        return await self._run_slash(channel_id, "desk queue", {}, reader)

    async def _run_slash(self, channel_id: int, command: str, options: Json, reader: Person) -> Outcome:
        return await self.wire.run_slash(channel_id, command, options, reader, within=_PATIENCE)

    async def _run_autocomplete(self, channel_id: int, reader: Person) -> Outcome:
        """As `wire.autocomplete`, which tells the choices alone and not how long they took."""
        typed = self._chance.choice(("to", "top", "arch", "topic 1"))
        form = reader.to_form() | {"command": "latest", "options": {"topic": typed}, "focused": "topic"}
        return await self.wire._invoke_and_wait("autocomplete", channel_id, form, "ack", _PATIENCE)

    async def _click_button(self, channel_id: int, reader: Person) -> Outcome | None:
        """Some button of a post of some channel near this one; nothing while none of them has a post."""
        for _ in range(5):
            for message in reversed(await self.wire.list_messages(channel_id)):
                labels = [part["label"] for part in message.parts if part.get("label") in _LABELS]
                if labels:
                    label = self._chance.choice(labels)
                    return await self.wire.click_component(message, None, reader, label=label, within=_PATIENCE)
            channel_id = self._chance.choice(self.channels).id
        return None

    async def find_spoiled(self) -> set[int]:
        """The interactions of which a fault struck a request of the answer."""
        made = await self.wire.list_requests(path="^/(interactions|webhooks)/")
        ids = {
            _token_of(each.path): int(each.path.split("/")[2]) for each in made if each.path.startswith("/interactions")
        }
        struck = {_token_of(each.path) for each in made if each.fault}
        return {ids[token] for token in struck & ids.keys()}


def _token_of(path: str) -> str:
    """It stands behind the interaction's id as well as behind the application's."""
    return path.split("/")[3]
