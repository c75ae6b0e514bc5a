"""One card as an embed: what stands where, and that it always fits."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Image, Provider, RelatedArticle
from bot.render.card import render_card
from bot.render.colour import NEUTRAL, PALETTE, topic_colour
from bot.render.limits import EMBED_TOTAL, FIELD_VALUE, count_total
from bot.store.cards.rows import StoredCard
from tests.render.cases import ANY_TEXT, FILED, MOMENT, PICTURES, make_card, make_related
from tests.render.limits_check import assert_no_mention, assert_within_limits

FULL = make_card(
    title="Backdoor in *xz*",
    excerpt="A maintainer_found it.",
    url="https://a.example/xz",
    provider=Provider("Ars_Technica", "a.example", "/icons/ars.png"),
    topics=("Security", "Open Source"),
    image=Image("/images/xz.jpg"),
    related=make_related(5),
)


def test_a_card_in_full() -> None:
    embed = render_card(FULL, PICTURES)
    assert embed.title == r"Backdoor in \*xz\*"
    assert embed.url == "https://a.example/xz"
    assert embed.author.name == "Ars_Technica"
    assert embed.author.icon_url == f"{PICTURES}/icons/ars.png"
    assert embed.description == r"A maintainer\_found it."
    assert embed.image.url == f"{PICTURES}/images/xz.jpg"
    assert embed.footer.text == "Security · Open Source"
    assert embed.timestamp == MOMENT
    assert [field.name for field in embed.fields] == ["Also covered by"]
    assert (embed.fields[0].value or "").splitlines() == [
        "[Other view 0](https://other.example/0) · Other 0",
        "[Other view 1](https://other.example/1) · Other 1",
        "[Other view 2](https://other.example/2) · Other 2",
        "+2 more",
    ]


def test_a_card_in_a_list() -> None:
    embed = render_card(FULL, PICTURES, compact=True, number=4)
    assert embed.author.name == "4 · Ars_Technica"
    assert embed.description == "A maintainer\\_found it.\n*Also covered by 5 others*"
    assert embed.thumbnail.url == f"{PICTURES}/images/xz.jpg"
    assert (embed.image.url, embed.fields) == (None, [])


def test_a_bare_card_sends_no_empty_strings() -> None:
    sent = render_card(make_card(), None).to_dict()
    assert sent.keys() == {"title", "color", "timestamp", "type"} | ({"flags"} & sent.keys())


def test_site_relative_pictures_need_a_base() -> None:
    embed = render_card(FULL, None)
    assert (embed.image.url, embed.author.icon_url, embed.author.name) == (None, None, "Ars_Technica")


def test_a_video_is_marked_and_a_card_without_address_unlinked() -> None:
    embed = render_card(make_card(type="video"), None)
    assert (embed.title, embed.url) == ("▶ A card", None)


def test_a_note_stands_first() -> None:
    embed = render_card(FULL, None, note="Held: another card covers this story")
    assert embed.description == "**Held: another card covers this story**\nA maintainer\\_found it."


def test_a_number_stands_without_provider() -> None:
    assert render_card(make_card(), None, number=2).author.name == "2"


def test_a_long_excerpt_in_a_list_is_cut() -> None:
    embed = render_card(make_card(excerpt="word " * 200), None, compact=True)
    assert embed.description is not None
    assert 150 < len(embed.description) <= 200
    assert embed.description.endswith("word…")


def test_an_address_too_long_for_the_field_leaves_the_words() -> None:
    long = RelatedArticle("Long way", "https://a.example/" + "x" * 1100, "Far")
    embed = render_card(make_card(related=(long, *make_related(2))), None)
    value = embed.fields[0].value or ""
    assert value.splitlines()[0] == "Long way · Far"
    assert value.count("](https://") == 2
    assert len(value) <= FIELD_VALUE


def test_addresses_too_long_for_discord_are_left_out() -> None:
    far = "https://a.example/" + "x" * 2048
    embed = render_card(make_card(url=far, image=Image(far), provider=Provider("A", icon=far)), None)
    assert (embed.url, embed.image.url, embed.author.icon_url) == (None, None, None)


@given(FILED, st.booleans(), st.none() | st.integers(1, 5000), ANY_TEXT, st.integers(300, EMBED_TOTAL))
def test_any_card_fits(stored: StoredCard, compact: bool, number: int | None, note: str, budget: int) -> None:
    embed = render_card(stored, PICTURES, compact=compact, number=number, note=note, budget=budget)
    assert_within_limits([embed])
    assert_no_mention([embed])
    assert count_total([embed]) <= budget


@given(FILED, st.integers(0, 40))
def test_the_smallest_budget_holds(stored: StoredCard, budget: int) -> None:
    assert count_total([render_card(stored, None, note="Held", budget=budget)]) <= budget


def test_colours_are_stable_and_written_topics_alike() -> None:
    assert topic_colour(["Python"]) == topic_colour([" python ", "Space"])
    assert topic_colour(["Python"]).value == 0x12A594
    assert topic_colour([]).value == topic_colour([" "]).value == NEUTRAL
    assert len({topic_colour([f"Topic {n}"]).value for n in range(300)}) == len(PALETTE)


def _luminance(colour: int) -> float:
    channels = (colour >> 16 & 255, colour >> 8 & 255, colour & 255)
    linear = [c / 12.92 if (c := part / 255) <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", [0xFFFFFF, 0x313338], ids=["light", "dark"])
@pytest.mark.parametrize("colour", [*PALETTE, NEUTRAL], ids=hex)
def test_colours_stand_out_on_both_themes(colour: int, background: int) -> None:
    darker, lighter = sorted([_luminance(colour), _luminance(background)])
    assert (lighter + 0.05) / (darker + 0.05) >= 2


def test_the_same_revision_looks_the_same() -> None:
    hotter = replace(FULL, card=replace(FULL.card, heat=200, quality=100))
    assert render_card(hotter, PICTURES) == render_card(FULL, PICTURES)


@pytest.mark.parametrize(
    ("publishers", "author"),
    [
        (0, "Ars_Technica"),
        (1, "Ars_Technica"),
        (2, "Ars_Technica · 2 publishers"),
        (4, "Ars_Technica · 3+ publishers"),
        (10**6, "Ars_Technica · 20+ publishers"),
    ],
)
def test_a_card_says_in_steps_how_many_publishers_have_its_story(publishers: int, author: str) -> None:
    stored = replace(FULL, publishers=publishers)
    assert render_card(stored, PICTURES).author.name == author
    # A note in a list says more about it.
    assert render_card(stored, PICTURES, compact=True, note="+2 more publishers").author.name == "Ars_Technica"


def test_a_long_name_leaves_room_for_the_number_of_publishers() -> None:
    stored = replace(make_card(provider=Provider("x" * 500)), publishers=5)
    for compact in (False, True):
        assert (render_card(stored, PICTURES, compact=compact).author.name or "").endswith("… · 5+ publishers")
