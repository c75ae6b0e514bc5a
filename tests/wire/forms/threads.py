"""The forms of threads and forum posts: to open one, and to change one."""

from dataclasses import dataclass, field
from typing import Any

from tests.wire.entities import PRIVATE_THREAD, THREAD_TYPES, Channel
from tests.wire.errors import DiscordError, Json
from tests.wire.forms.messages import CREATE_FIELDS, Draft, read_new
from tests.wire.forms.report import FormReport, Path, field_names

MOST_TAGS = 5
_SLOWEST = 21_600
_ARCHIVE_AFTER = (60, 1440, 4320, 10080)
_COMMON = field_names("name auto_archive_duration rate_limit_per_user")
_POST = _COMMON | {"message", "applied_tags", "type"}
_EMPTY = _COMMON | {"type", "invitable"}
_CHANGE = _COMMON | {"archived", "locked", "invitable", "flags", "applied_tags"}


@dataclass(slots=True)
class ThreadForm:
    """A form that passed its checks. ``given`` names the fields that were sent."""

    given: frozenset[str]
    name: str = ""
    kind: int = PRIVATE_THREAD
    archive_after: int = 1440
    slowmode: int = 0
    archived: bool = False
    locked: bool = False
    tags: list[int] = field(default_factory=list)
    draft: Draft = field(default_factory=lambda: Draft(frozenset()))


def read_post(form: Json, forum: Channel) -> ThreadForm:
    """A forum post. Its message has a form of its own below ``message``, and what is wrong there is said there;
    a ``nonce`` in it is passed over, as Discord does.
    """
    form = _nest_message(form)
    report = FormReport()
    report.check_known((), form, _POST)
    read = _read_common(report, form)
    read.tags = _check_tags(report, forum, form.get("applied_tags"))
    if isinstance(form.get("message"), dict):
        read.draft = _first_message(report, form["message"])
    else:
        report.add_required(("message",))
    report.raise_if_any()
    return read


def _nest_message(form: Json) -> Json:
    """The message's fields may also stand beside the thread's, as older clients send them."""
    if "message" in form:
        return form
    outside = {key: value for key, value in form.items() if key in _POST}
    return outside | {"message": {key: value for key, value in form.items() if key not in _POST}}


def _first_message(report: FormReport, form: Json) -> Draft:
    try:
        draft = read_new(form, CREATE_FIELDS - {"message_reference"})
    except DiscordError as refusal:
        if refusal.errors is None:
            raise
        report.errors["message"] = refusal.errors
        return Draft(frozenset())
    draft.nonce, draft.enforce_nonce = None, False
    return draft


def read_empty(form: Json, *, from_message: bool) -> ThreadForm:
    """A thread that begins empty. Without a ``type`` it is a private one, unless it begins from a message."""
    report = FormReport()
    report.check_known((), form, _COMMON if from_message else _EMPTY)
    read = _read_common(report, form)
    if form.get("type") is not None and report.check_choice(("type",), form["type"], sorted(THREAD_TYPES)):
        read.kind = form["type"]
    report.raise_if_any()
    return read


def read_change(form: Json, thread: Channel) -> ThreadForm:
    report = FormReport()
    report.check_known((), form, _CHANGE)
    read = _read_common(report, form, name_needed=False)
    for name in ("archived", "locked"):
        if name in form:
            report.check_bool((name,), form[name])
            setattr(read, name, bool(form[name]))
    if "applied_tags" in form:
        read.tags = _check_tags(report, thread.parent or thread, form["applied_tags"])
    report.raise_if_any()
    return read


def _read_common(report: FormReport, form: Json, *, name_needed: bool = True) -> ThreadForm:
    read = ThreadForm(frozenset(form))
    if name_needed or "name" in form:
        read.name = _check_name(report, ("name",), form.get("name"))
    after, slowmode = form.get("auto_archive_duration"), form.get("rate_limit_per_user")
    if after is not None and report.check_choice(("auto_archive_duration",), after, _ARCHIVE_AFTER):
        read.archive_after = after
    if slowmode is not None:
        report.check_integer(("rate_limit_per_user",), slowmode, _SLOWEST)
        read.slowmode = slowmode if isinstance(slowmode, int) else 0
    return read


def _check_name(report: FormReport, path: Path, value: Any) -> str:
    if value is None:
        report.add_required(path)
        return ""
    return report.check_text(path, value, 100, least=1)


def _check_tags(report: FormReport, forum: Channel, value: Any) -> list[int]:
    """The ids; Discord takes one that stands there twice. How it names an unknown one is a guess."""
    known = {tag["id"] for tag in forum.tags}
    tags = report.check_sequence(("applied_tags",), [] if value is None else value, MOST_TAGS)
    for index, tag in enumerate(tags):
        if str(tag) not in known:
            report.add_error(("applied_tags", index), "FORUM_TAG_UNKNOWN", f"Unknown tag: {tag}")
    return [int(tag) for tag in tags if str(tag) in known]
