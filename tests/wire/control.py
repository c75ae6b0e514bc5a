"""The control API, with which a test sets the stage and reads what came of it. Never used by the bot."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from tests.wire.building import add_channel, add_guilds, change_channel, change_guild, open_thread
from tests.wire.entities import Channel, Guild, Message
from tests.wire.errors import ControlError, Json
from tests.wire.faults import FaultRules
from tests.wire.forms.messages import read_new
from tests.wire.interactions import Interaction
from tests.wire.invocations import invoke_interaction
from tests.wire.views import (
    channel_view,
    guild_view,
    interaction_view,
    message_view,
    messages_view,
    posts_view,
    totals_view,
)
from tests.wire.wire import Wire

_T = TypeVar("_T")

_UNTIL: dict[str, Callable[[Interaction], bool]] = {
    "ack": lambda each: each.acknowledged is not None,
    "reply": lambda each: each.replied,
}


class ControlApi:
    """One method for each verb; the server calls the one that the path names with the form and the query."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def answer_verb(self, verb: str, form: Json) -> Any:
        handler: Callable[[Json], Any] | None = getattr(self, f"do_{verb}", None)
        if handler is None:
            raise ControlError(f"no such verb: {verb}")
        result = handler(form)
        return await result if isinstance(result, Awaitable) else result

    def do_reset(self, form: Json) -> Json:
        """A new world. ``settings`` and ``guilds`` (a list of guild forms) fill it."""
        self._wire.reset_world()
        self.do_configure(form.get("settings") or {})
        guilds = [guild for each in form.get("guilds") or [] for guild in add_guilds(self._wire, each)]
        return {"guilds": [guild_view(guild) for guild in guilds]}

    def do_configure(self, form: Json) -> Json:
        self._wire.settings.apply_changes(form)
        if "seed" in form:
            rules = self._wire.faults.rules
            self._wire.faults = FaultRules(self._wire.settings.seed)
            self._wire.faults.rules = rules
        return {}

    def do_guilds(self, form: Json) -> list[Json]:
        """Adds guilds, or without a form lists those there are."""
        guilds = add_guilds(self._wire, form) if form else self._wire.world.guilds.values()
        return [guild_view(guild) for guild in guilds]

    def do_guild(self, form: Json) -> Json:
        guild = self._guild(form)
        change_guild(self._wire, guild, form)
        return guild_view(guild)

    def do_add_channel(self, form: Json) -> Json:
        return channel_view(add_channel(self._wire, self._guild(form), form["channel"], form, tell=True))

    def do_channel(self, form: Json) -> Json:
        channel = self._channel(form)
        if len(form) > 1:
            change_channel(self._wire, channel, form)
        return channel_view(channel)

    def do_dm(self, form: Json) -> Json:
        """The DM channel with a user of that name, whether or not the bot has opened it."""
        return channel_view(self._wire.world.get_dm(self._wire.world.get_user(str(form["user"]))))

    def do_user(self, form: Json) -> Json:
        user = self._wire.world.get_user(str(form["user"]))
        return {"id": user.id, "name": user.name}

    def do_messages(self, form: Json) -> list[Json]:
        return messages_view(self._channel(form), deleted=bool(form.get("deleted")))

    def do_posts(self, form: Json) -> list[Json]:
        """The posts of a forum or the threads of a channel, each with its messages; deleted ones only when requested
        for.
        """
        return posts_view(self._channel(form), deleted=bool(form.get("deleted")))

    def do_thread(self, form: Json) -> Json:
        """A thread or forum post by somebody else."""
        user = self._wire.world.get_user(str(form.get("user", "reader")))
        return channel_view(open_thread(self._wire, self._channel(form), user, form))

    def do_refill(self, form: Json) -> Json:
        self._wire.limits.refill_all()
        return {}

    def do_totals(self, form: Json) -> Json:
        return totals_view(self._wire.world) | self._wire.journal.count_requests()

    def do_log(self, form: Json) -> list[Json]:
        return self._wire.journal.select_entries(form)

    def do_fault(self, form: Json) -> Json:
        return self._wire.faults.add_rule(form).to_view()

    def do_faults(self, form: Json) -> list[Json]:
        return [rule.to_view() for rule in self._wire.faults.rules]

    def do_clear_faults(self, form: Json) -> Json:
        self._wire.faults.clear_rules(form.get("id"))
        return {}

    def do_delete(self, form: Json) -> Json:
        """Deletes a message as a moderator would, behind the bot's back."""
        message = self._message(form)
        self._wire.posting.delete_message(message, "moderator")
        return message_view(message)

    def do_post(self, form: Json) -> Json:
        """A message by somebody else."""
        user = self._wire.world.get_user(str(form.get("user", "reader")))
        draft = read_new({"content": form["content"]})
        channel = self._channel(form)
        self._wire.threads.wake_thread(channel)
        for _ in range(int(form.get("count", 1)) - 1):
            self._wire.posting.create_message(channel, draft, user)
        return message_view(self._wire.posting.create_message(channel, draft, user))

    def do_commands(self, form: Json) -> list[Json]:
        return self._wire.world.commands.get(int(form.get("guild_id", 0)), [])

    def do_invoke(self, form: Json) -> Json:
        return interaction_view(invoke_interaction(self._wire, form))

    async def do_flood(self, form: Json) -> Json:
        """Many ``acts`` (forms of ``invoke_interaction``), begun evenly within so many ``seconds``. Gives the
        interactions' ids, 0 for what could not be done any more, such as a click on a button that has gone meanwhile.
        """
        acts, loop = form["acts"], asyncio.get_running_loop()
        began, ids = loop.time(), []
        for number, act in enumerate(acts):
            await asyncio.sleep(max(0.0, began + number * form["seconds"] / len(acts) - loop.time()))
            try:
                ids.append(invoke_interaction(self._wire, act).id)
            except ControlError:
                ids.append(0)
        return {"ids": ids}

    def do_interactions(self, form: Json) -> list[Json]:
        """How several interactions, by ``ids``, stand now."""
        return [
            interaction_view(found) for each in form["ids"] if (found := self._wire.interactions.get_interaction(each))
        ]

    async def do_interaction(self, form: Json) -> Json:
        """How an interaction stands, at once or when it came ``until`` ``ack`` or ``reply`` within
        ``timeout``.
        """
        interaction = self._wire.interactions.get_interaction(int(form["id"]))
        if interaction is None:
            raise ControlError(f"no interaction {form['id']}")
        if form.get("until"):
            await _wait_for_interaction(interaction, _UNTIL[form["until"]], float(form.get("timeout", 5)))
        return interaction_view(interaction)

    def do_gateway(self, form: Json) -> Json:
        """``reconnect``, ``invalid``, ``close`` or ``drop``, to all connections or those of one ``shard``."""
        action = form.get("action")
        if action not in ("reconnect", "invalid", "close", "drop"):
            raise ControlError(f"no such gateway fault: {action}")
        resumable, code = bool(form.get("resumable", True)), int(form.get("code", 4000))
        return {"connections": self._wire.gateway.run_command(action, form.get("shard"), code, resumable=resumable)}

    def do_frame(self, form: Json) -> Json:
        """``data`` in hexadecimal digits, as a frame that no Discord should send."""
        data, packed = bytes.fromhex(form["data"]), bool(form.get("packed", True))
        return {"connections": self._wire.gateway.frame(data, packed=packed)}

    def do_status(self, form: Json) -> Json:
        sessions = self._wire.sessions
        return {
            "connections": len(self._wire.gateway.connections),
            "sessions": [
                {"shard": each.shard, "intents": each.intents, "connected": each.line is not None}
                for each in sessions.list_sessions()
            ],
            "identified": sessions.identified,
            "resumed": sessions.resumed,
            "refused": sessions.refused,
            "bot_id": self._wire.world.bot.id,
            "owner_id": self._wire.world.owner.id,
        }

    def _guild(self, form: Json) -> Guild:
        return _require_existing(self._wire.world.guilds, form, "guild_id")

    def _channel(self, form: Json) -> Channel:
        return _require_existing(self._wire.world.channels, form, "channel_id")

    def _message(self, form: Json) -> Message:
        message = self._channel(form).find_message(int(form["message_id"]))
        if message is None:
            raise ControlError(f"no message {form['message_id']}")
        return message


def _require_existing(things: Mapping[int, _T], form: Json, key: str) -> _T:
    found = things.get(int(form[key]))
    if found is None:
        raise ControlError(f"{key} {form[key]} does not exist")
    return found


async def _wait_for_interaction(interaction: Interaction, done: Callable[[Interaction], bool], seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not done(interaction):
                await interaction.changed.wait()
    except TimeoutError:
        # Not an error here: the test sees from the view how far it came.
        return
