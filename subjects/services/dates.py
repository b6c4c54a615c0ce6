"""By when each key must go: kept in the key itself, so that one small index finds all that is due.

Whoever ends or begins a ground calls ``dates_keep``; the hourly sweep finds what nobody did: a
consent that has expired, a purpose that was achieved, a rule that was corrected.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from django.db import transaction

from registry import seam
from registry.errors import OperatorError
from registry.models import Operator
from subjects.models import DataSubject, VaultKey
from subjects.services.covering import Law
from subjects.services.fates import Fates, Held, failures_tell

CHUNK = 2_000  # people
FEW = 50  # dates


def dates_keep(subjects: Iterable[int], *, today: date) -> int:
    """Write into the keys of these cards the day by which they must go; how many were changed.

    A datum's key gets what its fate says (152-FZ 21, 94-V 18), NULL while no end is known. The
    proof of a consent goes the day after its limitation period (CC RF 196, CC RK 178). A card
    that was merged stands for the one that holds its data now. The cards are locked.
    """
    changed = 0
    for operator, numbers in _by_operator(subjects):
        law = Law(operator)
        for start in range(0, len(numbers), CHUNK):
            changed += _keep(law, today, numbers[start : start + CHUNK])
    return changed


def operator_dates(operator: Operator, *, today: date) -> dict[str, int]:
    """The same for all people of an operator: ``looked`` at so many, ``dated`` so many keys anew.

    Late, twice or killed half-way it does no harm: what is right already is not written. Reads
    people in chunks without holding them, and locks those alone whose dates are wrong. ``failed``:
    so many have no fate; they are told in the log and hold nobody up.
    """
    did = {"looked": 0, "dated": 0, "failed": 0}
    law = Law(operator)
    for part in cards(operator):
        failed: dict[int, OperatorError] = {}
        found = Fates(law, today).read(part, failed)
        failures_tell(failed)
        did["failed"] += len(failed)
        wrong = {held.subject for held in found if held.key and _wrong(held)}
        did["looked"] += len(part)
        if wrong:
            did["dated"] += _keep(law, today, sorted(wrong))
    return did


def cards(operator: Operator) -> Iterator[list[int]]:
    """The numbers of the operator's cards that hold something themselves, chunk by chunk."""
    last = 0
    rows = DataSubject.objects.filter(operator=operator, merged_into=None).order_by("pk")
    while part := list(rows.filter(pk__gt=last).values_list("pk", flat=True)[:CHUNK]):
        yield part
        last = part[-1]


def _by_operator(subjects: Iterable[int]) -> Iterator[tuple[Operator, list[int]]]:
    rows = seam.numbered(DataSubject.objects.order_by(), "id", sorted(set(subjects)))
    found: dict[int, set[int]] = defaultdict(set)
    for number, operator, merged_into in rows.values_list("pk", "operator_id", "merged_into_id"):
        found[operator].add(merged_into or number)
    operators = Operator.objects.select_related("jurisdiction").in_bulk(found)
    for operator, numbers in sorted(found.items()):
        yield operators[operator], sorted(numbers)


def _keep(law: Law, today: date, subjects: Iterable[int]) -> int:
    numbers = list(subjects)
    with transaction.atomic():
        # Nobody begins or ends a ground of these people while their dates are being written.
        list(
            seam.lock(seam.numbered(DataSubject.objects.order_by("pk"), "id", numbers))
            .values_list("pk", flat=True)
        )  # fmt: skip
        found = Fates(law, today).read(numbers)
        wanted = {held.key: held.destroy_on for held in found if held.key and _wrong(held)}
        if not wanted:
            return 0
        locked = seam.lock(seam.numbered(VaultKey.objects.order_by("pk"), "id", sorted(wanted)))
        standing = list(locked.values_list("pk", flat=True))
        _write({number: wanted[number] for number in standing})
        return len(standing)


def _write(wanted: Mapping[int, date | None]) -> None:
    """One statement a date while there are few; keys have no history."""
    dates: dict[date | None, list[int]] = defaultdict(list)
    for number, day in wanted.items():
        dates[day].append(number)
    if len(dates) > FEW:
        rows = [VaultKey(pk=number, destroy_on=day) for number, day in wanted.items()]
        seam.rewrite(VaultKey, rows, ["destroy_on"])
        return
    for day, numbers in dates.items():
        seam.numbered(VaultKey.objects.all(), "id", numbers).update(destroy_on=day)


def _wrong(held: Held) -> bool:
    return held.dated != held.destroy_on
