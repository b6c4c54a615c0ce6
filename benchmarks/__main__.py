"""``python -m benchmarks WHAT ...``: Django first, then what is measured."""

import sys

import django

django.setup()

from benchmarks import import_side  # noqa: E402

sys.exit(import_side.main(sys.argv[1:]))
