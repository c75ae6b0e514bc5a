"""Finds the handler of a request: a tree over the segments of the path, so that a thousand channels cost
nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.wire.errors import Json
from tests.wire.wire import Wire


@dataclass(slots=True)
class RouteCall:
    """One request as a handler sees it. ``args`` are the segments that the route leaves open."""

    wire: Wire
    args: tuple[str, ...]
    query: Mapping[str, str]
    body: Any

    def json_form(self) -> Json:
        return self.body if isinstance(self.body, dict) else {}

    def id_segment(self, index: int) -> int:
        """A segment that should be an id. Anything else is an id that nothing has."""
        text = self.args[index]
        return int(text) if text.isdecimal() else 0


Answer = tuple[int, Any]
Handler = Callable[[RouteCall], Answer]


@dataclass(slots=True, frozen=True)
class Route:
    """One endpoint. ``major`` says which open segments part its bucket; no ``bucket`` means no bucket
    headers.
    """

    method: str
    template: str
    handler: Handler
    bucket: str | None = "other"
    major: int = 1
    exempt: bool = False
    """From the global limit; such routes also need no ``Authorization``, since the token is in the path."""


@dataclass(slots=True)
class _RouteNode:
    literal: dict[str, "_RouteNode"] = field(default_factory=dict)
    open: "_RouteNode | None" = None
    routes: dict[str, Route] = field(default_factory=dict)


class RouteTable:
    """The table of routes. In a template ``*`` stands for any one segment; a literal segment is preferred."""

    def __init__(self) -> None:
        self._root = _RouteNode()

    def add_routes(self, *routes: Route) -> None:
        for route in routes:
            node = self._root
            for segment in route.template.strip("/").split("/"):
                node = self._child_node(node, segment)
            node.routes[route.method] = route

    @staticmethod
    def _child_node(node: _RouteNode, segment: str) -> _RouteNode:
        if segment != "*":
            return node.literal.setdefault(segment, _RouteNode())
        if node.open is None:
            node.open = _RouteNode()
        return node.open

    def find_route(self, method: str, path: str) -> tuple[Route, tuple[str, ...]] | None:
        args: list[str] = []
        node = self._root
        for segment in path.strip("/").split("/"):
            below = node.literal.get(segment)
            if below is None:
                below = node.open
                args.append(segment)
            if below is None:
                return None
            node = below
        route = node.routes.get(method)
        return None if route is None else (route, tuple(args))
