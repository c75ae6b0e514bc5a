"""What tests read back, as typed values. The fields are those of :mod:`tests.wire.views`."""

from dataclasses import dataclass, field
from typing import Any

from tests.wire.errors import Json
from tests.wire.forms.components import find_interactive, find_texts


@dataclass(frozen=True, slots=True)
class WireMessage:
    """A message as the channel holds it. ``at`` is the monotonic clock, the same for all processes of a
    machine.
    """

    id: int
    channel_id: int
    author_id: int
    content: str
    embeds: list[Json]
    components: list[Json]
    attachments: list[Json]
    nonce: str | None
    flags: int
    at: float
    edited: str | None
    revisions: list[Json]
    """Content, embeds and components before each edit, oldest first."""
    allowed_mentions: Json | None
    pings: Json | None
    """Who was notified when it was sent: ``users``, ``roles``, ``everyone``; ``None`` if nobody. An edit notifies
    nobody and leaves it as it is.
    """
    reference: Json | None
    deleted: str | None
    """``bot`` or ``moderator``."""
    crossposted: bool
    crossposted_at: float | None
    """By the monotonic clock, as ``at``."""
    crosspost_edits: int
    """How often it was edited since."""
    ephemeral: bool
    loading: bool

    @property
    def parts(self) -> list[Json]:
        """Every button and select, row after row."""
        return find_interactive(self.components)

    @property
    def displayed_texts(self) -> list[str]:
        """The texts of its Components V2."""
        return find_texts(self.components)

    @property
    def custom_ids(self) -> list[str]:
        return [part["custom_id"] for part in self.parts if "custom_id" in part]

    @property
    def pinged_roles(self) -> list[int]:
        return [int(role) for role in self.pings["roles"]] if self.pings else []

    @property
    def title(self) -> str | None:
        """The first embed's."""
        return self.embeds[0].get("title") if self.embeds else None


@dataclass(frozen=True, slots=True)
class WireChannel:
    """A channel or thread; ``content`` is filled only by :meth:`tests.wire.client.WireDiscord.list_posts`."""

    id: int
    kind: str
    type: int
    name: str
    guild_id: int | None
    parent_id: int | None
    tags: dict[str, int]
    """A forum's own, by name."""
    applied_tags: list[int]
    """A post's; ``tag_names`` in the same order."""
    tag_names: list[str]
    owner_id: int | None
    archived: bool
    locked: bool
    denied: int
    gone: bool
    messages: int
    """How many were ever sent to it."""
    prevented: int
    content: list[WireMessage] = field(default_factory=list)

    @property
    def starter(self) -> WireMessage | None:
        """The message that a forum post began with, unless it was deleted."""
        return next((each for each in self.content if each.id == self.id and each.deleted is None), None)


@dataclass(frozen=True, slots=True)
class WireGuild:
    """A server with its channels in the order in which they were requested."""

    id: int
    name: str
    owner_id: int
    roles: dict[str, int]
    channels: list[WireChannel]
    threads: list[WireChannel]
    left: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an interaction so far."""

    id: int
    kind: int
    acknowledged: bool
    ack_ms: float | None
    callback_type: int | None
    data: Json
    deferred: bool
    replied: bool
    updates: int
    """Edits of the reply, or of the message that was clicked."""
    reply: WireMessage | None
    """``@original`` as it now is; after a click that updates, the message clicked."""
    followups: list[WireMessage]
    choices: list[Json] | None
    modal: Json | None
    refused: list[int]

    @property
    def text(self) -> str:
        return self.reply.content if self.reply else ""

    @property
    def words(self) -> str:
        """All that the person can read of the answer: a click that changes nothing is answered by a new message."""
        return "\n".join(filter(None, [self.text, *(each.content for each in self.followups)]))


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over everything since the last reset."""

    messages: dict[str, int]
    """Live ones by channel id; channels without any are absent."""
    prevented: int
    command_uploads: int
    requests: int
    by_status: dict[str, int]
    """Status 0 counts requests that were never answered."""
    by_route: dict[str, dict[str, int]]
    busiest_second: int
    """The most requests under the global limit within any one second."""


@dataclass(frozen=True, slots=True)
class Request:
    """One line of the request log."""

    number: int
    time: float
    at: float
    method: str
    path: str
    route: str
    exempt: bool
    status: int
    bucket: str | None
    fault: str | None
    code: int | None
    took: float


@dataclass(frozen=True, slots=True)
class Status:
    """The gateway as it stands."""

    connections: int
    sessions: list[Json]
    identified: int
    resumed: int
    refused: int
    bot_id: int
    owner_id: int

    @property
    def connected(self) -> int:
        return sum(bool(each["connected"]) for each in self.sessions)


def message_from_view(view: Json) -> WireMessage:
    return WireMessage(**view)


def channel_from_view(view: Json) -> WireChannel:
    content = [message_from_view(each) for each in view.get("content", [])]
    return WireChannel(**(view | {"content": content}))


def guild_from_view(view: Json) -> WireGuild:
    inside = {name: [channel_from_view(each) for each in view[name]] for name in ("channels", "threads")}
    return WireGuild(**(view | inside))


def outcome_from_view(view: Json) -> Outcome:
    inside: dict[str, Any] = {
        "reply": message_from_view(view["reply"]) if view["reply"] else None,
        "followups": [message_from_view(each) for each in view["followups"]],
    }
    return Outcome(**(view | inside))
