"""The office under test: its own folders, and the database and broker that the run names."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

_room = Path(tempfile.mkdtemp(prefix="office-tests-"))
atexit.register(shutil.rmtree, _room, ignore_errors=True)
os.environ["OFFICE_MODE"] = "development"
os.environ["OFFICE_VAR"] = str(_room / "var")
os.environ["OFFICE_SECRETS"] = str(_room / "secrets")
os.environ["SECRET_KEY"] = "only-for-tests-" + "x" * 50
os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL", "")
os.environ["REDIS_URL"] = os.environ.get("TEST_REDIS_URL", "")
os.environ["EMAIL_URL"] = ""

from config.management.commands.compile_translations import compile_catalogues  # noqa: E402
from config.settings import *  # noqa: E402, F403
from config.settings import DATABASES, LOCALE_PATHS  # noqa: E402

TEST_ROOM = _room
# A file, not memory: other processes and threads of the tests open the same database.
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(_room / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# Tests ring no doorbells: those about the broker start real workers of their own.
CELERY_TASK_ALWAYS_EAGER = False
# Before anything is translated: a catalogue that was missing once stays missing.
compile_catalogues(LOCALE_PATHS)
