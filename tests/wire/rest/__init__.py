"""The REST endpoints, one module for each part of Discord's documentation."""

from tests.wire.rest import channels, commands, guilds, identity, messages, replies, threads
from tests.wire.rest.routing import RouteTable


def all_routes() -> RouteTable:
    routes = RouteTable()
    for module in (identity, guilds, channels, messages, threads, commands, replies):
        routes.add_routes(*module.ROUTES)
    return routes
