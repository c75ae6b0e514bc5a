"""A slash command's options as a person fills them in: typed by the uploaded command, with the objects they
name.
"""

from dataclasses import dataclass, field
from typing import Any

from tests.wire.channel_payloads import channel_payload
from tests.wire.entities import Channel
from tests.wire.errors import ControlError, Json
from tests.wire.payloads import member_payload, role_payloads
from tests.wire.permissions import EVERYTHING
from tests.wire.state import WireWorld

_SUBCOMMAND, _GROUP = 1, 2
_STRING, _INTEGER, _BOOLEAN, _USER, _CHANNEL, _ROLE, _MENTIONABLE, _NUMBER = range(3, 11)


@dataclass(slots=True, frozen=True)
class CommandCaller:
    """Where a command is called, and what the caller may do there and in the channels that an option
    names.
    """

    world: WireWorld
    channel: Channel
    permissions: int = EVERYTHING
    elsewhere: dict[str, int] = field(default_factory=dict)
    """By channel id, where it differs."""
    focused: str | None = None
    """The option being typed, for autocomplete; then values may be missing or not yet valid."""


def fill_options(caller: CommandCaller, command: Json, path: list[str], values: Json) -> Json:
    """The ``options`` and ``resolved`` of a command's data. ``path`` holds the words after the command's
    name.
    """
    if path:
        inner = next((each for each in command["options"] if each["name"] == path[0] and each["type"] < 3), None)
        if inner is None:
            raise ControlError(f"/{command['name']} has no subcommand {path[0]}")
        filled = fill_options(caller, inner, path[1:], values)
        outer: Json = {"name": inner["name"], "type": inner["type"], "options": filled.pop("options")}
        return {"options": [outer]} | filled
    return _OptionFiller(caller).fill_command(command, values)


class _OptionFiller:
    """Fills one command's options and gathers what they name."""

    def __init__(self, caller: CommandCaller) -> None:
        self._caller = caller
        self._world = caller.world
        self._focused = caller.focused
        self._resolved: dict[str, Json] = {}

    def fill_command(self, command: Json, values: Json) -> Json:
        options = {each["name"]: each for each in command.get("options") or []}
        if any(each["type"] in (_SUBCOMMAND, _GROUP) for each in options.values()):
            raise ControlError(f"/{command['name']} is only callable with one of {', '.join(options)}")
        unknown = values.keys() - options.keys()
        if unknown:
            raise ControlError(f"/{command['name']} has no option {', '.join(sorted(unknown))}")
        missing = [name for name, each in options.items() if each.get("required") and name not in values]
        if missing and self._focused is None:
            raise ControlError(f"/{command['name']} requires {', '.join(missing)}")
        filled = [self._fill_option(options[name], value) for name, value in values.items()]
        return {"options": filled} | ({"resolved": self._resolved} if self._resolved else {})

    def _fill_option(self, option: Json, value: Any) -> Json:
        filled: Json = {"name": option["name"], "type": option["type"]}
        if option["name"] == self._focused:
            if not option.get("autocomplete"):
                raise ControlError(f"option {option['name']} has no autocomplete")
            return filled | {"value": value, "focused": True}
        value = self._typed_value(option, value)
        self._check_value(option, value)
        return filled | {"value": value}

    def _typed_value(self, option: Json, value: Any) -> Any:
        kind = option["type"]
        if kind == _STRING:
            return str(value)
        if kind in (_INTEGER, _NUMBER):
            return int(value) if kind == _INTEGER else float(value)
        if kind == _BOOLEAN:
            return bool(value)
        return self._resolve_named(option, str(value))

    def _resolve_named(self, option: Json, value: str) -> str:
        """The id behind a user, channel or role, with the object itself put where Discord resolves it."""
        kind = option["type"]
        if kind == _CHANNEL:
            return self._resolve_channel(option, value)
        if kind in (_ROLE, _MENTIONABLE):
            guild = self._caller.channel.guild
            role = next((each for each in (role_payloads(guild) if guild else []) if each["id"] == value), None)
            if role is not None:
                self._resolved.setdefault("roles", {})[value] = role
                return value
            if kind == _ROLE:
                raise ControlError(f"no role {value}")
        user = self._world.get_user(value)
        self._resolved.setdefault("users", {})[str(user.id)] = user.payload
        member = member_payload(user.payload, []) | {"permissions": str(EVERYTHING)}
        del member["user"]
        self._resolved.setdefault("members", {})[str(user.id)] = member
        return str(user.id)

    def _resolve_channel(self, option: Json, value: str) -> str:
        channel = self._world.channels.get(int(value))
        if channel is None:
            raise ControlError(f"no channel {value}")
        if option.get("channel_types") and channel.type not in option["channel_types"]:
            raise ControlError(f"option {option['name']} does not take a channel of type {channel.type}")
        permissions = self._caller.elsewhere.get(value, self._caller.permissions)
        payload = channel_payload(self._world, channel) | {"permissions": str(permissions)}
        self._resolved.setdefault("channels", {})[value] = payload
        return value

    @staticmethod
    def _check_value(option: Json, value: Any) -> None:
        name = option["name"]
        choices = [choice["value"] for choice in option.get("choices") or []]
        if choices and value not in choices:
            raise ControlError(f"option {name} must be one of {choices}")
        measured = len(value) if option["type"] == _STRING else value
        least = option.get("min_length" if option["type"] == _STRING else "min_value")
        most = option.get("max_length" if option["type"] == _STRING else "max_value")
        if least is not None and measured < least:
            raise ControlError(f"option {name} must be at least {least}")
        if most is not None and measured > most:
            raise ControlError(f"option {name} must be at most {most}")
