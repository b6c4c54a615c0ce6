"""Find a person: what was typed becomes tokens, the tokens lead to cards. Nothing typed is kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from registry.errors import OperatorError, gettext_noop
from registry.models import Operator, User
from subjects.choices import Looked
from subjects.folding import Interpretation, query_terms
from subjects.models import DataSubject, SearchResult, VaultKey
from subjects.services.cards import code_of
from subjects.services.looking import look
from subjects.vault import store
from subjects.vault.models import Sealed

LIMIT = 100
TEXT_LIMIT = 300
# Values looked at for one broad term: nobody has eight values that share a word.
NEWEST = 8 * (LIMIT + 1)
# Whole identifiers first: when there are too many hits, those come before names and digits.
_BROAD = ("tail", "name")
CODE = "code"


class NothingTyped(OperatorError):
    template = gettext_noop("Type an e-mail, a phone, an IIN, an account, a name or a code.")


class TooMuchTyped(OperatorError):
    template = gettext_noop("This is longer than anything one searches for: %(limit)s characters.")


class SearchGone(OperatorError):
    """Expired, forgotten, or somebody else's: the three look the same."""

    status = 410
    template = gettext_noop("This search is no longer kept: search again.")


def search(*, user: User, text: str, now: datetime, operators: Iterable[Operator]) -> SearchResult:
    """Cards of these operators that the text may mean, at most ``LIMIT``; kept for a short time.

    Looks by e-mail, phone (however written), last 4 digits, IIN, BIN, account, IP address, words
    of a name and their beginnings, and the card's code. Leaves an access event with each operator:
    the kind of search and the number of hits, never the text. Refuses an empty text.
    """
    text = text.strip()
    if not text:
        raise NothingTyped()
    if len(text) > TEXT_LIMIT:
        raise TooMuchTyped(limit=TEXT_LIMIT)
    code = code_of(text)
    meanings = query_terms(text)
    kind = CODE if code else (meanings[0].label if meanings else "whole")
    # Looked up first: the transaction that writes is as short as it can be.
    hits = {operator: _cards(operator, code, meanings) for operator in operators}
    found = [card for cards in hits.values() for card in cards[:LIMIT]]
    with transaction.atomic():
        for operator, cards in hits.items():
            look(
                operator=operator, what=Looked.SEARCH, user=user, now=now, kind=kind,
                hits=min(len(cards), LIMIT),
            )  # fmt: skip
        return SearchResult.objects.create(
            user=user,
            made_at=now,
            expires_at=now + timedelta(minutes=settings.SEARCH_RESULT_MINUTES),
            subjects=found[:LIMIT],
            more=len(found) > LIMIT or any(len(cards) > LIMIT for cards in hits.values()),
            by=kind,
        )


def _cards(operator: Operator, code: str, meanings: list[Interpretation]) -> list[int]:
    """Numbers of the operator's cards, one more than the limit when there are more."""
    owners: dict[int, None] = {}
    for query in _queries(operator.pk, meanings):
        owners |= dict.fromkeys(query[: LIMIT + 1 - len(owners)])
        if len(owners) > LIMIT:
            break
    cards = DataSubject.objects.filter(operator=operator)
    rows = (
        dict(cards.filter(pk__in=list(owners)).values_list("pk", "merged_into")) if owners else {}
    )
    if code:
        named = cards.filter(code=code).values_list("pk", "merged_into").first()
        if named:
            rows = {named[0]: named[1], **rows}
            owners = {named[0]: None, **owners}
    # A merged card leads to the one that holds the person's data now.
    return list(dict.fromkeys(rows[owner] or owner for owner in owners if owner in rows))


def _queries(realm: int, meanings: list[Interpretation]) -> Iterator[Any]:
    """Owners of the values that were meant, the narrowest meanings first."""
    whole = [
        term for meaning in meanings if meaning.label not in _BROAD for term in meaning.groups[0]
    ]
    if whole:
        yield _owners([tuple(whole)], realm)
    for meaning in meanings:
        if meaning.label in _BROAD:
            yield _owners(meaning.groups, realm)


def _owners(groups: Sequence[Iterable[store.Term]], realm: int) -> Any:
    """People who have a term of every group, in whichever of their values; the newest first."""
    data = VaultKey.objects.filter(kind=Sealed.DATUM)
    query: Any = None
    for group in groups:
        tokens = store.found(realm, group)
        if len(groups) == 1:
            # A beginning may have a hundred thousand hits: the index gives the newest of them.
            tokens = tokens.order_by("-key")[:NEWEST]
        hits = data.filter(pk__in=tokens)
        if query is not None:
            hits = hits.filter(owner__in=query.values("owner"))
        query = hits
    return query.order_by("-owner").values_list("owner", flat=True).distinct()


def result_of(*, user: User, number: str, now: datetime) -> SearchResult:
    """The user's own result, as long as it is kept. Refuses any other alike."""
    row = SearchResult.objects.filter(pk=number, user=user, expires_at__gt=now).first()
    if row is None:
        raise SearchGone()
    return row


def results_forget(now: datetime) -> int:
    """Delete the results whose time is over; returns how many."""
    return SearchResult.objects.filter(expires_at__lte=now).delete()[0]
