"""Who may do what: one question, ``user.has_perm(perm, obj)``, and one filter, ``scoped``.

Rights come from memberships of today, and from the memberships of those for whom the user
stands in today (``Absence``). Nobody has a right by being a superuser alone: the administrator
is one more role, with its own grants on each model.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from django.apps import apps
from django.contrib.auth.backends import ModelBackend
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from registry.models import InspectorPass, Membership, Operator, User
from registry.roles import INSPECTOR, Access

M = TypeVar("M", bound=Model)

ADMINISTRATOR = "administrator"


def access_of(model: type[Model]) -> Access | None:
    """The grants of a model; None for a model that nobody may see."""
    return getattr(model, "access", None)


Roles = dict[int, frozenset[str]]


class Held(NamedTuple):
    """Operator id -> roles today: the user's own, and with them those stood in for.

    ``sworn``: operators to which the user has signed an undertaking that holds today.
    ``visit``: the pass of an account that is an inspector's, whether it still holds or not.
    """

    own: Roles
    everything: Roles
    sworn: frozenset[int]
    visit: InspectorPass | None = None


def roles_of(user: Any) -> Held:
    """The roles of today; none for somebody who is not logged in or not active."""
    if not (user.is_authenticated and user.is_active):
        return Held({}, {}, frozenset())
    cached: Held | None = getattr(user, "_office_roles", None)
    if cached is None:
        cached = user._office_roles = _read_roles(user)
    return cached


def _read_roles(user: User) -> Held:
    now = timezone.now()
    own: dict[int, set[str]] = {}
    lent: dict[int, set[str]] = {}
    sworn: set[int] = set()
    memberships = (
        Membership.objects.select_related("operator__jurisdiction", "user")
        .annotate(
            substitute=F("user__absences__substitute"),
            away_in=F("user__absences__operator"),
            away_from=F("user__absences__first_on"),
            away_until=F("user__absences__last_on"),
        )
        .filter(Q(user=user) | Q(substitute=user.pk, away_in=F("operator")))
    )
    held_any = False
    for membership in memberships:
        held_any = True
        operator = membership.operator_id
        today = timezone.localdate(now, membership.operator.zone)
        if not membership.holds_on(today):
            continue
        if membership.user_id == user.pk:
            own.setdefault(operator, set()).add(membership.role)
            if membership.sworn_on(today):
                sworn.add(operator)
        elif membership.away_from <= today <= membership.away_until:
            lent.setdefault(operator, set()).add(membership.role)
    # Whoever has or had a role is no inspector: the staff is asked no second question.
    visit = None if held_any else InspectorPass.objects.filter(user=user).first()
    if visit is not None:
        return _as_inspector(visit, now)
    everything = {
        operator: frozenset(own.get(operator, set()) | lent.get(operator, set()))
        for operator in {*own, *lent}
    }
    held = {operator: frozenset(roles) for operator, roles in own.items()}
    return Held(held, everything, frozenset(sworn))


def _as_inspector(visit: InspectorPass, now: datetime) -> Held:
    """The rooms that the pass opens, to the moment; an inspector signs no undertaking."""
    if not visit.holds_at(now):
        return Held({}, {}, frozenset(), visit)
    rooms = {visit.operator_id: frozenset(f"{INSPECTOR}{room}" for room in visit.rooms)}
    return Held(rooms, rooms, frozenset({visit.operator_id}), visit)


def without_undertaking(user: Any) -> bool:
    """Whether a role of today keeps its pages of people closed for want of an undertaking."""
    held = roles_of(user)
    return not held.sworn.issuperset(held.own)


def operator_ids(user: Any, action: str, access: Access) -> list[int]:
    """Operators in which a role of the user grants the action."""
    held = roles_of(user)
    return [
        operator
        for operator, roles in (held.everything if access.lent else held.own).items()
        if any(action in access.grants(role) for role in roles)
        and (operator in held.sworn or not access.sworn)
    ]


def _administrates(user: Any, action: str, access: Access) -> bool:
    return bool(
        user.is_authenticated
        and user.is_active
        and user.is_superuser
        and action in access.grants(ADMINISTRATOR)
    )


def _operators_of(obj: Any, scope: str) -> set[int]:
    """The operators to which a row belongs, saved or not yet; empty for a shared row."""
    if scope == "pk":
        return {obj.pk} if obj.pk else set()
    owners = [obj]
    for part in scope.split("__"):
        following: list[Any] = []
        for owner in owners:
            if owner._meta.get_field(part).one_to_many:
                following.extend(getattr(owner, part).all() if owner.pk else [])
            else:
                # Not filled in yet: belongs to nobody.
                following.append(getattr(owner, part, None))
        owners = [owner for owner in following if owner is not None]
    return {owner.pk for owner in owners}


def may(user: Any, action: str, model: type[Model], obj: Model | None = None) -> bool:
    """Whether the user may do this to that row (or, without a row, to any of that kind)."""
    access = access_of(model)
    if access is None or not isinstance(obj, model | None):
        return False
    if _administrates(user, action, access):
        return True
    if not (user.is_authenticated and user.is_active):
        return False
    allowed = operator_ids(user, action, access)
    if obj is None or access.scope is None:
        return bool(allowed)
    owners = _operators_of(obj, access.scope)
    if not owners:
        return action == "view" and access.shared and bool(allowed)
    return bool(owners & set(allowed))


def has_perm(user: Any, perm: str, obj: Model | None = None) -> bool:
    """``app.action_model``; an unknown permission is refused."""
    app_label, _, codename = perm.partition(".")
    action, _, model_name = codename.rpartition("_")
    try:
        model = apps.get_model(app_label, model_name)
    except (LookupError, ValueError):
        return False
    return may(user, action, model, obj)


def scoped(queryset: QuerySet[M], user: Any, action: str = "view") -> QuerySet[M]:
    """Only the rows that the user may see: another operator's do not exist."""
    access = access_of(queryset.model)
    if access is None:
        return queryset.none()
    if _administrates(user, action, access):
        return queryset
    allowed = operator_ids(user, action, access)
    if not allowed:
        return queryset.none()
    if access.scope is None:
        return queryset
    mine = Q(**{f"{access.scope}__in": allowed})
    if access.shared:
        mine |= Q(**{f"{access.scope}__isnull": True})
    if "__" in access.scope:
        # A path over several rows would repeat a row; a subquery does not.
        return queryset.filter(pk__in=queryset.model._base_manager.filter(mine).values("pk"))
    return queryset.filter(mine)


def operators_for(user: Any, action: str, model: type[Model]) -> QuerySet[Operator]:
    """Operators for which the user may do this to rows of that kind."""
    access = access_of(model)
    if access is None:
        return Operator.objects.none()
    if _administrates(user, action, access):
        return Operator.objects.all()
    return Operator.objects.filter(pk__in=operator_ids(user, action, access))


class RoleBackend(ModelBackend):
    """Logs in by password; answers permissions from roles, never from Django's tables."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return has_perm(user_obj, perm, obj)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return any(
            may(user_obj, "view", model) for model in apps.get_app_config(app_label).get_models()
        )

    def get_user_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()
