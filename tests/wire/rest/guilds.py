"""Guilds, their channels, roles and members, as the library's ``fetch_*`` methods ask for them."""

from tests.wire.errors import Json, missing_access, not_found, unknown_guild
from tests.wire.payloads import (
    bot_member,
    channel_payload,
    guild_payload,
    member_payload,
    role_payloads,
    thread_payload,
)
from tests.wire.rest.access import visible_channel
from tests.wire.rest.routing import Answer, Call, Route
from tests.wire.state import Guild, World


def _guild(call: Call) -> Guild:
    guild = call.wire.world.guilds.get(call.number(0))
    if guild is None:
        raise unknown_guild()
    if guild.left:
        raise missing_access()
    return guild


def get_guild(call: Call) -> Answer:
    payload = guild_payload(_guild(call))
    if call.query.get("with_counts") in ("1", "true", "True"):
        payload |= {"approximate_member_count": 2, "approximate_presence_count": 1}
    return 200, payload


def get_my_guilds(call: Call) -> Answer:
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


def get_channels(call: Call) -> Answer:
    world = call.wire.world
    return 200, [channel_payload(world, each) for each in _guild(call).channels.values() if not each.gone]


def get_active_threads(call: Call) -> Answer:
    threads = [each for each in _guild(call).threads.values() if not each.gone and not each.archived]
    payloads = [thread_payload(each) for each in threads]
    return 200, {"threads": payloads, "members": [each["member"] for each in payloads]}


def get_roles(call: Call) -> Answer:
    return 200, role_payloads(_guild(call))


def get_role(call: Call) -> Answer:
    for role in role_payloads(_guild(call)):
        if role["id"] == call.args[1]:
            return 200, role
    raise not_found("Role", 10011)


def _members(world: World, guild: Guild) -> list[Json]:
    owner = member_payload(guild.owner.payload, [])
    return [bot_member(world, guild), owner, *guild.members.values()]


def get_members(call: Call) -> Answer:
    after = int(call.query.get("after", 0))
    limit = int(call.query.get("limit", 1))
    members = sorted(_members(call.wire.world, _guild(call)), key=lambda each: int(each["user"]["id"]))
    return 200, [each for each in members if int(each["user"]["id"]) > after][:limit]


def get_member(call: Call) -> Answer:
    for member in _members(call.wire.world, _guild(call)):
        if member["user"]["id"] == call.args[1]:
            return 200, member
    raise not_found("Member", 10007)


def get_channel(call: Call) -> Answer:
    return 200, channel_payload(call.wire.world, visible_channel(call))


ROUTES = (
    Route("GET", "/users/@me/guilds", get_my_guilds, major=0),
    Route("GET", "/guilds/*", get_guild),
    Route("GET", "/guilds/*/channels", get_channels),
    Route("GET", "/guilds/*/threads/active", get_active_threads),
    Route("GET", "/guilds/*/roles", get_roles),
    Route("GET", "/guilds/*/roles/*", get_role),
    Route("GET", "/guilds/*/members", get_members),
    Route("GET", "/guilds/*/members/*", get_member),
    Route("GET", "/channels/*", get_channel),
)
