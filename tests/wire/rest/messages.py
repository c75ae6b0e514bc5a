"""Messages of a channel: create, read, edit, delete, and crosspost."""

import time
from collections.abc import Mapping
from itertools import islice

from tests.wire.entities import ANNOUNCEMENT, CROSSPOSTED, FORUM, Channel, Message
from tests.wire.errors import (
    DiscordError,
    already_crossposted,
    invalid_form,
    missing_permissions,
    one_field,
    unknown_message,
    wrong_channel_type,
)
from tests.wire.forms.messages import EDIT_FIELDS, Draft, read_draft, read_new
from tests.wire.payloads import message_payload
from tests.wire.permissions import Permission
from tests.wire.rest.access import (
    check_deletable,
    check_editable,
    find_message,
    has_permission,
    sendable_channel,
    visible_channel,
)
from tests.wire.rest.routing import Answer, Route, RouteCall

_HISTORY = int(Permission.READ_MESSAGE_HISTORY)


def create_message(call: RouteCall) -> Answer:
    form = call.json_form()
    channel = sendable_channel(call, with_embeds=bool(form.get("embeds")), with_files=bool(form.get("attachments")))
    if channel.type in (4, FORUM):
        raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
    draft = read_new(form)
    _check_reference(channel, draft)
    earlier = _find_by_nonce(call, channel, draft)
    if earlier is not None:
        return 200, message_payload(earlier, with_nonce=True)
    if channel.is_thread:
        call.wire.threads.wake_thread(channel)
        call.wire.threads.join_thread(channel)
    message = call.wire.posting.create_message(channel, draft, call.wire.world.bot)
    if draft.nonce is not None:
        channel.nonces[draft.nonce] = message
    return 200, message_payload(message, with_nonce=True)


def _find_by_nonce(call: RouteCall, channel: Channel, draft: Draft) -> Message | None:
    """The message that the same enforced nonce made a short while ago; if it was deleted since, Discord knows
    no such.
    """
    found = channel.nonces.get(draft.nonce) if draft.enforce_nonce and draft.nonce is not None else None
    if found is None or time.monotonic() - found.created > call.wire.settings.nonce_window:
        return None
    channel.prevented += 1
    if found.deleted is not None:
        raise unknown_message()
    return found


def _check_reference(channel: Channel, draft: Draft) -> None:
    reference = draft.reference
    if reference is None or reference.get("fail_if_not_exists") is False:
        return
    if channel.find_message(int(reference.get("message_id", 0))) is None:
        raise invalid_form(one_field(("message_reference",), "REPLIES_UNKNOWN_MESSAGE", "Unknown message"))


def get_messages(call: RouteCall) -> Answer:
    """History, newest first. Without the permission for it Discord answers with an empty list."""
    channel = visible_channel(call)
    limit = int(call.query.get("limit", 50))
    if not 1 <= limit <= 100:
        raise invalid_form(one_field(("limit",), "NUMBER_TYPE_MAX", "int value should be between 1 and 100."))
    if channel.guild is not None and not call.wire.world.bot_permissions(channel) & _HISTORY:
        return 200, []
    return 200, [message_payload(each) for each in _history_page(channel, call.query, limit)]


def _history_page(channel: Channel, query: Mapping[str, str], limit: int) -> list[Message]:
    marks = {name: int(query[name]) for name in ("around", "before", "after") if name in query}
    if "around" in marks:
        middle = marks["around"]
        newer = list(islice(channel.messages_after(middle), limit // 2))
        older = list(islice(channel.messages_before(middle + 1), limit - limit // 2))
        return [*reversed(newer), *older]
    if "after" in marks:
        return list(islice(channel.messages_after(marks["after"]), limit))[::-1]
    return list(islice(channel.messages_before(marks.get("before")), limit))


def get_message(call: RouteCall) -> Answer:
    channel = visible_channel(call, _HISTORY)
    return 200, message_payload(find_message(call, channel))


def edit_message(call: RouteCall) -> Answer:
    channel = visible_channel(call)
    message = find_message(call, channel)
    if message.author is not call.wire.world.bot:
        raise DiscordError(403, 50005, "Cannot edit a message authored by another user")
    check_editable(call, channel)
    draft = read_draft(call.json_form(), EDIT_FIELDS, message.flags)
    if message.flags & CROSSPOSTED:
        call.wire.limits.spend_budget("crosspost_edit", message.id, time.monotonic())
    call.wire.posting.edit_message(message, draft)
    return 200, message_payload(message)


def delete_message(call: RouteCall) -> Answer:
    channel = visible_channel(call)
    message = find_message(call, channel)
    if not _may_delete(call, message):
        raise missing_permissions()
    check_deletable(call, channel)
    call.wire.posting.delete_message(message, "bot")
    return 204, None


def _may_delete(call: RouteCall, message: Message) -> bool:
    return message.author is call.wire.world.bot or has_permission(call, message.channel, Permission.MANAGE_MESSAGES)


def crosspost_message(call: RouteCall) -> Answer:
    channel = visible_channel(call)
    if channel.type != ANNOUNCEMENT:
        raise wrong_channel_type()
    message = find_message(call, channel)
    if not has_permission(call, channel, Permission.SEND_MESSAGES) or not _may_delete(call, message):
        raise missing_permissions()
    if message.flags & CROSSPOSTED:
        raise already_crossposted()
    if not call.wire.settings.crosspost_in_headers:
        call.wire.limits.spend_budget("crosspost", channel.id, time.monotonic())
    call.wire.posting.crosspost_message(message)
    return 200, message_payload(message)


def start_typing(call: RouteCall) -> Answer:
    visible_channel(call, int(Permission.SEND_MESSAGES))
    return 204, None


ROUTES = (
    Route("POST", "/channels/*/messages", create_message, "create"),
    Route("GET", "/channels/*/messages", get_messages),
    Route("GET", "/channels/*/messages/*", get_message),
    Route("PATCH", "/channels/*/messages/*", edit_message, "edit"),
    Route("DELETE", "/channels/*/messages/*", delete_message, "delete"),
    Route("POST", "/channels/*/messages/*/crosspost", crosspost_message, "crosspost"),
    Route("POST", "/channels/*/typing", start_typing),
)
