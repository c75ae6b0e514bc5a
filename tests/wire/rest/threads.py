"""Threads: how they are opened in any kind of channel, joined, and listed."""

from datetime import UTC, datetime
from typing import Any

from tests.wire.channel_payloads import active_threads, thread_payload
from tests.wire.entities import ANNOUNCEMENT, FORUM, NEWS_THREAD, PRIVATE_THREAD, TEXT, THREAD, Channel
from tests.wire.errors import DiscordError, Json, invalid_form, one_field, thread_archived, wrong_channel_type
from tests.wire.forms.threads import read_empty
from tests.wire.permissions import Permission
from tests.wire.rest.access import check_access, find_message, visible_channel
from tests.wire.rest.guilds import find_guild
from tests.wire.rest.posts import start_post
from tests.wire.rest.routing import Answer, Route, RouteCall

_KINDS = {TEXT: (THREAD, PRIVATE_THREAD), ANNOUNCEMENT: (NEWS_THREAD,)}


def start_thread(call: RouteCall) -> Answer:
    """In a forum a post with its message, elsewhere a thread that begins empty."""
    parent = visible_channel(call)
    if parent.type == FORUM:
        return start_post(call, parent)
    read = read_empty(call.json_form(), from_message=False)
    if read.kind not in _KINDS.get(parent.type, ()):
        raise wrong_channel_type()
    private = read.kind == PRIVATE_THREAD
    needs = Permission.CREATE_PRIVATE_THREADS if private else Permission.CREATE_PUBLIC_THREADS
    check_access(call, parent, int(needs))
    return 201, thread_payload(call.wire.threads.open_thread(parent, read.kind, read, call.wire.world.bot))


def start_thread_from_message(call: RouteCall) -> Answer:
    """The thread takes the id of its message, so a second one cannot be made."""
    parent = visible_channel(call)
    if parent.type not in _KINDS:
        raise wrong_channel_type()
    check_access(call, parent, int(Permission.CREATE_PUBLIC_THREADS | Permission.READ_MESSAGE_HISTORY))
    message = find_message(call, parent)
    read = read_empty(call.json_form(), from_message=True)
    if message.id in call.wire.world.channels:
        raise DiscordError(400, 160004, "A thread has already been created for this message")
    kind = _KINDS[parent.type][0]
    return 201, thread_payload(call.wire.threads.open_thread(parent, kind, read, call.wire.world.bot, message))


def join_thread(call: RouteCall) -> Answer:
    thread = visible_channel(call)
    if not thread.is_thread:
        raise wrong_channel_type()
    if thread.archived:
        raise thread_archived()
    call.wire.threads.join_thread(thread)
    return 204, None


def get_active_threads(call: RouteCall) -> Answer:
    return 200, _thread_list_payload(call, active_threads(call.wire.world, find_guild(call)))


def get_archived_threads(call: RouteCall) -> Answer:
    """Public ones, those archived last first; ``before`` is a time of archiving."""
    parent = visible_channel(call, int(Permission.READ_MESSAGE_HISTORY))
    if parent.type not in _KINDS and parent.type != FORUM:
        raise wrong_channel_type()
    limit, before = int(call.query.get("limit", 50)), call.query.get("before")
    if not 2 <= limit <= 100:
        raise invalid_form(one_field(("limit",), "NUMBER_TYPE_MAX", "int value should be between 2 and 100."))
    threads = _archived_threads(parent, _parse_time(before) if before else datetime.max.replace(tzinfo=UTC))
    return 200, _thread_list_payload(call, threads[:limit]) | {"has_more": len(threads) > limit}


def _archived_threads(parent: Channel, before: datetime) -> list[Channel]:
    inside = parent.guild.threads.values() if parent.guild else ()
    wanted = [each for each in inside if each.parent is parent and each.archived and each.is_there]
    wanted = [each for each in wanted if each.type != PRIVATE_THREAD and _parse_time(each.archive_changed) < before]
    return sorted(wanted, key=lambda each: _parse_time(each.archive_changed), reverse=True)


def _parse_time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        errors = one_field(("before",), "DATE_TIME_TYPE_PARSE", f"Could not parse {text}. Should be ISO8601.")
        raise invalid_form(errors) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _thread_list_payload(call: RouteCall, threads: list[Channel]) -> Json:
    """The threads without, and beside them, the bot's memberships."""
    payloads: list[dict[str, Any]] = [thread_payload(each) for each in threads]
    for payload in payloads:
        payload.pop("member", None)
    return {"threads": payloads, "members": [each.membership for each in threads if each.membership]}


ROUTES = (
    Route("POST", "/channels/*/threads", start_thread, "thread"),
    Route("POST", "/channels/*/messages/*/threads", start_thread_from_message, "thread"),
    Route("PUT", "/channels/*/thread-members/@me", join_thread),
    Route("GET", "/guilds/*/threads/active", get_active_threads),
    Route("GET", "/channels/*/threads/archived/public", get_archived_threads),
)
