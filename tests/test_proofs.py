"""The table of proofs is true: each row has its breach, each test it names is there."""

from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.prove import Proof, proofs

PAGE = (ROOT / "docs" / "PROOFS.md").read_text()


def named() -> set[str]:
    return set(re.findall(r"tests/[\w/]+\.py(?:::\w+)?", PAGE))


@pytest.mark.parametrize("proof", proofs(), ids=lambda proof: proof.name)
def test_each_breach_still_breaks_one_place(proof: Proof) -> None:
    text = (ROOT / proof.file).read_text()
    broken = proof.broken(text)
    assert broken != text
    compile(broken, proof.file, "exec")
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{proof.name}` |"))
    assert proof.test in row


def test_every_row_has_a_breach() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|", PAGE, re.M)
    assert rows == list(dict.fromkeys(rows))
    assert set(rows) == {proof.name for proof in proofs()}


@pytest.mark.parametrize("test", sorted(named()))
def test_each_test_that_is_named_is_there(test: str) -> None:
    path, _, name = test.partition("::")
    text = (ROOT / path).read_text()
    assert not name or re.search(rf"^def {name}\(", text, re.M), test


def test_a_breach_of_nothing_is_refused() -> None:
    proof = Proof("x", "tests/x.py", "x.py", "twice", "once")
    for text in ("", "twice twice"):
        with pytest.raises(ValueError, match="times"):
            proof.broken(text)
