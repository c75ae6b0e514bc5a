"""What happens to messages: they are put into channels, edited and deleted, and each time the gateway
gets an event.
"""

import time

from tests.wire.entities import COMPONENTS_V2, CROSSPOSTED, EPHEMERAL, LOADING, Channel, Message, User, now_text
from tests.wire.errors import Json
from tests.wire.forms.mentions import find_pinged
from tests.wire.forms.messages import Draft, empty_message
from tests.wire.payloads import message_event
from tests.wire.permissions import Permission
from tests.wire.sessions import DIRECT_MESSAGES, GUILD_MESSAGES, MESSAGE_CONTENT, Sessions
from tests.wire.state import WireWorld

_WITHHELD: Json = {"content": "", "embeds": [], "attachments": [], "components": []}
"""What others wrote is not shown to a bot without the intent for it."""


def _would_be_empty(message: Message, draft: Draft) -> bool:
    parts = ("components",) if (message.flags | draft.flags) & COMPONENTS_V2 else ("content", "embeds", "attachments")
    return not any(getattr(draft if part in draft.given else message, part) for part in parts)


class Posting:
    """The only writer of messages. Whoever calls has checked form and permissions."""

    def __init__(self, world: WireWorld, sessions: Sessions) -> None:
        self._world = world
        self._sessions = sessions

    def create_message(
        self,
        channel: Channel,
        draft: Draft,
        author: User,
        *,
        message_id: int | None = None,
        interaction: Json | None = None,
    ) -> Message:
        """A new message. An ephemeral one causes no event and enters no channel."""
        message = Message(
            id=message_id or self._world.new_snowflake(),
            channel=channel,
            author=author,
            content=draft.content,
            embeds=draft.embeds,
            components=draft.components,
            attachments=[self._attachment_payload(channel, each) for each in draft.attachments],
            timestamp=now_text(),
            created=time.monotonic(),
            nonce=draft.nonce,
            flags=draft.flags,
            allowed_mentions=draft.allowed_mentions,
            mentions=self._resolve_mentions(channel, author, draft),
            interaction=interaction,
        )
        message.pings = message.mentions
        if draft.reference is not None:
            message.type, message.reference = 19, {"channel_id": str(channel.id)} | draft.reference
        if interaction is not None and interaction["type"] == 2:
            message.type = 20
        if author is self._world.bot:
            message.application_id = self._world.application_id
        if not message.flags & EPHEMERAL:
            channel.add_message(message)
            self._dispatch_event("MESSAGE_CREATE", message)
        return message

    def edit_message(self, message: Message, draft: Draft) -> None:
        """Changes the fields that the draft was given; the rest stays, as a PATCH means it. It notifies nobody,
        whatever its text mentions.
        """
        if _would_be_empty(message, draft):
            raise empty_message()
        message.revisions.append(message.body())
        if "content" in draft.given:
            message.content = draft.content
            message.mentions = self._resolve_mentions(message.channel, message.author, draft)
        if "embeds" in draft.given:
            message.embeds = draft.embeds
        if "components" in draft.given:
            message.components = draft.components
            if draft.flags & COMPONENTS_V2:
                message.mentions = self._resolve_mentions(message.channel, message.author, draft)
        if "attachments" in draft.given:
            message.attachments = [self._attachment_payload(message.channel, each) for each in draft.attachments]
        if "allowed_mentions" in draft.given:
            message.allowed_mentions = draft.allowed_mentions
        # It can be set by an edit, and never unset.
        message.flags |= draft.flags & COMPONENTS_V2
        message.flags &= ~LOADING
        message.crosspost_edits += bool(message.flags & CROSSPOSTED)
        message.edited_timestamp = now_text()
        self.dispatch_update(message)

    def crosspost_message(self, message: Message) -> None:
        message.flags |= CROSSPOSTED
        message.crossposted_at = time.monotonic()
        self.dispatch_update(message)

    def dispatch_update(self, message: Message) -> None:
        if not message.flags & EPHEMERAL:
            self._dispatch_event("MESSAGE_UPDATE", message)

    def delete_message(self, message: Message, by: str) -> None:
        message.deleted = by
        if message.flags & EPHEMERAL:
            return
        guild = message.channel.guild
        gone = {"id": str(message.id), "channel_id": str(message.channel.id)}
        if guild is not None:
            gone["guild_id"] = str(guild.id)
        intent = GUILD_MESSAGES if guild is not None else DIRECT_MESSAGES
        self._sessions.dispatch_event("MESSAGE_DELETE", guild, intent, gone)

    def _dispatch_event(self, event: str, message: Message) -> None:
        guild = message.channel.guild
        intent = GUILD_MESSAGES if guild is not None else DIRECT_MESSAGES
        with_nonce = event == "MESSAGE_CREATE"

        def full_payload() -> Json:
            return message_event(self._world, message, with_nonce=with_nonce)

        if guild is None or message.author is self._world.bot:
            self._sessions.dispatch_event(event, guild, intent, full_payload)
            return
        self._sessions.dispatch_event(event, guild, intent | MESSAGE_CONTENT, full_payload)
        self._sessions.dispatch_event(event, guild, intent, lambda: full_payload() | _WITHHELD, without=MESSAGE_CONTENT)

    def _resolve_mentions(self, channel: Channel, author: User, draft: Draft) -> Json | None:
        """What the text, ``allowed_mentions`` and the bot's permissions together let through."""
        found = find_pinged(draft.written, draft.allowed_mentions)
        if found is None:
            return None
        guild, may = channel.guild, author is not self._world.bot
        may = may or bool(self._world.bot_permissions(channel) & Permission.MENTION_EVERYONE)
        there = guild.roles.keys() - (set() if may else guild.unmentionable) if guild else set()
        found["roles"] = [role for role in found["roles"] if int(role) in there]
        found["users"] = [self._world.get_user(number).payload for number in found["users"]]
        found["everyone"] = found["everyone"] and may
        return found if any(found.values()) else None

    def _attachment_payload(self, channel: Channel, form: Json) -> Json:
        if "url" in form:
            return form
        number = self._world.new_snowflake()
        url = f"https://cdn.discordapp.com/attachments/{channel.id}/{number}/{form.get('filename', 'file')}"
        return {"size": 0} | form | {"id": str(number), "url": url, "proxy_url": url}
