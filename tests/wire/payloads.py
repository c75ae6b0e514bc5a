"""The world's objects as Discord sends them, with every field that a client library reads."""

from tests.wire.errors import Json
from tests.wire.state import ANNOUNCEMENT, DM, FORUM, THREAD_TYPES, VOICE, Channel, Guild, Message, World

_JOINED = "2024-01-01T00:00:00+00:00"


def message_payload(message: Message, *, with_nonce: bool = False) -> Json:
    """A message object. Discord echoes the nonce only in the answer to its creation and in the event for
    it.
    """
    mentions = message.mentions or {}
    payload: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "author": message.author.payload,
        "content": message.content,
        "timestamp": message.timestamp,
        "edited_timestamp": message.edited_timestamp,
        "tts": False,
        "mention_everyone": bool(mentions.get("everyone")),
        "mentions": mentions.get("users", []),
        "mention_roles": mentions.get("roles", []),
        "attachments": message.attachments,
        "embeds": message.embeds,
        "components": message.components,
        "pinned": False,
        "type": message.type,
        "flags": message.flags,
    }
    if with_nonce and message.nonce is not None:
        payload["nonce"] = message.nonce
    if message.reference is not None:
        payload["message_reference"] = message.reference
    if message.application_id is not None:
        payload["application_id"] = str(message.application_id)
    if message.interaction is not None:
        payload["webhook_id"] = str(message.application_id)
        payload["interaction_metadata"] = message.interaction
    return payload


def message_event(world: World, message: Message, *, with_nonce: bool = False) -> Json:
    """The message as the gateway sends it: with the guild and, in one, the author's membership."""
    payload = message_payload(message, with_nonce=with_nonce)
    guild = message.channel.guild
    if guild is not None:
        payload["guild_id"] = str(guild.id)
        membership = {"roles": [], "joined_at": _JOINED, "deaf": False, "mute": False, "flags": 0}
        if message.author is world.bot:
            membership["roles"] = [str(guild.bot_role)]
        payload["member"] = membership
    return payload


def channel_payload(world: World, channel: Channel) -> Json:
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
        "flags": 1 << 4 if channel.tag_required else 0,
        "rate_limit_per_user": 0,
        "last_message_id": str(channel.order[-1]) if channel.order else None,
        "permission_overwrites": _overwrites(world, channel),
    }
    if channel.type == VOICE:
        payload |= {"bitrate": 64_000, "user_limit": 0}
    if channel.type == FORUM:
        payload |= {"available_tags": channel.tags, "default_forum_layout": 0, "default_sort_order": None}
    if channel.type in (0, ANNOUNCEMENT, FORUM):
        payload["default_auto_archive_duration"] = 1440
    return payload


def _overwrites(world: World, channel: Channel) -> list[Json]:
    if not channel.denied:
        return []
    return [{"id": str(world.bot.id), "type": 1, "allow": "0", "deny": str(channel.denied)}]


def _dm_payload(channel: Channel) -> Json:
    return {
        "id": str(channel.id),
        "type": DM,
        "flags": 0,
        "last_message_id": str(channel.order[-1]) if channel.order else None,
        "recipients": [channel.recipient.payload] if channel.recipient else [],
    }


def thread_payload(channel: Channel) -> Json:
    count = len(channel.order)
    return {
        "id": str(channel.id),
        "type": channel.type,
        "guild_id": str(channel.guild.id) if channel.guild else None,
        "parent_id": str(channel.parent.id) if channel.parent else None,
        "owner_id": str(channel.owner.id) if channel.owner else None,
        "name": channel.name,
        "last_message_id": str(channel.order[-1]) if channel.order else None,
        "message_count": count,
        "total_message_sent": count,
        "member_count": 1,
        "rate_limit_per_user": 0,
        "flags": 0,
        "applied_tags": [str(tag) for tag in channel.applied_tags],
        "thread_metadata": {
            "archived": channel.archived,
            "locked": channel.locked,
            "auto_archive_duration": 1440,
            "archive_timestamp": channel.created,
            "create_timestamp": channel.created,
        },
        "member": {
            "id": str(channel.id),
            "user_id": str(channel.owner.id) if channel.owner else None,
            "join_timestamp": channel.created,
            "flags": 0,
        },
    }


def role_payloads(guild: Guild) -> list[Json]:
    roles = [_role(guild.id, "@everyone", 0, guild.everyone)]
    roles += [_role(role_id, name, position, 0) for position, (role_id, name) in enumerate(guild.roles.items(), 1)]
    bot_role = _role(guild.bot_role, "newsdesk", len(roles), guild.bot_permissions)
    return [*roles, bot_role | {"managed": True}]


def _role(role_id: int, name: str, position: int, permissions: int) -> Json:
    return {
        "id": str(role_id),
        "name": name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": position,
        "permissions": str(permissions),
        "managed": False,
        "mentionable": True,
        "flags": 0,
    }


def bot_member(world: World, guild: Guild) -> Json:
    return member_payload(world.bot.payload, [guild.bot_role])


def member_payload(user: Json, roles: list[int]) -> Json:
    return {
        "user": user,
        "nick": None,
        "avatar": None,
        "roles": [str(role) for role in roles],
        "joined_at": _JOINED,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }


def guild_payload(guild: Guild) -> Json:
    """The guild as REST sends it; the gateway adds channels, members and threads."""
    first = next((each for each in guild.channels.values() if each.type == 0 and not each.gone), None)
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "banner": None,
        "description": None,
        "discovery_splash": None,
        "owner_id": str(guild.owner.id),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 1,
        "explicit_content_filter": 0,
        "roles": role_payloads(guild),
        "emojis": [],
        "stickers": [],
        "features": ["NEWS", "COMMUNITY"],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": str(first.id) if first else None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "preferred_locale": guild.locale,
        "nsfw_level": 0,
        "premium_progress_bar_enabled": False,
    }


def guild_create(world: World, guild: Guild) -> Json:
    return guild_payload(guild) | {
        "joined_at": _JOINED,
        "large": False,
        "unavailable": False,
        "member_count": 2 + len(guild.members),
        "members": [bot_member(world, guild)],
        "channels": [channel_payload(world, each) for each in guild.channels.values() if not each.gone],
        "threads": [thread_payload(each) for each in guild.threads.values() if not each.gone],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application_payload(world: World) -> Json:
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot": world.bot.payload,
        "bot_public": True,
        "bot_require_code_grant": False,
        "owner": world.owner.payload,
        "team": None,
        "verify_key": "0" * 64,
        "flags": 1 << 23,
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "integration_types_config": {"0": {}},
        "tags": [],
    }
