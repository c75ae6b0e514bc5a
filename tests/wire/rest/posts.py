"""Forum posts: a thread and its first message in one."""

from tests.wire.channel_payloads import thread_payload
from tests.wire.entities import Channel
from tests.wire.errors import DiscordError, missing_permissions, tag_required
from tests.wire.forms.threads import read_post
from tests.wire.payloads import message_payload
from tests.wire.permissions import Permission
from tests.wire.rest.access import has_permission, sendable_channel
from tests.wire.rest.routing import Answer, RouteCall


def start_post(call: RouteCall, forum: Channel) -> Answer:
    """In a forum the right to send messages is the right to open posts."""
    form = call.json_form()
    inner = form["message"] if isinstance(form.get("message"), dict) else form
    sendable_channel(call, with_embeds=bool(inner.get("embeds")), with_files=bool(inner.get("attachments")))
    read = read_post(form, forum)
    check_tags(call, forum, read.tags, before=[])
    post = call.wire.threads.open_post(forum, read, call.wire.world.bot)
    return 201, thread_payload(post) | {"message": message_payload(post.messages[post.id])}


def check_tags(call: RouteCall, forum: Channel, tags: list[int], before: list[int]) -> None:
    """Whether a post may have these tags; ``before`` are those that it has.

    The codes are Discord's own. That 40066 comes where every tag is a moderator's, and 50013 for such a tag, are
    guesses.
    """
    manages = has_permission(call, forum, Permission.MANAGE_THREADS)
    moderated = {int(tag["id"]) for tag in forum.tags if tag["moderated"]}
    if forum.tag_required and not tags:
        if forum.tags and len(moderated) == len(forum.tags) and not manages:
            raise DiscordError(400, 40066, "There are no tags available that can be set by non-moderators")
        raise tag_required()
    if not manages and moderated & (set(tags) ^ set(before)):
        raise missing_permissions()
