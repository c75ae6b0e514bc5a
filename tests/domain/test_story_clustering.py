"""Which cards tell one story."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Card, Provider, RelatedArticle
from bot.cards.parser import parse_card
from bot.domain.story_clustering import SPAN, ClusterMember, assign_stories
from bot.domain.story_keys import ALIKE, OWN, RELATED, TITLE, compute_keys
from tests.support.cards import CORPUS, NOW, make_card

SAMPLES = Path(__file__).parents[2] / "data" / "cards"
DAY = timedelta(days=1)


def story_numbers(*fields: dict[str, Any]) -> list[int]:
    """The story of each card, by the place of the card that names it; `days` is its age."""
    members = [
        ClusterMember(
            place, NOW - timedelta(days=each.pop("days", 0)), compute_keys(make_card(f"card-{place}", **each))
        )
        for place, each in enumerate(fields, start=1)
    ]
    found = assign_stories(members)
    return [found[place] for place in range(1, len(fields) + 1)]


def related_listing(*urls: str, title: str = "Another view") -> tuple[RelatedArticle, ...]:
    return tuple(RelatedArticle(title, url) for url in urls)


def are_one_story(one: str, other: str, **fields: Any) -> bool:
    return len(set(story_numbers({"title": one}, {"title": other, **fields}))) == 1


def make_member(card_id: int, days: float, *names: str, story: int | None = None) -> ClusterMember:
    return ClusterMember(card_id, NOW + days * DAY, frozenset(names), story)


# addresses


def test_one_address_is_one_article_whenever_it_comes() -> None:
    same = {"aliases": ("news.example/same",)}
    assert story_numbers(dict(same, title="One"), dict(same, title="Other", days=300)) == [1, 1]


def test_a_card_that_lists_another_tells_its_story_within_a_week() -> None:
    one = {"title": "One", "related": related_listing("https://paper.example/news/a-long-way")}
    other = {"title": "Other", "aliases": ("paper.example/news/a-long-way",)}
    assert story_numbers(dict(one), dict(other)) == [1, 1]
    assert story_numbers(dict(one), dict(other, days=8)) == [1, 2]


def test_two_cards_that_list_a_third_tell_one_story_when_it_sounds_like_theirs() -> None:
    third = related_listing("https://paper.example/x/1", title="Rogue class of Diablo 4 revealed at BlizzCon")
    rogue, trailer = "Diablo 4 reveals its Rogue class", "BlizzCon: the Diablo 4 Rogue in a trailer"
    assert story_numbers({"title": rogue, "related": third}, {"title": trailer, "related": third}) == [1, 1]
    assert story_numbers({"title": rogue, "related": third}, {"title": trailer, "related": third, "days": 8}) == [1, 2]
    assert story_numbers({"title": rogue, "related": third}, {"title": "Overwatch", "related": third}) == [1, 2]


@pytest.mark.parametrize(
    "front", ["", "/", "/news", "/en", "/en-us/news", "/news/technology", "/index.html", "/sports", "/pensions"]
)
def test_a_front_page_tells_no_story(front: str) -> None:
    fronts = related_listing(f"https://paper.example{front}", title="A title")
    assert story_numbers({"title": "A title", "related": fronts}, {"title": "A title", "related": fronts}) == [1, 2]


def test_cards_whose_own_address_is_a_front_are_many_articles() -> None:
    for front in ("paper.example", "paper.example/en", "paper.example/news", "paper.example/en/news/world"):
        assert story_numbers({"title": "One", "aliases": (front,)}, {"title": "Other", "aliases": (front,)}) == [1, 2]


@pytest.mark.parametrize(
    "page", ["youtube.com/watch?v=b_ieIGfOlbs", "kernelnewbies.org/Linux_6.1", "peps.python.org/pep-0692", "a.test?p=5"]
)
def test_a_short_address_may_be_a_page_all_the_same(page: str) -> None:
    assert OWN + page in compute_keys(make_card(aliases=(page,)))
    assert RELATED + page in compute_keys(make_card(related=related_listing(f"https://{page}")))


def test_addresses_are_compared_in_their_normal_form() -> None:
    tracked = related_listing("https://www.paper.example/a/long-way/?utm_source=x", "", "http://[broken")
    assert {key for key in compute_keys(make_card(related=tracked)) if not key.startswith(OWN)} == {
        RELATED + "paper.example/a/long-way"
    }


# titles

GALAXY = "Astronomers measure distant galaxy rotation speed {}"


def test_titles_that_differ_by_a_word_are_one_but_not_by_a_number() -> None:
    assert are_one_story(GALAXY.format("again"), GALAXY.format("precisely"))
    assert not are_one_story(GALAXY.format("41"), GALAXY.format("42"))
    assert not are_one_story("The morning briefing", "The morning briefing")
    assert are_one_story(GALAXY.format("again"), GALAXY.format("again"), days=3)
    assert not are_one_story(GALAXY.format("again"), GALAXY.format("again"), days=4)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme Brings Block Storage to Microsoft Azure", "Acme brings cloud block storage to Microsoft Azure"),
        ("Azure outage takes down Teams, Xbox, Office 365", "Azure outage takes down Teams, Xbox, Office 365 [Update]"),
        (
            "Diablo 4’s Rogue unveiled with trailer at Blizzcon",
            "Diablo 4's Rogue unveiled with trailer during BlizzCon",
        ),
        ("Diablo 4 has a new game director", "Diablo 4 Has A New Game Director"),
        ("AMD EPYC™ chips speed up the Azure Data Explorer", "AMD EPYC chips speed up the Azure Data Explorer"),
        ("苹果公司今天发布新款笔记本电脑和平板", "苹果公司今天发布新款笔记本电脑和平板！"),
    ],
)
def test_one_story_in_other_words(one: str, other: str) -> None:
    assert are_one_story(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How we built our new search engine - Part 1", "How we built our new search engine - Part 2"),
        ("System Design in Diablo IV, Part I", "System Design in Diablo IV, Part II"),
        ("Apple releases iOS 17.1 with security fixes", "Apple releases iOS 1.17 with security fixes"),
        ("Leeds beat Hull 2-1 after late penalty drama", "Leeds beat Hull 1-2 after late penalty drama"),
        ("Acme reports record profit for the Q1 quarter", "Acme reports record profit for the Q2 quarter"),
        ("Acme reports record profit for quarter one", "Acme reports record profit for quarter two"),
        ("Cost management updates for Azure in January", "Cost management updates for Azure in February"),
        ("Minister says airport will open before summer", "Minister says airport will not open before summer"),
        ("Asian shares rise as investors await Fed decision", "Asian shares fall as investors await Fed decision"),
        ("Tensor achieves AWS Machine Learning status in AI", "Xapp achieves AWS Machine Learning status in AI"),
        ("Police arrest man after stabbing near Leeds station", "Police arrest man after stabbing near Hull station"),
        ("England beat Australia in thrilling opening match", "Australia beat England in thrilling opening match"),
        ("Apple iPhone 16 Pro Max 发布会", "Apple iPhone 16 Pro Max 召回"),
        ("苹果公司今天发布新款笔记本电脑和平板", "苹果公司今天召回新款笔记本电脑和平板"),
        ("รัฐบาลประกาศขึ้นภาษีน้ำมันทั่วประเทศวันนี้", "รัฐบาลประกาศลดภาษีน้ำมันทั่วประเทศวันนี้"),
        ("नई दिल्ली में भारी बारिश से सड़कें डूबीं", "नई दिल्ली में भारी बारिश से सड़कें टूटीं"),
    ],
)
def test_two_stories_in_nearly_the_same_words(one: str, other: str) -> None:
    assert not are_one_story(one, other)


@pytest.mark.parametrize("end", [" - The Example Post", " | example.com", " – Example"])
def test_the_publisher_at_the_end_of_a_title_is_left_out(end: str) -> None:
    publisher = Provider("The Example Post", "www.example.com")
    plain, named = (
        {key for key in compute_keys(make_card(title=title, provider=publisher)) if key.startswith(TITLE)}
        for title in (GALAXY.format("again"), GALAXY.format("again") + end)
    )
    assert plain == named


def test_any_other_end_belongs_to_the_title() -> None:
    assert not are_one_story("Chelsea against Arsenal - player ratings", "Chelsea against Arsenal - what we learned")


@given(st.integers(0, 9999), st.integers(0, 9999), st.sampled_from(["Episode {} of our", "v{} in a", "Q{}, the", "{}"]))
def test_numbers_are_never_exchanged(one: int, other: int, form: str) -> None:
    title = f"Great news from {form} wonderful morning programme arrives soon"
    assert are_one_story(title.format(one), title.format(other)) is (one == other)


# stories


def test_a_story_keeps_its_name_and_lends_it() -> None:
    assert assign_stories(
        [make_member(9, 0, "t:1", story=5), make_member(5, 0, story=5), make_member(2, 1, "t:1")]
    ) == {9: 5, 5: 5, 2: 5}


def test_told_stories_merge_when_one_is_in_the_other_and_the_smaller_name_stays() -> None:
    article = make_member(3, 0, "u:a/b", story=3)
    assert assign_stories([article, make_member(8, 1, "r:a/b", story=8)]) == {3: 3, 8: 3}
    assert assign_stories([article, make_member(8, 30, "u:a/b", story=8)]) == {3: 3, 8: 3}


@pytest.mark.parametrize("key", ["s:a/b", "t:1"])
def test_told_stories_do_not_merge_for_less(key: str) -> None:
    messages = [make_member(3, 0, key, story=3), make_member(8, 1, key, story=8)]
    assert assign_stories(messages) == {3: 3, 8: 8}
    assert assign_stories([*messages, make_member(9, 0.5, key)]) == {3: 3, 8: 8, 9: 3}


def test_told_stories_do_not_merge_for_listing_an_article_of_another_time() -> None:
    messages = [
        make_member(1, 0, "r:a/b", story=1),
        make_member(2, 1, "r:a/b", story=2),
        make_member(3, 60, "u:a/b", story=3),
    ]
    assert assign_stories(messages) == {1: 1, 2: 2, 3: 3}


def test_a_story_does_not_go_on_for_weeks() -> None:
    found = assign_stories([make_member(day, day, "t:1") for day in range(1, 21)])
    assert [found[day] for day in (1, 8, 9, 16, 17)] == [1, 1, 9, 9, 17]


def test_what_comes_again_later_does_not_end_its_story() -> None:
    again = [make_member(1, 0, "u:a/b", "r:c/d"), make_member(2, 30, "u:a/b")]
    assert assign_stories([*again, make_member(3, 1, "u:c/d")]) == {1: 1, 2: 1, 3: 1}


def test_an_article_that_all_cards_list_costs_no_square() -> None:
    """Every pair would be 200 million steps."""
    crowd = [make_member(place, place / 10_000, "r:a/b", "s:a/b", "t:1") for place in range(1, 20_001)]
    assert set(assign_stories([*crowd, make_member(20_001, 0, "u:a/b")]).values()) == {1}


NAMES = [role + name for role in (OWN, RELATED, ALIKE) for name in ("a/b", "c/d", "e/f")] + ["t:1", "t:2", "t:3"]
MEMBERS = st.lists(
    st.builds(
        ClusterMember,
        card_id=st.integers(1, 60),
        published_at=st.integers(0, 80).map(lambda quarters: NOW - quarters * DAY / 4),
        keys=st.sets(st.sampled_from(NAMES), max_size=4).map(frozenset),
    ),
    unique_by=lambda member: member.card_id,
    max_size=14,
)


def settle_members(members: Iterable[ClusterMember]) -> list[ClusterMember]:
    """The cards as they are known once their stories have been written down."""
    known = list(members)
    found = assign_stories(known)
    return [replace(each, story_id=found[each.card_id]) for each in known]


@given(MEMBERS, MEMBERS, st.randoms(use_true_random=False))
def test_the_order_in_which_cards_come_decides_nothing(
    old: list[ClusterMember], new: list[ClusterMember], chance: Any
) -> None:
    known = {each.card_id: each for each in [*new, *settle_members(old)]}
    members = list(known.values())
    shuffled = random.Random(chance.random()).sample(members, len(members))
    assert assign_stories(members) == assign_stories(shuffled)
    assert assign_stories(members).keys() == known.keys()


@given(MEMBERS)
def test_what_is_written_down_stays(members: list[ClusterMember]) -> None:
    assert settle_members(settle_members(members)) == settle_members(members)


@given(MEMBERS)
def test_a_story_is_named_by_its_smallest_card(members: list[ClusterMember]) -> None:
    by_story: dict[int, list[int]] = defaultdict(list)
    for card_id, story in assign_stories(members).items():
        by_story[story].append(card_id)
    assert all(story == min(cards) for story, cards in by_story.items())


def strip_addresses(each: ClusterMember) -> ClusterMember:
    """The card without its addresses."""
    return replace(each, keys=frozenset(key for key in each.keys if key.startswith((ALIKE, TITLE))))


@given(MEMBERS, MEMBERS)
def test_new_cards_part_no_story_and_merge_stories_by_addresses_alone(
    old: list[ClusterMember], new: list[ClusterMember]
) -> None:
    known = {each.card_id: strip_addresses(each) for each in [*new, *settle_members(old)]}
    found = assign_stories(known.values())
    assert all(found[each.card_id] == each.story_id for each in known.values() if each.story_id is not None)


@given(MEMBERS)
def test_cards_of_one_address_are_together_and_others_within_a_week(members: list[ClusterMember]) -> None:
    found = assign_stories(members)
    by_story: dict[int, list[ClusterMember]] = defaultdict(list)
    for each in members:
        by_story[found[each.card_id]].append(each)
    for name in ("u:a/b", "u:c/d", "u:e/f"):
        assert len({found[each.card_id] for each in members if name in each.keys}) <= 1
    for group in by_story.values():
        first = min(each.published_at for each in group)
        late = [each for each in group if each.published_at - first > SPAN]
        assert all(any(key.startswith(OWN) for key in each.keys) for each in late)


# real cards


def group_files(*folders: Path) -> list[set[tuple[str, str]]]:
    """The stories of several cards, as the folder and the name of each one's file."""
    paths = [path for folder in folders for path in sorted(folder.rglob("*.md"))]
    found: list[tuple[Path, Card]] = []
    for path in paths:
        read = parse_card(path.read_bytes(), file=path.name, slug=path.stem).card
        if read:
            found.append((path, read))
    members = [ClusterMember(place, read.published_at, compute_keys(read)) for place, (_, read) in enumerate(found)]
    by_story: dict[int, set[tuple[str, str]]] = defaultdict(set)
    for place, story in assign_stories(members).items():
        by_story[story].add((found[place][0].parent.name, found[place][0].stem))
    return [group for group in by_story.values() if len(group) > 1]


def test_the_samples_tell_two_stories_twice() -> None:
    assert sorted(sorted(name for _, name in group) for group in group_files(SAMPLES)) == [
        ["2019-04-10-eso-black-hole-shadow-in-m87", "2019-04-10-first-image-of-a-black-hole"],
        ["2024-03-29-backdoor-found-in-xz-utils", "2024-03-29-cisa-alert-on-xz-utils"],
    ]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real cards is not beside the repository")
def test_the_rewrites_of_a_real_card_are_one_story_and_no_other() -> None:
    folder = CORPUS / "cards" / "evolution"
    rewritten = {each.name: len(list(each.iterdir())) for each in folder.iterdir()}
    found = group_files(folder)
    assert len(found) == len(rewritten) == 4
    for group in found:
        ((name, _), *_) = group
        assert {parent for parent, _ in group} == {name}
        assert len({stem for _, stem in group}) == len({path.stem for path in (folder / name).iterdir()})


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real cards is not beside the repository")
def test_real_cards_of_one_story_are_about_one_thing() -> None:
    """Of 48: one video twice in two sites, one three times, and three views of one fair; looked through by eye."""
    found = group_files(CORPUS / "cards" / "news")
    assert sorted(len(group) for group in found) == [2, 3, 3]
    for word in ("power-apps", "diablo-4-announcement-reaction", "blizz"):
        assert any(all(word[:5] in name for _, name in group) for group in found)
