"""What a person does in front of Discord, turned into INTERACTION_CREATE: commands, clicks, typing, forms.

Refuses what Discord's client would not let a person do: an unknown command, a missing option, a disabled
button.
"""

from typing import Any

from tests.wire.channel_payloads import channel_payload
from tests.wire.entities import Channel, Message, User
from tests.wire.errors import ControlError, Json
from tests.wire.forms.components import find_interactive
from tests.wire.interactions import AUTOCOMPLETE, COMMAND, COMPONENT, MODAL, OPEN_MODAL, Interaction
from tests.wire.options import CommandCaller, fill_options
from tests.wire.payloads import member_payload, message_event
from tests.wire.permissions import EVERYTHING, Permission
from tests.wire.wire import Wire

_ATTACHMENT_LIMIT = 10 << 20


def invoke_interaction(wire: Wire, form: Json) -> Interaction:
    """Opens the interaction that the form describes and dispatches it."""
    channel = wire.world.channels.get(int(form["channel_id"]))
    if channel is None:
        raise ControlError(f"no channel {form['channel_id']}")
    kind = form.get("kind")
    if kind in ("slash", "autocomplete"):
        return _invoke_command(wire, form, channel)
    if kind == "click":
        return _invoke_click(wire, form, channel)
    if kind == "submit":
        return _invoke_submit(wire, form, channel)
    raise ControlError(f"no such kind of interaction: {kind}")


def _invoke_command(wire: Wire, form: Json, channel: Channel) -> Interaction:
    user = wire.world.get_user(str(form.get("user", "reader")))
    words = str(form["command"]).split()
    command = _find_command(wire, channel, words[0])
    needed = int(command["default_member_permissions"] or 0)
    has = _read_permissions(form)
    if needed & ~has and not has & Permission.ADMINISTRATOR:
        raise ControlError(f"/{words[0]} is hidden from a member without permissions {needed}")
    data: Json = {"id": command["id"], "name": command["name"], "type": 1}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    caller = CommandCaller(wire.world, channel, has, form.get("channel_permissions") or {}, form.get("focused"))
    data |= fill_options(caller, command, words[1:], form.get("options") or {})
    kind = AUTOCOMPLETE if form["kind"] == "autocomplete" else COMMAND
    return _dispatch_interaction(wire, wire.interactions.open_interaction(kind, channel, user), form, data)


def _find_command(wire: Wire, channel: Channel, name: str) -> Json:
    commands = wire.world.commands
    here = commands.get(channel.guild.id, []) if channel.guild else []
    for command in (*here, *commands.get(0, [])):
        if command["type"] == 1 and command["name"] == name:
            return command
    raise ControlError(f"no command /{name} was uploaded")


def _invoke_click(wire: Wire, form: Json, channel: Channel) -> Interaction:
    message = channel.find_message(int(form["message_id"])) or wire.interactions.find_ephemeral(int(form["message_id"]))
    if message is None:
        raise ControlError(f"no message {form['message_id']} in channel {channel.id}")
    component = _find_component(message, form)
    data: Json = {"component_type": component["type"], "custom_id": component["custom_id"]}
    if component["type"] != 2:
        data["values"] = [str(value) for value in form.get("values") or []]
        data |= _resolve_values(wire, component["type"], data["values"])
    user = wire.world.get_user(str(form.get("user", "reader")))
    interaction = wire.interactions.open_interaction(COMPONENT, channel, user, message)
    return _dispatch_interaction(wire, interaction, form, data)


def _find_component(message: Message, form: Json) -> Json:
    wanted, label, beginning = form.get("custom_id"), form.get("label"), form.get("beginning") or ""
    parts = find_interactive(message.components)
    for component in parts:
        fits = wanted in (None, component.get("custom_id")) and label in (None, component.get("label"))
        if fits and str(component.get("custom_id") or "").startswith(beginning) and component.get("custom_id"):
            return _require_enabled(component)
    there = [each.get("custom_id") or each.get("url") for each in parts]
    raise ControlError(f"no component {wanted or label} in message {message.id}; there are {there}")


def _require_enabled(component: Json) -> Json:
    if component.get("disabled"):
        raise ControlError(f"component {component['custom_id']} is disabled")
    return component


def _resolve_values(wire: Wire, kind: int, values: list[str]) -> Json:
    """The objects behind the values of a select for users, roles or channels."""
    world = wire.world
    if kind == 5:
        return {"resolved": {"users": {value: world.get_user(value).payload for value in values}}}
    if kind == 8:
        selected = {value: channel_payload(world, world.channels[int(value)]) for value in values}
        return {"resolved": {"channels": {key: each | {"permissions": "0"} for key, each in selected.items()}}}
    return {}


def _invoke_submit(wire: Wire, form: Json, channel: Channel) -> Interaction:
    opener = wire.interactions.get_interaction(int(form["interaction_id"]))
    if opener is None or opener.callback_type != OPEN_MODAL:
        raise ControlError(f"interaction {form['interaction_id']} opened no modal")
    modal = opener.callback_data
    values = dict(form.get("values") or {})
    parts = [_fill_part(part, values) for part in modal["components"] if part["type"] != 10]
    if values:
        raise ControlError(f"the modal has no field {', '.join(values)}")
    data = {"custom_id": modal["custom_id"], "components": parts}
    # A modal knows the message whose button opened it.
    return _dispatch_interaction(
        wire, wire.interactions.open_interaction(MODAL, channel, opener.user, opener.source), form, data
    )


def _fill_part(part: Json, values: dict[str, Any]) -> Json:
    if part["type"] == 1:
        return {"type": 1, "id": 1, "components": [_fill_field(each, values) for each in part["components"]]}
    return {"type": part["type"], "id": 1, "component": _fill_field(part["component"], values)}


def _fill_field(field: Json, values: dict[str, Any]) -> Json:
    filled: Json = {"type": field["type"], "id": 1, "custom_id": field["custom_id"]}
    if field["type"] == 4:
        text = str(values.pop(field["custom_id"], field.get("value") or ""))
        if field.get("required", True) and not text:
            raise ControlError(f"field {field['custom_id']} must be filled in")
        if not int(field.get("min_length") or 0) <= len(text) <= int(field.get("max_length") or 4000) and text:
            raise ControlError(f"field {field['custom_id']} does not take {len(text)} characters")
        return filled | {"value": text}
    return filled | {"values": [str(value) for value in values.pop(field["custom_id"], [])]}


def _read_permissions(form: Json) -> int:
    return int(form.get("permissions", EVERYTHING & ~Permission.ADMINISTRATOR))


def _dispatch_interaction(wire: Wire, interaction: Interaction, form: Json, data: Json) -> Interaction:
    channel, guild = interaction.channel, interaction.channel.guild
    interaction.is_by_user = bool(form.get("by_user"))
    permissions = str(_read_permissions(form))
    payload: Json = {
        "id": str(interaction.id),
        "application_id": str(wire.world.application_id),
        "type": interaction.kind,
        "token": interaction.token,
        "version": 1,
        "data": data,
        "channel_id": str(channel.id),
        "channel": channel_payload(wire.world, channel) | {"permissions": permissions},
        "app_permissions": str(wire.world.bot_permissions(channel)),
        "locale": form.get("locale", "en-US"),
        "entitlements": [],
        "authorizing_integration_owners": interaction.metadata()["authorizing_integration_owners"],
        "context": 0 if guild else 1,
        "attachment_size_limit": _ATTACHMENT_LIMIT,
    }
    if guild is not None:
        member = _member_payload(interaction.user, form) | {"permissions": permissions}
        guild.members.setdefault(interaction.user.id, member_payload(interaction.user.payload, []))
        payload |= {"guild_id": str(guild.id), "guild_locale": guild.locale, "member": member}
        payload["guild"] = {"id": str(guild.id), "locale": guild.locale, "features": []}
    else:
        payload["user"] = interaction.user.payload
    if interaction.source is not None:
        payload["message"] = message_event(wire.world, interaction.source)
    if not wire.sessions.dispatch_event("INTERACTION_CREATE", guild, 0, payload):
        raise ControlError("no bot is connected to receive the interaction")
    return interaction


def _member_payload(user: User, form: Json) -> Json:
    return member_payload(user.payload, [int(role) for role in form.get("roles") or []])
