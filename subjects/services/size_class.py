"""The size class of an operator under 94-V: how many people, which data, and what follows.

94-V 25-1 and 10-1 as Law 326-VIII made them, from a secondary source. People are counted by their
cards; the paper names none of them. That data of restricted access are the special and the
biometric ones is this office's own reading, an assumption that the paper states.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext

from registry.choices import DataKind, RegisterPaperKind, Verification
from registry.errors import gettext_noop
from registry.explain import long_day
from registry.models import DataCategory, DeadlineRule, Operator, ProcessingActivity
from registry.paper_contents import Contents, Section
from registry.services.paper_kinds import Ask, writes
from registry.services.rules import UnknownRule
from registry.sizes import LARGE_FROM, SMALL_UP_TO, SizeClass, must_notify, size_class
from subjects.choices import HeldIn, Outcome
from subjects.models import ActItem, Consent, DataSubject, PersonalDatum
from subjects.vault.models import DestructionItem, Sealed

RULE = "KZ.NOTIFY.START_STOP"
ARTICLE = "94-V 25-1, 10-1"
# Whose owner is a card.
OF_CARDS = (Sealed.DATUM, Sealed.EVIDENCE, Sealed.FILE)
RESTRICTED = (DataKind.SPECIAL, DataKind.BIOMETRIC)
WORDS = {
    SizeClass.SMALL: gettext_noop("small"),
    SizeClass.MEDIUM: gettext_noop("medium"),
    SizeClass.LARGE: gettext_noop("large"),
}


# --- what is counted ---------------------------------------------------------------------------
def people_counted(*, operator: Operator) -> int:
    """How many people have a living card with the operator; two queries.

    Not counted: a card that was merged into another, and one whose data are all destroyed, also
    where the proof of a consent is still kept. Counted: a card on which nothing is recorded yet,
    and one with a value that is lost, for loss is no destruction.
    """
    cards = DataSubject.objects.filter(operator=operator, merged_into=None).order_by()
    # Counted beside the condition, not in it: else PostgreSQL joins everybody's data first.
    touched = cards.filter(pk__in=_touched()).annotate(
        had=Subquery(_data_held().values("pk")[:1]),
        left=Subquery(_data_left().values("pk")[:1]),
        proof=Subquery(_proofs_left().values("pk")[:1]),
    )
    # A card that never had a datum holds its proofs and nothing else.
    destroyed = Q(left=None) & (Q(had__isnull=False) | Q(proof=None))
    gone: int = touched.aggregate(gone=Count("pk", filter=destroyed))["gone"]
    return cards.count() - gone


def _data_held() -> QuerySet[PersonalDatum]:
    return PersonalDatum.objects.filter(subject=OuterRef("pk")).order_by()


def _data_left() -> QuerySet[PersonalDatum]:
    """The data of the outer card that still exist, in the vault or elsewhere."""
    items = DestructionItem.objects.all()
    return _data_held().filter(
        Q(value_key__isnull=False) & ~Exists(items.filter(key=OuterRef("value_key")))
        | Q(file__isnull=False) & ~Exists(items.filter(key=OuterRef("file__key")))
        | ~Q(held_in=HeldIn.VAULT) & ~Exists(_confirmed().filter(datum=OuterRef("pk")))
    )


def _proofs_left() -> QuerySet[Consent]:
    """The consents of the outer card whose proof still exists."""
    gone = DestructionItem.objects.filter(key=OuterRef("evidence_key"))
    return Consent.objects.filter(
        ~Exists(gone), ground__subject=OuterRef("pk"), evidence_key__isnull=False
    ).order_by()


def _touched() -> Any:
    """Cards of which something was destroyed, also while it was on a card merged into them."""
    owners = DestructionItem.objects.filter(kind__in=OF_CARDS).values("owner")
    merged = DataSubject.objects.filter(pk__in=owners, merged_into__isnull=False)
    elsewhere = PersonalDatum.objects.filter(pk__in=_confirmed().values("datum"))
    return owners.union(
        merged.order_by().values("merged_into"), elsewhere.order_by().values("subject")
    )


def _confirmed() -> QuerySet[ActItem]:
    """Things held elsewhere that somebody confirmed as destroyed."""
    return ActItem.objects.filter(key=None, datum__isnull=False, outcome=Outcome.DESTROYED)


def restricted_data(operator: Operator, today: date) -> list[DataCategory]:
    """Special and biometric data of the activities that go on today: what this office takes the
    data of restricted access to be (94-V 25-1)."""
    activities = live_activities(operator, today)
    return list(
        DataCategory.objects.filter(
            operator=operator, kind__in=RESTRICTED, activities__in=activities.values("pk")
        )
        .distinct()
        .order_by("code")
    )


def live_activities(operator: Operator, today: date) -> QuerySet[ProcessingActivity]:
    """Activities that have begun and go on, for a purpose that goes on."""

    def goes_on(name: str) -> Q:
        return Q(**{name: None}) | Q(**{f"{name}__gt": today})

    return ProcessingActivity.objects.filter(
        Q(started_on=None) | Q(started_on__lte=today),
        goes_on("ended_on"),
        goes_on("purpose__ended_on"),
        operator=operator,
    )


# --- the paper ---------------------------------------------------------------------------------
# The number of people is another one every day; what is signed stands while the class does and
# the data that the paper names.
@writes(RegisterPaperKind.SIZE_CLASS, laws="KZ", binds=("class", "restricted", "data"))
def write_size_class(ask: Ask) -> Contents:
    """The class on the day of writing, and what follows from it."""
    people = people_counted(operator=ask.operator)
    data = restricted_data(ask.operator, ask.today)
    size = size_class(people, bool(data))
    missing = []
    if not live_activities(ask.operator, ask.today).exists():
        missing.append(
            gettext(
                "The register has no processing activity that goes on: without one nobody can "
                "tell whether data of restricted access are processed."
            )
        )
    return Contents(
        title=gettext("Size class of the operator of personal data"),
        article=ARTICLE,
        sections=(
            _people(people, ask.today),
            _data(data),
            _class(people, bool(data), size),
            _follows(size),
            _source(ask.today),
        ),
        missing=tuple(missing),
        particulars={
            "people": people,
            "restricted": bool(data),
            "data": sorted(row.code for row in data),
            "class": str(size),
        },
    )


def _people(people: int, today: date) -> Section:
    return Section(
        heading=gettext("People"),
        text=(
            gettext(
                "Counted is everybody who has a card in this office. A card that was merged into "
                "another, and a card whose data are all destroyed, is not counted."
            ),
        ),
        pairs=(
            (gettext("People counted"), str(people)),
            (gettext("Counted on"), long_day(today)),
        ),
    )


def _data(data: list[DataCategory]) -> Section:
    heading = gettext("Data of restricted access")
    if not data:
        none = gettext("No processing activity that goes on uses special or biometric data.")
        return Section(heading=heading, text=(none,))
    return Section(
        heading=heading,
        text=(
            gettext(
                "The processing activities that go on use these data, which move the operator one "
                "class up:"
            ),
        ),
        columns=(gettext("Data category"), gettext("Kind")),
        rows=tuple((row.name, str(row.get_kind_display())) for row in data),
    )


def _class(people: int, restricted: bool, size: SizeClass) -> Section:
    limits = {"small": SMALL_UP_TO, "large": LARGE_FROM}
    by_people = size_class(people, False)
    pairs = [(gettext("By the number of people"), gettext(WORDS[by_people]))]
    if restricted:
        pairs.append((gettext("With data of restricted access"), gettext(WORDS[size])))
    pairs.append((gettext("Class of the operator"), gettext(WORDS[size])))
    return Section(
        heading=gettext("Class"),
        text=(
            gettext(
                "An operator is small with up to %(small)d people, large with %(large)d people or "
                "more, and medium between the two (94-V 25-1)."
            )
            % limits,
        ),
        pairs=tuple(pairs),
    )


def _follows(size: SizeClass) -> Section:
    if must_notify(size):
        duty = gettext(
            "A large operator notifies the authority before it starts and before it stops "
            "processing personal data (94-V 10-1)."
        )
    else:
        duty = gettext(
            "Small and medium operators are exempt: they need not notify the authority of the "
            "start and the end of processing (94-V 10-1)."
        )
    again = gettext(
        "The class is determined anew when the number of people passes one of the two limits, or "
        "when the operator begins or ceases to use data of restricted access."
    )
    return Section(heading=gettext("What follows"), text=(duty, again))


def _source(today: date) -> Section:
    rule = _rule(today)
    text = []
    if rule.verification != Verification.CONFIRMED:
        text.append(
            gettext(
                "This office knows these articles (%(how)s) without the official text beside it: "
                "compare them with the published law before you rely on this paper."
            )
            % {"how": rule.get_verification_display()}
        )
    # Also where the rule is confirmed: that the articles read so says not which data they mean.
    text.append(
        gettext(
            "Assumption: this office takes data of restricted access to be special and biometric "
            "data."
        )
    )
    if rule.effective_from and rule.effective_from > today:
        text.append(gettext("They are not in force yet."))
    pairs = [(gettext("Articles"), rule.article)]
    if rule.effective_from:
        pairs.append((gettext("In force from"), long_day(rule.effective_from)))
    return Section(heading=gettext("Source"), text=tuple(text), pairs=tuple(pairs))


def _rule(today: date) -> DeadlineRule:
    """The newest version that has begun, else the first that will."""
    versions = DeadlineRule.objects.filter(code=RULE).order_by(
        F("effective_from").asc(nulls_first=True)
    )
    found = None
    for version in versions:
        if found is None or (version.effective_from or date.min) <= today:
            found = version
    if found is None:
        raise UnknownRule(code=RULE)
    return found
