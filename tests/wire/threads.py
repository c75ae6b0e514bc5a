"""What happens to threads and forum posts: they are opened, archived, joined and deleted, and each time the
gateway gets an event.
"""

from tests.wire.channel_payloads import thread_payload
from tests.wire.entities import HAS_THREAD, THREAD, Channel, Message, User, now_text
from tests.wire.errors import Json
from tests.wire.forms.threads import ThreadForm
from tests.wire.posting import Posting
from tests.wire.sessions import GUILDS, Sessions
from tests.wire.state import WireWorld


class Threads:
    """The only writer of threads. Whoever calls has checked form and permissions."""

    def __init__(self, world: WireWorld, sessions: Sessions, posting: Posting) -> None:
        self._world = world
        self._sessions = sessions
        self._posting = posting

    def open_post(self, forum: Channel, form: ThreadForm, owner: User) -> Channel:
        """A post with its message, which share one id."""
        post = self._make_thread(forum, THREAD, form, owner)
        self._dispatch_created(post)
        self._posting.create_message(post, form.draft, owner, message_id=post.id)
        return post

    def open_thread(
        self, parent: Channel, kind: int, form: ThreadForm, owner: User, starter: Message | None = None
    ) -> Channel:
        """A thread that begins empty; with a ``starter`` it has the id of that message of its parent's."""
        thread = self._make_thread(parent, kind, form, owner, starter.id if starter else 0)
        self._dispatch_created(thread)
        if starter is not None:
            starter.thread = thread
            starter.flags |= HAS_THREAD
            self._posting.dispatch_update(starter)
        return thread

    def _make_thread(self, parent: Channel, kind: int, form: ThreadForm, owner: User, thread_id: int = 0) -> Channel:
        assert parent.guild is not None, "only guilds have threads"
        thread = self._world.add_channel(parent.guild, kind, form.name, parent, thread_id)
        thread.owner, thread.applied_tags = owner, list(form.tags)
        thread.archive_after, thread.slowmode = form.archive_after, form.slowmode
        if owner is self._world.bot:
            thread.membership = self._membership_payload(thread)
        return thread

    def _membership_payload(self, thread: Channel) -> Json:
        user_id = str(self._world.bot.id)
        return {"id": str(thread.id), "user_id": user_id, "join_timestamp": now_text(), "flags": 0}

    def _dispatch_created(self, thread: Channel) -> None:
        payload = thread_payload(thread) | {"newly_created": True}
        self._sessions.dispatch_event("THREAD_CREATE", thread.guild, GUILDS, payload)

    def archive_thread(self, thread: Channel, *, archived: bool) -> None:
        """Changes the mark alone; :meth:`dispatch_update` tells of it."""
        if thread.archived != archived:
            thread.archived = archived
            thread.archive_changed = now_text()

    def dispatch_update(self, thread: Channel) -> None:
        self._sessions.dispatch_event("THREAD_UPDATE", thread.guild, GUILDS, lambda: thread_payload(thread))

    def wake_thread(self, thread: Channel) -> None:
        """A message that is sent to an archived thread makes it active again; an edit does not."""
        if thread.archived:
            self.archive_thread(thread, archived=False)
            self.dispatch_update(thread)

    def join_thread(self, thread: Channel) -> None:
        if thread.membership is not None:
            return
        thread.membership = self._membership_payload(thread)
        event: Json = {
            "id": str(thread.id),
            "guild_id": str(thread.guild.id) if thread.guild else None,
            "member_count": 2,
            "added_members": [thread.membership],
            "removed_member_ids": [],
        }
        self._sessions.dispatch_event("THREAD_MEMBERS_UPDATE", thread.guild, GUILDS, event)

    def delete_thread(self, thread: Channel) -> None:
        """The messages of a deleted thread go with it, without an event for each."""
        thread.gone = True
        self._sessions.dispatch_event("THREAD_DELETE", thread.guild, GUILDS, _deleted_payload(thread))


def _deleted_payload(thread: Channel) -> Json:
    payload = thread_payload(thread)
    return {key: payload[key] for key in ("id", "guild_id", "parent_id", "type")}
