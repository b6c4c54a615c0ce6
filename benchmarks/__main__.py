"""``python -m benchmarks WHAT ...``: Django first, then what is measured."""

import sys
from pathlib import Path

import django

django.setup()

from benchmarks import destroy_side, import_side  # noqa: E402

if sys.argv[1] == "destroy":
    sys.exit(destroy_side.on_postgresql(Path(sys.argv[2])))
sys.exit(import_side.main(sys.argv[1:]))
