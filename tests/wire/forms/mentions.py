"""``allowed_mentions``, and whom a message pings under it. Only the content pings; embeds never do."""

import re
from typing import Any

from tests.wire.errors import Json
from tests.wire.forms.report import FormReport

_PARSED = ("roles", "users", "everyone")
_MENTION = re.compile(r"<@(&|!?)([0-9]{15,20})>|@(everyone|here)\b")


def check_allowed_mentions(report: FormReport, value: Any) -> Json | None:
    form = None if value is None else report.check_mapping(("allowed_mentions",), value)
    if form is None:
        return None
    report.check_known(("allowed_mentions",), form, frozenset({"parse", "roles", "users", "replied_user"}))
    parse = report.check_sequence(("allowed_mentions", "parse"), form.get("parse") or [], 3)
    for index, name in enumerate(parse):
        report.check_choice(("allowed_mentions", "parse", index), name, _PARSED)
    for name in ("roles", "users"):
        ids = report.check_sequence(("allowed_mentions", name), form.get(name) or [], 100)
        for index, each in enumerate(ids):
            report.check_snowflake(("allowed_mentions", name, index), each)
        if ids and name in parse:
            message = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            report.add_error(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    if form.get("replied_user") is not None:
        report.check_bool(("allowed_mentions", "replied_user"), form["replied_user"])
    return form


def find_pinged(content: str, allowed: Json | None) -> Json | None:
    """Ids of the roles and users and whether everybody is pinged; ``None`` when nobody is."""
    if "@" not in content:
        return None
    roles: list[str] = []
    users: list[str] = []
    everyone = False
    for sign, number, word in _MENTION.findall(content):
        if word:
            everyone = everyone or _is_allowed(allowed, "everyone", "")
        elif sign == "&":
            _add_mention(roles, number, allowed=_is_allowed(allowed, "roles", number))
        else:
            _add_mention(users, number, allowed=_is_allowed(allowed, "users", number))
    if not (roles or users or everyone):
        return None
    return {"roles": roles, "users": users, "everyone": everyone}


def _add_mention(ids: list[str], number: str, *, allowed: bool) -> None:
    if allowed and number not in ids:
        ids.append(number)


def _is_allowed(allowed: Json | None, kind: str, number: str) -> bool:
    if allowed is None:
        return True
    return kind in (allowed.get("parse") or []) or number in map(str, allowed.get(kind) or [])
