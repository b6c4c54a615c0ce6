"""What an operator's own words may be: the facts, a few tags, nothing lost, nothing called."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.utils.translation import override

from registry.errors import OperatorError
from requests.models.letter_templates import FRAME, TEXT_LIMIT, LetterPart
from requests.services import letter_language as language
from requests.services.letter_language import check, cleaned, filled, marked
from requests.services.letter_samples import Situation
from requests.services.letter_texts import LANGUAGES, own_text
from requests.services.letter_vocabulary import facts_by_path, facts_for, obliged

TITLE = "About {{ number }}"
RECEIPT = (
    "{{ number }}, {{ received }}\n"
    "{% for each in demands %}{{ each.what }}: {{ each.due }}\n{% endfor %}"
)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    with override("en"):
        yield


def refused(kind: type[OperatorError], text: str, *, part: str = "receipt", **more: str) -> str:
    with pytest.raises(kind) as caught:
        check(part=part, title=more.get("title", "" if part in FRAME else TITLE), text=text)
    return str(caught.value)


# --- the office obeys its own rules --------------------------------------------------------------
@pytest.mark.parametrize("part", LetterPart.values)
@pytest.mark.parametrize("code", LANGUAGES)
def test_the_office_s_own_words_are_good_words(code: str, part: str) -> None:
    title, text = own_text(code, part)
    check(part=part, title=title, text=cleaned(text))


@pytest.mark.parametrize("part", LetterPart.values)
def test_what_must_be_told_is_a_fact_of_that_part(part: str) -> None:
    known = facts_by_path(part)
    for one in obliged(part):
        assert {one.path, *one.when} <= set(known), one
    assert set(marked(part)) == set(facts_for(part))
    assert [fact for fact in known.values() if not str(fact.means)] == []


def test_good_words_of_one_s_own() -> None:
    check(part="receipt", title=TITLE, text=RECEIPT)
    text = RECEIPT.replace("each.what", "each.what|capfirst") + (
        "{% if link and not ended %}{{ link }}{% elif email %}{{ email }}{% else %}-{% endif %}"
        "{% for one in demands %}{{ forloop.counter }}"
        "{% for step in one.steps %}{{ step|lower }}{% empty %}.{% endfor %}{% endfor %}"
        "{# for ourselves #}"
    )
    check(part="receipt", title=TITLE, text=text)


# --- another language ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "{% include 'a.html' %}", "{% extends 'a' %}", "{% load i18n %}", "{% debug %}",
        "{% now 'Y' %}", "{% url 'admin:index' %}", "{% with a=number %}{% endwith %}",
        "{% verbatim %}{{ x }}{% endverbatim %}", "{% autoescape on %}{% endautoescape %}",
        "{% block a %}{% endblock %}", "{% csrf_token %}", "{% cycle 'a' 'b' %}", "{% %}",
        "{% filter upper %}{% endfilter %}", "{% regroup demands by what as x %}",
        "{% comment %}{% endcomment %}", "{% templatetag openblock %}",
    ],
)  # fmt: skip
def test_no_other_tag(text: str) -> None:
    assert "Line 2" in refused(language.TemplateTag, f"{RECEIPT.splitlines()[0]}\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "{{ x }}", "{{ request }}", "{{ settings.SECRET_KEY }}", "{{ number.upper }}",
        "{{ demands.0 }}", "{{ demands.0.what }}", "{{ block.super }}", "{{ text }}",
        "{{ 5 }}", "{{ 'words' }}", "{{ _('words') }}", "{{ True }}", "{{ None }}",
        "{{ forloop.counter }}", "{% for a in demands %}{{ a.text }}{% endfor %}",
        "{% for a in demands %}{{ a }}{% endfor %}",
        "{% for a in demands %}{% endfor %}{{ a.what }}",
        "{% for a in demands %}{{ forloop.parentloop }}{% endfor %}",
        "{% for a in demands %}{% if forloop.counter %}1{% endif %}{% endfor %}",
        "{% if unknown %}1{% endif %}", "{% for a in unknown %}1{% endfor %}",
        "{{ goes }}", "{% if gone %}1{% endif %}",
    ],
)  # fmt: skip
def test_no_other_fact(text: str) -> None:
    assert "Line 1" in refused(language.TemplateFact, text)


@pytest.mark.parametrize(
    "text",
    [
        "{{ number.__class__ }}", "{{ number.__class__.__mro__ }}", "{{ _number }}",
        "{{ number", "{{ number }", "number }}", "{{ }}", "{% if link %}", "{% endif %}",
        "{% else %}", "{% if link and %}1{% endif %}", "{% for a demands %}{% endfor %}",
        "{{ number }}{# open", "{{ num\nber }}", "{{ " + "a" * 300 + " }}",
        "{% if " + "not " * 100 + "link %}1{% endif %}", "{{ number() }}", "{{ number|}}",
    ],
)  # fmt: skip
def test_no_other_syntax(text: str) -> None:
    assert "Line 1" in refused(language.TemplateSyntax, text)


def test_a_fault_is_named_by_its_line() -> None:
    assert "Line 3" in refused(language.TemplateSyntax, "one\ntwo\n{% if link and %}1{% endif %}")
    assert "Line 3" in refused(language.TemplateSyntax, "one\ntwo {{ number }}\nthree }}")
    assert "Line 2" in refused(language.TemplateFact, "one\n{{ nobody }}")


@pytest.mark.parametrize("name", ["safe", "escape", "join:'x'", "default:'x'", "length", "pprint"])
def test_no_other_filter(name: str) -> None:
    assert "capfirst" in refused(language.TemplateFilter, f"{{{{ number|{name} }}}}")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (language.TemplateListPrinted, "{{ demands }}"),
        (language.TemplateListPrinted, "{{ ended }}"),
        (language.TemplateLoop, "{% for a in number %}{% endfor %}"),
        (language.TemplateLoop, "{% for a in demands|upper %}{% endfor %}"),
        (language.TemplateLoopName, "{% for number in demands %}{% endfor %}"),
        (language.TemplateLoopName, "{% for a, b in demands %}{% endfor %}"),
        (language.TemplateLoopName, "{% for forloop in demands %}{% endfor %}"),
        (language.TemplateComparison, "{% if number == 'REQ' %}1{% endif %}"),
        (language.TemplateComparison, "{% if number in link %}1{% endif %}"),
        (language.TemplateComparison, "{% if number|lower %}1{% endif %}"),
        (language.TemplateComparison, "{% if link is link %}1{% endif %}"),
    ],
)
def test_lists_and_conditions_stand_at_their_places(kind: type[OperatorError], text: str) -> None:
    refused(kind, text)


def test_a_row_in_a_row_has_a_name_of_its_own() -> None:
    row = "{% for a in demands %}"
    refused(language.TemplateLoopName, f"{row}{row}{{% endfor %}}{{% endfor %}}")


# --- too much ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (language.TemplateTooLong, "x" * 1_000_000),
        (language.TemplateTooLong, "{{ number }}" * 100_000),
        (
            language.TemplateTooDeep,
            "".join(f"{{% for a{i} in demands %}}" for i in range(6)) + "{% endfor %}" * 6,
        ),
        (language.TemplateTooDeep, "{% if link %}" * 400 + "{% endif %}" * 300),
        (language.TemplateCharacter, "a\0b"),
        (language.TemplateCharacter, "a\x1bb"),
        (language.TemplateCharacter, "a\ue000number.0\ue001"),
        (language.TemplateCharacter, "a\ud800"),
        (language.TemplateBlank, ""),
        (language.TemplateBlank, " \n\t "),
        (language.TemplateBlank, "{# nothing #}"),
    ],
)
def test_what_would_harm_is_refused_at_once(kind: type[OperatorError], text: str) -> None:
    began = time.monotonic()
    refused(kind, text)
    assert time.monotonic() - began < 1


def test_as_many_conditions_as_can_be_tried_and_no_more() -> None:
    ten = ["name", "email", "phone", "ended", "link"]
    text = RECEIPT + "".join(f"{{% if {name} %}}1{{% endif %}}" for name in ten)
    check(part="receipt", title=TITLE, text=text)
    rows = ["decided", "finding", "article", "ground", "reasons"]
    many = "".join(f"{{% if {name} %}}1{{% endif %}}" for name in (*ten, "stays", "goes"))
    many += "{% for a in demands %}" + "".join(f"{{% if a.{name} %}}1{{% endif %}}"
                                              for name in rows) + "{% endfor %}"  # fmt: skip
    refused(language.TemplateTooManyConditions, many, part="decision")


def test_the_longest_words_are_tried_in_a_few_seconds() -> None:
    _title, text = own_text("ru", "decision")
    for name in ("link", "phone"):
        text += f"{{% if {name} %}}{{{{ {name} }}}}{{% endif %}}"
    text += "{% for a in demands %}{{ a.what }}{% endfor %}" * ((TEXT_LIMIT - len(text)) // 50)
    began = time.monotonic()
    check(part="decision", title=TITLE, text=text)
    assert time.monotonic() - began < 10


# --- what must be told ---------------------------------------------------------------------------
@pytest.mark.parametrize("part", [part for part in LetterPart.values if obliged(part)])
@pytest.mark.parametrize("code", LANGUAGES)
def test_each_fact_that_must_be_told_is_missed_when_it_goes(code: str, part: str) -> None:
    title, text = own_text(code, part)
    for one in obliged(part):
        name = one.path.rpartition(".")[2]
        for variable in ("demand", "each", ""):
            mark = f"{{{{ {variable}.{name} }}}}" if variable else f"{{{{ {name} }}}}"
            if ("." in one.path) == bool(variable) and mark in text:
                with pytest.raises(language.TemplateLost):
                    check(part=part, title=title, text=text.replace(mark, "..."))


@pytest.mark.parametrize(
    ("part", "text"),
    [
        # Only where something else is there too.
        ("receipt", RECEIPT.replace("{{ received }}", "{% if link %}{{ received }}{% endif %}")),
        ("receipt", RECEIPT.replace("{{ each.due }}", "{% if phone %}{{ each.due }}{% endif %}")),
        ("receipt", RECEIPT.replace("{{ number }}", "{% if not link %}{{ number }}{% endif %}")),
        # In the row of a list that can be empty, or only where it is empty.
        ("receipt", "{{ received }}{% for a in demands %}{{ a.what }}{{ a.due }}"
                    "{% for s in a.steps %}{{ number }}{% endfor %}{% endfor %}"),
        ("receipt", "{{ received }}{% for a in demands %}{{ a.what }}{{ a.due }}"
                    "{% for s in a.steps %}{% empty %}{{ number }}{% endfor %}{% endfor %}"),
        ("receipt", "{# {{ number }} #}" + RECEIPT.replace("{{ number }}", "")),
        # A commentary of two conditions that exclude each other.
        ("reply", "-{% if link %}{% if not link %}{{ text }}{% endif %}{% endif %}"),
        ("footer", "{{ kept_until }} {{ kept_why }} {{ operator }}"),
        ("footer", "{{ authority }} {{ operator }}{% if ended %}{{ kept_until }} "
                   "{{ kept_why }}{% endif %}"),
    ],
)  # fmt: skip
def test_what_must_be_told_is_told_in_every_form_of_the_letter(part: str, text: str) -> None:
    refused(language.TemplateLost, text, part=part)


def test_a_decision_tells_the_ground_of_a_refusal_even_without_reasons() -> None:
    title, text = own_text("en", "decision")
    hidden = text.replace("{% if demand.ground %}", "{% if demand.ground and demand.reasons %}")
    assert hidden != text
    with pytest.raises(language.TemplateLost, match=r"law|article|ground"):
        check(part="decision", title=title, text=hidden)


def test_the_subject_line_tells_the_number_and_knows_nothing_else() -> None:
    refused(language.TemplateLost, RECEIPT, title="Your request")
    refused(language.TemplateFact, RECEIPT, title="{{ number }} {{ name }}")
    refused(language.TemplateBlank, RECEIPT, title="  ")
    refused(language.TemplateTooLong, RECEIPT, title="{{ number }}" + "x" * 200)
    refused(language.TemplateSyntax, RECEIPT, title="{{ number }}\nBcc: all@example.org")
    refused(language.TitleUnwanted, "Hello!", part="greeting", title=TITLE)


def test_words_that_can_come_out_empty() -> None:
    refused(language.TemplateBlank, "{% if name %}Hello{% endif %}", part="greeting")


def test_facts_are_values_and_nothing_of_them_is_called() -> None:

    told = "{% debug %}{{ number }}<b>&"
    assert filled("{{ text }}", {"text": told}) == told
    assert all(situation.label for situation in Situation)
    for value in marked("decision").values():
        assert isinstance(value, str | bool | list)
