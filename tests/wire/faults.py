"""Faults on command: rules that say which requests go wrong, how often, and how."""

import random
import re
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase

from tests.wire.errors import (
    ControlError,
    DiscordError,
    Json,
    already_crossposted,
    blocked_by_filter,
    edge_block,
    invalid_form,
    missing_access,
    missing_permissions,
    one_field,
    tag_required,
    thread_archived,
    thread_locked,
    threads_used_up,
    unauthorized,
    unknown_channel,
    unknown_message,
    wrong_channel_type,
)

_BAD_IMAGE = one_field(("embeds", 0, "image", "url"), "URL_TYPE_INVALID_URL", "Not a well formed URL.")
_BAD_MEDIA = one_field(
    ("components", 1, "components", 1, "items", 0, "media", "url"), "URL_TYPE_INVALID_URL", "Not a well formed URL."
)

REFUSALS: dict[str, DiscordError] = {
    "500": DiscordError(500, 0, "500: Internal Server Error"),
    "401": unauthorized(),
    "400": DiscordError(400, 0, "400: Bad Request"),
    "no_access": missing_access(),
    "no_permission": missing_permissions(),
    "no_channel": unknown_channel(),
    "no_message": unknown_message(),
    "bad_image": invalid_form(_BAD_IMAGE),
    "bad_media": invalid_form(_BAD_MEDIA),
    "archived": thread_archived(),
    "locked": thread_locked(),
    "tag_required": tag_required(),
    "crossposted": already_crossposted(),
    "threads_used_up": threads_used_up(),
    "wrong_kind": wrong_channel_type(),
    "edge_block": edge_block(),
    "filtered": blocked_by_filter(),
}
"""Faults that are an answer in Discord's own form."""

_PAGE = "<!DOCTYPE html><html><head><title>{}</title></head><body>" + "<p>blocked</p>" * 100 + "</body></html>"
PAGES = {
    "502": (502, "<html><head><title>502 Bad Gateway</title></head></html>"),
    "503": (503, "upstream connect error or disconnect/reset before headers"),
    "504": (504, "<html><head><title>504 Gateway Time-out</title></head></html>"),
    "page_403": (403, _PAGE.format("Attention Required! | Cloudflare")),
    "page_429": (429, _PAGE.format("Access denied | discord.com used Cloudflare to restrict access")),
    "page_503": (503, _PAGE.format("Just a moment...")),
    "page_404": (404, _PAGE.format("404 Not Found")),
    "page_400": (400, _PAGE.format("400 Bad Request")),
    "login_page": (200, _PAGE.format("Sign in to the network")),
}
"""Faults that are a page of something in front of Discord, and so not JSON. With `retry_after` they name a wait."""

OTHERS = frozenset({"lost", "reset", "stall", "rate_limited", "cloudflare"})
KINDS = REFUSALS.keys() | PAGES.keys() | OTHERS


@dataclass(slots=True)
class FaultRule:
    """One rule. The first in order that matches and still has ``times`` left decides about a request.

    ``lost`` carries the request out and breaks the connection instead of answering; ``reset`` breaks it
    before. ``after`` makes a stall or an error answer come after the request was carried out.
    """

    fault: str
    method: str = "*"
    path: str = ""
    """A regular expression, searched in the path below ``/api/v10``."""
    times: int | None = 1
    """How many requests it spoils; ``None`` is every one."""
    skip: int = 0
    """How many matching requests pass first."""
    probability: float = 1.0
    seconds: float = 0.0
    retry_after: float = 1.0
    names_wait: bool = False
    """Whether a page names `retry_after`."""
    scope: str = "user"
    after: bool = False
    id: int = 0
    hits: int = 0
    _pattern: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.fault not in KINDS:
            raise ControlError(f"no such fault: {self.fault} (there are {', '.join(sorted(KINDS))})")
        try:
            self._pattern = re.compile(self.path)
        except re.error as problem:
            raise ControlError(f"path is not a regular expression: {problem}") from problem

    @property
    def carries_out(self) -> bool:
        """Whether the request has its effect although its answer is spoiled."""
        return self.fault in ("lost", "stall") or self.after

    def matches(self, method: str, path: str) -> bool:
        return self.times != 0 and fnmatchcase(method, self.method) and self._pattern.search(path) is not None

    def to_view(self) -> Json:
        view = asdict(self)
        del view["_pattern"]
        return view


class FaultRules:
    """The rules in force, in the order in which they were made."""

    def __init__(self, seed: int) -> None:
        self.rules: list[FaultRule] = []
        self._made = 0
        self._random = random.Random(seed)

    def add_rule(self, form: Json) -> FaultRule:
        try:
            rule = FaultRule(**form)
        except TypeError as problem:
            raise ControlError(f"not a fault rule: {problem}") from problem
        self._made += 1
        rule.id = self._made
        self.rules.append(rule)
        return rule

    def clear_rules(self, rule_id: int | None = None) -> None:
        self.rules = [] if rule_id is None else [rule for rule in self.rules if rule.id != rule_id]

    def pick_rule(self, method: str, path: str) -> FaultRule | None:
        for rule in self.rules:
            if rule.matches(method, path) and self._does_strike(rule):
                rule.hits += 1
                if rule.times is not None:
                    rule.times -= 1
                return rule
        return None

    def _does_strike(self, rule: FaultRule) -> bool:
        if rule.skip > 0:
            rule.skip -= 1
            return False
        return rule.probability >= 1.0 or self._random.random() < rule.probability
