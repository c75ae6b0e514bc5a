"""Who the bot is: login, gateway address, application, users, and DMs with them."""

from tests.wire.channel_payloads import channel_payload
from tests.wire.errors import invalid_form, not_found, one_field
from tests.wire.payloads import application_payload
from tests.wire.rest.routing import Answer, Route, RouteCall


def get_gateway_bot(call: RouteCall) -> Answer:
    limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": call.wire.settings.max_concurrency}
    return 200, {
        "url": call.wire.resume_url,
        "shards": call.wire.settings.shards,
        "session_start_limit": limit,
    }


def get_me(call: RouteCall) -> Answer:
    return 200, call.wire.world.bot.payload | {
        "verified": True,
        "mfa_enabled": True,
        "email": None,
        "flags": 0,
    }


def get_application(call: RouteCall) -> Answer:
    return 200, application_payload(call.wire.world) | {"flags": call.wire.settings.application_flags}


def get_user(call: RouteCall) -> Answer:
    user = call.wire.world.users.get(call.id_segment(0))
    if user is None:
        raise not_found("User", 10013)
    return 200, user.payload


def open_dm(call: RouteCall) -> Answer:
    world = call.wire.world
    recipient = str(call.json_form().get("recipient_id", ""))
    user = world.users.get(int(recipient)) if recipient.isdecimal() else None
    if user is None or user is world.bot:
        raise invalid_form(one_field(("recipient_id",), "INVALID_RECIPIENT", "Cannot send messages to this user"))
    return 200, channel_payload(world, world.get_dm(user))


ROUTES = (
    Route("GET", "/gateway/bot", get_gateway_bot, major=0),
    Route("GET", "/gateway", get_gateway_bot, major=0),
    Route("GET", "/users/@me", get_me, major=0),
    Route("GET", "/applications/@me", get_application, major=0),
    Route("GET", "/oauth2/applications/@me", get_application, major=0),
    Route("GET", "/users/*", get_user, major=0),
    Route("POST", "/users/@me/channels", open_dm, major=0),
)
