"""Describe a setting that failed its validation: the variable, its value and what is allowed, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo

_QUOTED = 60
"""Maximum characters of a value in the sentence."""
_ALLOWED = {
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "int_from_float": "a whole number",
    "float_parsing": "a number",
    "finite_number": "a number",
    "bool_parsing": "true or false",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "enum": "{expected}",
    "string_pattern_mismatch": "of another form",
}
"""What a value must be, by the type of pydantic's error."""


def describe_setting_problem(name: str, problem: Mapping[str, Any], field: FieldInfo) -> str:
    """Return the sentence for one of pydantic's errors; `name` is the variable's."""
    template = _ALLOWED.get(problem["type"])
    if template:
        says = f"must be {template.format(**problem.get('ctx', {}))}{_format_example(field)}"
    else:
        says = problem["msg"].removeprefix("Value error, ").rstrip(".")
    is_told = says.startswith("must ") and _is_public(problem.get("input"), field)
    return f"{name} {says}, not “{_shorten(problem['input'])}”." if is_told else f"{name} {says}."


def _format_example(field: FieldInfo) -> str:
    is_number = isinstance(field.default, int | float) and not isinstance(field.default, bool)
    examples = field.examples or ([field.default] if is_number else [])
    return f", such as {' or '.join(map(_format_value, examples))}" if examples else ""


def _format_value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _is_public(value: object, field: FieldInfo) -> bool:
    """Return whether a value may be shown: a URL with an `@` may hold a password."""
    return isinstance(value, str) and field.repr and field.annotation is not SecretStr and "@" not in value


def _shorten(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= _QUOTED else f"{line[:_QUOTED]}…"
