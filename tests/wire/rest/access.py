"""May the bot do this here? Discord's answers when it may not."""

from tests.wire.entities import Channel, Message
from tests.wire.errors import (
    DiscordError,
    missing_access,
    missing_permissions,
    thread_archived,
    thread_locked,
    unknown_channel,
    unknown_message,
)
from tests.wire.permissions import Permission
from tests.wire.rest.routing import RouteCall


def visible_channel(call: RouteCall, needs: int = 0) -> Channel:
    """The channel of the path's first open segment, if the bot sees it and has all of ``needs`` there."""
    channel = call.wire.world.channels.get(call.id_segment(0))
    if channel is None or not channel.is_there:
        raise unknown_channel()
    check_access(call, channel, needs)
    return channel


def check_access(call: RouteCall, channel: Channel, needs: int) -> None:
    if channel.guild is not None and channel.guild.left:
        raise missing_access()
    if not has_permission(call, channel, Permission.VIEW_CHANNEL):
        raise missing_access()
    if needs and not has_permission(call, channel, needs):
        raise missing_permissions()


def has_permission(call: RouteCall, channel: Channel, needs: int) -> bool:
    return not needs & ~call.wire.world.bot_permissions(channel)


def sendable_channel(call: RouteCall, *, with_embeds: bool, with_files: bool) -> Channel:
    """The channel, if the bot may send such a message to it."""
    channel = visible_channel(call)
    if channel.closed:
        raise DiscordError(403, 50007, "Cannot send messages to this user")
    if channel.guild is not None:
        needs = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
        needs |= Permission.EMBED_LINKS if with_embeds else 0
        needs |= Permission.ATTACH_FILES if with_files else 0
        check_access(call, channel, int(needs))
        check_unlocked(call, channel)
    return channel


def check_unlocked(call: RouteCall, channel: Channel) -> None:
    """In a locked thread only those who manage threads may write."""
    if channel.locked and not has_permission(call, channel, Permission.MANAGE_THREADS):
        raise thread_locked()


def check_editable(call: RouteCall, channel: Channel) -> None:
    """Whether messages may be edited there: in an archived thread nobody may."""
    if channel.archived:
        raise thread_archived()
    check_unlocked(call, channel)


def check_deletable(call: RouteCall, channel: Channel) -> None:
    """Whether messages may be deleted there: of archived threads only locked ones stop that."""
    if channel.archived and channel.locked and not has_permission(call, channel, Permission.MANAGE_THREADS):
        raise thread_archived()


def find_message(call: RouteCall, channel: Channel, index: int = 1) -> Message:
    message = channel.find_message(call.id_segment(index))
    if message is None:
        raise unknown_message()
    return message
