"""The errors that Newsdesk raises itself, in one tree."""

from __future__ import annotations

import errno

_OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EROFS}


class NewsdeskError(Exception):
    """Anything that Newsdesk itself has to say; the text is one or more whole sentences."""

    exit_code = 2
    """Of a command that ends with it. 2: wrong use or settings, which stay wrong until somebody changes them.
    1: trouble that is not the caller's, and may be over the next time."""


class UserError(NewsdeskError):
    """Something the person asked for cannot be done; the text is safe to show and says what to do instead."""


class SettingsError(NewsdeskError):
    """The settings do not make sense; the text names every variable that is wrong, and the fix."""


class DiskError(NewsdeskError):
    """A file cannot be read or written, and not because of its name or its rights: the disk is full or fails."""

    exit_code = 1


class StoreError(NewsdeskError):
    """The database cannot be used: a newer version, or the file of another program."""


class StoreTroubleError(StoreError):
    """The database is ours and does not work now: a full or failing disk, damage, a lock, a server out of reach."""

    exit_code = 1


class ClaimLostError(NewsdeskError):
    """Another courier serves this channel now."""


class LoginError(NewsdeskError):
    """Discord did not accept the token, or could not be reached to check it."""


class DiscordUnreachableError(LoginError):
    """Discord could not be reached, or its answer not be read."""

    exit_code = 1


def file_error(sentence: str, error: OSError) -> NewsdeskError:
    """The error to raise for a file that cannot be used; `sentence` says which, without a full stop."""
    reason = error.strerror or str(error) or type(error).__name__
    kind = DiskError if error.errno in _OF_THE_DISK else UserError
    return kind(f"{sentence}: {reason}.")
