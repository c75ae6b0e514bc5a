"""Puts the parts of this Discord together, and takes them apart again at a reset."""

from tests.wire.faults import FaultRules
from tests.wire.gateway import Gateway
from tests.wire.interactions import Interactions
from tests.wire.journal import Journal
from tests.wire.limits import RateLimits
from tests.wire.posting import Posting
from tests.wire.sessions import Sessions
from tests.wire.settings import WireSettings
from tests.wire.state import WireWorld
from tests.wire.threads import Threads


class Wire:
    """One Discord. All of it lives in one thread, and every request is carried out in one step."""

    def __init__(self) -> None:
        self.resume_url = ""
        self.begin_world()

    def begin_world(self) -> None:
        """An empty world with Discord's own numbers. Connections of the world before must be dropped
        first.
        """
        self.settings = WireSettings()
        self.world = WireWorld()
        self.limits = RateLimits(self.settings)
        self.faults = FaultRules(self.settings.seed)
        self.journal = Journal()
        self.sessions = Sessions(self.world, self.settings)
        self.sessions.resume_url = self.resume_url
        self.gateway = Gateway(self.world, self.settings, self.sessions)
        self.posting = Posting(self.world, self.sessions)
        self.threads = Threads(self.world, self.sessions, self.posting)
        self.interactions = Interactions(self.world, self.settings, self.posting)

    def reset_world(self) -> None:
        for connection in list(self.gateway.connections):
            connection.drop_connection()
        self.begin_world()
