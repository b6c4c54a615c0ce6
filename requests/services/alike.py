"""What else the same people, or the same contact, have asked for: found by tokens, nothing opened.

Whoever writes twice is answered once: the clerk sees both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from requests.models import IncomingMail, RequestSubject, SubjectRequest
from requests.models.subject_requests import CONTACT_FORMATS
from subjects.models import SearchToken, VaultKey
from subjects.vault.models import Sealed

MOST = 20
# Values of one contact that are looked at, the newest: a lawyer or a machine has thousands.
NEWEST = 200
SAME_CARD, SAME_EMAIL, SAME_PHONE = "card", "email", "phone"
SAME = {
    SAME_CARD: _("the same card"),
    SAME_EMAIL: _("the same e-mail"),
    SAME_PHONE: _("the same phone"),
}


@dataclass(frozen=True, slots=True)
class Alike:
    """Another request, what it asks for, and what it has in common: names of ``SAME``."""

    request: SubjectRequest
    asked: str
    common: tuple[str, ...]

    @property
    def words(self) -> str:
        return ", ".join(str(SAME[one]) for one in self.common)

    @property
    def runs(self) -> bool:
        return self.request.ended_at is None


def others_of(row: SubjectRequest) -> list[Alike]:
    """Other requests of the same cards or with the same e-mail or phone, the newest first.

    The same contact is no proof of the same person: families and offices share one. Seven queries
    at most, whatever there is.
    """
    common: dict[int, set[str]] = defaultdict(set)
    pairs = row.people.filter(unlinked_at=None).values_list("subject", "subject__merged_into")
    cards = {number for pair in pairs for number in pair if number}
    if cards:
        links = RequestSubject.objects.filter(
            request__operator=row.operator_id, subject__in=cards, unlinked_at=None
        )
        for number in links.order_by("-request").values_list("request", flat=True)[:NEWEST]:
            common[number].add(SAME_CARD)
    keys = {getattr(row, f"{name}_key"): name for name in CONTACT_FORMATS}
    for number, names in _with_contact(keys).items():
        common[number] |= names
    common.pop(row.pk, None)
    return _shown(row.operator_id, common)


def requests_of_sender(mail: IncomingMail) -> list[Alike]:
    """Requests with the address that a mail came from, the newest first; five queries at most."""
    return _shown(mail.operator_id, _with_contact({mail.told_key: SAME_EMAIL}))


def _with_contact(keys: Mapping[int | None, str]) -> dict[int, set[str]]:
    """Request -> what of its contact has the same token as one of these keys: key -> its name.

    A token holds the operator and the kind of the term: nothing of another operator is met.
    """
    tokens = {
        bytes(token): keys[key]
        for token, key in SearchToken.objects.filter(
            key__in=[key for key in keys if key]
        ).values_list("token", "key")
    }
    found: dict[int, set[str]] = defaultdict(set)
    for token, name in tokens.items():
        # One contact is asked at a time, so that the one cannot push the other out.
        hits = VaultKey.objects.filter(
            kind=Sealed.REQUEST, pk__in=SearchToken.objects.filter(token=token).values("key")
        )
        for owner in hits.order_by("-pk").values_list("owner", flat=True)[:NEWEST]:
            found[owner].add(name)
    return found


def _shown(operator: int, common: Mapping[int, set[str]]) -> list[Alike]:
    if not common:
        return []
    rows = (
        SubjectRequest.objects.filter(operator=operator, pk__in=list(common))
        .order_by("-received_at", "-pk")
        .prefetch_related("items")[:MOST]
    )
    return [
        Alike(
            request=row,
            asked=", ".join(dict.fromkeys(item.what for item in row.items.all())),
            common=tuple(name for name in SAME if name in common[row.pk]),
        )
        for row in rows
    ]
