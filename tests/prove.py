"""Breaks each promise once, in a copy, and sees its test fail: ``-m tests.prove [NAME ...]``.

What is broken and which test has to notice stands in ``tests/proofs.toml``, and for people in
``docs/PROOFS.md``. With ``--whole`` each test is first seen to pass. Exit code: 0, every breach was
noticed; 1, one was not.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROOFS = ROOT / "tests" / "proofs.toml"


@dataclass(frozen=True, slots=True)
class Proof:
    """``old`` of a file becomes ``new``; ``test`` has to fail then."""

    name: str
    test: str
    file: str
    old: str
    new: str

    def broken(self, text: str) -> str:
        """The file with the breach; refuses one that would break nothing, or several places."""
        if text.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has its words {text.count(self.old)} times")
        return text.replace(self.old, self.new)


def proofs() -> list[Proof]:
    return [Proof(name, **row) for name, row in tomllib.loads(PROOFS.read_text()).items()]


def _passes(folder: Path, test: str) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", test], cwd=folder, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        # Neither passed nor failed: the breach broke the collection, and proves nothing.
        raise RuntimeError(f"{test}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 0


def _copy(folder: Path) -> None:
    """The files of the project, without its data, secrets and environment."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)


def prove(proof: Proof, *, whole: bool) -> bool:
    """Whether the breach was noticed (and, with ``whole``, the test passes without it)."""
    with tempfile.TemporaryDirectory(prefix="office-proof-") as name:
        folder = Path(name)
        _copy(folder)
        if whole and not _passes(folder, proof.test):
            return False
        path = folder / proof.file
        path.write_text(proof.broken(path.read_text()))
        return not _passes(folder, proof.test)


def main(arguments: list[str]) -> int:
    whole = "--whole" in arguments
    wanted = [one for one in arguments if not one.startswith("-")]
    listed = {proof.name: proof for proof in proofs()}
    unknown = set(wanted) - set(listed)
    if unknown:
        print(f"No such proof: {', '.join(sorted(unknown))}.", file=sys.stderr)
        return 2
    missed = 0
    for name in wanted or listed:
        noticed = prove(listed[name], whole=whole)
        missed += not noticed
        print(f"{'noticed' if noticed else 'MISSED '}  {name}: {listed[name].test}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
