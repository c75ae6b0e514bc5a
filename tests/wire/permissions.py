"""Discord's permission bits, those that this Discord looks at or hands out."""

from enum import IntFlag


class Permission(IntFlag):
    """A bit field as it stands, in decimal, in roles, overwrites and interactions."""

    ADMINISTRATOR = 1 << 3
    VIEW_AUDIT_LOG = 1 << 7
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    SEND_MESSAGES_IN_THREADS = 1 << 38


MEMBER = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_APPLICATION_COMMANDS
)
"""What ``@everyone`` may do, and so the least that anybody has."""

BOT = (
    MEMBER
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
)
"""What the bot's own role grants unless a test says otherwise."""

MODERATOR = MEMBER | Permission.EMBED_LINKS | Permission.MANAGE_MESSAGES
MANAGER = MODERATOR | Permission.MANAGE_CHANNELS
EVERYTHING = (1 << 50) - 1

SEND_CHECKS = {
    "no_view": Permission.VIEW_CHANNEL,
    "no_send": Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS,
    "no_thread_send": Permission.SEND_MESSAGES_IN_THREADS,
    "no_threads": Permission.CREATE_PUBLIC_THREADS,
    "no_embed": Permission.EMBED_LINKS,
    "no_history": Permission.READ_MESSAGE_HISTORY,
}
"""The names under which a test denies the bot something in one channel."""
