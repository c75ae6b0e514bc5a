"""The world: users, guilds, channels and messages, in plain dicts keyed by number.

Nothing here checks permissions or speaks JSON; it only holds what is there.
"""

import time

from tests.wire.entities import DM, THREAD_TYPES, Channel, Guild, User, avatar_free_user, now_text
from tests.wire.errors import Json
from tests.wire.permissions import BOT, EVERYTHING, Permission

DISCORD_EPOCH_MS = 1_420_070_400_000
_GUILDS_BEGIN_MS = 200_000_000_000
_OTHERS_BEGIN_MS = 201_000_000_000


class WireWorld:
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
        self.bot = self.get_user("newsdesk", bot=True)
        self.owner = self.get_user("owner")

    @property
    def application_id(self) -> int:
        return self.bot.id

    def new_snowflake(self) -> int:
        """A new id that carries the present time, larger than all before it."""
        now = (time.time_ns() // 1_000_000 - DISCORD_EPOCH_MS) << 22
        self._last_snowflake = max(now, self._last_snowflake + 1)
        return self._last_snowflake

    def new_fixed_id(self) -> int:
        self._others += 1
        return (_OTHERS_BEGIN_MS + self._others) << 22

    def get_user(self, name: str, *, bot: bool = False) -> User:
        """The user of that name, made at the first mention. A name of digits is an id."""
        if name.isdecimal() and int(name) in self.users:
            return self.users[int(name)]
        found = self.names.get(name)
        if found is None:
            user_id = int(name) if name.isdecimal() else self.new_fixed_id()
            found = avatar_free_user(user_id, name, bot=bot)
            self.users[found.id] = self.names[name] = found
        return found

    def add_guild(self, name: str) -> Guild:
        # Guild ids alone are consecutive in their time part, which is what spreads them evenly over shards.
        guild_id = (_GUILDS_BEGIN_MS + len(self.guilds)) << 22
        guild = Guild(guild_id, name, self.owner, bot_role=self.new_fixed_id())
        self.guilds[guild_id] = guild
        return guild

    def add_channel(
        self, guild: Guild, kind: int, name: str, parent: Channel | None = None, channel_id: int = 0
    ) -> Channel:
        """A new channel. A thread gets a fresh id, or that of the message that it begins from."""
        is_thread = kind in THREAD_TYPES
        channel_id = channel_id or (self.new_snowflake() if is_thread else self.new_fixed_id())
        channel = Channel(channel_id, kind, name, guild, parent, position=len(guild.channels))
        channel.created = channel.archive_changed = now_text()
        (guild.threads if is_thread else guild.channels)[channel.id] = channel
        self.channels[channel.id] = channel
        return channel

    def get_dm(self, user: User) -> Channel:
        found = self.dms.get(user.id)
        if found is None:
            found = Channel(self.new_fixed_id(), DM, user.name, None, recipient=user)
            self.dms[user.id] = self.channels[found.id] = found
        return found

    def bot_permissions(self, channel: Channel) -> int:
        guild = channel.guild
        if guild is None:
            return int(BOT)
        place = channel.parent if channel.is_thread and channel.parent else channel
        granted = guild.everyone | guild.bot_permissions
        if granted & Permission.ADMINISTRATOR:
            return EVERYTHING
        return (granted & ~place.denied) | place.allowed
