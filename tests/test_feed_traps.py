"""What feeds, links and programs do to a news desk, by number, and the tests that hold what becomes of it."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

HERE = Path(__file__).parent
POLLER, FETCHER, READER = (f"sources/feeds/test_{name}.py" for name in ("poller", "fetcher", "reader"))
IDENTITY, MATRIX, PAGES = (
    "sources/feeds/test_identity.py",
    "worker/test_feed_matrix.py",
    "sources/feeds/test_page_metadata.py",
)
TRAPS: dict[int, tuple[str, dict[str, str]]] = {
    1: ("the first fetch brings hundreds of old items", {
        POLLER: "test_trap_1_a_first_fetch_floods_nobody",
        "store/cards/test_followed_cards.py": "test_what_a_first_look_brings_is_backlog_even_to_a_server_that_follows",
    }),
    2: ("the scheme of the guids changes", {
        IDENTITY: "test_trap_02_when_all_guids_change_nothing_is_new",
        POLLER: "test_trap_2_other_guids_bring_nothing_again",
        MATRIX: "test_one_server",
    }),
    3: ("http becomes https in a guid", {
        IDENTITY: "test_trap_03_a_guid_that_becomes_https_stays_the_same",
        MATRIX: "test_one_server",
    }),
    4: ("a guid is repeated inside a feed", {
        IDENTITY: "test_trap_04_items_that_share_a_guid_are_told_apart_by_their_links",
    }),
    5: ("an item has neither guid nor link", {
        IDENTITY: "test_trap_05_without_guid_the_link_identifies_and_without_both_title_and_date",
    }),
    6: ("a title is edited", {
        IDENTITY: "test_trap_06_an_edited_title_is_an_edit",
        POLLER: "test_an_edit_is_no_news",
        MATRIX: "test_one_server",
    }),
    7: ("an item leaves the window", {
        POLLER: "test_trap_7_and_8_an_item_leaves_the_window_and_returns_after_40_days",
        MATRIX: "test_one_server",
    }),
    8: ("an item returns after 40 days", {
        POLLER: "test_trap_7_and_8_an_item_leaves_the_window_and_returns_after_40_days",
        MATRIX: "test_one_server",
    }),
    9: ("an item has no date", {
        POLLER: "test_an_item_without_a_usable_time_is_of_when_it_was_first_seen",
        READER: "test_trap_09_and_12_a_date_is_read_right_or_not_at_all",
    }),
    10: ("an item is of 2099", {
        POLLER: "test_an_item_without_a_usable_time_is_of_when_it_was_first_seen",
        READER: "test_trap_10_a_date_in_the_future_is_none",
    }),
    11: ("all items are dated anew", {
        POLLER: "test_trap_11_all_items_are_dated_anew",
        IDENTITY: "test_trap_11_when_all_items_are_dated_anew_none_is_new_or_edited",
        MATRIX: "test_one_server",
    }),
    12: ("a date is odd: EST, 12/10/2026, a German month", {
        READER: "test_trap_09_and_12_a_date_is_read_right_or_not_at_all",
    }),
    13: ("the header says utf-8, the bytes are latin-1", {
        READER: "test_trap_13_and_14_the_bytes_count_and_not_their_label",
    }),
    14: ("utf-16, a BOM, blank lines before the declaration", {
        READER: "test_trap_14_what_stands_before_the_feed_is_passed_over",
        "sources/feeds/test_fetcher.py": "test_trap_33_a_page_in_the_place_of_a_feed_is_of_another_kind",
    }),
    15: ("control characters", {READER: "test_trap_15_control_characters_go_and_the_rest_stays"}),
    16: ("entities escaped twice", {READER: "test_trap_16_a_title_has_its_entities_decoded_and_no_markup"}),
    17: ("a title of Atom is XHTML", {READER: "test_trap_17_titles_of_atom_of_every_type"}),
    18: ("mentions, Markdown and links in texts", {
        READER: "test_trap_18_what_discord_would_read_is_kept_for_the_renderer_to_escape",
        "sources/feeds/test_item_card.py": "test_trap_18_what_a_feed_writes_formats_and_calls_nobody",
    }),
    19: ("relative links, xml:base", {READER: "test_trap_19_links_are_resolved_against_their_base"}),
    20: ("redirectors, AMP, tracking", {
        READER: "test_trap_20_a_link_is_shown_as_given_and_compared_without_what_was_added",
        "cards/test_urls.py": "test_trap_20_redirectors_light_pages_and_tracking_lead_to_the_article",
    }),
    21: ("the only picture is in the text, beside a tracking pixel", {
        READER: "test_trap_21_a_picture_of_the_text_but_no_tracking_pixel",
    }),
    22: ("media:group, itunes:image", {READER: "test_trap_22_pictures_that_the_item_names"}),
    23: ("the enclosure of a podcast", {
        READER: "test_trap_23_an_enclosure_gives_the_type_and_stands_in_for_a_missing_link",
    }),
    24: ("one address in two feeds", {
        POLLER: "test_trap_24_one_address_in_two_feeds_is_two_cards_and_one_post",
        IDENTITY: "test_trap_24_one_address_in_two_feeds_has_one_canonical_form",
        "store/cards/test_server_stories.py": "test_two_feeds_of_a_server_make_one_post_of_a_story",
    }),
    25: ("a weekly roundup of one title", {
        IDENTITY: "test_trap_25_and_47_a_title_that_comes_back_is_another_item",
        POLLER: "test_traps_25_and_47_a_title_that_comes_every_day_is_a_card_and_a_post_every_day",
    }),
    26: ("two releases whose titles differ in a number", {
        POLLER: "test_trap_26_two_releases_are_two_stories",
        IDENTITY: "test_trap_26_versions_are_items_of_their_own",
    }),
    27: ("304 with a weak, strong or empty entity tag", {
        FETCHER: "test_trap_27_an_entity_tag_is_sent_back_as_it_came",
        "sources/feeds/test_response_headers.py": "test_validators_that_could_not_be_sent_back_are_none",
    }),
    28: ("200 with the same body", {
        FETCHER: "test_trap_28_the_same_body_again_is_unchanged",
        POLLER: "test_an_unchanged_feed_is_neither_read_nor_stored",
    }),
    29: ("301 against 302", {
        FETCHER: "test_trap_29_only_permanent_redirects_move_a_feed",
        "domain/test_feed_schedule.py": "test_trap_29_a_feed_moves_after_three_equal_answers_on_two_days",
    }),
    30: ("410 and 404", {
        FETCHER: "test_traps_30_and_33_other_statuses_are_told_apart",
        "domain/test_feed_schedule.py": (
            "test_trap_30_what_is_gone_stops_at_once_and_what_is_not_there_after_thirty_days"
        ),
        POLLER: "test_a_feed_that_is_gone_stops",
    }),
    31: ("Retry-After of ten years", {
        "domain/test_feed_schedule.py": "test_trap_31_a_site_is_left_alone_as_long_as_it_wants_but_a_day_at_most",
        "sources/feeds/test_response_headers.py": "test_how_long_a_site_wants_to_be_left_alone",
    }),
    32: ("max-age of a second and of a year", {
        "domain/test_feed_schedule.py": "test_trap_32_what_a_site_says_holds_within_bounds",
    }),
    33: ("a firewall's page, as 200 or 403", {
        READER: "test_trap_33_what_is_no_feed_is_told_apart",
        FETCHER: "test_traps_30_and_33_other_statuses_are_told_apart",
        POLLER: "test_a_page_instead_of_the_feed_is_a_failure_and_is_read_again",
    }),
    34: ("a page that names two feeds, one of comments, none", {
        "sources/feeds/test_autodiscovery.py": "test_trap_34_two_feeds_and_one_of_comments_which_comes_last",
        "cogs/test_feed.py": "test_of_several_feeds_one_is_chosen",
    }),
    35: ("50 MB, 100,000 items, a body without end", {
        FETCHER: "test_traps_35_and_36_what_is_too_much_is_cut",
        READER: "test_trap_35_a_hundred_thousand_items_are_cut_in_the_middle_before_they_are_parsed",
    }),
    36: ("a gzip bomb, an unknown encoding", {FETCHER: "test_traps_35_and_36_what_is_too_much_is_cut"}),
    37: ("an entity bomb, an external entity", {
        READER: "test_trap_37_entities_are_neither_multiplied_nor_fetched",
        "sources/feeds/test_opml.py": "test_trap_37_entities_of_a_list_are_not_multiplied",
    }),
    38: ("HTML that takes quadratic time", {
        "sources/feeds/test_document_reader.py": "test_trap_38_a_text_is_cut_before_an_html_engine_sees_it",
    }),
    39: ("private addresses in every spelling, and answers that change between two look-ups", {
        "sources/feeds/test_address_guard.py": "test_trap_39_no_spelling_reaches_this_machine",
        "sources/feeds/test_private_addresses.py": "test_trap_39_no_way_in_leads_to_a_private_address",
        FETCHER: "test_trap_39_an_answer_that_changes_between_two_look_ups_is_judged_again",
    }),
    40: ("credentials and keys in addresses", {
        FETCHER: "test_trap_40_no_credentials_and_keys_in_any_text",
        "cards/test_urls.py": "test_trap_40_keys_are_left_out_of_a_url_that_is_shown",
        "test_cli_feeds.py": "test_a_list_is_taken_in_once_and_written_without_secrets",
    }),
    41: ("one feed, two servers, two policies, edited in between", {
        POLLER: "test_trap_41_one_feed_two_servers_two_policies",
        MATRIX: "test_servers_of_all_policies_some_of_which_change_theirs",
    }),
    42: ("the clock is set back, the process is killed between storing and noting", {
        POLLER: "test_trap_42_a_kill_between_storing_and_noting",
        "domain/test_feed_schedule.py": (
            "test_trap_42_no_fetch_waits_longer_than_a_clock_that_went_back_is_recognised_by"
        ),
    }),
    43: ("a list of feeds in folders in folders, of 5,000, repeated, that is none", {
        "sources/feeds/test_opml.py": "test_trap_43_feeds_in_folders_in_folders_have_their_names_as_topics",
        "store/sources/test_feeds.py": "test_trap_43_a_list_of_5000_feeds_is_taken_in_and_followed",
    }),
    44: ("a JSON feed with numbers as ids and without addresses", {
        READER: "test_trap_44_a_json_feed_is_read_with_numbers_as_ids_and_without_addresses",
    }),
    45: ("a link to a file, to a huge page, to a page that names another", {
        PAGES: "test_trap_45_a_file_is_named_by_nobody",
    }),
    46: ("a program with a wrong token, a replay, a huge body, no title", {
        "intake/test_endpoints.py": "test_trap_46_a_wrong_token_is_401_and_its_body_is_not_read",
    }),
    47: ("a daily briefing of one title", {
        POLLER: "test_traps_25_and_47_a_title_that_comes_every_day_is_a_card_and_a_post_every_day",
    }),
    48: ("a feed is gone from the operator's list", {
        "store/sources/test_feeds.py": "test_trap_48_what_is_gone_from_the_list_is_paused",
        "worker/test_feeds.py": "test_trap_48_the_list_is_followed_while_the_bot_runs",
    }),
    49: ("a public feed redirects into a private host that is allowed", {
        FETCHER: "test_trap_49_a_public_feed_does_not_lead_into_a_private_host_that_is_allowed",
    }),
}  # fmt: skip


def test_every_trap_has_its_number() -> None:
    assert sorted(TRAPS) == list(range(1, 50))


@pytest.mark.parametrize("number", TRAPS)
def test_the_tests_of_a_trap_are_there(number: int) -> None:
    what, tests = TRAPS[number]
    assert tests, what
    for path, name in tests.items():
        assert name in _list_tests(path), f"{what}: {path} has no {name}"


@cache
def _list_tests(path: str) -> frozenset[str]:
    tree = ast.parse((HERE / path).read_text("utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions)
