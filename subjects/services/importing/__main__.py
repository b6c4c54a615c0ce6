"""A worker process: chunks in, prepared chunks out, through its own pipes."""

import sys

from subjects.services.importing.worker import main

main(sys.stdin.buffer, sys.stdout.buffer)
