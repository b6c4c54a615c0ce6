"""The whole office on one machine: set up, started and stopped as one."""

from __future__ import annotations

import os
import socket
import sys
from argparse import ArgumentTypeError
from io import TextIOWrapper
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.processes import Ended, ProcessGroup

HOST = "127.0.0.1"


def port_number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ArgumentTypeError(f"a port is a number from 1 to 65535, not {text}")
    return int(text)


class Command(BaseCommand):
    help = (
        "Sets up the demonstration office (tables, keys, law, both operators, demo staff and "
        "people) and runs web, worker and beat until Ctrl-C. Development only: production starts "
        "the three by itself."
    )

    # Refusals come first and alone; handle() runs the checks after them.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--port", type=port_number, default=8000, help="port of the web pages (8000)"
        )
        parser.add_argument(
            "--no-setup", action="store_true", help="start at once, without the set-up steps"
        )

    def handle(self, *args: Any, port: int, no_setup: bool, **options: Any) -> None:
        if settings.OFFICE_MODE == "production":
            raise CommandError(
                "run is for demonstration and development: it makes demo staff, so it refuses to "
                "start while OFFICE_MODE is production.",
                returncode=2,
            )
        # Under make or in a pipe each line has to appear when it is written, not at the end.
        if isinstance(sys.stdout, TextIOWrapper):
            sys.stdout.reconfigure(line_buffering=True)
        if answers(port):
            raise busy(port)
        self.check()
        try:
            if not no_setup:
                self.set_up(int(options["verbosity"]))
        except KeyboardInterrupt:
            # Each step is a transaction and can be repeated.
            raise CommandError("Stopped before the office was set up.", returncode=130) from None
        self.serve(port)

    def set_up(self, verbosity: int) -> None:
        """Every step may be repeated: a second start changes nothing."""
        quiet: dict[str, Any] = {"verbosity": max(0, verbosity - 1), "stdout": self.stdout}
        call_command("compile_translations", **quiet)
        call_command("migrate", interactive=False, **quiet)
        call_command("make_keys", **quiet)
        call_command("load_law", **quiet)
        for path in sorted((settings.BASE_DIR / "registry/data/operators").glob("*.toml")):
            call_command("load_operator", str(path), **quiet)
        call_command("demo", verbosity=verbosity, stdout=self.stdout)

    def serve(self, port: int) -> None:
        address = f"http://{HOST}:{port}"
        environment = os.environ | {
            # Started without manage.py, which would choose the mode, these are production.
            "OFFICE_MODE": settings.OFFICE_MODE,
            "OFFICE_URL": os.environ.get("OFFICE_URL") or address,
            "PYTHONUNBUFFERED": "1",
        }
        # The pages' styles come from the finders; WhiteNoise still asks for the folder.
        settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
        announced = False

        def announce() -> None:
            nonlocal announced
            if not announced and answers(port):
                announced = True
                self.stdout.write(f"The office is open:  {address}/")
                self.stdout.write(f"Its mail lies in:    {settings.OFFICE_VAR / 'mail'}")
                self.stdout.write("Ctrl-C stops everything.")

        try:
            with ProcessGroup(folder=settings.BASE_DIR, environment=environment) as group:
                for name, command in programs(port).items():
                    group.start(name, [sys.executable, "-m", *command])
                group.watch(announce)
                self.stdout.write("Stopping ...")
        except Ended as ended:
            raise CommandError(f"The office was stopped because {ended}.") from None
        self.stdout.write("Everything is stopped.")


def programs(port: int) -> dict[str, list[str]]:
    """The three programs of the office, by name, as arguments of ``python -m``."""
    return {
        "web": [
            *("granian", "--interface", "wsgi", "--host", HOST, "--port", str(port)),
            *("--workers", "1", "--blocking-threads", "4", "--backpressure", "64"),
            *("--log-level", "warning", "config.wsgi:application"),
        ],
        "worker": [
            *("celery", "--app", "config", "--quiet", "worker", "--loglevel", "WARNING"),
            *("--pool", "prefork", "--concurrency", "1", "--without-gossip", "--without-mingle"),
        ],
        # The schedule stays in memory: the jobs themselves know what they have done, and a
        # schedule file would be one more thing to lose.
        "beat": [
            *("celery", "--app", "config", "--quiet", "beat", "--loglevel", "WARNING"),
            *("--scheduler", "celery.beat:Scheduler"),
        ],
    }


def answers(port: int) -> bool:
    """Whether something listens on this port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def busy(port: int) -> CommandError:
    return CommandError(
        f"Port {port} is in use by another program: stop it, or choose another port with --port.",
        returncode=2,
    )
