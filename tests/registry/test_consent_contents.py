"""What the law demands of a consent text: each demand alone, in both laws, with its article."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from typing import Any

import pytest
from django.utils import translation

from registry.choices import Channel, EndEvent, Operation
from registry.consent_contents import (
    DEMANDS,
    TEMPLATES,
    Contents,
    Listed,
    UnknownLaw,
    canonical,
    digest,
    missing,
)
from registry.consent_writing import templates, written
from registry.explain import missing_in_words
from registry.models.consents import TERM_UNITS

LANGUAGES = ("ru", "kk", "en")


def listed(code: str) -> Listed:
    return Listed(code, {language: f"{code} {language}" for language in LANGUAGES})


def bare(law: str) -> Contents:
    """A complete register; the texts are written from it below."""
    return Contents(
        law=law,
        operator="acme",
        code="account",
        version=1,
        names={"ru": "Учётная запись", "en": "Account"},
        texts={},
        activities=("accounts",),
        data=(listed("e-mail"), listed("phone")),
        operations=("collection", "storage"),
        third_parties=False,
        cross_border=False,
        dissemination=False,
        term_length=3,
        term_unit="year",
        end_event="",
        withdrawal_channels=("email", "post"),
        separate_document=True,
        in_force_on=date(2025, 9, 1),
        operator_name="Acme LLP",
        operator_address="Street 1, Almaty",
        operator_bin="230140037871",
        purposes=(listed("accounts"), listed("letters")),
        processors=(listed("cloud"),),
        activity_data=frozenset({"e-mail", "phone"}),
        modes=frozenset({"automated"}),
    )


def complete(law: str, **changes: Any) -> Contents:
    contents = replace(bare(law), **changes)
    texts = {language: written(contents, language) for language in LANGUAGES}
    return replace(contents, texts=texts)


def codes(contents: Contents) -> set[str]:
    return {item.code for item in missing(contents)}


def without(contents: Contents, words: str, language: str = "ru") -> Contents:
    text = contents.texts[language]
    assert words in text
    return replace(contents, texts={**contents.texts, language: text.replace(words, "…")})


LAWS = pytest.mark.parametrize("law", ["RU", "KZ"])


@LAWS
def test_a_text_written_from_a_complete_register_lacks_nothing(law: str) -> None:
    assert missing(complete(law)) == []


# (what is taken away, the code of what is then missing, its article in each law or None)
CHOICES: list[tuple[dict[str, Any], str, str | None, str | None]] = [
    ({"texts": {}}, "language", "152-FZ 9(1)", "94-V 8(4)"),
    ({"texts": {"ru": "  \n"}}, "language", "152-FZ 9(1)", "94-V 8(4)"),
    ({"activities": ()}, "activity", "152-FZ 9(4)(4)", "94-V 7(8)"),
    ({"in_force_on": None}, "in_force_on", "152-FZ 9(3)", "94-V 25(2)(5)"),
    ({"data": ()}, "data_list", "152-FZ 9(4)(5)", "94-V 8(4)(7)"),
    ({"activity_data": frozenset({"e-mail"})}, "data_beyond", "152-FZ 5(5)", "94-V 7(9)"),
    ({"operations": ()}, "operations", "152-FZ 9(4)(7)", None),
    ({"term_length": None, "term_unit": ""}, "term", "152-FZ 9(4)(8)", "94-V 8(4)(3), 8(5)-(6)"),
    ({"withdrawal_channels": ()}, "withdrawal", "152-FZ 9(4)(8)", "94-V 8(1)"),
    ({"third_parties": None}, "third_parties", "152-FZ 7", "94-V 8(4)(4)"),
    ({"cross_border": None}, "cross_border", "152-FZ 12", "94-V 8(4)(5)"),
    ({"dissemination": None}, "dissemination", "152-FZ 10.1(1)", "94-V 8(4)(6)"),
    ({"separate_document": False}, "separate", "152-FZ 9(1), Law 156-FZ", None),
    ({"operator_address": ""}, "operator_address_unknown", "152-FZ 9(4)(3)", None),
    ({"operator_bin": ""}, "operator_bin_unknown", None, "94-V 8(4)(1)"),
]


@pytest.mark.parametrize("changes, code, ru, kz", CHOICES, ids=lambda value: str(value)[:40])
def test_each_choice_alone(
    changes: dict[str, Any], code: str, ru: str | None, kz: str | None
) -> None:
    for law, article in (("RU", ru), ("KZ", kz)):
        found = missing(replace(complete(law), **changes))
        assert [(item.code, item.article) for item in found] == (
            [(code, article)] if article else []
        )


# (what is taken out of one language, what is then missing, its article in each law)
WORDS: list[tuple[str, str, str | None, str | None]] = [
    ("{name}", "subject_name", "152-FZ 9(4)(1)", "94-V 8(4)(2)"),
    ("{address}", "subject_address", "152-FZ 9(4)(1)", None),
    ("{document}", "subject_document", "152-FZ 9(4)(1)", None),
    ("{signature}", "signature", "152-FZ 9(4)(9)", None),
    ("Acme LLP", "operator_name", "152-FZ 9(4)(3)", "94-V 8(4)(1)"),
    ("Street 1, Almaty", "operator_address", "152-FZ 9(4)(3)", None),
    ("230140037871", "operator_bin", None, "94-V 8(4)(1)"),
    ("letters {0}", "purpose", "152-FZ 9(4)(4)", "94-V 7(8)"),
    ("phone {0}", "data", "152-FZ 9(4)(5)", "94-V 8(4)(7)"),
    ("cloud {0}", "processor", "152-FZ 9(4)(6)", None),
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("words, code, ru, kz", WORDS, ids=lambda value: str(value))
def test_each_word_alone_in_each_language(
    words: str, code: str, ru: str | None, kz: str | None, language: str
) -> None:
    words = words.replace("{0}", language)
    for law, article in (("RU", ru), ("KZ", kz)):
        whole = complete(law)
        if words not in whole.texts[language]:
            assert article is None  # this law's template asks for less
            continue
        found = missing(without(whole, words, language))
        assert [(item.code, item.article) for item in found] == (
            [(code, article)] if article else []
        )
        for item in found:
            assert item.article in str(item)
            assert ["Russian", "Kazakh", "English"][LANGUAGES.index(language)] in str(item)


@LAWS
def test_kazakhstan_has_no_consent_without_an_end(law: str) -> None:
    for language, words in (
        ("ru", "на неопределённый срок"),
        ("ru", "Бессрочно"),
        ("kk", "белгісіз мерзімге"),
        ("en", "for an Indefinite period"),
    ):
        whole = complete(law)
        text = f"{whole.texts[language]}\n{words}"
        found = missing(replace(whole, texts={**whole.texts, language: text}))
        wanted = [("indefinite", "94-V 8(4)(3), 8(5)-(6)")] if law == "KZ" else []
        assert [(item.code, item.article) for item in found] == wanted


@LAWS
def test_an_event_serves_as_an_end(law: str) -> None:
    contents = complete(law, term_length=None, term_unit="", end_event="account_deleted")
    assert missing(contents) == []


def test_a_document_of_its_own_from_the_first_of_september_2025() -> None:
    together = complete("RU", separate_document=False, in_force_on=date(2025, 8, 31))
    assert missing(together) == []
    assert codes(replace(together, in_force_on=date(2025, 9, 1))) == {"separate"}
    assert codes(replace(together, dissemination=True)) == {"dissemination_separate"}
    assert missing(complete("KZ", separate_document=False)) == []


@LAWS
def test_letters_yo_case_and_line_breaks_make_no_difference(law: str) -> None:
    row = Listed("a", {"ru": "Ведение учётных записей"})
    contents = complete(law, purposes=(row,))
    text = contents.texts["ru"].replace("Ведение учётных записей", "ВЕДЕНИЕ\n  учетных записей")
    assert missing(replace(contents, texts={**contents.texts, "ru": text})) == []


@LAWS
def test_a_row_without_a_name_in_a_language_is_named_as_it_can_be(law: str) -> None:
    row = Listed("a", {"ru": "", "kk": "", "en": "Only English"})
    contents = complete(law, purposes=(row,))
    assert "Only English" in contents.texts["kk"]
    assert missing(contents) == []
    assert codes(without(contents, "Only English", "kk")) == {"purpose"}


def test_one_language_is_enough() -> None:
    for law in DEMANDS:
        whole = complete(law)
        assert missing(replace(whole, texts={"kk": whole.texts["kk"], "ru": ""})) == []


def test_everything_at_once_in_the_order_of_the_law() -> None:
    for law, demands in DEMANDS.items():
        nothing = replace(
            complete(law),
            texts={"ru": "пусто"}, data=(), operations=(), third_parties=None, cross_border=None,
            dissemination=None, term_length=None, withdrawal_channels=(), in_force_on=None,
        )  # fmt: skip
        order = [item.code for item in missing(nothing)]
        assert order == sorted(order, key=list(demands).index)
        assert len(order) > 8


def test_a_law_that_is_not_known_is_refused() -> None:
    for act in (missing, lambda contents: written(contents, "ru")):
        with pytest.raises(UnknownLaw):
            act(replace(complete("RU"), law="AA"))


def test_every_demand_has_a_sentence_with_its_article() -> None:
    assert {code for demands in DEMANDS.values() for code in demands} == set(TEMPLATES)
    params = {"article": "ARTICLE 5", "language": "Russian", "name": "N", "mark": "{name}"}
    for template in TEMPLATES.values():
        assert "ARTICLE 5" in template % params


def test_sentences_name_the_language_in_the_readers_words() -> None:
    lacking = missing(without(complete("RU"), "{name}", "kk"))
    with translation.override("ru"):
        assert "казах" in missing_in_words(lacking)[0].lower()


# --- the templates -----------------------------------------------------------------------------
def test_the_templates_are_the_same_in_every_language() -> None:
    def shape(value: Any) -> Any:
        return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else ""

    assert set(templates()) == set(LANGUAGES)
    for words in templates().values():
        assert shape(words) == shape(templates()["ru"])
        assert set(words["operation"]) == set(Operation.values)
        assert set(words["channel"]) == set(Channel.values)
        assert set(words["end"]) == set(EndEvent.values)
        assert set(words["unit"]) == {value for value, _ in TERM_UNITS}
        assert set(words["title"]) == set(words["opening"]) == set(DEMANDS)


@pytest.mark.parametrize(
    "length, unit, words",
    [
        (1, "year", "1 года"), (3, "year", "3 лет"), (11, "month", "11 месяцев"),
        (21, "month", "21 месяца"), (111, "calendar_day", "111 календарных дней"),
    ],
)  # fmt: skip
def test_russian_counts_units(length: int, unit: str, words: str) -> None:
    text = written(complete("RU", term_length=length, term_unit=unit), "ru")
    assert f"в течение {words} со дня" in text


def test_what_is_not_said_is_not_written() -> None:
    said = written(complete("KZ", cross_border=False), "en")
    unsaid = written(complete("KZ", cross_border=None), "en")
    assert "abroad" in said and "abroad" not in unsaid


def test_third_parties_are_named_where_they_are_allowed() -> None:
    contents = complete("KZ", third_party_recipients=(listed("bank"),))
    assert "bank en" not in written(contents, "en")
    assert "- bank en" in written(replace(contents, third_parties=True), "en")


def test_ways_of_withdrawal_carry_their_addresses() -> None:
    contents = complete("KZ", channel_addresses={"email": ("me@example.org",)})
    assert "- by e-mail (me@example.org)\n- by a letter sent by post\n" in written(contents, "en")


# --- the digest --------------------------------------------------------------------------------
SAID: dict[str, Any] = {
    "operator": "other",
    "code": "other",
    "version": 2,
    "names": {"ru": "Другое"},
    "texts": {"ru": "Другое"},
    "activities": ("accounts", "letters"),
    "data": (listed("phone"),),
    "operations": ("storage",),
    "third_parties": True,
    "cross_border": None,
    "dissemination": True,
    "term_length": 4,
    "term_unit": "month",
    "end_event": "account_deleted",
    "withdrawal_channels": ("email",),
    "separate_document": False,
    "in_force_on": date(2025, 9, 2),
}
BESIDE: dict[str, Any] = {
    "law": "KZ",
    "operator_name": "x",
    "operator_address": "x",
    "operator_bin": "x",
    "purposes": (),
    "processors": (),
    "third_party_recipients": (listed("x"),),
    "activity_data": frozenset(),
    "modes": frozenset(),
    "channel_addresses": {"email": ("x",)},
}


@pytest.mark.parametrize("name", SAID)
def test_the_digest_feels_everything_the_text_says(name: str) -> None:
    whole = complete("RU")
    assert digest(replace(whole, **{name: SAID[name]})) != digest(whole)


@pytest.mark.parametrize("name", BESIDE)
def test_the_digest_does_not_feel_the_register_beside_it(name: str) -> None:
    whole = complete("RU")
    assert digest(replace(whole, **{name: BESIDE[name]})) == digest(whole)


def test_every_part_is_either_said_or_beside() -> None:
    assert {field.name for field in fields(Contents)} == {*SAID, *BESIDE}
    assert not {*SAID} & {*BESIDE}


def test_one_letter_and_no_order_make_a_difference() -> None:
    whole = complete("RU")
    texts = {**whole.texts, "kk": whole.texts["kk"] + " "}
    assert digest(replace(whole, texts=texts)) != digest(whole)
    turned = replace(
        whole,
        data=tuple(reversed(whole.data)),
        operations=tuple(reversed(whole.operations)),
        texts=dict(reversed(whole.texts.items())),
    )
    assert digest(turned) == digest(whole)


def test_the_digest_is_stable_for_ever() -> None:
    """A change of this number would orphan every published text: never update it."""
    contents = replace(bare("RU"), texts={"ru": "Согласие", "en": ""})
    assert canonical(contents).startswith('{"activities":["accounts"],"code":"account",')
    assert digest(contents) == "c7448fd517c6f32d7bea9cd3455810502d66d0b22c2a49c81c6359a7a98df2b2"
