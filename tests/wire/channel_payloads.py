"""Channels, threads and direct messages as Discord sends them, with every field that a client library reads."""

from tests.wire.entities import ANNOUNCEMENT, DM, FORUM, THREAD_TYPES, VOICE, Channel, Guild
from tests.wire.errors import Json
from tests.wire.permissions import Permission
from tests.wire.state import WireWorld

REQUIRE_TAG = 1 << 4


def channel_payload(world: WireWorld, channel: Channel) -> Json:
    if channel.type == DM:
        return _dm_payload(channel)
    if channel.type in THREAD_TYPES:
        return thread_payload(channel)
    payload: Json = {
        "id": str(channel.id),
        "type": channel.type,
        "guild_id": str(channel.guild.id) if channel.guild else None,
        "name": channel.name,
        "position": channel.position,
        "parent_id": str(channel.parent.id) if channel.parent else None,
        "topic": None,
        "nsfw": False,
        "flags": REQUIRE_TAG if channel.tag_required else 0,
        "rate_limit_per_user": 0,
        "last_message_id": _last_message_id(world, channel),
        "permission_overwrites": _overwrites(world, channel),
    }
    if channel.type == VOICE:
        payload |= {"bitrate": 64_000, "user_limit": 0}
    if channel.type == FORUM:
        payload |= {
            "available_tags": channel.tags,
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
            "default_thread_rate_limit_per_user": 0,
        }
    if channel.type in (0, ANNOUNCEMENT, FORUM):
        payload["default_auto_archive_duration"] = 1440
    return payload


def _last_message_id(world: WireWorld, channel: Channel) -> str | None:
    """In a forum it is the newest post, whose id is that of its message."""
    if channel.type != FORUM or channel.guild is None:
        return str(channel.order[-1]) if channel.order else None
    posts = [each.id for each in channel.guild.threads.values() if each.parent is channel]
    return str(max(posts)) if posts else None


def _overwrites(world: WireWorld, channel: Channel) -> list[Json]:
    if not channel.denied and not channel.allowed:
        return []
    return [{"id": str(world.bot.id), "type": 1, "allow": str(channel.allowed), "deny": str(channel.denied)}]


def _dm_payload(channel: Channel) -> Json:
    return {
        "id": str(channel.id),
        "type": DM,
        "flags": 0,
        "last_message_id": str(channel.order[-1]) if channel.order else None,
        "recipients": [channel.recipient.payload] if channel.recipient else [],
    }


def thread_payload(thread: Channel) -> Json:
    """A thread object; with ``member`` only if the bot is a member of it."""
    # The message that a thread begins with is in neither count.
    replies = [each for each in thread.messages.values() if each.id != thread.id]
    payload: Json = {
        "id": str(thread.id),
        "type": thread.type,
        "guild_id": str(thread.guild.id) if thread.guild else None,
        "parent_id": str(thread.parent.id) if thread.parent else None,
        "owner_id": str(thread.owner.id) if thread.owner else None,
        "name": thread.name,
        "last_message_id": str(thread.order[-1]) if thread.order else None,
        "message_count": sum(each.deleted is None for each in replies),
        "total_message_sent": len(replies),
        "member_count": 1,
        "rate_limit_per_user": thread.slowmode,
        "flags": 0,
        "applied_tags": [str(tag) for tag in thread.applied_tags],
        "thread_metadata": {
            "archived": thread.archived,
            "locked": thread.locked,
            "auto_archive_duration": thread.archive_after,
            "archive_timestamp": thread.archive_changed,
            "create_timestamp": thread.created,
        },
    }
    return payload | {"member": thread.membership} if thread.membership else payload


def synced_thread(thread: Channel) -> Json:
    """As it comes with its guild, where the ids are left out of the membership."""
    payload = thread_payload(thread)
    if thread.membership:
        payload["member"] = {key: value for key, value in thread.membership.items() if key not in ("id", "user_id")}
    return payload


def active_threads(world: WireWorld, guild: Guild) -> list[Channel]:
    """Those that are not archived and that the bot sees, newest first."""
    seen = [each for each in guild.threads.values() if each.is_there and not each.archived]
    seen = [each for each in seen if world.bot_permissions(each) & Permission.VIEW_CHANNEL]
    return sorted(seen, key=lambda each: each.id, reverse=True)
