"""What the world is made of: users, messages, channels, guilds. Deleted ones stay, marked, so that a test can
count what was ever sent.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.wire.errors import Json
from tests.wire.permissions import BOT, MEMBER

JOINED = "2024-01-01T00:00:00+00:00"
"""When everybody came, unless a test says otherwise."""

TEXT, DM, VOICE, CATEGORY, ANNOUNCEMENT, FORUM = 0, 1, 2, 4, 5, 15
NEWS_THREAD, THREAD, PRIVATE_THREAD = 10, 11, 12
KINDS = {
    "text": TEXT,
    "voice": VOICE,
    "category": CATEGORY,
    "announcement": ANNOUNCEMENT,
    "thread": THREAD,
    "forum": FORUM,
}
THREAD_TYPES = frozenset({NEWS_THREAD, THREAD, PRIVATE_THREAD})

CROSSPOSTED, HAS_THREAD, EPHEMERAL, LOADING = 1 << 0, 1 << 5, 1 << 6, 1 << 7
COMPONENTS_V2 = 1 << 15


@dataclass(slots=True)
class User:
    """An account. ``payload`` is the user object as Discord sends it, shared by every message of that
    user.
    """

    id: int
    name: str
    payload: Json


@dataclass(slots=True)
class Message:
    """One message. ``revisions`` holds the earlier states, ``body`` the fields that an edit can change."""

    id: int
    channel: "Channel"
    author: User
    content: str
    embeds: list[Json]
    components: list[Json]
    attachments: list[Json]
    timestamp: str
    created: float
    nonce: str | None = None
    flags: int = 0
    type: int = 0
    allowed_mentions: Json | None = None
    mentions: Json | None = None
    """Whom the present text mentions; an edit changes it."""
    pings: Json | None = None
    """Whom the message notified, which only its creation does."""
    reference: Json | None = None
    interaction: Json | None = None
    application_id: int | None = None
    edited_timestamp: str | None = None
    revisions: list[Json] = field(default_factory=list)
    deleted: str | None = None
    """By whom: ``bot`` or ``moderator``."""
    thread: "Channel | None" = None
    """The one that was started from it."""
    crossposted_at: float | None = None
    crosspost_edits: int = 0
    """Edits since it was crossposted, each of which went to all followers."""

    def body(self) -> Json:
        return {"content": self.content, "embeds": self.embeds, "components": self.components}


@dataclass(slots=True)
class Channel:
    """A channel, thread or DM. ``order`` holds the ids in ``messages``, ascending, so that history can
    bisect.
    """

    id: int
    type: int
    name: str
    guild: "Guild | None"
    parent: "Channel | None" = None
    recipient: User | None = None
    position: int = 0
    tags: list[Json] = field(default_factory=list)
    applied_tags: list[int] = field(default_factory=list)
    tag_required: bool = False
    archived: bool = False
    locked: bool = False
    archive_after: int = 1440
    """Minutes."""
    archive_changed: str = ""
    """When ``archived`` last changed, and the time of creation before that."""
    slowmode: int = 0
    membership: Json | None = None
    """The bot's in this thread."""
    created: str = ""
    owner: User | None = None
    denied: int = 0
    """Permission bits taken from the bot in this channel and its threads, and those given to it."""
    allowed: int = 0
    closed: bool = False
    """A DM whose recipient takes none."""
    gone: bool = False
    messages: dict[int, Message] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    nonces: dict[str, Message] = field(default_factory=dict)
    prevented: int = 0
    """Messages that an enforced nonce kept from appearing twice."""

    @property
    def is_thread(self) -> bool:
        return self.type in THREAD_TYPES

    @property
    def is_there(self) -> bool:
        """Whether neither it nor the channel around it was deleted."""
        return not (self.gone or (self.parent is not None and self.parent.gone))

    def add_message(self, message: Message) -> None:
        self.messages[message.id] = message
        self.order.append(message.id)

    def find_message(self, message_id: int) -> Message | None:
        found = self.messages.get(message_id)
        return found if found is not None and found.deleted is None else None

    def messages_before(self, message_id: int | None) -> Iterator[Message]:
        """The messages older than the id, newest first; without one, all of them."""
        end = len(self.order) if message_id is None else bisect_left(self.order, message_id)
        for index in range(end - 1, -1, -1):
            message = self.messages[self.order[index]]
            if message.deleted is None:
                yield message

    def messages_after(self, message_id: int) -> Iterator[Message]:
        """The messages newer than the id, oldest first."""
        for index in range(bisect_right(self.order, message_id), len(self.order)):
            message = self.messages[self.order[index]]
            if message.deleted is None:
                yield message


@dataclass(slots=True)
class Guild:
    """A server. Its ``@everyone`` role has the guild's own id, as with Discord."""

    id: int
    name: str
    owner: User
    bot_role: int
    locale: str = "en-US"
    everyone: int = int(MEMBER)
    bot_permissions: int = int(BOT)
    roles: dict[int, str] = field(default_factory=dict)
    unmentionable: set[int] = field(default_factory=set)
    """Roles that only those with the permission to mention everyone can ping."""
    members: dict[int, Json] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    threads: dict[int, Channel] = field(default_factory=dict)
    left: bool = False
    """The bot was put out."""
    joined: str = JOINED
    """When the bot came in: long ago, unless a test says otherwise or takes it in again."""


def now_text() -> str:
    return datetime.now(UTC).isoformat()


def avatar_free_user(user_id: int, name: str, *, bot: bool) -> User:
    payload: Json = {
        "id": str(user_id),
        "username": name,
        "discriminator": "0",
        "global_name": None if bot else name,
        "avatar": None,
        "bot": bot,
        "public_flags": 0,
    }
    return User(user_id, name, payload)
