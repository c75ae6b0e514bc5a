"""What happens to threads and forum posts: they are opened, archived, joined and deleted, and each time the
gateway is told.
"""

from tests.wire.channel_payloads import thread_payload
from tests.wire.entities import HAS_THREAD, THREAD, Channel, Message, User, now_text
from tests.wire.errors import Json
from tests.wire.forms.threads import ThreadForm
from tests.wire.posting import Posting
from tests.wire.sessions import GUILDS, Sessions
from tests.wire.state import World


class Threads:
    """The only writer of threads. Whoever calls has checked form and permissions."""

    def __init__(self, world: World, sessions: Sessions, posting: Posting) -> None:
        self._world = world
        self._sessions = sessions
        self._posting = posting

    def open_post(self, forum: Channel, form: ThreadForm, owner: User) -> Channel:
        """A post with its message, which share one id."""
        post = self._make(forum, THREAD, form, owner)
        self._announce(post)
        self._posting.create(post, form.draft, owner, message_id=post.id)
        return post

    def open(
        self, parent: Channel, kind: int, form: ThreadForm, owner: User, starter: Message | None = None
    ) -> Channel:
        """A thread that begins empty; with a ``starter`` it has the id of that message of its parent's."""
        thread = self._make(parent, kind, form, owner, starter.id if starter else 0)
        self._announce(thread)
        if starter is not None:
            starter.thread = thread
            starter.flags |= HAS_THREAD
            self._posting.updated(starter)
        return thread

    def _make(self, parent: Channel, kind: int, form: ThreadForm, owner: User, thread_id: int = 0) -> Channel:
        assert parent.guild is not None, "only guilds have threads"
        thread = self._world.add_channel(parent.guild, kind, form.name, parent, thread_id)
        thread.owner, thread.applied_tags = owner, list(form.tags)
        thread.archive_after, thread.slowmode = form.archive_after, form.slowmode
        if owner is self._world.bot:
            thread.membership = self._membership(thread)
        return thread

    def _membership(self, thread: Channel) -> Json:
        user_id = str(self._world.bot.id)
        return {"id": str(thread.id), "user_id": user_id, "join_timestamp": now_text(), "flags": 0}

    def _announce(self, thread: Channel) -> None:
        payload = thread_payload(thread) | {"newly_created": True}
        self._sessions.dispatch("THREAD_CREATE", thread.guild, GUILDS, payload)

    def archive(self, thread: Channel, *, archived: bool) -> None:
        """Changes the mark alone; :meth:`updated` tells of it."""
        if thread.archived != archived:
            thread.archived = archived
            thread.archive_changed = now_text()

    def updated(self, thread: Channel) -> None:
        self._sessions.dispatch("THREAD_UPDATE", thread.guild, GUILDS, lambda: thread_payload(thread))

    def wake(self, thread: Channel) -> None:
        """A message that is sent to an archived thread makes it active again; an edit does not."""
        if thread.archived:
            self.archive(thread, archived=False)
            self.updated(thread)

    def join(self, thread: Channel) -> None:
        if thread.membership is not None:
            return
        thread.membership = self._membership(thread)
        event: Json = {
            "id": str(thread.id),
            "guild_id": str(thread.guild.id) if thread.guild else None,
            "member_count": 2,
            "added_members": [thread.membership],
            "removed_member_ids": [],
        }
        self._sessions.dispatch("THREAD_MEMBERS_UPDATE", thread.guild, GUILDS, event)

    def delete(self, thread: Channel) -> None:
        """The messages of a deleted thread go with it, without an event for each."""
        thread.gone = True
        self._sessions.dispatch("THREAD_DELETE", thread.guild, GUILDS, _deleted(thread))


def _deleted(thread: Channel) -> Json:
    payload = thread_payload(thread)
    return {key: payload[key] for key in ("id", "guild_id", "parent_id", "type")}
