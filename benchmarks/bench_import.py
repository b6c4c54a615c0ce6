"""How fast people are imported, beside a plain COPY of the same finished rows.

``make bench-import`` (PEOPLE=100000): on an embedded PostgreSQL, in one run and by turns, (A) the
product imports a file into empty tables, (B) a single COPY for each table brings back the rows
that A made, into the same tables with the same indexes. Fails when A is below ``LEAST`` of B's
speed. Then the same import on SQLite. This process only starts the two offices; what happens in
them stands in ``import_side``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.servers import postgres

ROOT = Path(__file__).resolve().parent.parent


def office(side: str, folder: Path, database: str) -> int:
    """Measure one database in an office of its own; the exit code says whether it was enough."""
    folder.mkdir()
    environment = os.environ | {
        "OFFICE_MODE": "development",
        "OFFICE_VAR": str(folder / "var"),
        "OFFICE_SECRETS": str(folder / "secrets"),
        "SECRET_KEY": "only-for-the-benchmark-" + "x" * 50,
        "REDIS_URL": "",
        "EMAIL_URL": "",
        "DATABASE_URL": database,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    command = [sys.executable, "-m", "benchmarks", side, str(folder)]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="office-bench-") as room:
        with postgres() as url:
            code = office("postgresql", Path(room) / "postgresql", url)
        # Both are measured, whatever the first one said.
        return office("sqlite", Path(room) / "sqlite", "") or code


if __name__ == "__main__":
    sys.exit(main())
