"""Guilds, their channels, roles and members, as the library's ``fetch_*`` methods ask for them."""

from tests.wire.channel_payloads import channel_payload
from tests.wire.entities import Guild
from tests.wire.errors import Json, missing_access, missing_permissions, not_found, unknown_guild
from tests.wire.payloads import bot_member, guild_payload, member_payload, role_payloads
from tests.wire.permissions import Permission
from tests.wire.rest.routing import Answer, Route, RouteCall
from tests.wire.state import WireWorld

_BOT_ADD = 28


def find_guild(call: RouteCall) -> Guild:
    guild = call.wire.world.guilds.get(call.id_segment(0))
    if guild is None:
        raise unknown_guild()
    if guild.left:
        raise missing_access()
    return guild


def get_guild(call: RouteCall) -> Answer:
    payload = guild_payload(find_guild(call))
    if call.query.get("with_counts") in ("1", "true", "True"):
        payload |= {"approximate_member_count": 2, "approximate_presence_count": 1}
    return 200, payload


def get_my_guilds(call: RouteCall) -> Answer:
    after = int(call.query.get("after", 0))
    limit = int(call.query.get("limit", 200))
    guilds = [each for each in call.wire.world.guilds.values() if not each.left and each.id > after]
    return 200, [
        {
            "id": str(each.id),
            "name": each.name,
            "icon": None,
            "owner": False,
            "permissions": str(each.everyone | each.bot_permissions),
            "features": [],
        }
        for each in guilds[:limit]
    ]


def get_channels(call: RouteCall) -> Answer:
    world = call.wire.world
    return 200, [channel_payload(world, each) for each in find_guild(call).channels.values() if not each.gone]


def get_roles(call: RouteCall) -> Answer:
    return 200, role_payloads(find_guild(call))


def get_role(call: RouteCall) -> Answer:
    for role in role_payloads(find_guild(call)):
        if role["id"] == call.args[1]:
            return 200, role
    raise not_found("Role", 10011)


def _list_members(world: WireWorld, guild: Guild) -> list[Json]:
    owner = member_payload(guild.owner.payload, [])
    return [bot_member(world, guild), owner, *guild.members.values()]


def get_members(call: RouteCall) -> Answer:
    after = int(call.query.get("after", 0))
    limit = int(call.query.get("limit", 1))
    members = sorted(_list_members(call.wire.world, find_guild(call)), key=lambda each: int(each["user"]["id"]))
    return 200, [each for each in members if int(each["user"]["id"]) > after][:limit]


def get_member(call: RouteCall) -> Answer:
    for member in _list_members(call.wire.world, find_guild(call)):
        if member["user"]["id"] == call.args[1]:
            return 200, member
    raise not_found("Member", 10007)


def get_audit_log(call: RouteCall) -> Answer:
    """Only that the guild's owner added the bot."""
    world, guild = call.wire.world, find_guild(call)
    if not guild.bot_permissions & Permission.VIEW_AUDIT_LOG:
        raise missing_permissions()
    entry = {
        "id": str(guild.id),
        "action_type": _BOT_ADD,
        "user_id": str(guild.owner.id),
        "target_id": str(world.bot.id),
        "changes": [],
    }
    others = ("application_commands", "auto_moderation_rules", "guild_scheduled_events", "integrations", "threads")
    log: Json = {name: [] for name in (*others, "webhooks")}
    return 200, log | {"audit_log_entries": [entry], "users": [guild.owner.payload, world.bot.payload]}


ROUTES = (
    Route("GET", "/users/@me/guilds", get_my_guilds, major=0),
    Route("GET", "/guilds/*", get_guild),
    Route("GET", "/guilds/*/channels", get_channels),
    Route("GET", "/guilds/*/roles", get_roles),
    Route("GET", "/guilds/*/roles/*", get_role),
    Route("GET", "/guilds/*/audit-logs", get_audit_log),
    Route("GET", "/guilds/*/members", get_members),
    Route("GET", "/guilds/*/members/*", get_member),
)
