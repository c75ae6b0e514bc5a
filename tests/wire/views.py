"""What a test gets to see: the world in full, including what the bot cannot know, such as who deleted a
message.
"""

from collections.abc import Iterable

from tests.wire.entities import CROSSPOSTED, EPHEMERAL, LOADING, Channel, Guild, Message
from tests.wire.errors import Json
from tests.wire.interactions import Interaction
from tests.wire.state import WireWorld
from tests.wire.tags import tag_names

KIND_NAMES = {
    0: "text",
    1: "dm",
    2: "voice",
    4: "category",
    5: "announcement",
    10: "thread",
    11: "thread",
    12: "thread",
    15: "forum",
}


def message_view(message: Message) -> Json:
    return {
        "id": message.id,
        "channel_id": message.channel.id,
        "author_id": message.author.id,
        "content": message.content,
        "embeds": message.embeds,
        "components": message.components,
        "attachments": message.attachments,
        "nonce": message.nonce,
        "flags": message.flags,
        "at": message.created,
        "edited": message.edited_timestamp,
        "revisions": message.revisions,
        "allowed_mentions": message.allowed_mentions,
        "pings": message.pings,
        "reference": message.reference,
        "deleted": message.deleted,
        "crossposted": bool(message.flags & CROSSPOSTED),
        "crossposted_at": message.crossposted_at,
        "crosspost_edits": message.crosspost_edits,
        "ephemeral": bool(message.flags & EPHEMERAL),
        "loading": bool(message.flags & LOADING),
    }


def messages_view(channel: Channel, *, deleted: bool) -> list[Json]:
    """In order of sending; deleted ones only on request."""
    return [message_view(each) for each in channel.messages.values() if deleted or each.deleted is None]


def channel_view(channel: Channel) -> Json:
    return {
        "id": channel.id,
        "kind": KIND_NAMES.get(channel.type, str(channel.type)),
        "type": channel.type,
        "name": channel.name,
        "guild_id": channel.guild.id if channel.guild else None,
        "parent_id": channel.parent.id if channel.parent else None,
        "tags": {tag["name"]: int(tag["id"]) for tag in channel.tags},
        "applied_tags": channel.applied_tags,
        "tag_names": tag_names(channel),
        "owner_id": channel.owner.id if channel.owner else None,
        "archived": channel.archived,
        "locked": channel.locked,
        "denied": channel.denied,
        "gone": channel.gone,
        "messages": len(channel.order),
        "prevented": channel.prevented,
    }


def posts_view(parent: Channel, *, deleted: bool) -> list[Json]:
    """The threads below a channel, oldest first, with their messages."""
    threads = [each for each in (parent.guild.threads.values() if parent.guild else ()) if each.parent is parent]
    threads = [each for each in threads if deleted or each.is_there]
    return [channel_view(each) | {"content": messages_view(each, deleted=deleted)} for each in threads]


def guild_view(guild: Guild) -> Json:
    return {
        "id": guild.id,
        "name": guild.name,
        "owner_id": guild.owner.id,
        "roles": {name: role_id for role_id, name in guild.roles.items()},
        "channels": [channel_view(each) for each in guild.channels.values()],
        "threads": [channel_view(each) for each in guild.threads.values()],
        "left": guild.left,
    }


def interaction_view(interaction: Interaction) -> Json:
    acknowledged = interaction.acknowledged
    data = interaction.callback_data
    return {
        "id": interaction.id,
        "kind": interaction.kind,
        "acknowledged": acknowledged is not None,
        "ack_ms": None if acknowledged is None else (acknowledged - interaction.created) * 1000,
        "callback_type": interaction.callback_type,
        "data": data,
        "deferred": interaction.deferred,
        "replied": interaction.replied,
        "updates": interaction.updates,
        "reply": _visible_message(interaction.original),
        "followups": [message_view(each) for each in interaction.followups if each.deleted is None],
        "choices": data.get("choices") if interaction.callback_type == 8 else None,
        "modal": data if interaction.callback_type == 9 else None,
        "refused": interaction.refused,
    }


def _visible_message(message: Message | None) -> Json | None:
    return None if message is None or message.deleted is not None else message_view(message)


def totals_view(world: WireWorld) -> Json:
    """Live messages by channel, and all that enforced nonces prevented."""
    return {
        "messages": {
            str(each.id): _count_live(each.messages.values()) for each in world.channels.values() if each.order
        },
        "prevented": sum(each.prevented for each in world.channels.values()),
        "command_uploads": world.command_uploads,
    }


def _count_live(messages: Iterable[Message]) -> int:
    return sum(each.deleted is None for each in messages)
