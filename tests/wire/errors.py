"""Discord's error answers: an HTTP status, a JSON code, and for refused forms the nested ``errors``
object.
"""

from typing import Any

Json = dict[str, Any]


class DiscordError(Exception):
    """An answer that is not 2xx. Handlers raise it; the server turns it into the body Discord sends."""

    def __init__(self, status: int, code: int, message: str, errors: Json | None = None) -> None:
        super().__init__(f"{status}/{code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Json:
        body: Json = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


class LimitError(DiscordError):
    """A 429 that a handler itself decides on: a limit on what is written rather than on a route, of which the
    headers say nothing.
    """

    def __init__(self, retry_after: float) -> None:
        super().__init__(429, 20028, "The write action you are performing on the channel has hit the write rate limit.")
        self.retry_after = retry_after


class ControlError(Exception):
    """A test wants something that a person in front of Discord could not do. Never seen by the bot."""


def not_found(what: str, code: int) -> DiscordError:
    return DiscordError(404, code, f"Unknown {what}")


def unknown_route() -> DiscordError:
    return DiscordError(404, 0, "404: Not Found")


def unknown_channel() -> DiscordError:
    return not_found("Channel", 10003)


def unknown_guild() -> DiscordError:
    return not_found("Guild", 10004)


def unknown_message() -> DiscordError:
    return not_found("Message", 10008)


def unknown_interaction() -> DiscordError:
    return not_found("interaction", 10062)


def missing_access() -> DiscordError:
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    return DiscordError(403, 50013, "Missing Permissions")


def wrong_channel_type() -> DiscordError:
    return DiscordError(400, 50024, "Cannot execute action on this channel type")


def threads_used_up() -> DiscordError:
    return DiscordError(400, 160006, "Maximum number of active threads reached")


def edge_block() -> DiscordError:
    """Cloudflare's own, in Discord's form."""
    return DiscordError(403, 40333, "internal network error")


def blocked_by_filter() -> DiscordError:
    return DiscordError(400, 200000, "Message was blocked by automatic moderation")


def tag_required() -> DiscordError:
    return DiscordError(400, 40067, "A tag is required to create a forum post in this channel")


def already_crossposted() -> DiscordError:
    return DiscordError(400, 40033, "This message has already been crossposted")


def thread_archived() -> DiscordError:
    return DiscordError(400, 50083, "Thread is archived")


def thread_locked() -> DiscordError:
    """Discord documents the code; that it comes as a 403 is a guess."""
    return DiscordError(403, 160005, "Thread is locked")


def unauthorized() -> DiscordError:
    return DiscordError(401, 0, "401: Unauthorized")


def invalid_form(errors: Json) -> DiscordError:
    return DiscordError(400, 50035, "Invalid Form Body", errors)


def one_field(path: tuple[str | int, ...], code: str, message: str) -> Json:
    """The ``errors`` object that complains about a single field."""
    errors: Json = {"_errors": [{"code": code, "message": message}]}
    for key in reversed(path):
        errors = {str(key): errors}
    return errors
