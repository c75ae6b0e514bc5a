"""The REST endpoints, one module for each part of Discord's documentation."""

from tests.wire.rest import channels, commands, guilds, identity, messages, replies, threads
from tests.wire.rest.routing import Routes


def all_routes() -> Routes:
    routes = Routes()
    for module in (identity, guilds, channels, messages, threads, commands, replies):
        routes.add(*module.ROUTES)
    return routes
