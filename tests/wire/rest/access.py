"""May the bot do this here? Discord's answers when it may not."""

from tests.wire.errors import (
    DiscordError,
    missing_access,
    missing_permissions,
    unknown_channel,
    unknown_message,
)
from tests.wire.permissions import Permission
from tests.wire.rest.routing import Call
from tests.wire.state import THREAD_TYPES, Channel, Message


def visible_channel(call: Call, needs: int = 0) -> Channel:
    """The channel of the path's first open segment, if the bot sees it and has all of ``needs`` there."""
    channel = call.wire.world.channels.get(call.number(0))
    if channel is None or channel.gone or (channel.parent is not None and channel.parent.gone):
        raise unknown_channel()
    check_access(call, channel, needs)
    return channel


def check_access(call: Call, channel: Channel, needs: int) -> None:
    if channel.guild is not None and channel.guild.left:
        raise missing_access()
    has = call.wire.world.bot_permissions(channel)
    if not has & Permission.VIEW_CHANNEL:
        raise missing_access()
    if needs & ~has:
        raise missing_permissions()


def sendable_channel(call: Call, *, with_embeds: bool, with_files: bool) -> Channel:
    """The channel, if the bot may send such a message to it."""
    channel = visible_channel(call)
    if channel.closed:
        raise DiscordError(403, 50007, "Cannot send messages to this user")
    if channel.guild is not None:
        in_thread = channel.type in THREAD_TYPES
        needs = Permission.SEND_MESSAGES_IN_THREADS if in_thread else Permission.SEND_MESSAGES
        needs |= Permission.EMBED_LINKS if with_embeds else 0
        needs |= Permission.ATTACH_FILES if with_files else 0
        check_access(call, channel, int(needs))
    return channel


def message_of(call: Call, channel: Channel, index: int = 1) -> Message:
    message = channel.message(call.number(index))
    if message is None:
        raise unknown_message()
    return message
