"""Who may do what, as data on each model. Standard library only.

Every model carries an ``access = Access(...)``; ``registry.access`` answers
``user.has_perm(perm, obj)`` from it and nothing else does.
"""

from __future__ import annotations

from dataclasses import dataclass

VIEW = frozenset({"view"})
EDIT = frozenset({"view", "add", "change"})
FULL = frozenset({"view", "add", "change", "delete"})
NOTHING: frozenset[str] = frozenset()
# An inspector of the authority, with the name of a room behind it: "inspector:register".
INSPECTOR = "inspector:"


@dataclass(frozen=True, slots=True)
class Access:
    """The grants of one model.

    ``scope``: the lookup that leads to the operator (``"operator"``, ``"pk"`` for the operator
    itself); None for rows that belong to no operator (the law), readable by all staff.
    ``shared``: rows whose scope is empty are readable by all staff too (office-wide promises).
    ``lent``: whoever stands in for somebody has their rights here. Not over roles and absences,
    or a substitute could lengthen the very absence that lends the rights.
    ``sworn``: rows about people, open only to whoever has signed an undertaking not to disclose
    them (152-FZ 7, 94-V 11); whoever stands in for somebody has signed one too.
    ``room``: to which room the model belongs, of those that can be opened to an inspector; empty:
    to none. An inspector reads what an auditor would, in the rooms that are open, and no more.
    """

    scope: str | None
    dpo: frozenset[str] = VIEW
    clerk: frozenset[str] = VIEW
    auditor: frozenset[str] = VIEW
    administrator: frozenset[str] = VIEW
    shared: bool = False
    lent: bool = True
    sworn: bool = False
    room: str = ""

    def grants(self, role: str) -> frozenset[str]:
        """The actions of a role; an unknown role has none."""
        if role.startswith(INSPECTOR):
            mine = self.room and role == f"{INSPECTOR}{self.room}"
            return VIEW & self.auditor if mine else NOTHING
        if role not in {"dpo", "clerk", "auditor", "administrator"}:
            return NOTHING
        granted: frozenset[str] = getattr(self, role)
        return granted


# The usual shapes, named once.
LAW = Access(scope=None, administrator=EDIT)
REGISTER = Access(scope="operator", dpo=FULL, administrator=FULL, room="register")
MACHINE = Access(scope=None, dpo=VIEW, clerk=NOTHING, auditor=VIEW)
ADMINISTRATOR_ONLY = Access(
    scope=None, dpo=NOTHING, clerk=NOTHING, auditor=NOTHING, administrator=VIEW
)
