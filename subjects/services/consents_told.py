"""Under which consents somebody's data were held: what is still known when the data are gone.

Text, way and days of a consent hold no value of the person, and stay with the card.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from subjects.models import Consent
from subjects.services.covering import known_end


@dataclass(frozen=True, slots=True)
class ConsentTold:
    """One consent of a card. ``until``: the day from which it held no more; None: none is known.

    ``channel``: a ``registry.choices.Channel``. ``ended``: why it ended, a ``GroundEnd``.
    """

    text: str
    version: int
    channel: str
    given_at: datetime
    until: date | None
    ended: str

    def since(self, zone: ZoneInfo) -> date:
        """The local day on which it was given."""
        return self.given_at.astimezone(zone).date()


def consents_told(cards: Iterable[int]) -> Mapping[int, list[ConsentTold]]:
    """Card -> its consents, the oldest first; one query."""
    rows = Consent.objects.filter(ground__subject__in=list(cards)).select_related(
        "text", "ground__activity__purpose"
    )
    found: dict[int, list[ConsentTold]] = defaultdict(list)
    for row in rows.order_by("given_at", "pk"):
        ground = row.ground
        end = known_end(
            started_on=ground.started_on, ended_on=ground.ended_on, end_reason=ground.end_reason,
            expires_on=row.expires_on, activity=ground.activity,
        )  # fmt: skip
        found[ground.subject_id].append(
            ConsentTold(
                text=row.text.code,
                version=row.text.version,
                channel=row.channel,
                given_at=row.given_at,
                until=end.on if end else None,
                ended=end.event if end else "",
            )
        )
    return found
