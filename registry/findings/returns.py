"""Sources that still carry people whom the operator has destroyed."""

from __future__ import annotations

from collections.abc import Iterator

from registry.errors import gettext_noop as _
from registry.findings import Hit, Severity, Words, check, hit
from registry.findings.facts import Register
from registry.findings.law import article

FILE = _("an imported file")
NO_ACT = _("without an act")


@check(
    "DST-001",
    Severity.ERROR,
    message=_(
        "Still carried by %(name)s: people who were destroyed (%(act)s). Rows: %(rows)s, the last "
        "on %(day)s."
    ),
    clears=_(
        "Have the source cleaned, then write down on the page of this return how that was done."
    ),
)
def destroyed_and_still_there(register: Register) -> Iterator[Hit]:
    for row in register.returned:
        yield hit(
            f"returned:{row.code}",
            article(register, RU="21", KZ="18"),
            name=row.name or Words((FILE,)),
            act=row.act or Words((NO_ACT,)),
            rows=row.rows,
            day=row.last_on,
        )
