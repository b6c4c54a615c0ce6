"""How fast an act destroys, beside what a raw statement, nulling and a loop of save() do.

``make bench-destroy`` (SIZE=20000): on an embedded PostgreSQL, in one run and by turns, each from
the same rows. Fails only when something breaks: the figures stand in ``benchmarks/results.md``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.bench_import import office
from tests.servers import postgres


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="office-bench-") as room, postgres() as url:
        return office("destroy", Path(room) / "destroy", url)


if __name__ == "__main__":
    sys.exit(main())
