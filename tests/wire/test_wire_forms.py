"""The form checks: each limit just kept and just broken, and the place where the refusal says so."""

from typing import Any

import pytest

from tests.wire.errors import DiscordError
from tests.wire.forms.commands import check_commands
from tests.wire.forms.mentions import find_pinged
from tests.wire.forms.messages import read_new

Json = dict[str, Any]


def _make_embed(**fields: Any) -> Json:
    return {"embeds": [{"title": "t"} | fields]}


def _make_row(*parts: Json) -> Json:
    return {"content": "c", "components": [{"type": 1, "components": list(parts)}]}


def _make_button(**fields: Any) -> Json:
    return {"type": 2, "style": 1, "label": "b", "custom_id": "c"} | fields


def _make_link(**fields: Any) -> Json:
    return {"type": 2, "style": 5, "label": "b", "url": "https://example.com"} | fields


def _make_select(**fields: Any) -> Json:
    return {"type": 3, "custom_id": "s", "options": [{"label": "l", "value": "v"}]} | fields


def _make_layout(*parts: Json) -> Json:
    return {"flags": 1 << 15, "components": list(parts)}


def _make_text(content: str = "t") -> Json:
    return {"type": 10, "content": content}


def _make_section(**fields: Any) -> Json:
    return {"type": 9, "components": [_make_text()], "accessory": _make_button()} | fields


def _make_container(*parts: Json) -> Json:
    return {"type": 17, "components": list(parts), "accent_color": 1}


def _make_field(name: str = "n", value: str = "v") -> Json:
    return {"name": name, "value": value, "inline": True}


_ICON = "https://example.com/i.png"
_PICTURE = {"media": {"url": _ICON}, "description": "d"}

GOOD: list[Json] = [
    {"content": "x" * 2000},
    _make_embed(title="x" * 256),
    _make_embed(description="x" * 4096),
    _make_embed(fields=[_make_field("x" * 100, "v")] * 25),
    _make_embed(footer={"text": "x" * 2048, "icon_url": _ICON}, author={"name": "x" * 256, "url": _ICON}),
    {"embeds": [{"description": "x" * 3000}, {"description": "x" * 3000}]},
    {"embeds": [{"image": {"url": "attachment://a.png"}}]},
    _make_embed(url="https://example.com:8080/a?b=c#d", timestamp="2026-01-01T00:00:00+00:00", color=0xFFFFFF),
    _make_embed(url="http://user@example.com/%20"),
    _make_row(*[_make_button(custom_id=str(number)) for number in range(5)]),
    _make_row(_make_button(label=None, emoji={"name": "x"}), _make_link(url="https://example.com/" + "x" * 492)),
    _make_row(_make_select(options=[{"label": "l" * 100, "value": str(number)} for number in range(25)])),
    _make_layout(
        _make_text("x" * 2000),
        _make_container(_make_section(), {"type": 12, "items": [_PICTURE]}, {"type": 14, "spacing": 1}),
        {"type": 1, "components": [_make_button(custom_id="d")]},
    ),
    _make_layout(*[_make_text("x" * 100)] * 40),
    {"content": "c", "nonce": "x" * 25, "enforce_nonce": True, "tts": False, "flags": 1 << 12},
    {"content": "c", "allowed_mentions": {"parse": [], "roles": ["123"], "replied_user": False}},
]

BAD: list[tuple[Json, str]] = [
    ({"content": "x" * 2001}, "content"),
    ({"content": 5}, "content"),
    (_make_embed(title="x" * 257), "embeds.0.title"),
    (_make_embed(description="x" * 4097), "embeds.0.description"),
    (_make_embed(fields=[_make_field()] * 26), "embeds.0.fields"),
    (_make_embed(fields=[_make_field(name="x" * 257)]), "embeds.0.fields.0.name"),
    (_make_embed(fields=[_make_field(value="x" * 1025)]), "embeds.0.fields.0.value"),
    (_make_embed(fields=[_make_field(value=" ")]), "embeds.0.fields.0.value"),
    (_make_embed(footer={"text": "x" * 2049}), "embeds.0.footer.text"),
    (_make_embed(author={"name": "x" * 257}), "embeds.0.author.name"),
    ({"embeds": [{"description": "x" * 3001}, {"description": "x" * 3000}]}, "embeds"),
    ({"embeds": [{"title": "t"}] * 11}, "embeds"),
    ({"embeds": [{}]}, "embeds.0.description"),
    ({"embeds": [{"color": 5}]}, "embeds.0.description"),
    ({"embeds": ["x"]}, "embeds.0"),
    (_make_embed(colour=5), "embeds.0.colour"),
    (_make_embed(color=0x1000000), "embeds.0.color"),
    (_make_embed(timestamp="yesterday"), "embeds.0.timestamp"),
    (_make_embed(url="javascript:alert(1)"), "embeds.0.url"),
    (_make_embed(url="/relative"), "embeds.0.url"),
    (_make_embed(url="https://"), "embeds.0.url"),
    (_make_embed(url="https://localhost/a"), "embeds.0.url"),
    (_make_embed(url="https://example.com/a b"), "embeds.0.url"),
    (_make_embed(url="https://example.com:99999/"), "embeds.0.url"),
    (_make_embed(url="attachment://a.png"), "embeds.0.url"),
    (_make_embed(image={"url": "ftp://example.com/i.png"}), "embeds.0.image.url"),
    (_make_embed(image={"url": ""}), "embeds.0.image.url"),
    (_make_embed(author={"name": "a", "icon_url": "logo.png"}), "embeds.0.author.icon_url"),
    (
        {
            "content": "c",
            "components": [{"type": 1, "components": [_make_button(custom_id=str(n))]} for n in range(6)],
        },
        "components",
    ),
    (_make_row(*[_make_button(custom_id=str(number)) for number in range(6)]), "components.0.components"),
    (_make_row(), "components.0.components"),
    (_make_row(_make_button(), _make_select()), "components.0.components"),
    (_make_row(_make_button(custom_id="x" * 101)), "components.0.components.0.custom_id"),
    (_make_row(_make_button(custom_id="")), "components.0.components.0.custom_id"),
    (_make_row(_make_button(), _make_button()), "components.0.components.1.custom_id"),
    (_make_row(_make_button(label="x" * 81)), "components.0.components.0.label"),
    (_make_row(_make_button(label=None)), "components.0.components.0.label"),
    (_make_row(_make_button(style=9)), "components.0.components.0.style"),
    (_make_row(_make_button(color=9)), "components.0.components.0.color"),
    (_make_row(_make_button(url=_ICON)), "components.0.components.0.url"),
    (_make_row(_make_link(custom_id="c")), "components.0.components.0.custom_id"),
    (_make_row(_make_link(url="mailto:a@example.com")), "components.0.components.0.url"),
    (_make_row(_make_link(url="https://example.com/" + "x" * 493)), "components.0.components.0.url"),
    (_make_row(_make_select(options=[])), "components.0.components.0.options"),
    (
        _make_row(_make_select(options=[{"label": "l", "value": str(n)} for n in range(26)])),
        "components.0.components.0.options",
    ),
    (
        _make_row(_make_select(options=[{"label": "l" * 101, "value": "v"}])),
        "components.0.components.0.options.0.label",
    ),
    (_make_row(_make_select(options=[{"label": "l", "value": "v"}] * 2)), "components.0.components.0.options.1.value"),
    (_make_row({"type": 4, "custom_id": "i"}), "components.0.components.0.type"),
    ({"content": "c", "components": [{"type": 17, "components": []}]}, "components.0.type"),
    (_make_layout(_make_text()) | {"content": "c"}, "content"),
    (_make_layout(_make_text()) | {"embeds": [{"title": "t"}]}, "embeds"),
    (_make_layout(_make_text()) | {"flags": 0}, "components.0.type"),
    (_make_layout(_make_text("x" * 4001)), "components.0.content"),
    (_make_layout(_make_text("x" * 2001), _make_text("x" * 2000)), "components"),
    (_make_layout(*[_make_text()] * 41), "components"),
    (_make_layout(_make_container(*[_make_text()] * 40)), "components"),
    (_make_layout(_make_container()), "components.0.components"),
    (_make_layout(_make_section(accessory=_make_text())), "components.0.accessory.type"),
    (_make_layout(_make_section(components=[_make_text()] * 4)), "components.0.components"),
    (_make_layout(_make_section(), _make_section()), "components.1.accessory.custom_id"),
    (_make_layout({"type": 14, "spacing": 3}), "components.0.spacing"),
    (_make_layout({"type": 12, "items": [{"media": {"url": "x:y"}}]}), "components.0.items.0.media.url"),
    (_make_layout({"type": 12, "items": [_PICTURE | {"description": "x" * 1025}]}), "components.0.items.0.description"),
    ({"content": "c", "nonce": "x" * 26}, "nonce"),
    ({"content": "c", "embed": {}}, "embed"),
    ({"content": "c", "allowed_mentions": {"parse": ["here"]}}, "allowed_mentions.parse.0"),
    ({"content": "c", "allowed_mentions": {"parse": ["users"], "users": ["1"]}}, "allowed_mentions"),
    ({"content": "c", "allowed_mentions": {"mentions": []}}, "allowed_mentions.mentions"),
]


@pytest.mark.parametrize("form", GOOD)
def test_what_discord_takes_is_taken(form: Json) -> None:
    read_new(form)


@pytest.mark.parametrize(("form", "place"), BAD)
def test_what_discord_refuses_is_refused_at_its_place(form: Json, place: str) -> None:
    with pytest.raises(DiscordError) as caught:
        read_new(form)
    assert (caught.value.status, caught.value.code) == (400, 50035)
    assert place in _error_paths(caught.value.errors or {})


def _error_paths(errors: Json, path: tuple[str, ...] = ()) -> list[str]:
    places = [".".join(path)] if "_errors" in errors else []
    for key, value in errors.items():
        if key != "_errors":
            places += _error_paths(value, (*path, key))
    return places


@pytest.mark.parametrize("form", [{}, {"content": " "}, {"embeds": []}, _make_row(_make_button()) | {"content": None}])
def test_an_empty_message_is_refused(form: Json) -> None:
    with pytest.raises(DiscordError) as caught:
        read_new(form)
    assert caught.value.code == 50006


def test_only_what_is_allowed_pings() -> None:
    text = "<@&123456789012345678> <@123456789012345679> @everyone"
    nobody: Json = {"parse": []}
    assert find_pinged(text, nobody) is None
    assert find_pinged("plain", None) is None
    one_role = {"parse": [], "roles": ["123456789012345678"]}
    assert find_pinged(text, one_role) == {"roles": ["123456789012345678"], "users": [], "everyone": False}
    assert find_pinged(text, None) == {
        "roles": ["123456789012345678"],
        "users": ["123456789012345679"],
        "everyone": True,
    }


def _make_command(**fields: Any) -> Json:
    return {"name": "latest", "description": "d", "type": 1} | fields


def _make_option(**fields: Any) -> Json:
    return {"type": 3, "name": "topic", "description": "d"} | fields


def test_good_commands_are_taken() -> None:
    subcommand = _make_option(type=1, name="add", options=[_make_option(required=True), _make_option(name="b")])
    group = _make_option(type=2, name="group", options=[subcommand])
    choices = [{"name": "n" * 100, "value": "v" * 100}] * 25
    check_commands(
        [_make_command(options=[subcommand, group]), _make_command(name="b", options=[_make_option(choices=choices)])]
    )


@pytest.mark.parametrize(
    ("commands", "place"),
    [
        ([_make_command(name="Latest")], "0.name"),
        ([_make_command(name="a b")], "0.name"),
        ([_make_command(description="")], "0.description"),
        ([_make_command(description="x" * 101)], "0.description"),
        ([_make_command(), _make_command()], "1.name"),
        ([_make_command(colour=1)], "0.colour"),
        ([_make_command(options=[_make_option()] * 26)], "0.options"),
        ([_make_command(options=[_make_option(), _make_option(name="b", required=True)])], "0.options.1"),
        ([_make_command(options=[_make_option(), _make_option()])], "0.options.1"),
        ([_make_command(options=[_make_option(choices=[{"name": "n", "value": "v"}] * 26)])], "0.options.0.choices"),
        ([_make_command(options=[_make_option(choices=[{"name": "", "value": "v"}])])], "0.options.0.choices.0.name"),
        ([_make_command(options=[_make_option(type=2, options=[_make_option()])])], "0.options.0.options.0.type"),
        ([_make_command(name=f"c{number}") for number in range(101)], ""),
        (
            [
                _make_command(
                    options=[
                        _make_option(
                            name=f"o{n}",
                            choices=[{"name": "n" * 90, "value": "v" * 90 + str(c)} for c in range(25)],
                        )
                        for n in range(2)
                    ]
                )
            ],
            "0",
        ),
    ],
)
def test_bad_commands_are_refused(commands: list[Json], place: str) -> None:
    with pytest.raises(DiscordError) as caught:
        check_commands(commands)
    assert place in _error_paths(caught.value.errors or {})
