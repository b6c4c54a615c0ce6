"""Who of those that are given data is a third party: one answer for gates, records and findings.

Standard library only.
"""

from __future__ import annotations

RU = "RU"
PROCESSOR, STATE_BODY = "processor", "state_body"


def is_third_party(law: str, kind: str) -> bool:
    """Whether a recipient of that kind is a third party under the law of that jurisdiction.

    A body of the state that is given data by law is none. Nor is a processor in Russia, who acts
    on the operator's behalf (152-FZ 6(3)); in Kazakhstan the subject's consent says whether data
    go to anybody else at all, whoever's will they serve (94-V 7(6), 8(4)(4)).
    """
    if kind == STATE_BODY:
        return False
    return kind != PROCESSOR or law != RU
