"""A forum's tags, as a test names them and as Discord knows them."""

from collections.abc import Callable, Iterable

from tests.wire.entities import Channel
from tests.wire.errors import ControlError, Json

_MOST, _LONGEST = 20, 20


def forum_tags(
    names: Iterable[str], moderated: Iterable[str], before: list[Json], new_id: Callable[[], int]
) -> list[Json]:
    """The tags of these names; one that was there before keeps its id."""
    names, moderated = list(names), set(moderated)
    if len(names) > _MOST or len(set(names)) < len(names):
        raise ControlError(f"a forum has at most {_MOST} tags, and no name twice")
    if any(not 1 <= len(name) <= _LONGEST for name in names):
        raise ControlError(f"the name of a tag has 1 to {_LONGEST} characters")
    known = {tag["name"]: tag["id"] for tag in before}
    return [_make_tag(known.get(name) or str(new_id()), name, moderated=name in moderated) for name in names]


def _make_tag(tag_id: str, name: str, *, moderated: bool) -> Json:
    return {"id": tag_id, "name": name, "moderated": moderated, "emoji_id": None, "emoji_name": None}


def chosen_tags(forum: Channel, names: Iterable[str]) -> list[int]:
    known = {tag["name"]: int(tag["id"]) for tag in forum.tags}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ControlError(f"the forum has no tag {', '.join(unknown)}")
    return [known[name] for name in names]


def tag_names(post: Channel) -> list[str]:
    """The names of a post's tags; one that its forum no longer has shows as its number."""
    known = {int(tag["id"]): str(tag["name"]) for tag in (post.parent.tags if post.parent else ())}
    return [known.get(tag, str(tag)) for tag in post.applied_tags]
