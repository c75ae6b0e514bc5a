"""One channel: read, deleted, and, if it is a thread, changed."""

from tests.wire.channel_payloads import channel_payload, thread_payload
from tests.wire.entities import DM, FORUM, Channel
from tests.wire.errors import invalid_form, missing_permissions, one_field, thread_archived
from tests.wire.forms.threads import ThreadForm, read_change
from tests.wire.permissions import Permission
from tests.wire.rest.access import check_access, check_unlocked, has_permission, visible_channel
from tests.wire.rest.posts import check_tags
from tests.wire.rest.routing import Answer, Route, RouteCall
from tests.wire.sessions import GUILDS


def get_channel(call: RouteCall) -> Answer:
    return 200, channel_payload(call.wire.world, visible_channel(call))


def delete_channel(call: RouteCall) -> Answer:
    """A thread goes only with the permission to manage threads, also if it is the bot's own."""
    channel = visible_channel(call)
    payload = channel_payload(call.wire.world, channel)
    if channel.is_thread:
        check_access(call, channel, int(Permission.MANAGE_THREADS))
        call.wire.threads.delete_thread(channel)
    elif channel.type != DM:
        check_access(call, channel, int(Permission.MANAGE_CHANNELS))
        channel.gone = True
        call.wire.sessions.dispatch_event("CHANNEL_DELETE", channel.guild, GUILDS, payload)
    return 200, payload


def change_channel(call: RouteCall) -> Answer:
    channel = visible_channel(call)
    if not channel.is_thread:
        check_access(call, channel, int(Permission.MANAGE_CHANNELS))
        message = "Changes of channels that are no threads are not served by this Discord"
        raise invalid_form(one_field(("type",), "CHANNEL_CHANGE_NOT_MODELLED", message))
    change = read_change(call.json_form(), channel)
    _check_change(call, channel, change)
    _apply_change(call, channel, change)
    call.wire.threads.dispatch_update(channel)
    return 200, thread_payload(channel)


def _check_change(call: RouteCall, thread: Channel, change: ThreadForm) -> None:
    """An archived thread takes no change but that of ``archived`` unless the change also makes it active again.

    Whoever may send to it may do that. The rest is for its creator and those who manage threads; unlocking and
    what happens in a locked thread is for the latter alone.
    """
    opens = "archived" in change.given and not change.archived
    if thread.archived and not opens and change.given - {"archived"}:
        raise thread_archived()
    if has_permission(call, thread, Permission.MANAGE_THREADS):
        _check_change_of_tags(call, thread, change)
        return
    check_unlocked(call, thread)
    if opens:
        check_access(call, thread, int(Permission.SEND_MESSAGES_IN_THREADS))
    owned = thread.owner is call.wire.world.bot
    if (change.given - ({"archived"} if opens else set()) and not owned) or "rate_limit_per_user" in change.given:
        raise missing_permissions()
    _check_change_of_tags(call, thread, change)


def _check_change_of_tags(call: RouteCall, thread: Channel, change: ThreadForm) -> None:
    forum = thread.parent
    if "applied_tags" in change.given and forum is not None and forum.type == FORUM:
        check_tags(call, forum, change.tags, thread.applied_tags)


def _apply_change(call: RouteCall, thread: Channel, change: ThreadForm) -> None:
    if "archived" in change.given:
        call.wire.threads.archive_thread(thread, archived=change.archived)
    for given, name, value in (
        ("name", "name", change.name),
        ("locked", "locked", change.locked),
        ("auto_archive_duration", "archive_after", change.archive_after),
        ("rate_limit_per_user", "slowmode", change.slowmode),
        ("applied_tags", "applied_tags", change.tags),
    ):
        if given in change.given:
            setattr(thread, name, value)


ROUTES = (
    Route("GET", "/channels/*", get_channel),
    Route("PATCH", "/channels/*", change_channel),
    Route("DELETE", "/channels/*", delete_channel),
)
