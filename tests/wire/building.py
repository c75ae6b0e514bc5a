"""Builds and changes the world for a test, and sends connected bots the events as Discord would."""

from typing import Any

from tests.wire.channel_payloads import channel_payload
from tests.wire.entities import (
    ANNOUNCEMENT,
    DM,
    FORUM,
    KINDS,
    NEWS_THREAD,
    TEXT,
    THREAD,
    Channel,
    Guild,
    User,
    now_text,
)
from tests.wire.errors import ControlError, Json
from tests.wire.forms.messages import read_new
from tests.wire.forms.threads import ThreadForm
from tests.wire.payloads import guild_create, role_payloads
from tests.wire.permissions import SEND_CHECKS
from tests.wire.sessions import GUILDS
from tests.wire.tags import chosen_tags, forum_tags
from tests.wire.wire import Wire

_GUILD = {"count", "name", "channels", "roles", "unmentionable", "bot_permissions", "everyone", "locale",
          "joined_now"}  # fmt: skip
_FORUM = {"tags", "moderated", "tag_required"}


def add_guilds(wire: Wire, form: Json) -> list[Guild]:
    """``count`` guilds alike, each with the ``channels`` named, and with ``roles`` by name."""
    unknown = form.keys() - _GUILD - _FORUM
    if unknown:
        raise ControlError(f"a guild has no {', '.join(sorted(unknown))}")
    return [_add_guild(wire, form) for _ in range(int(form.get("count", 1)))]


def _add_guild(wire: Wire, form: Json) -> Guild:
    world = wire.world
    guild = world.add_guild(form.get("name") or f"server-{len(world.guilds) + 1}")
    guild.locale = form.get("locale") or guild.locale
    if form.get("joined_now"):
        guild.joined = now_text()
    for name in ("bot_permissions", "everyone"):
        if form.get(name) is not None:
            setattr(guild, name, int(form[name]))
    _add_roles(wire, guild, form)
    wanted = [str(each) for each in form.get("channels") or ["text"]]
    threads = [each for each in wanted if each.partition(":")[0] == "thread"]
    for each in wanted:
        if each not in threads:
            add_channel(wire, guild, each, form, tell=False)
    wire.sessions.dispatch_event("GUILD_CREATE", guild, GUILDS, lambda: guild_create(world, guild))
    for each in threads:
        add_channel(wire, guild, each, form, tell=True)
    return guild


def _add_roles(wire: Wire, guild: Guild, form: Json) -> None:
    for name in form.get("roles") or []:
        role = wire.world.new_fixed_id()
        guild.roles[role] = name
        if name in (form.get("unmentionable") or []):
            guild.unmentionable.add(role)


def add_channel(wire: Wire, guild: Guild, wanted: Any, form: Json, *, tell: bool) -> Channel:
    """A channel of a kind, written ``forum`` or with a name of its own, ``forum:questions``. A thread is opened
    by the guild's owner in the first channel that can have one. The form may hold what is a forum's own.
    """
    kind, _, name = str(wanted).partition(":")
    if kind not in KINDS:
        raise ControlError(f"no kind of channel: {kind} (there are {', '.join(KINDS)})")
    name = name or f"{kind}-{len(guild.channels) + len(guild.threads) + 1}"
    if kind == "thread":
        return open_thread(wire, _first_text(guild), guild.owner, {"name": name})
    channel = wire.world.add_channel(guild, KINDS[kind], name)
    if channel.type == FORUM:
        change_forum(wire, channel, form)
    if tell:
        wire.sessions.dispatch_event("CHANNEL_CREATE", guild, GUILDS, lambda: channel_payload(wire.world, channel))
    return channel


def _first_text(guild: Guild) -> Channel:
    for channel in guild.channels.values():
        if channel.type in (TEXT, ANNOUNCEMENT):
            return channel
    raise ControlError("a thread needs a text channel before it")


def change_forum(wire: Wire, forum: Channel, form: Json) -> None:
    """``tags`` by name, of which those in ``moderated`` are for moderators; ``tag_required``."""
    if "tags" in form:
        forum.tags = forum_tags(form["tags"] or [], form.get("moderated") or [], forum.tags, wire.world.new_fixed_id)
    if "tag_required" in form:
        forum.tag_required = bool(form["tag_required"])


def open_thread(wire: Wire, parent: Channel, user: User, form: Json) -> Channel:
    """Somebody's thread, or in a forum somebody's post with its ``content`` and its ``tags`` by name."""
    thread = ThreadForm(frozenset(), name=str(form["name"]))
    if parent.type == FORUM:
        thread.tags = chosen_tags(parent, form.get("tags") or [])
        thread.draft = read_new({"content": form.get("content")})
        return wire.threads.open_post(parent, thread, user)
    if parent.type not in (TEXT, ANNOUNCEMENT):
        raise ControlError(f"channel {parent.id} cannot have threads")
    return wire.threads.open_thread(parent, THREAD if parent.type == TEXT else NEWS_THREAD, thread, user)


def change_channel(wire: Wire, channel: Channel, form: Json) -> None:
    """``access`` is ``open``, ``gone``, ``closed`` (a DM) or one or more of the ``no_…`` names; ``allow`` are bits
    that the channel adds to the bot's permissions; a forum also takes what :func:`change_forum` does, a thread
    ``archived`` and ``locked``. ``tell=False`` leaves the bot in the belief that nothing changed, as happens when
    it is not connected.
    """
    access = form.get("access")
    if access is not None:
        _set_access(channel, [access] if isinstance(access, str) else list(access))
    if "allow" in form:
        channel.allowed = int(form["allow"])
    if channel.type == FORUM:
        change_forum(wire, channel, form)
    if "locked" in form:
        channel.locked = bool(form["locked"])
    if "archived" in form:
        wire.threads.archive_thread(channel, archived=bool(form["archived"]))
    if form.get("tell", True) and channel.type != DM:
        _dispatch_update(wire, channel)


def _dispatch_update(wire: Wire, channel: Channel) -> None:
    if channel.is_thread:
        (wire.threads.delete_thread if channel.gone else wire.threads.dispatch_update)(channel)
        return
    event = "CHANNEL_DELETE" if channel.gone else "CHANNEL_UPDATE"
    wire.sessions.dispatch_event(event, channel.guild, GUILDS, lambda: channel_payload(wire.world, channel))


def _set_access(channel: Channel, names: list[str]) -> None:
    unknown = set(names) - SEND_CHECKS.keys() - {"open", "gone", "closed"}
    if unknown:
        raise ControlError(f"no such access: {', '.join(sorted(unknown))}")
    if channel.is_thread and set(names) - {"open", "gone"}:
        raise ControlError("a thread has the permissions of the channel around it")
    channel.gone = "gone" in names
    channel.closed = "closed" in names
    channel.denied = 0
    for name in names:
        channel.denied |= int(SEND_CHECKS.get(name, 0))


def change_guild(wire: Wire, guild: Guild, form: Json) -> None:
    """``bot_permissions`` and ``everyone`` change roles, ``remove_role`` deletes one by its name; ``left`` puts the
    bot out of the guild or takes it in again.
    """
    world = wire.world
    if "left" in form and bool(form["left"]) != guild.left:
        guild.left = bool(form["left"])
        if guild.left:
            wire.sessions.dispatch_event("GUILD_DELETE", guild, GUILDS, {"id": str(guild.id)})
        else:
            guild.joined = now_text()
            wire.sessions.dispatch_event("GUILD_CREATE", guild, GUILDS, lambda: guild_create(world, guild))
    for number in [number for number, name in guild.roles.items() if name == form.get("remove_role")]:
        del guild.roles[number]
        gone = {"guild_id": str(guild.id), "role_id": str(number)}
        wire.sessions.dispatch_event("GUILD_ROLE_DELETE", guild, GUILDS, gone)
    for name in ("bot_permissions", "everyone"):
        if name in form:
            setattr(guild, name, int(form[name]))
            changed = guild.bot_role if name == "bot_permissions" else guild.id
            role = next(each for each in role_payloads(guild) if each["id"] == str(changed))
            event = {"guild_id": str(guild.id), "role": role}
            wire.sessions.dispatch_event("GUILD_ROLE_UPDATE", guild, GUILDS, event)
