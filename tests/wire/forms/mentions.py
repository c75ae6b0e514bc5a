"""``allowed_mentions``, and whom a message pings under it. Only the content pings; embeds never do."""

import re
from typing import Any

from tests.wire.errors import Json
from tests.wire.forms.report import Report

_PARSED = ("roles", "users", "everyone")
_MENTION = re.compile(r"<@(&|!?)([0-9]{15,20})>|@(everyone|here)\b")


def check_allowed_mentions(report: Report, value: Any) -> Json | None:
    form = None if value is None else report.mapping(("allowed_mentions",), value)
    if form is None:
        return None
    report.known(("allowed_mentions",), form, frozenset({"parse", "roles", "users", "replied_user"}))
    parse = report.sequence(("allowed_mentions", "parse"), form.get("parse") or [], 3)
    for index, name in enumerate(parse):
        report.choice(("allowed_mentions", "parse", index), name, _PARSED)
    for name in ("roles", "users"):
        ids = report.sequence(("allowed_mentions", name), form.get(name) or [], 100)
        for index, each in enumerate(ids):
            report.snowflake(("allowed_mentions", name, index), each)
        if ids and name in parse:
            message = f'parse:["{name}"] and {name}: [ids...] are mutually exclusive.'
            report.add(("allowed_mentions",), "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", message)
    if form.get("replied_user") is not None:
        report.flag(("allowed_mentions", "replied_user"), form["replied_user"])
    return form


def pinged(content: str, allowed: Json | None) -> Json | None:
    """Ids of the roles and users and whether everybody is pinged; ``None`` when nobody is."""
    if "@" not in content:
        return None
    roles: list[str] = []
    users: list[str] = []
    everyone = False
    for sign, number, word in _MENTION.findall(content):
        if word:
            everyone = everyone or _allows(allowed, "everyone", "")
        elif sign == "&":
            _note(roles, number, allowed=_allows(allowed, "roles", number))
        else:
            _note(users, number, allowed=_allows(allowed, "users", number))
    if not (roles or users or everyone):
        return None
    return {"roles": roles, "users": users, "everyone": everyone}


def _note(ids: list[str], number: str, *, allowed: bool) -> None:
    if allowed and number not in ids:
        ids.append(number)


def _allows(allowed: Json | None, kind: str, number: str) -> bool:
    if allowed is None:
        return True
    return kind in (allowed.get("parse") or []) or number in map(str, allowed.get(kind) or [])
