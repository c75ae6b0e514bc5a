"""The world's objects as Discord sends them, with every field that a client library reads."""

from tests.wire.channel_payloads import active_threads, channel_payload, synced_thread, thread_payload
from tests.wire.entities import JOINED, Guild, Message
from tests.wire.errors import Json
from tests.wire.state import WireWorld


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
    if message.thread is not None:
        payload["thread"] = thread_payload(message.thread)
    if message.reference is not None:
        payload["message_reference"] = message.reference
    if message.application_id is not None:
        payload["application_id"] = str(message.application_id)
    if message.interaction is not None:
        payload["webhook_id"] = str(message.application_id)
        payload["interaction_metadata"] = message.interaction
    return payload


def message_event(world: WireWorld, message: Message, *, with_nonce: bool = False) -> Json:
    """The message as the gateway sends it: with the guild and, in one, the author's membership."""
    payload = message_payload(message, with_nonce=with_nonce)
    guild = message.channel.guild
    if guild is not None:
        payload["guild_id"] = str(guild.id)
        membership = {"roles": [], "joined_at": JOINED, "deaf": False, "mute": False, "flags": 0}
        if message.author is world.bot:
            membership["roles"] = [str(guild.bot_role)]
        payload["member"] = membership
    return payload


def role_payloads(guild: Guild) -> list[Json]:
    roles = [_role_payload(guild.id, "@everyone", 0, guild.everyone)]
    for position, (role_id, name) in enumerate(guild.roles.items(), 1):
        roles.append(_role_payload(role_id, name, position, 0) | {"mentionable": role_id not in guild.unmentionable})
    bot_role = _role_payload(guild.bot_role, "newsdesk", len(roles), guild.bot_permissions)
    return [*roles, bot_role | {"managed": True}]


def _role_payload(role_id: int, name: str, position: int, permissions: int) -> Json:
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


def bot_member(world: WireWorld, guild: Guild) -> Json:
    return member_payload(world.bot.payload, [guild.bot_role]) | {"joined_at": guild.joined}


def member_payload(user: Json, roles: list[int]) -> Json:
    return {
        "user": user,
        "nick": None,
        "avatar": None,
        "roles": [str(role) for role in roles],
        "joined_at": JOINED,
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


def guild_create(world: WireWorld, guild: Guild) -> Json:
    return guild_payload(guild) | {
        "joined_at": guild.joined,
        "large": False,
        "unavailable": False,
        "member_count": 2 + len(guild.members),
        "members": [bot_member(world, guild)],
        "channels": [channel_payload(world, each) for each in guild.channels.values() if not each.gone],
        "threads": [synced_thread(each) for each in active_threads(world, guild)],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def application_payload(world: WireWorld) -> Json:
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
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "integration_types_config": {"0": {}},
        "tags": [],
    }
