"""What the signed list of necessary data lacks cannot be stored (94-V 25(2)(1), 152-FZ 5(5))."""

from __future__ import annotations

import pytest

from registry.choices import RegisterPaperKind
from registry.models import Membership, RegisterPaper
from registry.services import audit
from registry.services.register_papers import paper_draft, paper_sign
from subjects.models import PersonalDatum
from subjects.services.importing import errors
from subjects.services.people import BeyondTheList, datum_rectify
from tests.conftest import Office, Team
from tests.subjects.people import NOW, TODAY, category_of, datum, person, text_of
from tests.subjects.test_import_common import ROW, imported, table

pytestmark = pytest.mark.django_db


def sign_the_list(team: Team) -> RegisterPaper:
    """The list as the register gives it; nothing open-ended is in it."""
    for row in team.operator.datacategory_set.filter(open_ended=True):
        row.open_ended = False
        audit.save(row, by=None, reason="test", fields=["open_ended"])
    role = Membership.objects.get(operator=team.operator, user=team.dpo)
    role.position = "Director"
    audit.save(role, by=None, reason="test", fields=["position"])
    paper = paper_draft(
        operator=team.operator, kind=RegisterPaperKind.DATA_LIST, language="ru", by=team.dpo,
        now=NOW,
    )  # fmt: skip
    return paper_sign(
        paper=paper, signer=team.dpo, order_number="12", signed_on=TODAY, by=team.dpo, now=NOW
    )


def sign_without(team: Team, code: str) -> None:
    """A list on which nothing asks for that category, and then an activity that does."""
    category = category_of(team, code)
    users = list(category.activities.all())
    for activity in users:
        activity.data_categories.remove(category)
    assert code not in sign_the_list(team).particulars["categories"]
    for activity in users:
        activity.data_categories.add(category)


@pytest.mark.parametrize("law", ["pandev", "ipm"])
def test_what_the_list_lacks_is_refused_and_what_it_names_is_held(office: Office, law: str) -> None:
    team: Team = getattr(office, law)
    text_of(team)
    subject = person(team)
    sign_without(team, "phone")
    with pytest.raises(BeyondTheList, match="not on the list"):
        datum(team, subject, "phone", "+7 701 000-00-00")
    before = PersonalDatum.objects.count()
    assert datum(team, subject, "email", "second@example.org").pk
    assert PersonalDatum.objects.count() == before + 1


def test_without_a_signed_list_nothing_limits(office: Office) -> None:
    subject = person(office.pandev)
    assert datum(office.pandev, subject, "phone", "+7 701 000-00-00").pk


def test_what_is_held_already_can_still_be_corrected(office: Office) -> None:
    """The person's right to have it right does not end with the list (94-V 24(1)(3))."""
    team = office.pandev
    subject = person(team)
    row = datum(team, subject, "phone", "+7 701 000-00-00")
    sign_without(team, "phone")
    datum_rectify(datum=row, text="+7 701 000-00-01", by=team.clerk, today=TODAY, reason="asked")


def test_a_file_with_such_a_column_is_refused_whole(office: Office) -> None:
    team = office.pandev
    text_of(team)
    sign_without(team, "phone")
    with pytest.raises(errors.ColumnBeyondTheList):
        imported(team, table(ROW | {"phone": "+7 701 000-00-00"}))
    assert not PersonalDatum.objects.filter(category__code="phone").exists()
