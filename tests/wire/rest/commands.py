"""Application commands: bulk upload, single upload, reading and removal, for everywhere or for one guild."""

from collections.abc import Callable

from tests.wire.errors import DiscordError, Json, missing_access, not_found
from tests.wire.forms.commands import check_commands
from tests.wire.rest.routing import Answer, Call, Handler, Route

EVERYWHERE = 0

Scope = Callable[[Call], int]
"""Finds the guild whose commands a call is about, or :data:`EVERYWHERE`."""


def _everywhere(call: Call) -> int:
    if call.number(0) != call.wire.world.application_id:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")
    return EVERYWHERE


def _one_guild(call: Call) -> int:
    _everywhere(call)
    guild = call.wire.world.guilds.get(call.number(1))
    if guild is None or guild.left:
        raise missing_access()
    return guild.id


def _stored(call: Call, guild_id: int, form: Json) -> Json:
    """The command as Discord gives it back. One of the same type and name keeps its id."""
    world = call.wire.world
    kind = form.get("type", 1)
    old = _find(world.commands.get(guild_id, []), kind, form["name"])
    permissions = form.get("default_member_permissions")
    stored: Json = {"description": "", "options": [], "nsfw": False, "dm_permission": True} | form
    stored |= {
        "id": old["id"] if old else str(world.snowflake()),
        "type": kind,
        "application_id": str(world.application_id),
        "default_member_permissions": None if permissions is None else str(permissions),
        "version": str(world.snowflake()),
    }
    if guild_id != EVERYWHERE:
        stored["guild_id"] = str(guild_id)
    return stored


def _find(commands: list[Json], kind: int, name: str) -> Json | None:
    return next((each for each in commands if each["type"] == kind and each["name"] == name), None)


def _listing(scope: Scope) -> Handler:
    return lambda call: (200, call.wire.world.commands.get(scope(call), []))


def _upload_all(scope: Scope) -> Handler:
    def upload(call: Call) -> Answer:
        guild_id = scope(call)
        commands = [_stored(call, guild_id, form) for form in check_commands(call.body)]
        call.wire.world.commands[guild_id] = commands
        call.wire.world.command_uploads += 1
        return 200, commands

    return upload


def _upload_one(scope: Scope) -> Handler:
    def upload(call: Call) -> Answer:
        guild_id = scope(call)
        form = call.form()
        kept = call.wire.world.commands.setdefault(guild_id, [])
        old = _find(kept, form.get("type", 1), str(form.get("name")))
        others = [each for each in kept if each is not old]
        check_commands([form])
        command = _stored(call, guild_id, form)
        call.wire.world.commands[guild_id] = [*others, command]
        call.wire.world.command_uploads += 1
        return 200 if old else 201, command

    return upload


def _reading(scope: Scope) -> Handler:
    return lambda call: (200, _by_id(call, scope(call)))


def _removal(scope: Scope) -> Handler:
    def remove(call: Call) -> Answer:
        guild_id = scope(call)
        command = _by_id(call, guild_id)
        call.wire.world.commands[guild_id].remove(command)
        return 204, None

    return remove


def _by_id(call: Call, guild_id: int) -> Json:
    for command in call.wire.world.commands.get(guild_id, []):
        if command["id"] == call.args[-1]:
            return command
    raise not_found("application command", 10063)


def _routes(base: str, scope: Scope) -> tuple[Route, ...]:
    return (
        Route("GET", base, _listing(scope)),
        Route("PUT", base, _upload_all(scope)),
        Route("POST", base, _upload_one(scope)),
        Route("GET", f"{base}/*", _reading(scope)),
        Route("DELETE", f"{base}/*", _removal(scope)),
    )


ROUTES = (
    *_routes("/applications/*/commands", _everywhere),
    *_routes("/applications/*/guilds/*/commands", _one_guild),
)
