"""The errors that Newsdesk raises itself, in one tree."""


class NewsdeskError(Exception):
    """Anything that Newsdesk itself has to say; the text is one or more whole sentences."""


class UserError(NewsdeskError):
    """Something the person asked for cannot be done; the text is safe to show and says what to do instead."""


class SettingsError(NewsdeskError):
    """The settings do not make sense; the text names every variable that is wrong, and the fix."""


class StoreError(NewsdeskError):
    """The database cannot be used: a newer version, or the file of another program."""


class ClaimLostError(NewsdeskError):
    """Another courier serves this channel now."""


class LoginError(NewsdeskError):
    """Discord did not accept the token, or could not be reached to check it."""
