"""What readers type equals what is written: case, width, marks, ligatures, digits and signs of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.folding import fold_word, normalize_text
from bot.cards.tokenizer import find_words, split_keys, tokenize


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Straße", "STRASSE"), ("Łódź", "lodz"), ("Đà Nẵng", "da nang"), ("Ørsted", "orsted"), ("Þórr", "thorr"),
        ("İstanbul", "istanbul"), ("ışık", "isik"), ("cœur", "coeur"), ("Ærø", "aero"), ("naïve", "naive"),
        ("e\u0301tude", "étude"), ("ﬁnance", "finance"), ("ﬄuent", "ffluent"), ("ſchloß", "schloss"), ("ǆ", "dž"),
        ("ＡＩ", "AI"), ("ﾆｭｰｽ", "ニュース"), ("か\u3099", "が"), ("２０２６", "2026"), ("Ⅷ", "viii"), ("㎏", "kg"),
        ("H₂O", "h2o"), ("x²", "x2"), ("½", "1/2"), ("2½", "2 1/2"), ("EPYC™", "epyc"), ("Apple®", "apple"),
        ("Ἅγιος", "αγιος"), ("ΑΓΙΟΣ", "αγιος"), ("ΐ", "ι"), ("ᾳ", "α"), ("ᾼ", "α"), ("Ωmega", "ωmega"),
        ("שָׁלוֹם", "שלום"), ("ﬡלף", "אלף"), ("צײַטונג", "צייטונג"),
        ("الْعَرَبِيَّة", "العربية"), ("أحمد", "احمد"), ("آمن", "امن"), ("مـحـمـد", "محمد"), ("ﻻ", "لا"), ("على", "علي"),
        ("مدرسة", "مدرسه"), ("کتاب", "كتاب"), ("می\u200cخواهم", "می خواهم"), ("١٢٣", "123"), ("۱۲۳", "123"),
        ("Ёлка", "елка"), ("мо\u0301ре", "море"), ("क्\u200dष", "क्ष"), ("हिन्दी २०२६", "हिन्दी 2026"),
        ("한글", "한글"), ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
        ("👍🏽", "👍"), ("❤️", "❤"), ("1️⃣", "1"), ("new\u00adsletter", "newsletter"),
        ("обʼєкт", "об'єкт"), ("webb’s", "webb's"),
    ],
)  # fmt: skip
def test_spellings_that_are_one_word(written: str, typed: str) -> None:
    assert split_keys(written) == split_keys(typed) != []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("C", "C++"), ("C", "C#"), ("C++", "C#"), ("F", "F#"), (".NET", "net"), ("Notepad", "Notepad++"), ("A", "A+"),
        ("мой", "мои"), ("їх", "іх"), ("か", "が"), ("は", "ぱ"), ("किताब", "कताब"), ("น้ำ", "นำ"), ("🇺🇦", "🇦🇺"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
         "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"),
        ("🚀", "🌙"), ("ש", "ס"), ("ب", "ت"),
    ],
)  # fmt: skip
def test_words_that_are_told_apart(one: str, other: str) -> None:
    assert split_keys(one) != split_keys(other)


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("C++26 and C#14 on .NET10", ["c++", "26", "and", "c#", "14", "on", ".net", "10"]),
        ("C/C++, F#; ASP.NET.", ["c", "c++", "f#", "asp", ".net"]),
        ("Ｃ＋＋ C♯ Ｆ＃", ["c++", "c#", "f#"]),
        ("node.js, network.nets", ["node", "js", "network", "nets"]),
        ("Disney+ 50+ 1+1 U+1F600 a+b ++i", ["disney+", "50", "1", "1", "u", "1f600", "a", "b", "i"]),
        ("#hashtag #C c#sharp ##", ["hashtag", "c", "c", "sharp"]),
        ("日本語C++版", ["日", "本", "語", "c++", "版"]),
        ("snake_case 'quoted' \\back\\ \x00", ["snake", "case", "quoted", "back"]),
        ("go🚀go 👩‍💻 ©®", ["go", "🚀", "go", "👩", "💻"]),
        ("", []), ("… – ‘’ \u200d\u0301", []),
    ],
)  # fmt: skip
def test_texts_are_split_into_words(text: str, keys: list[str]) -> None:
    assert split_keys(text) == keys


ANY = st.text(st.characters(exclude_categories=()), max_size=40) | st.text(
    "aC#+.net_ é\u0301ß½🚀\u200d\u200cيかが\u3099न्", max_size=12
)


@given(ANY)
def test_any_text_is_split_alike_with_and_without_places(text: str) -> None:
    found = list(tokenize(text))
    assert [token.word for token in found] == find_words(text)
    assert [token.key for token in found] == split_keys(text)
    assert all(0 <= token.start < token.end <= len(text) for token in found)


@given(ANY)
def test_the_keys_of_any_text_are_fit_for_an_index(text: str) -> None:
    for key in split_keys(text):
        assert key
        assert not set(key) & set("'\"\\\x00 \t\n")
        assert not any("\ud800" <= character <= "\udfff" for character in key)
        assert len(key.encode()) < 2000


@given(ANY)
def test_case_does_not_matter(text: str) -> None:
    assert split_keys(text.swapcase()) == split_keys(text.swapcase().casefold())


@given(st.text(st.characters(codec="ascii"), max_size=40))
def test_one_letter_beyond_ascii_changes_no_other_word(text: str) -> None:
    assert split_keys(f"{text} é")[:-1] == split_keys(text)


def test_long_words_are_cut() -> None:
    assert [len(key) for key in split_keys("x" * 5000 + " " + "ß" * 5000)] == [200, 200]


@given(ANY)
def test_folding_is_done_after_the_first_time(text: str) -> None:
    for word in find_words(text):
        assert fold_word(fold_word(word)) == fold_word(word)
    assert normalize_text(text).isascii() or normalize_text(text).lower() == normalize_text(text)
