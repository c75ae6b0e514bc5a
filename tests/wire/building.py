"""Builds and changes the world at a test's wish, and tells connected bots of it as Discord would."""

from typing import Any

from tests.wire.errors import ControlError, Json
from tests.wire.payloads import channel_payload, guild_create, role_payloads
from tests.wire.permissions import SEND_CHECKS
from tests.wire.sessions import GUILDS
from tests.wire.state import DM, FORUM, KINDS, THREAD, THREAD_TYPES, Channel, Guild
from tests.wire.wire import Wire


def add_guilds(wire: Wire, form: Json) -> list[Guild]:
    """``count`` guilds alike, each with the ``channels`` named, and with ``roles`` by name."""
    known = {"count", "name", "channels", "roles", "bot_permissions", "everyone", "locale", "tags"}
    if form.keys() - known:
        raise ControlError(f"a guild has no {', '.join(sorted(form.keys() - known))}")
    return [_add_guild(wire, form) for _ in range(int(form.get("count", 1)))]


def _add_guild(wire: Wire, form: Json) -> Guild:
    world = wire.world
    guild = world.add_guild(form.get("name") or f"server-{len(world.guilds) + 1}")
    guild.locale = form.get("locale") or guild.locale
    for name in ("bot_permissions", "everyone"):
        if form.get(name) is not None:
            setattr(guild, name, int(form[name]))
    for name in form.get("roles") or []:
        guild.roles[world.fixed_id()] = name
    for wanted in form.get("channels") or ["text"]:
        add_channel(wire, guild, wanted, form.get("tags") or [], tell=False)
    wire.sessions.dispatch("GUILD_CREATE", guild, GUILDS, lambda: guild_create(world, guild))
    return guild


def add_channel(wire: Wire, guild: Guild, wanted: Any, tags: list[str], *, tell: bool) -> Channel:
    """A channel of a kind, written ``forum`` or with a name of its own, ``forum:questions``."""
    kind, _, name = str(wanted).partition(":")
    if kind not in KINDS:
        raise ControlError(f"no kind of channel: {kind} (there are {', '.join(KINDS)})")
    parent = _first_text(guild) if kind == "thread" else None
    name = name or f"{kind}-{len(guild.channels) + len(guild.threads) + 1}"
    channel = wire.world.add_channel(guild, KINDS[kind], name, parent)
    if KINDS[kind] == FORUM:
        channel.tags = [_tag(wire.world.fixed_id(), tag) for tag in tags]
    if tell:
        event = "THREAD_CREATE" if channel.type == THREAD else "CHANNEL_CREATE"
        wire.sessions.dispatch(event, guild, GUILDS, lambda: channel_payload(wire.world, channel))
    return channel


def _first_text(guild: Guild) -> Channel:
    for channel in guild.channels.values():
        if channel.type in (0, 5):
            return channel
    raise ControlError("a thread needs a text channel before it")


def _tag(tag_id: int, name: str) -> Json:
    return {"id": str(tag_id), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}


def change_channel(wire: Wire, channel: Channel, form: Json) -> None:
    """``access`` is ``open``, ``gone``, ``closed`` (a DM) or one or more of the ``no_…`` names;
    ``tell=False`` leaves the bot in the belief that nothing changed, as happens when it is not connected.
    """
    access = form.get("access")
    if access is not None:
        _set_access(channel, [access] if isinstance(access, str) else list(access))
    for name in ("archived", "locked", "tag_required"):
        if name in form:
            setattr(channel, name, bool(form[name]))
    if form.get("tell", True) and channel.type != DM:
        event = _event(channel, "DELETE" if channel.gone else "UPDATE")
        wire.sessions.dispatch(event, channel.guild, GUILDS, lambda: channel_payload(wire.world, channel))


def _set_access(channel: Channel, names: list[str]) -> None:
    unknown = set(names) - SEND_CHECKS.keys() - {"open", "gone", "closed"}
    if unknown:
        raise ControlError(f"no such access: {', '.join(sorted(unknown))}")
    channel.gone = "gone" in names
    channel.closed = "closed" in names
    channel.denied = 0
    for name in names:
        channel.denied |= int(SEND_CHECKS.get(name, 0))


def _event(channel: Channel, what: str) -> str:
    return f"{'THREAD' if channel.type in THREAD_TYPES else 'CHANNEL'}_{what}"


def change_guild(wire: Wire, guild: Guild, form: Json) -> None:
    """``bot_permissions`` and ``everyone`` change roles; ``left`` puts the bot out of the guild or takes it
    in again.
    """
    world = wire.world
    if "left" in form and bool(form["left"]) != guild.left:
        guild.left = bool(form["left"])
        if guild.left:
            wire.sessions.dispatch("GUILD_DELETE", guild, GUILDS, {"id": str(guild.id)})
        else:
            wire.sessions.dispatch("GUILD_CREATE", guild, GUILDS, lambda: guild_create(world, guild))
    for name in ("bot_permissions", "everyone"):
        if name in form:
            setattr(guild, name, int(form[name]))
            changed = guild.bot_role if name == "bot_permissions" else guild.id
            role = next(each for each in role_payloads(guild) if each["id"] == str(changed))
            event = {"guild_id": str(guild.id), "role": role}
            wire.sessions.dispatch("GUILD_ROLE_UPDATE", guild, GUILDS, event)
