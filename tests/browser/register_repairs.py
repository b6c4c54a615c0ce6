"""The repairs: each does what its finding names as what clears it, through the pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from registry.choices import Operation
from registry.models import (
    ConsentText,
    Country,
    DataCategory,
    InformationSystem,
    IntakeChannel,
    Jurisdiction,
    LegalBasis,
    PolicyClaim,
    ProcessingActivity,
    Purpose,
    RetentionRule,
    SecurityMeasure,
    SubjectCategory,
    User,
)
from tests.browser.conftest import Visitor
from tests.browser.line_hands import press
from tests.browser.register_facts import named
from tests.browser.register_hands import (
    CODE,
    Key,
    acknowledge,
    change,
    delete,
    done,
    enter,
    fill,
    follow,
    row,
)

# What the finding wants, done on the way from its line on the page.
Repair = Callable[[Visitor, Key], None]
CARD, MAIL = f"operator:{CODE}", "activity:email_information"
INN, ADDRESS, PHONE = "7707083893", "101000, Moscow, Lesnaya street, 1", "+7 495 000-00-00"
LETTERS = "office@ipmanagement.ru"
NEVER = "claim:third_party_transfer/never/8.2"
MEASURES = {
    "breach_procedure": named("Incident procedure", "Порядок при утечке", "Оқыс оқиға тәртібі"),
    "access_rules": named("Rules of access", "Правила доступа", "Қолжетімділік қағидалары"),
    "internal_control": named("Internal control", "Внутренний контроль", "Ішкі бақылау"),
    "harm_assessment": named("Assessment of harm", "Оценка вреда", "Зиянды бағалау"),
}


def to(**values: object) -> Repair:
    """Follow the finding to its row and change that."""

    def repair(desk: Visitor, key: Key) -> None:
        follow(desk, key)
        change(desk, **values)

    return repair


def remove(desk: Visitor, key: Key) -> None:
    follow(desk, key)
    delete(desk)


def until(day: str, reason: str) -> Repair:
    return lambda desk, key: acknowledge(desk, key, reason, day)


def repairs(dpo: User) -> Iterator[tuple[Key, Repair]]:
    """Each finding with its repair, in the order in which a DPO can do them.

    Some appear only on the way: a law that is looked at as well wants things of its own, and a
    contact that no activity uses any more is kept for nothing.
    """
    russia = Country.objects.get(code="RU")
    kazakhstan = list(Jurisdiction.objects.filter(code="KZ"))
    everything = list(set(Operation.values) - {"transfer", "dissemination", "provision", "access"})
    # The card.
    yield ("OPR-001", CARD), to(inn=INN)
    yield ("OPR-003", CARD), to(address=ADDRESS, phone=PHONE)
    yield ("OPR-005", CARD), to(responsible=dpo)
    yield (
        ("OPR-006", f"{CARD}/requests_email"),
        to(email=LETTERS, requests_email=LETTERS, mailbox_country=russia),
    )
    # The card has moved, the policy still sends people to the old mailbox.
    yield ("OPR-006", f"{CARD}/channels/gmail.com"), the_old_mailbox
    yield ("OPR-008", f"{CARD}/kz"), to(also_under=kazakhstan)
    yield ("OPR-010", CARD), to(languages=["ru", "kk", "en"])
    yield ("SYS-006", CARD), to(policy_address="https://ipmanagement.ru/policy")
    # Grounds and data.
    yield ("PPL-001", CARD), the_personnel_office
    yield (
        ("CLG-001", "claimed:table_149fz"),
        to(legal_basis=LegalBasis.objects.get(code="RU.6.1.1")),
    )
    yield ("CLG-004", "claimed:public_data"), remove
    yield ("CLG-006", "claimed:legitimate_interests"), remove
    yield ("DAT-002", f"{MAIL}/phone"), without_phone
    yield ("DAT-001", "category:phone"), remove
    yield ("SYS-001", "system:website"), to(country=russia)
    # What the policy says.
    yield ("CLM-012", NEVER), mailed_by_itself(everything)
    yield ("CLM-011", NEVER), remove
    yield ("CLM-020", "claim:liability/not_for_third_parties/8.5"), remove
    yield ("CLM-023", "claim:principle/operations_performed/9.1"), remove
    yield ("CLM-026", "claim:policy_publication/editor_note/12.3"), remove
    yield ("CLM-021", CARD), a_term_of_answers
    yield ("CLM-022", CARD), the_other_rights
    yield ("CLM-009", CARD), any_provable_way
    yield (
        ("CLM-008", "claim:withdrawal/by_marked_email/8.4"),
        to(code="services_or_provable_way"),
    )
    # Recipients, measures, terms.
    for code in ("communication_tools", "payment_systems"):
        yield ("RCP-001", f"recipient:{code}"), to(country=russia)
    for number, topic in enumerate(MEASURES, 1):
        yield (f"MEA-00{number}", CARD), a_measure(topic)
    for kind in ("legal", "organisational", "technical"):
        yield ("MEA-006", f"measure:{kind}"), to(evidence="Order 5 of 2 March 2026")
    yield ("RET-002", CARD), the_files_of_requests
    # What is published.
    yield ("GRD-007", MAIL), the_consent
    # What stands, and who has said so.
    yield (
        ("PRM-002", "term:PROMISE.IPM.INQUIRY/RU.REG.INQUIRY"),
        until("2026-12-31", "The stricter promise is meant; the director has decided so."),
    )
    yield ("LAW-001", "law:RU"), until("2026-06-30", "The lawyer reads the articles in April.")


def the_personnel_office(desk: Visitor, key: Key) -> None:
    enter(
        desk, SubjectCategory, code="employees", relation="employee",
        **named("Employees", "Работники", "Қызметкерлер"),
    )  # fmt: skip
    enter(
        desk, Purpose, code="employment",
        **named("Employment", "Трудовые отношения", "Еңбек қатынастары"),
    )  # fmt: skip
    enter(
        desk, InformationSystem, code="personnel", country=Country.objects.get(code="RU"),
        **named("Personnel records", "Кадровый учёт", "Кадр есебі"),
    )  # fmt: skip
    enter(
        desk, ProcessingActivity, code="employment", purpose=row(Purpose, "employment"),
        subject_categories=[row(SubjectCategory, "employees")],
        data_categories=[row(DataCategory, "full_name"), row(DataCategory, "email")],
        legal_bases=[LegalBasis.objects.get(code="RU.6.1.5")],
        systems=[row(InformationSystem, "personnel")],
        operations=["collection", "storage", "use", "destruction"], mode="mixed",
        **named("Personnel office", "Кадровое делопроизводство", "Кадр ісін жүргізу"),
    )  # fmt: skip


def without_phone(desk: Visitor, key: Key) -> None:
    follow(desk, key)
    change(desk, data_categories=[row(DataCategory, "full_name"), row(DataCategory, "email")])


def mailed_by_itself(operations: list[str]) -> Repair:
    """IPM sends its letters itself: the transfer was none. Found from the activity's own page."""

    def repair(desk: Visitor, key: Key) -> None:
        activity = row(ProcessingActivity, "email_information")
        desk.open(f"/admin/registry/processingactivity/{activity.pk}/change/")
        change(desk, operations=operations, collection_ways=["web_form"])

    return repair


def a_term_of_answers(desk: Visitor, key: Key) -> None:
    enter(
        desk, PolicyClaim, topic="operator_duty", code="answer_term", clause="3.2",
        **named("People are answered within ten working days",
                "Людям отвечают в течение десяти рабочих дней",
                "Адамдарға он жұмыс күні ішінде жауап беріледі", "words"),
    )  # fmt: skip


def the_other_rights(desk: Visitor, key: Key) -> None:
    rights = {
        "stop_dissemination": (
            "To stop the dissemination of data", "Прекратить распространение данных",
            "Деректердің таратылуын тоқтату",
        ),
        "object_to_automated_decisions": (
            "To object to decisions made by machines alone",
            "Возразить против решений, принятых только машиной",
            "Тек машина қабылдаған шешімдерге қарсылық білдіру",
        ),
    }  # fmt: skip
    for code, words in rights.items():
        enter(desk, PolicyClaim, topic="right", code=code, clause="4.1", **named(*words, "words"))


def any_provable_way(desk: Visitor, key: Key) -> None:
    enter(
        desk, IntakeChannel, channel="any_provable", intake="withdrawal", address=LETTERS,
        clause="8.4",
    )  # fmt: skip


def the_old_mailbox(desk: Visitor, key: Key) -> None:
    for channel in IntakeChannel.objects.filter(operator__code=CODE).order_by("pk"):
        desk.open(f"/admin/registry/intakechannel/{channel.pk}/change/")
        change(desk, address=LETTERS)


def a_measure(topic: str) -> Repair:
    def repair(desk: Visitor, key: Key) -> None:
        enter(
            desk, SecurityMeasure, code=topic, kind="organisational", topic=topic,
            evidence="Order 4 of 2 March 2026", **MEASURES[topic],
        )  # fmt: skip

    return repair


def the_files_of_requests(desk: Visitor, key: Key) -> None:
    enter(
        desk, RetentionRule, code="request_files", event="request_closed", counted_from="event",
        length=3, unit="year", after="destroy",
    )  # fmt: skip


def the_consent(desk: Visitor, key: Key) -> None:
    """Written by the office from the register, read, published."""
    desk.open("/admin/registry/consenttext/add/")
    fill(
        desk,
        {
            "code": "letters",
            **named("Letters by e-mail", "Письма по электронной почте", "Электрондық хаттар"),
            "activities": [row(ProcessingActivity, "email_information")],
            "end_event": "purpose_achieved",
            "third_parties": False,
            "cross_border": False,
            "dissemination": False,
            "separate_document": True,
            "in_force_on": "2026-03-02",
        },
    )
    press(desk, "input[name=_save]")
    done(desk)
    desk.verb("publish")
    desk.submit()
    done(desk)
    assert ConsentText.objects.filter(operator__code=CODE).published().count() == 1
