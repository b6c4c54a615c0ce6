"""Every check there is: importing this module fills ``registry.findings.CHECKS``. No Django."""

from __future__ import annotations

from registry.findings import (
    activities,
    card,
    claimed,
    claims,
    consents,
    data,
    grounds,
    measures,
    papers,
    people,
    promises,
    published,
    recipients,
    retention,
    returns,
    rights,
    statements,
    statutes,
    systems,
    transfers,
)

MODULES = (
    activities,
    card,
    claimed,
    claims,
    consents,
    data,
    grounds,
    measures,
    papers,
    people,
    promises,
    published,
    recipients,
    retention,
    returns,
    rights,
    statements,
    statutes,
    systems,
    transfers,
)
