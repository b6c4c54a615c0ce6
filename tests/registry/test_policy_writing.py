"""A policy from the register: everything that it holds, nothing else, in each language alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from registry import choices, models
from registry.clauses import gaps, split
from registry.policy_contents import (
    Aim,
    Basis,
    Card,
    Data,
    Facts,
    Missing,
    Period,
    Place,
    Process,
    Receiver,
    Words,
    missing,
)
from registry.policy_writing import NotInLanguage, phrases, written
from registry.services.policy_facts import policy_facts
from tests.conftest import Office
from tests.registry.policy_asking import asked
from tests.registry.policy_reading import read
from tests.registry.random_register import DAY, Register

LANGUAGES = ("ru", "kk", "en")


def words(code: str, row: str = "purpose") -> Words:
    return Words(row, code, f"{code} ru", f"{code} kk", f"{code} en")


def process(**changes: Any) -> Process:
    plain = Process(
        people=(words("clients", "subjectcategory"),),
        data=(Data(words("email", "datacategory"), "ordinary"),),
        bases=(Basis("6(1)(5)", words("contract", "legalbasis")),),
        operations=("collection", "storage"),
        ways=("web_form",),
        mode="automated",
        over_network=None,
        systems=(Place(words("site", "informationsystem"), words("KZ", "country")),),
        recipients=(),
        periods=(),
    )
    return replace(plain, **changes)


def facts(*processes: Process, **changes: Any) -> Facts:
    plain = Facts(
        card=Card(name="Firm"),
        law=words("RU", "jurisdiction"),
        authorities=(),
        people=(),
        aims=tuple(Aim(words(f"p{place}"), (one,)) for place, one in enumerate(processes)),
        recipients=(),
        flows=(),
        periods=(),
        rights=(),
        ways=(),
        terms=(),
        measures=(),
        abroad=False,
        unknown_countries=False,
    )
    return replace(plain, **changes)


def lines(of: Facts, language: str = "en") -> list[str]:
    return written(of, language).splitlines()


# --- the phrases -------------------------------------------------------------------------------
def leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(item, f"{path}.{name}")
    else:
        for item in value if isinstance(value, list) else [value]:
            yield path, item


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_phrase_with_the_same_gaps(language: str) -> None:
    def shape(of: str) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for path, text in leaves(phrases(of)):
            found.setdefault(path, set()).update(re.findall(r"\$\w+", text))
        return found

    assert shape(language) == shape("ru")
    assert all(text.strip() for _, text in leaves(phrases(language)))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("group", "options"),
    [
        ("operation", choices.Operation), ("way", choices.CollectionWay), ("mode", choices.Mode),
        ("recipient", choices.RecipientKind), ("channel", choices.Channel),
        ("intake", choices.Intake), ("measure", choices.MeasureKind),
    ],
)  # fmt: skip
def test_every_choice_of_the_register_has_words_of_its_own(
    language: str, group: str, options: Any
) -> None:
    said = phrases(language)[group]
    assert set(said) == set(options.values)
    assert len(set(said.values())) == len(said)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_length_and_event_has_words(language: str) -> None:
    said = phrases(language)
    assert set(said["period"]["event"]) == set(choices.RetentionEvent.values)
    assert set(said["period"]["counted"]) == set(choices.CountedFrom.values)
    assert set(said["period"]["after"]) == set(choices.AfterRetention.values)
    assert set(said["unit"]) | set(said["term"]) >= set(choices.Unit.values)
    # Kazakh counts with one form, English with two, Russian with three.
    forms = {"kk": 1, "en": 2, "ru": 3}[language]
    assert {len(counted) for counted in said["unit"].values()} == {forms}


def test_no_phrase_of_one_alphabet_stands_in_another_language() -> None:
    for language in ("ru", "kk"):
        for path, text in leaves(phrases(language)):
            bare = re.sub(r"\$\w+|Telegram", "", text)
            assert not re.search("[A-Za-z]", bare), path
    assert not [path for path, text in leaves(phrases("en")) if re.search("[А-Яа-яӘ-ӿ]", text)]


@pytest.mark.parametrize(
    ("number", "said"),
    [(1, "1 год"), (2, "2 года"), (5, "5 лет"), (11, "11 лет"), (12, "12 лет"), (21, "21 год"),
     (22, "22 года"), (111, "111 лет")],
)  # fmt: skip
def test_russian_counts(number: int, said: str) -> None:
    period = Period("contract_ended", "event", number, "year", "destroy", "")
    assert f"{said} со дня этого события" in written(facts(process(), periods=(period,)), "ru")


# --- what is said of what is not there ---------------------------------------------------------
def test_nothing_given_nothing_published_nothing_abroad() -> None:
    text = lines(facts(process()))
    assert "4.1. The operator gives personal data to nobody." not in text  # people have no chapter
    assert "3.1. The operator gives personal data to nobody." in text
    assert "3.2. Personal data are not sent abroad." in text
    assert "3.3. The operator does not disseminate personal data." in text


@pytest.mark.parametrize("operation", ["transfer", "provision", "access", "dissemination"])
def test_what_is_done_with_data_is_not_denied(operation: str) -> None:
    text = written(facts(process(), process(operations=("storage", operation))), "en")
    assert "to nobody" not in text
    assert ("disseminate personal data" in text) == (operation in {"provision", "access"})


def test_a_process_that_does_not_say_what_it_does_denies_nothing() -> None:
    text = written(facts(process(), process(operations=())), "en")
    assert "to nobody" not in text and "does not disseminate" not in text


@pytest.mark.parametrize("change", [{"abroad": True}, {"unknown_countries": True}])
def test_a_country_that_is_another_or_unknown_denies_no_transfer_abroad(change: Any) -> None:
    assert "abroad" not in written(facts(process(), **change), "en")


def test_a_recipient_is_not_denied() -> None:
    receiver = Receiver(words("bank", "recipient"), "third_party", words("KZ", "country"))
    text = written(facts(process(), recipients=(receiver,)), "en")
    assert "- bank en; third party; country: KZ en" in text and "to nobody" not in text


# --- how it reads ------------------------------------------------------------------------------
def test_purposes_for_which_the_same_is_done_stand_together() -> None:
    text = lines(facts(process(), process(mode="manual"), process()))
    first = text.index("2.1. Purposes of processing:")
    assert text[first + 1 : first + 4] == ["- p0 en", "- p2 en", "Whose data:"]
    second = text.index("2.2. Purpose of processing:")
    assert text[second + 1] == "- p1 en"


def test_the_clauses_are_found_again_without_a_gap() -> None:
    text = written(facts(process(), process(mode="manual")), "ru")
    found = split(text)
    assert gaps(found) == []
    assert [(c.number, c.heading) for c in found if c.heading] == [
        ("1", "Оператор"), ("2", "Цели обработки, данные и основания"), ("3", "Передача данных"),
    ]  # fmt: skip
    assert [clause.number for clause in found if "." in clause.number] == [
        "1.1", "1.2", "2.1", "2.2", "3.1", "3.2", "3.3",
    ]  # fmt: skip


# --- languages ---------------------------------------------------------------------------------
def test_a_row_without_a_language_is_named_once_and_never_written() -> None:
    hole = Words("datacategory", "phone", "Телефон", "", "Phone")
    half = facts(process(data=(Data(hole, "ordinary"),)), process(data=(Data(hole, "ordinary"),)))
    assert missing(half, LANGUAGES) == [Missing("datacategory", "phone", "kk")]
    assert missing(half, ["ru", "en"]) == []
    with pytest.raises(NotInLanguage, match="phone"):
        written(half, "kk")
    assert "- Телефон" in written(half, "ru")


def all_words(value: Any) -> Iterator[Words]:
    if isinstance(value, Words):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from all_words(item)
    elif hasattr(value, "__dataclass_fields__"):
        for name in value.__dataclass_fields__:
            yield from all_words(getattr(value, name))


@pytest.mark.parametrize("code", ["pandev", "ipm"])
def test_every_text_of_the_register_is_wanted_in_every_language(code: str, office: Office) -> None:
    """One text at a time is taken away: each of them is missed, and by its own name."""
    found = policy_facts(operator=getattr(office, code).operator, day=DAY)
    assert missing(found, LANGUAGES) == []
    everything = set(all_words(found))
    assert len(everything) > 40

    def without(value: Any, gone: Words) -> Any:
        if value == gone:
            return replace(gone, kk="")
        if isinstance(value, tuple):
            return tuple(without(item, gone) for item in value)
        if hasattr(value, "__dataclass_fields__") and not isinstance(value, Words):
            names = value.__dataclass_fields__
            return replace(value, **{name: without(getattr(value, name), gone) for name in names})
        return value

    for gone in everything:
        lacking = missing(without(found, gone), LANGUAGES)
        assert lacking == [Missing(gone.row, gone.code, "kk")], gone


# --- read back ---------------------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["pandev", "ipm"])
def test_the_policy_of_either_operator_says_its_register(
    code: str, language: str, office: Office
) -> None:
    operator = getattr(office, code).operator
    text = written(policy_facts(operator=operator, day=DAY), language)
    back = read(text, language)
    assert back == asked(operator, language, DAY)
    assert len(back.processes) == (10 if code == "pandev" else 1)
    assert back.rights and back.terms and back.measures and back.ways
    assert gaps(split(text)) == []


@settings(
    max_examples=15, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data(), law=st.sampled_from(["RU", "KZ"]))
def test_any_register_is_read_back_as_it_is(db: None, data: Any, law: str) -> None:
    with transaction.atomic():
        register = Register(data.draw, law)
        try:
            found = policy_facts(operator=register.operator, day=DAY)
            for language in LANGUAGES:
                text = written(found, language)
                assert read(text, language) == asked(register.operator, language, DAY)
                assert gaps(split(text)) == []
                # Every row has a text in each language that ends with the language's own code.
                others = "|".join(other for other in LANGUAGES if other != language)
                assert not re.search(rf"\d ({others})\b", text)
        finally:
            transaction.set_rollback(True)


@settings(
    max_examples=10, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(data=st.data())
def test_a_fact_more_or_less_is_noticed(db: None, data: Any) -> None:
    """The reading itself: no line of a policy can go or change its words unseen."""
    with transaction.atomic():
        register = Register(data.draw, "KZ")
        try:
            text = written(policy_facts(operator=register.operator, day=DAY), "ru")
            items = [line for line in text.splitlines() if line.startswith("- ")]
            assume(items)
            line = data.draw(st.sampled_from(items))
            wanted = asked(register.operator, "ru", DAY)
            try:
                shorter = read(text.replace(f"{line}\n", "", 1), "ru")
            except (AssertionError, ValueError, KeyError):
                shorter = None  # it cannot even be read any more
            assert shorter != wanted and read(text, "ru") == wanted
        finally:
            transaction.set_rollback(True)


# --- which rows --------------------------------------------------------------------------------
def test_what_has_ended_is_left_out_with_what_only_it_used(office: Office) -> None:
    operator = office.ipm.operator
    activity = models.ProcessingActivity.objects.get(operator=operator)
    old = models.Recipient.objects.create(
        operator=operator, code="old", kind="processor", name_ru="Старый", name_kk="Ескі",
        name_en="Old",
    )  # fmt: skip
    ended = models.ProcessingActivity.objects.create(
        operator=operator, code="ended", purpose=activity.purpose, name_en="E",
        ended_on=date(2026, 3, 2),
    )  # fmt: skip
    ended.recipients.add(old)
    before = written(policy_facts(operator=operator, day=date(2026, 3, 1)), "en")
    after = written(policy_facts(operator=operator, day=date(2026, 3, 2)), "en")
    assert "- Old; processes data" in before and "Old" not in after
    # Whoever no activity was ever tied to is what the register says.
    assert "Payment systems" in after


def test_what_begins_later_is_announced(office: Office) -> None:
    operator = office.ipm.operator
    activity = models.ProcessingActivity.objects.get(operator=operator)
    activity.started_on = date(2027, 1, 1)
    activity.save()
    assert policy_facts(operator=operator, day=DAY).processes


def test_a_user_name_is_no_name(office: Office) -> None:
    team = office.pandev
    team.operator.responsible = team.dpo
    team.operator.save()
    assert policy_facts(operator=team.operator, day=DAY).card.responsible == ""
    team.dpo.first_name, team.dpo.last_name = "Вера", "Иванова"
    team.dpo.save()
    assert "обработки персональных данных: Вера Иванова" in written(
        policy_facts(operator=team.operator, day=DAY), "ru"
    )


def test_the_queries_do_not_grow_with_the_register(office: Office) -> None:
    operator = office.pandev.operator

    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            policy_facts(operator=operator, day=DAY)
        return len(queries)

    few = cost()
    purpose = models.Purpose.objects.get(operator=operator, code="accounts")
    basis = models.LegalBasis.objects.get(code="KZ.7.1")
    recipient = models.Recipient.objects.create(
        operator=operator, code="abroad", kind="third_party", name_en="A",
        country=models.Country.objects.get(code="DE"),
    )  # fmt: skip
    for number in range(30):
        row = models.ProcessingActivity.objects.create(
            operator=operator, code=f"a{number}", purpose=purpose, name_en=f"A{number}"
        )
        row.recipients.add(recipient)
        row.data_categories.set(models.DataCategory.objects.filter(operator=operator))
        transfer = models.Transfer.objects.create(
            operator=operator, code=f"t{number}", name_en="T", recipient=recipient, activity=row,
            legal_basis=basis, gate="none", opened_on=DAY,
        )  # fmt: skip
        transfer.data_categories.set(models.DataCategory.objects.filter(operator=operator)[:2])
    # The data of the transfers are read once there is one.
    assert few <= 18 and cost() <= few + 1
