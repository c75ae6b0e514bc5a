"""What people do in front of Discord: commands, clicks, forms, messages, moderation."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.support.polling import PATIENCE
from tests.wire import results
from tests.wire.errors import Json
from tests.wire.line import ControlLine, WireError
from tests.wire.permissions import EVERYTHING, Permission
from tests.wire.results import Outcome, WireChannel, WireMessage


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in front of Discord, by a name that is as good as an id. May do everything unless restricted
    otherwise.
    """

    name: str = "reader"
    permissions: int = int(EVERYTHING & ~Permission.ADMINISTRATOR)
    roles: tuple[int, ...] = ()
    locale: str = "en-US"
    brings_bot: bool = False
    """Whether the bot is installed for them, and not in the server."""

    def to_form(self) -> Json:
        return {
            "user": self.name,
            "permissions": self.permissions,
            "roles": list(self.roles),
            "locale": self.locale,
            "by_user": self.brings_bot,
        }


READER = Person()


class People(ControlLine):
    """The part of :class:`tests.wire.client.WireDiscord` that stands for everybody but the bot."""

    async def run_slash(
        self,
        channel_id: int,
        command: str,
        options: Json | None = None,
        person: Person = READER,
        *,
        until: str = "reply",
        within: float = PATIENCE,
        **more: Any,
    ) -> Outcome:
        """Calls an uploaded command, ``"digest add"`` for a subcommand. Options are plain values; users,
        channels and roles are named by id. ``more`` may hold ``channel_permissions``, by channel id, where
        the person's differ.
        """
        form = more | person.to_form() | {"command": command, "options": options or {}}
        return await self._invoke_and_wait("slash", channel_id, form, until, within)

    async def run_autocomplete(
        self,
        channel_id: int,
        command: str,
        option: str,
        typed: str,
        options: Json | None = None,
        person: Person = READER,
        *,
        within: float = PATIENCE,
    ) -> list[Json]:
        """The choices for what was typed so far into an option; ``options`` are those already filled in.

        Raises :class:`WireError` if the bot never answers, which a person would see as a failed search.
        """
        filled = (options or {}) | {option: typed}
        form = person.to_form() | {"command": command, "options": filled, "focused": option}
        outcome = await self._invoke_and_wait("autocomplete", channel_id, form, "ack", within)
        if outcome.choices is None:
            raise WireError(f"autocomplete for {option} of /{command} was not answered within {within} s")
        return outcome.choices

    async def click_component(
        self,
        message: WireMessage,
        custom_id: str | None = None,
        person: Person = READER,
        *,
        label: str | None = None,
        values: Iterable[str] = (),
        until: str = "reply",
        within: float = PATIENCE,
    ) -> Outcome:
        """Clicks the button, or chooses in the select, of that ``custom_id`` or ``label``; else the first
        there is.
        """
        form = person.to_form() | {"message_id": message.id, "custom_id": custom_id, "label": label}
        form["values"] = list(values)
        return await self._invoke_and_wait("click", message.channel_id, form, until, within)

    async def submit_modal(
        self,
        opener: Outcome,
        channel_id: int,
        values: Json,
        person: Person = READER,
        *,
        until: str = "reply",
        within: float = PATIENCE,
    ) -> Outcome:
        """Fills in the modal that an interaction opened; values by the custom ids of its fields."""
        form = person.to_form() | {"interaction_id": opener.id, "values": values}
        return await self._invoke_and_wait("submit", channel_id, form, until, within)

    async def _invoke_and_wait(self, kind: str, channel_id: int, form: Json, until: str, within: float) -> Outcome:
        opened = await self._call_verb("invoke", kind=kind, channel_id=channel_id, **form)
        return await self.get_outcome(opened["id"], until, within)

    async def get_outcome(self, interaction_id: int, until: str | None = None, within: float = PATIENCE) -> Outcome:
        """How an interaction stands, after waiting ``until`` ``ack`` or ``reply``, but no longer than
        ``timeout``.
        """
        view = await self._call_verb("interaction", id=interaction_id, until=until, timeout=within)
        return results.outcome_from_view(view)

    def click_form(self, message: WireMessage, beginning: str, person: Person) -> Json:
        """A click, as ``run_flood`` takes it, on the first button whose ``custom_id`` begins so at that moment."""
        where: Json = {"channel_id": message.channel_id, "message_id": message.id, "beginning": beginning}
        return person.to_form() | where | {"kind": "click"}

    async def run_flood(self, acts: list[Json], seconds: float, patience: float = 60.0) -> list[Outcome | None]:
        """Do all these within so many seconds, whatever is still unanswered; gives what came of each, None for what
        could not be done any more.

        Waits until all have something to see, or for ``patience`` seconds in which nothing more came.
        """
        opened = await self._call_verb("flood", within=seconds + 60, acts=acts, seconds=seconds)
        ids: list[int] = opened["ids"]
        before, still = -1, 0.0
        while True:
            views = await self._call_verb("interactions", ids=[each for each in ids if each])
            found = {each["id"]: results.outcome_from_view(each) for each in views}
            replied = sum(each.replied for each in found.values())
            if replied == len(found) or still >= patience:
                return [found.get(each) for each in ids]
            still = 0.0 if replied != before else still + 1.0
            before = replied
            await asyncio.sleep(1.0)

    async def delete_message(self, message: WireMessage) -> None:
        """Deletes a message as a moderator, behind the bot's back."""
        await self._call_verb("delete", channel_id=message.channel_id, message_id=message.id)

    async def post_message(self, channel_id: int, content: str, user: str = "reader", count: int = 1) -> WireMessage:
        """A message by somebody who is not the bot, or several of the same; gives the last one."""
        form: Json = {"channel_id": channel_id, "content": content, "user": user, "count": count}
        return results.message_from_view(await self._call_verb("post", **form))

    async def open_thread(
        self, channel_id: int, name: str, content: str = "", user: str = "reader", tags: Iterable[str] = ()
    ) -> WireChannel:
        """A thread by somebody who is not the bot; in a forum a post, which needs ``content`` and may have tags,
        by name.
        """
        form: Json = {"name": name, "content": content, "user": user, "tags": list(tags)}
        return results.channel_from_view(await self._call_verb("thread", channel_id=channel_id, **form))

    async def get_user_id(self, name: str) -> int:
        return int((await self._call_verb("user", user=name))["id"])

    async def get_dm(self, name: str) -> WireChannel:
        """The DM channel with a person; it exists whether or not the bot has opened it."""
        return results.channel_from_view(await self._call_verb("dm", user=name))
