"""No text is slow, deep or large beyond the limits."""

from __future__ import annotations

import time

import pytest

from msaspec import source
from msaspec.diagnostic import Code, Diagnostic, Invalid
from msaspec.source import load


def sole(text: bytes | str, code: Code) -> Diagnostic:
    """The only fault of a text, which has this code."""
    with pytest.raises(Invalid) as caught:
        load(text, "msa.yaml")
    (fault,) = caught.value.diagnostics
    assert fault.code == code.id
    return fault


FLOODS: dict[str, tuple[bytes | str, Code]] = {
    "ten megabytes": (b"a" * 10_000_000, source.TOO_LARGE),
    "deep lists": ("[" * 10_000, source.TOO_DEEP),
    "a megabyte of brackets": ("[" * 1_000_000, source.TOO_DEEP),
    "deep maps": ("{a: " * 10_000, source.TOO_DEEP),
    "deep blocks": ("- " * 100_000, source.TOO_DEEP),
    "deep indents": ("\n".join(" " * depth + "a:" for depth in range(1000)), source.TOO_DEEP),
    "many values": ("a: [" + "b," * 400_000 + "]", source.TOO_LARGE),
    "alias bomb": (
        "a0: &a0 [x, x, x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 40)),
        source.ALIAS,
    ),
    "alias of a long text": ("a: &a " + "x" * 500_000 + "\nb: [" + "*a," * 20_000 + "]", source.ALIAS),
    "aliases that nest": (
        "a0: &a0 [[[x]]]\n" + "".join(f"a{i}: &a{i} [[[*a{i - 1}]]]\n" for i in range(1, 20)),
        source.TOO_DEEP,
    ),
    "tag directives": ("".join(f"%TAG !{i}! x\n" for i in range(60_000)) + "--- a", source.TAG),
    "tag directives below": ("a: 1\n...\n" + "".join(f"%TAG !{i}! x\n" for i in range(60_000)), source.TAG),
    "many zeros": ("a: " + "0" * 1_000_000, source.AMBIGUOUS_SCALAR),
    "many digits": ("a: " + "9" * 1_000_000, source.AMBIGUOUS_SCALAR),
}


@pytest.mark.parametrize("name", FLOODS)
def test_no_text_is_slow(name: str) -> None:
    """Depth, size, aliases and directives are refused in bounded time."""
    text, code = FLOODS[name]
    start = time.process_time()
    assert code.id == sole(text, code).code
    assert time.process_time() - start < 10


def test_faults_are_counted() -> None:
    """Reading stops after so many faults, and says so."""
    with pytest.raises(Invalid) as caught:
        load("a: [" + "yes," * 100_000 + "]", "msa.yaml")
    found = caught.value.diagnostics
    assert len(found) == source.MAX_FAULTS + 1
    assert source.TOO_MANY_FAULTS.id in {fault.code for fault in found}


def test_the_limits_can_be_reached() -> None:
    """What lies just within the limits loads."""
    deep = "a: " + "[" * (source.MAX_DEPTH - 1) + "]" * (source.MAX_DEPTH - 1)
    assert load(deep, "msa.yaml")
    assert load("a: [" + "b," * (source.MAX_NODES - 3) + "]", "msa.yaml")
    assert load("a: b\n" + "#" * (source.MAX_BYTES - 5), "msa.yaml")
