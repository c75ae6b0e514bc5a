"""Classify Discord's error responses by scope: the message, its channel, or the whole bot.

The codes are those of Discord's documentation ("Opcodes and Status Codes", JSON Error Codes), which is covered
completely. Codes in no group, and unknown ones, are classified by their HTTP status.
"""

from __future__ import annotations

import enum


class ErrorScope(enum.Enum):
    """What an error response applies to."""

    CARD = "card"
    """This message's form or content: quarantine it until the card changes, and notify somebody."""
    PLACE = "place"
    """The channel, thread, forum or member: open a circuit, and notify once."""
    WAY = "way"
    """The token, a proxy or Discord as a whole: stop all sending, and notify only the operator."""
    MESSAGE = "message"
    """The message is gone, or is not the bot's."""
    DONE = "done"
    """The requested change was already made."""
    LATER = "later"
    """Only this request, temporarily."""


DONE = frozenset({40033, 160004})  # crossposted already, has a thread already

MESSAGE = frozenset({
    10008,  # unknown message
    50005,  # written by another user: the store was moved to another bot
    50021,  # a system message
})  # fmt: skip

WAY = frozenset({
    10001, 10002, 10012,  # unknown account, application, token
    20001, 20002, 20012, 20018,  # not for bots, for bots only, not for this application, for the owner
    40001, 40002, 40012, 50002, 50010, 50014, 50025, 50026, 50178,  # token, account and scope
    40004,  # sending is disabled for now
    40333,  # Cloudflare blocks the request
    50041, 50067,  # version of the API, origin of the request
    110001, 130000,  # not available yet, overloaded
})  # fmt: skip

PLACE = frozenset({
    10003, 10004, 10007, 10013,  # unknown channel, server, member, user
    20024, 20035, 50009, 50095, 50097, 50101, 60003,  # age, boosts, verification, location, money, second factor
    30013, 30033,  # the server's channels, the thread's participants
    40007,  # banned
    40058, 50003, 50008, 50024, 50055, 50086,  # not possible in this type of channel or server
    40066, 40067,  # a forum that demands a tag
    50001, 50013,  # access, permissions
    50007, 50033, 50278,  # direct messages
    50083, 160005,  # archived, locked
    160002,  # may not read the history
    160006, 160007,  # no more active threads
    400001,  # no files in this server
})  # fmt: skip

CARD = frozenset({
    10011, 10014, 10021, 10060, 10061, 10097,  # unknown role, emoji, asset, sticker, sound
    20009, 20031,  # explicit content, words that a name must not contain
    30015, 40005,  # attachments, size
    50006, 50028, 50035, 50068, 50109,  # empty, role, form, kind of message, JSON
    50045, 50046, 50110, 50123, 50124, 50138, 50146, 50192,  # files
    50080, 50081, 50144, 50145, 50151, 50600,  # stickers, emoji
    50159, 50160, 50161, 50162, 50173,  # voice messages
    160014,  # cannot be forwarded
    170001, 170002, 170003, 170004, 170005, 170006, 170007,  # animations
    200000, 200001, 240000,  # blocked by the server's filters
    520000, 520001, 520002, 520003, 520004, 520006,  # polls
})  # fmt: skip

LATER = frozenset({
    10087,  # a tag that the forum had a moment ago
    20016, 20022, 20028, 20029, 30046, 40003, 40062,  # rate limits
    30037, 30040, 30042, 40006, 40009, 110000,  # other temporary limits, unavailable features and indexes
})  # fmt: skip

UNRELATED = frozenset({
    0,  # a general error
    10005, 10006, 10009, 10010, 10015, 10016, 10020, 10026, 10027, 10028, 10029, 10030, 10031, 10032, 10033, 10036,
    10038, 10049, 10050, 10057, 10059, 10062, 10063, 10065, 10066, 10067, 10068, 10069, 10070, 10071, 10124, 10129,
    20015, 30001, 30002, 30003, 30004, 30005, 30007, 30008, 30010, 30011, 30016, 30018, 30019, 30030, 30031, 30032,
    30034, 30035, 30038, 30039, 30045, 30047, 30048, 30052, 30056, 30058, 30060, 30061, 40018, 40019, 40032, 40041,
    40043, 40060, 40061, 40074, 40094, 50004, 50011, 50012, 50015, 50016, 50017, 50019, 50020, 50027, 50034, 50036,
    50039, 50054, 50057, 50070, 50073, 50074, 50084, 50085, 50091, 50131, 50132, 50163, 50167, 80004, 90001, 90002,
    150006, 180000, 180002, 220001, 220002, 220003, 220004, 340015, 350000, 350001, 500000,
    530000, 530001, 530002, 530003, 530004, 530006, 530007,
})  # fmt: skip
"""Errors of requests that deliveries never make; if one occurs anyway, its HTTP status decides."""

_GROUPS = {
    ErrorScope.CARD: CARD,
    ErrorScope.PLACE: PLACE,
    ErrorScope.WAY: WAY,
    ErrorScope.MESSAGE: MESSAGE,
    ErrorScope.DONE: DONE,
    ErrorScope.LATER: LATER,
}
_BY_CODE = {code: scope for scope, codes in _GROUPS.items() for code in codes}
_BY_STATUS = {
    400: ErrorScope.CARD,
    401: ErrorScope.WAY,
    403: ErrorScope.PLACE,
    404: ErrorScope.PLACE,
    410: ErrorScope.PLACE,
    413: ErrorScope.CARD,
    415: ErrorScope.CARD,
    422: ErrorScope.CARD,
}


def classify_error(status: int, code: int | None) -> ErrorScope:
    """Classify an error response. `code` is Discord's, 0 if it had none; None: the body was not Discord's JSON.

    A 401 always means the token. A 429 or 5xx is temporary, unless its code concerns the whole bot.
    """
    if code is None or status == 401:
        return ErrorScope.WAY
    if status == 429 or status >= 500:
        return ErrorScope.WAY if code in WAY else ErrorScope.LATER
    return _BY_CODE.get(code) or _BY_STATUS.get(status, ErrorScope.LATER)
