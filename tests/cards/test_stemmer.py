"""Other forms of words by which they are found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.stemmer import stem_language, stems_of, written_forms
from bot.cards.tokenizer import find_words, split_keys


def forms(text: str, language: str) -> set[str]:
    (word,) = find_words(text)
    return {*split_keys(text), *written_forms(word, language)}


def wanted(text: str, language: str) -> set[str]:
    (word,) = find_words(text)
    return {*split_keys(text), *stems_of(word, [language])}


@pytest.mark.parametrize(
    ("language", "one", "many"),
    [
        ("en", "chip", "chips"), ("en", "study", "studies"), ("en", "battery", "Batteries"), ("de", "Haus", "Häuser"),
        ("de", "Köln", "Koeln"), ("de", "Straße", "Strassen"), ("fr", "journal", "journaux"), ("fr", "été", "étés"),
        ("es", "canción", "canciones"), ("es", "mujer", "mujeres"), ("it", "notizia", "notizie"),
        ("pt", "cidade", "cidades"), ("ro", "oraș", "orașe"), ("nl", "krant", "kranten"),
        ("sv", "tidning", "tidningar"),
        ("da", "avis", "aviser"), ("fi", "kirja", "kirjat"), ("hu", "könyv", "könyvek"), ("tr", "kız", "kızlar"),
        ("cs", "kniha", "knihy"), ("pl", "gazeta", "gazety"), ("ru", "книга", "книги"), ("ru", "ёлка", "елки"),
        ("el", "είδηση", "ειδήσεις"), ("ar", "معلم", "معلمون"), ("fa", "کتاب", "کتابها"), ("hi", "किताब", "किताबें"),
        ("ta", "புத்தகம்", "புத்தகங்கள்"), ("id", "buku", "bukunya"), ("ca", "elecció", "eleccions"),
    ],
)  # fmt: skip
def test_one_of_a_kind_and_many_find_each_other(language: str, one: str, many: str) -> None:
    assert forms(one, language) & wanted(many, language)
    assert forms(many, language) & wanted(one, language)


@pytest.mark.parametrize(
    ("written", "typed", "is_found"),
    [
        ("Disney+", "disney", True), ("Disney+", "disney+", True), ("Disney", "disney+", False),
        ("Notepad++", "notepad", True), ("C++", "c", False), ("C#", "c", False), (".NET", "net", False),
        ("us", "u", False), ("v8", "v", False), ("2026", "202", False),
    ],
)  # fmt: skip
def test_names_with_signs(written: str, typed: str, is_found: bool) -> None:
    assert bool(forms(written, "en") & wanted(typed, "en")) is is_found


@pytest.mark.parametrize(
    ("tag", "code"),
    [
        ("", "en"), (None, "en"), (" ", "en"), ("de", "de"), ("de-AT", "de"), ("pt_BR", "pt"), ("ZH-hant", ""),
        ("ja", ""), ("nb-NO", "nb"), ("klingon", ""), ("de\x00", ""), ("-", ""),
    ],
)  # fmt: skip
def test_the_language_of_a_tag(tag: str | None, code: str) -> None:
    assert stem_language(tag) == code


@given(st.text(), st.sampled_from(["", "en", "ar", "tr", "hi", "fa", "yi", "el", "ta"]))
def test_any_word_has_forms_that_are_keys(text: str, language: str) -> None:
    for word in find_words(text):
        for form in written_forms(word, language):
            assert split_keys(form) == [form]
