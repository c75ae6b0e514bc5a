"""Threads: a forum's posts, and threads below a text channel with or without a message to begin from."""

from typing import Any

from tests.wire.errors import DiscordError, Json, invalid_form, one_field
from tests.wire.forms.messages import CREATE_FIELDS, Draft, read_new
from tests.wire.forms.report import Report, fields_named
from tests.wire.payloads import message_payload, thread_payload
from tests.wire.permissions import Permission
from tests.wire.rest.access import check_access, message_of, sendable_channel, visible_channel
from tests.wire.rest.routing import Answer, Call, Route
from tests.wire.sessions import GUILDS
from tests.wire.state import ANNOUNCEMENT, FORUM, THREAD, Channel

_MOST_TAGS = 5
_POST_FIELDS = fields_named("name auto_archive_duration rate_limit_per_user message applied_tags type")
_THREAD_FIELDS = fields_named("name auto_archive_duration rate_limit_per_user type invitable")


def start_thread(call: Call) -> Answer:
    """In a forum a post with its message, elsewhere a thread that begins empty."""
    parent = visible_channel(call)
    return _start_post(call, parent) if parent.type == FORUM else _start_empty(call, parent)


def _start_post(call: Call, forum: Channel) -> Answer:
    form = _nested(call.form())
    inner = form.get("message")
    if not isinstance(inner, dict):
        raise invalid_form(one_field(("message",), "BASE_TYPE_REQUIRED", "This field is required"))
    # In a forum the right to send messages is the right to open posts.
    sendable_channel(call, with_embeds=bool(inner.get("embeds")), with_files=bool(inner.get("attachments")))
    report = Report()
    report.known((), form, _POST_FIELDS)
    name = report.text(("name",), form.get("name"), 100, least=1)
    tags = _tags(report, forum, form.get("applied_tags") or [])
    report.raise_if_any()
    if forum.tag_required and not tags:
        raise DiscordError(400, 40067, "A tag is required to create a forum post in this channel")
    draft = read_new(inner, CREATE_FIELDS)
    thread = open_post(call, forum, name, tags, draft)
    message = thread.messages[thread.id]
    return 201, thread_payload(thread) | {"message": message_payload(message)}


def _nested(form: Json) -> Json:
    """The message's fields may also stand beside the thread's, as older clients send them."""
    if "message" in form:
        return form
    outside = {key: value for key, value in form.items() if key in _POST_FIELDS}
    return outside | {"message": {key: value for key, value in form.items() if key not in _POST_FIELDS}}


def _tags(report: Report, forum: Channel, value: Any) -> list[int]:
    known = {tag["id"] for tag in forum.tags}
    tags = report.sequence(("applied_tags",), value, _MOST_TAGS)
    for index, tag in enumerate(tags):
        if str(tag) not in known:
            report.add(("applied_tags", index), "FORUM_TAG_UNKNOWN", f"Unknown tag: {tag}")
    return [int(tag) for tag in tags if str(tag) in known]


def open_post(call: Call, forum: Channel, name: str, tags: list[int], draft: Draft) -> Channel:
    thread = _open(call, forum, name)
    thread.applied_tags = tags
    _announce(call, thread)
    call.wire.posting.create(thread, draft, call.wire.world.bot, message_id=thread.id)
    return thread


def _open(call: Call, parent: Channel, name: str) -> Channel:
    if parent.guild is None:
        raise DiscordError(400, 50024, "Cannot execute action on this channel type")
    return call.wire.world.add_channel(parent.guild, 10 if parent.type == ANNOUNCEMENT else THREAD, name, parent)


def _announce(call: Call, thread: Channel) -> None:
    payload = thread_payload(thread) | {"newly_created": True}
    call.wire.sessions.dispatch("THREAD_CREATE", thread.guild, GUILDS, payload)


def _start_empty(call: Call, parent: Channel) -> Answer:
    check_access(call, parent, int(Permission.CREATE_PUBLIC_THREADS))
    thread = _open(call, parent, _thread_name(call.form()))
    _announce(call, thread)
    return 201, thread_payload(thread)


def _thread_name(form: Json) -> str:
    report = Report()
    report.known((), form, _THREAD_FIELDS)
    name = report.text(("name",), form.get("name"), 100, least=1)
    report.raise_if_any()
    return name


def start_thread_from_message(call: Call) -> Answer:
    """The thread takes the id of its message, so a second one cannot be made."""
    parent = visible_channel(call, int(Permission.CREATE_PUBLIC_THREADS))
    message = message_of(call, parent)
    name = _thread_name(call.form())
    world = call.wire.world
    if message.id in world.channels:
        raise DiscordError(400, 160004, "A thread has already been created for this message")
    thread = _open(call, parent, name)
    guild = thread.guild
    for book in (world.channels, *([guild.threads] if guild else [])):
        del book[thread.id]
        book[message.id] = thread
    thread.id = message.id
    _announce(call, thread)
    return 201, thread_payload(thread)


def join_thread(call: Call) -> Answer:
    visible_channel(call)
    return 204, None


ROUTES = (
    Route("POST", "/channels/*/threads", start_thread, "thread"),
    Route("POST", "/channels/*/messages/*/threads", start_thread_from_message, "thread"),
    Route("PUT", "/channels/*/thread-members/@me", join_thread),
)
