"""Application commands: bulk upload, single upload, reading and removal, for everywhere or for one guild."""

from collections.abc import Callable

from tests.wire.errors import DiscordError, Json, missing_access, not_found
from tests.wire.forms.commands import check_commands
from tests.wire.rest.routing import Answer, Handler, Route, RouteCall

EVERYWHERE = 0

Scope = Callable[[RouteCall], int]
"""Finds the guild whose commands a call is about, or :data:`EVERYWHERE`."""


def _global_scope(call: RouteCall) -> int:
    if call.id_segment(0) != call.wire.world.application_id:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")
    return EVERYWHERE


def _guild_scope(call: RouteCall) -> int:
    _global_scope(call)
    guild = call.wire.world.guilds.get(call.id_segment(1))
    if guild is None or guild.left:
        raise missing_access()
    return guild.id


def _store_command(call: RouteCall, guild_id: int, form: Json) -> Json:
    """The command as Discord gives it back. One of the same type and name keeps its id."""
    world = call.wire.world
    kind = form.get("type", 1)
    old = _find_command(world.commands.get(guild_id, []), kind, form["name"])
    permissions = form.get("default_member_permissions")
    stored: Json = {"description": "", "options": [], "nsfw": False, "dm_permission": True} | form
    stored |= {
        "id": old["id"] if old else str(world.new_snowflake()),
        "type": kind,
        "application_id": str(world.application_id),
        "default_member_permissions": None if permissions is None else str(permissions),
        "version": str(world.new_snowflake()),
    }
    if guild_id != EVERYWHERE:
        stored["guild_id"] = str(guild_id)
    return stored


def _find_command(commands: list[Json], kind: int, name: str) -> Json | None:
    return next((each for each in commands if each["type"] == kind and each["name"] == name), None)


def _make_list_handler(scope: Scope) -> Handler:
    return lambda call: (200, call.wire.world.commands.get(scope(call), []))


def _make_bulk_upload_handler(scope: Scope) -> Handler:
    def upload_commands(call: RouteCall) -> Answer:
        guild_id = scope(call)
        commands = [_store_command(call, guild_id, form) for form in check_commands(call.body)]
        call.wire.world.commands[guild_id] = commands
        call.wire.world.command_uploads += 1
        return 200, commands

    return upload_commands


def _make_upload_handler(scope: Scope) -> Handler:
    def upload_command(call: RouteCall) -> Answer:
        guild_id = scope(call)
        form = call.json_form()
        kept = call.wire.world.commands.setdefault(guild_id, [])
        old = _find_command(kept, form.get("type", 1), str(form.get("name")))
        others = [each for each in kept if each is not old]
        check_commands([form])
        command = _store_command(call, guild_id, form)
        call.wire.world.commands[guild_id] = [*others, command]
        call.wire.world.command_uploads += 1
        return 200 if old else 201, command

    return upload_command


def _make_get_handler(scope: Scope) -> Handler:
    return lambda call: (200, _get_by_id(call, scope(call)))


def _make_delete_handler(scope: Scope) -> Handler:
    def remove_command(call: RouteCall) -> Answer:
        guild_id = scope(call)
        command = _get_by_id(call, guild_id)
        call.wire.world.commands[guild_id].remove(command)
        return 204, None

    return remove_command


def _get_by_id(call: RouteCall, guild_id: int) -> Json:
    for command in call.wire.world.commands.get(guild_id, []):
        if command["id"] == call.args[-1]:
            return command
    raise not_found("application command", 10063)


def _make_routes(base: str, scope: Scope) -> tuple[Route, ...]:
    return (
        Route("GET", base, _make_list_handler(scope)),
        Route("PUT", base, _make_bulk_upload_handler(scope)),
        Route("POST", base, _make_upload_handler(scope)),
        Route("GET", f"{base}/*", _make_get_handler(scope)),
        Route("DELETE", f"{base}/*", _make_delete_handler(scope)),
    )


ROUTES = (
    *_make_routes("/applications/*/commands", _global_scope),
    *_make_routes("/applications/*/guilds/*/commands", _guild_scope),
)
