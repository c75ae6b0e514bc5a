"""The form of an application command as it is uploaded."""

import re
from typing import Any

from tests.wire.errors import Json, invalid_form, one_field
from tests.wire.forms.report import FormReport, Path, field_names

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
SUBCOMMAND, GROUP = 1, 2
_MOST_OF_TYPE = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}
_MOST_CHARACTERS = 8000
_NAME = re.compile(r"[-_'\w]{1,32}")
_COMMAND = field_names(
    "id type name name_localizations description description_localizations options "
    "default_member_permissions dm_permission default_permission nsfw integration_types "
    "contexts handler"
)
_OPTION = field_names(
    "type name name_localizations description description_localizations required choices "
    "options channel_types min_value max_value min_length max_length autocomplete"
)
_CHOICE = frozenset({"name", "name_localizations", "value"})
_TYPES_AT_DEPTH = (range(1, 12), (SUBCOMMAND,), range(3, 12))
"""What may stand in a command, in a group, and in a subcommand."""


def check_commands(value: Any) -> list[Json]:
    """A bulk upload: each command, their number by type, and that no name comes twice."""
    report = FormReport()
    commands = report.check_sequence((), value, sum(_MOST_OF_TYPE.values()))
    seen: dict[Any, set[Any]] = {}
    for index, raw in enumerate(commands):
        command = report.check_mapping((index,), raw)
        if command is None:
            continue
        _check_command(report, (index,), command)
        names = seen.setdefault(command.get("type", CHAT_INPUT), set())
        if command.get("name") in names:
            message = "Application command names must be unique"
            report.add_error((index, "name"), "APPLICATION_COMMANDS_DUPLICATE_NAME", message)
        names.add(command.get("name"))
    report.raise_if_any()
    for kind, most in _MOST_OF_TYPE.items():
        if sum(command.get("type", CHAT_INPUT) == kind for command in commands) > most:
            raise invalid_form(one_field((), "BASE_TYPE_MAX_LENGTH", f"Must be {most} or fewer in length."))
    return commands


def _check_command(report: FormReport, path: Path, command: Json) -> None:
    report.check_known(path, command, _COMMAND)
    kind = command.get("type", CHAT_INPUT)
    if not report.check_choice((*path, "type"), kind, _MOST_OF_TYPE):
        return
    if kind == CHAT_INPUT:
        _check_name(report, path, command)
        _check_description(report, path, command)
        _check_options(report, (*path, "options"), command.get("options") or [], depth=0)
    else:
        report.check_text((*path, "name"), command.get("name"), 32, least=1)
        if command.get("description"):
            message = "Context menu commands cannot have description"
            report.add_error((*path, "description"), "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION", message)
    if _count_characters(command) > _MOST_CHARACTERS:
        message = f"Command exceeds maximum size ({_MOST_CHARACTERS})"
        report.add_error(path, "APPLICATION_COMMAND_TOO_LARGE", message)


def _check_name(report: FormReport, path: Path, form: Json) -> None:
    names: list[tuple[Path, Any]] = [(("name",), form.get("name"))]
    names += [(("name_localizations", key), value) for key, value in (form.get("name_localizations") or {}).items()]
    for tail, name in names:
        if not isinstance(name, str):
            report.add_required((*path, *tail))
        elif not _NAME.fullmatch(name) or name != name.lower():
            report.add_error((*path, *tail), "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_description(report: FormReport, path: Path, form: Json) -> None:
    report.check_text((*path, "description"), form.get("description"), 100, least=1)
    for key, value in (form.get("description_localizations") or {}).items():
        report.check_text((*path, "description_localizations", key), value, 100, least=1)


def _check_options(report: FormReport, path: Path, value: Any, depth: int) -> None:
    optional_seen = False
    seen: set[Any] = set()
    for index, raw in enumerate(report.check_sequence(path, value, 25)):
        option = report.check_mapping((*path, index), raw)
        if option is None:
            continue
        _check_option(report, (*path, index), option, depth)
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            report.add_error((*path, index), "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen = optional_seen or not option.get("required")
        if option.get("name") in seen:
            report.add_error(
                (*path, index),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name already exists",
            )
        seen.add(option.get("name"))


def _check_option(report: FormReport, path: Path, option: Json, depth: int) -> None:
    report.check_known(path, option, _OPTION)
    _check_name(report, path, option)
    _check_description(report, path, option)
    kind = option.get("type")
    if not report.check_choice((*path, "type"), kind, _TYPES_AT_DEPTH[depth]):
        return
    if kind in (SUBCOMMAND, GROUP):
        below = 1 if kind == GROUP else 2
        _check_options(report, (*path, "options"), option.get("options") or [], below)
        return
    choices = report.check_sequence((*path, "choices"), option.get("choices") or [], 25)
    if choices and option.get("autocomplete"):
        message = "Choices and autocomplete are mutually exclusive"
        report.add_error((*path, "autocomplete"), "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", message)
    for index, choice in enumerate(choices):
        check_choice(report, (*path, "choices", index), choice, kind)


def check_choice(report: FormReport, path: Path, raw: Any, kind: Any) -> None:
    """A choice of an option, whether it was uploaded or comes from autocomplete."""
    choice = report.check_mapping(path, raw)
    if choice is None:
        return
    report.check_known(path, choice, _CHOICE)
    report.check_text((*path, "name"), choice.get("name"), 100, least=1)
    value = choice.get("value")
    if kind == 3:
        report.check_text((*path, "value"), value, 100, least=1)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        report.add_error((*path, "value"), "NUMBER_TYPE_COERCE", f"Value {value!r} is not a number.")


def _count_characters(form: Json) -> int:
    """Name, description and value of a command, its options and their choices; the longest translation
    counts.
    """
    size = 0
    for name in ("name", "description"):
        texts = [form.get(name) or "", *(form.get(f"{name}_localizations") or {}).values()]
        size += max(len(text) for text in texts)
    if isinstance(form.get("value"), str):
        size += len(form["value"])
    return size + sum(_count_characters(each) for key in ("options", "choices") for each in form.get(key) or [])
