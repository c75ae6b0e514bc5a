"""Interactions under way: what a person did, how the bot answered, and how long that took."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.wire.entities import LOADING, Channel, Message, User
from tests.wire.errors import DiscordError, Json, unknown_interaction, unknown_message
from tests.wire.forms.messages import Draft
from tests.wire.posting import Posting
from tests.wire.settings import WireSettings
from tests.wire.state import WireWorld

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, OPEN_MODAL = 4, 5, 6, 7, 8, 9


@dataclass(slots=True)
class Interaction:
    """One interaction. ``original`` is what ``@original`` means: the reply, or the message whose button was
    clicked.
    """

    id: int
    kind: int
    channel: Channel
    user: User
    source: Message | None
    is_by_user: bool = False
    """Whether the person has brought the bot along, instead of the server."""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    created: float = field(default_factory=time.monotonic)
    acknowledged: float | None = None
    callback_type: int | None = None
    callback_data: Json = field(default_factory=dict)
    original: Message | None = None
    pending: bool = False
    """Deferred, and the thinking is not yet over."""
    deferred: bool = False
    updates: int = 0
    followups: list[Message] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """Codes of the callbacks that were turned down, 10062 for one that came too late."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note_change(self) -> None:
        """Wakes those that wait for this interaction, and begins a new wait."""
        self.changed.set()
        self.changed = asyncio.Event()

    @property
    def replied(self) -> bool:
        """Whether the person has something to see: not while the bot is only thinking."""
        if self.acknowledged is None or self.pending:
            return False
        return self.callback_type != DEFER_UPDATE or bool(self.updates or self.followups)

    def metadata(self) -> Json:
        guild = self.channel.guild
        owners = {"0": str(guild.id)} if guild else {}
        if self.is_by_user:
            owners = {"1": str(self.user.id)}
        metadata: Json = {
            "id": str(self.id),
            "type": self.kind,
            "user": self.user.payload,
            "authorizing_integration_owners": owners,
        }
        if self.source is not None:
            metadata["interacted_message_id"] = str(self.source.id)
        return metadata


Reader = Callable[[Interaction], tuple[int, Draft, Json]]
"""Reads a callback's type, its message, and its data as sent."""


class Interactions:
    """All interactions since the last reset, and the rules for answering them."""

    def __init__(self, world: WireWorld, settings: WireSettings, posting: Posting) -> None:
        self._world = world
        self._settings = settings
        self._posting = posting
        self._by_id: dict[int, Interaction] = {}
        self._by_token: dict[str, Interaction] = {}

    def open_interaction(self, kind: int, channel: Channel, user: User, source: Message | None = None) -> Interaction:
        interaction = Interaction(self._world.new_snowflake(), kind, channel, user, source)
        self._by_id[interaction.id] = self._by_token[interaction.token] = interaction
        return interaction

    def get_interaction(self, interaction_id: int) -> Interaction | None:
        return self._by_id.get(interaction_id)

    def get_by_token(self, token: str) -> Interaction:
        """The interaction of a webhook call, which must be acknowledged and not older than its token
        lives.
        """
        found = self._by_token.get(token)
        if found is None or found.acknowledged is None:
            raise DiscordError(404, 10015, "Unknown Webhook")
        if time.monotonic() - found.created > self._settings.interaction_token_lives:
            raise DiscordError(401, 50027, "Invalid Webhook Token")
        return found

    def find_ephemeral(self, message_id: int) -> Message | None:
        """An ephemeral message, looked for in replies and followups since no channel holds it."""
        for interaction in reversed(self._by_id.values()):
            for message in (interaction.original, *interaction.followups):
                if message is not None and message.id == message_id:
                    return message
        return None

    def acknowledge(self, interaction_id: int, token: str, read: Reader) -> Interaction:
        """Acknowledges. ``read`` checks the form, and is called only when an answer may still come."""
        interaction = self._by_id.get(interaction_id)
        if interaction is None or interaction.token != token:
            raise unknown_interaction()
        now = time.monotonic()
        try:
            self._check_open(interaction, now)
            kind, draft, data = read(interaction)
            self._apply_callback(interaction, kind, draft)
        except DiscordError as refusal:
            interaction.refused.append(refusal.code)
            raise
        interaction.acknowledged, interaction.callback_type, interaction.callback_data = now, kind, data
        interaction.note_change()
        return interaction

    def _check_open(self, interaction: Interaction, now: float) -> None:
        if interaction.acknowledged is not None:
            raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
        if now - interaction.created > self._settings.acknowledge_within:
            raise unknown_interaction()

    def _apply_callback(self, interaction: Interaction, kind: int, draft: Draft) -> None:
        if kind == REPLY:
            interaction.original = self._post_reply(interaction, draft)
        elif kind == DEFER:
            draft.flags |= LOADING
            interaction.original = self._post_reply(interaction, draft)
            interaction.pending = interaction.deferred = True
        elif kind in (DEFER_UPDATE, UPDATE):
            interaction.original = interaction.source
            interaction.deferred = kind == DEFER_UPDATE
            if kind == UPDATE and interaction.source is not None:
                self._posting.edit_message(interaction.source, draft)
                interaction.updates += 1

    def _post_reply(self, interaction: Interaction, draft: Draft) -> Message:
        return self._posting.create_message(
            interaction.channel, draft, self._world.bot, interaction=interaction.metadata()
        )

    def follow_up(self, interaction: Interaction, draft: Draft) -> Message:
        """A further message; the first one after a deferral takes the place of the "thinking" message."""
        if interaction.pending and interaction.original is not None:
            return self.edit_message(interaction, interaction.original, draft)
        message = self._post_reply(interaction, draft)
        interaction.followups.append(message)
        interaction.note_change()
        return message

    def find_message(self, interaction: Interaction, which: str) -> Message:
        """``@original`` or a followup by its id."""
        found = interaction.original
        if which not in ("@original", str(found.id) if found else ""):
            found = next((each for each in interaction.followups if str(each.id) == which), None)
        if found is None or found.deleted is not None:
            raise unknown_message()
        return found

    def edit_message(self, interaction: Interaction, message: Message, draft: Draft) -> Message:
        self._posting.edit_message(message, draft)
        if message is interaction.original:
            interaction.pending = False
            interaction.updates += 1
        interaction.note_change()
        return message

    def delete_message(self, interaction: Interaction, message: Message) -> None:
        self._posting.delete_message(message, "bot")
        if message is interaction.original:
            interaction.pending = False
        interaction.note_change()
