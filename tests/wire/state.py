"""The world: users, guilds, channels and messages, in plain dicts keyed by number.

Nothing here checks permissions or speaks JSON; it only holds what is there. Deleted messages and channels
stay, marked, so that a test can count what was ever sent.
"""

import time
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.wire.errors import Json
from tests.wire.permissions import BOT, MEMBER

DISCORD_EPOCH_MS = 1_420_070_400_000
_GUILDS_BEGIN_MS = 200_000_000_000
_OTHERS_BEGIN_MS = 201_000_000_000

TEXT, DM, VOICE, CATEGORY, ANNOUNCEMENT, THREAD, FORUM = 0, 1, 2, 4, 5, 11, 15
KINDS = {
    "text": TEXT,
    "voice": VOICE,
    "category": CATEGORY,
    "announcement": ANNOUNCEMENT,
    "thread": THREAD,
    "forum": FORUM,
}
THREAD_TYPES = frozenset({10, THREAD, 12})

CROSSPOSTED, EPHEMERAL, LOADING = 1 << 0, 1 << 6, 1 << 7


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
    reference: Json | None = None
    interaction: Json | None = None
    application_id: int | None = None
    edited_timestamp: str | None = None
    revisions: list[Json] = field(default_factory=list)
    deleted: str | None = None
    """By whom: ``bot`` or ``moderator``."""

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
    created: str = ""
    owner: User | None = None
    denied: int = 0
    """Permission bits taken from the bot in this channel."""
    closed: bool = False
    """A DM whose recipient takes none."""
    gone: bool = False
    messages: dict[int, Message] = field(default_factory=dict)
    order: list[int] = field(default_factory=list)
    nonces: dict[str, Message] = field(default_factory=dict)
    prevented: int = 0
    """Messages that an enforced nonce kept from appearing twice."""
    crossposts: deque[float] = field(default_factory=deque)

    def add(self, message: Message) -> None:
        self.messages[message.id] = message
        self.order.append(message.id)

    def message(self, message_id: int) -> Message | None:
        found = self.messages.get(message_id)
        return found if found is not None and found.deleted is None else None

    def before(self, message_id: int | None) -> Iterator[Message]:
        """The messages older than the id, newest first; without one, all of them."""
        end = len(self.order) if message_id is None else bisect_left(self.order, message_id)
        for index in range(end - 1, -1, -1):
            message = self.messages[self.order[index]]
            if message.deleted is None:
                yield message

    def after(self, message_id: int) -> Iterator[Message]:
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
    members: dict[int, Json] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    threads: dict[int, Channel] = field(default_factory=dict)
    left: bool = False
    """The bot was put out."""


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


class World:
    """All that exists. Ids of guilds, channels, roles and users come out the same for the same order of
    creation.
    """

    def __init__(self) -> None:
        self._last_snowflake = 0
        self._others = 0
        self.users: dict[int, User] = {}
        self.names: dict[str, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.dms: dict[int, Channel] = {}
        self.commands: dict[int, list[Json]] = {}
        """Uploaded commands by guild id; 0 holds the global ones."""
        self.command_uploads = 0
        self.bot = self.user("newsdesk", bot=True)
        self.owner = self.user("owner")

    @property
    def application_id(self) -> int:
        return self.bot.id

    def snowflake(self) -> int:
        """A new id that carries the present time, larger than all before it."""
        now = (time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS) << 22
        self._last_snowflake = max(now, self._last_snowflake + 1)
        return self._last_snowflake

    def fixed_id(self) -> int:
        self._others += 1
        return (_OTHERS_BEGIN_MS + self._others) << 22

    def user(self, name: str, *, bot: bool = False) -> User:
        """The user of that name, made at the first mention. A name of digits is an id."""
        if name.isdecimal() and int(name) in self.users:
            return self.users[int(name)]
        found = self.names.get(name)
        if found is None:
            user_id = int(name) if name.isdecimal() else self.fixed_id()
            found = avatar_free_user(user_id, name, bot=bot)
            self.users[found.id] = self.names[name] = found
        return found

    def add_guild(self, name: str) -> Guild:
        # Guild ids alone are consecutive in their time part, which is what spreads them evenly over shards.
        guild_id = (_GUILDS_BEGIN_MS + len(self.guilds)) << 22
        guild = Guild(guild_id, name, self.owner, bot_role=self.fixed_id())
        self.guilds[guild_id] = guild
        return guild

    def add_channel(self, guild: Guild, kind: int, name: str, parent: Channel | None = None) -> Channel:
        """A new channel; a thread that a bot opens gets a fresh id, since its starter message shares it."""
        fresh = kind in THREAD_TYPES
        channel = Channel(
            self.snowflake() if fresh else self.fixed_id(),
            kind,
            name,
            guild,
            parent,
            position=len(guild.channels),
        )
        channel.created = now_text()
        channel.owner = self.bot
        (guild.threads if fresh else guild.channels)[channel.id] = channel
        self.channels[channel.id] = channel
        return channel

    def dm(self, user: User) -> Channel:
        found = self.dms.get(user.id)
        if found is None:
            found = Channel(self.fixed_id(), DM, user.name, None, recipient=user)
            self.dms[user.id] = self.channels[found.id] = found
        return found

    def bot_permissions(self, channel: Channel) -> int:
        guild = channel.guild
        if guild is None:
            return int(BOT)
        denied = channel.denied | (channel.parent.denied if channel.parent else 0)
        return (guild.everyone | guild.bot_permissions) & ~denied
