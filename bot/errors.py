"""Exceptions raised by Newsdesk."""

from __future__ import annotations

import errno
from typing import Self

_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS}


class NewsdeskError(Exception):
    """Base class of all Newsdesk exceptions. `what` is wrong and the `fix` are whole sentences; the message is both."""

    exit_code = 2
    """Exit code of a command that fails with this error. 2: wrong usage or settings, which must be fixed first.
    1: trouble that is not the caller's fault and may be temporary."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what, fix)
        self.what = what
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.what} {self.fix}" if self.fix else self.what


class UserError(NewsdeskError):
    """A request that cannot be fulfilled; the message is safe to show and says what to do instead."""


class SettingsError(NewsdeskError):
    """Invalid settings; the message names every variable that is wrong, and the fix."""


class DiskError(NewsdeskError):
    """A file cannot be read or written because the disk is full or failing, not because of its path or permissions."""

    exit_code = 1


class StoreError(NewsdeskError):
    """The database cannot be used: it has a newer schema, or belongs to another program.

    `{setting}` in the fix stands for what the database's URL came from.
    """

    def __init__(self, what: str, fix: str = "", *, setting: str = "NEWSDESK_DATABASE_URL") -> None:
        super().__init__(what, fix.format(setting=setting))
        self._fix_template = fix

    def with_option(self, option: str) -> Self:
        """Return the error for a database whose URL came from a command-line option."""
        return type(self)(self.what, self._fix_template, setting=option)


class StoreUnavailableError(StoreError):
    """The database is ours but not working: a full or failing disk, corruption, a lock, an unreachable server."""

    exit_code = 1


class LeaseLostError(NewsdeskError):
    """The lease on a channel was lost: another courier serves it now."""


class LoginError(NewsdeskError):
    """Discord rejected the token, or could not be reached to check it."""


class DiscordUnreachableError(LoginError):
    """Discord could not be reached, or its response could not be parsed."""

    exit_code = 1


def file_error(sentence: str, error: OSError) -> NewsdeskError:
    """Build the error for a file that cannot be used; `sentence` names the file, without a full stop."""
    reason = error.strerror or str(error) or type(error).__name__
    kind = DiskError if error.errno in _OF_THE_DISK else UserError
    return kind(f"{sentence}: {reason}.")
