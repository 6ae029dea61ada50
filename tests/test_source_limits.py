"""No text is slow, deep or large beyond the limits."""

from __future__ import annotations

import json
import time

import pytest

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.reports import text as text_report
from msaspec.source.document import (
    ALIAS,
    AMBIGUOUS_SCALAR,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_FAULTS,
    MAX_NODES,
    TAG,
    TOO_DEEP,
    TOO_LARGE,
    TOO_MANY_FAULTS,
    load,
)


def sole(text: bytes | str, code: Code) -> Diagnostic:
    """The only fault of a text, which has this code."""
    with pytest.raises(Invalid) as caught:
        load(text, "msa.yaml")
    (fault,) = caught.value.diagnostics
    assert fault.code == code.id
    return fault


FLOODS: dict[str, tuple[bytes | str, Code]] = {
    "ten megabytes": (b"a" * 10_000_000, TOO_LARGE),
    "deep lists": ("[" * 10_000, TOO_DEEP),
    "a megabyte of brackets": ("[" * 1_000_000, TOO_DEEP),
    "deep maps": ("{a: " * 10_000, TOO_DEEP),
    "deep blocks": ("- " * 100_000, TOO_DEEP),
    "deep indents": ("\n".join(" " * depth + "a:" for depth in range(1000)), TOO_DEEP),
    "many values": ("a: [" + "b," * 400_000 + "]", TOO_LARGE),
    "alias bomb": (
        "a0: &a0 [x, x, x]\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 40)),
        ALIAS,
    ),
    "alias of a long text": ("a: &a " + "x" * 500_000 + "\nb: [" + "*a," * 20_000 + "]", ALIAS),
    "aliases that nest": (
        "a0: &a0 [[[x]]]\n" + "".join(f"a{i}: &a{i} [[[*a{i - 1}]]]\n" for i in range(1, 20)),
        TOO_DEEP,
    ),
    "tag directives": ("".join(f"%TAG !{i}! x\n" for i in range(60_000)) + "--- a", TAG),
    "tag directives below": ("a: 1\n...\n" + "".join(f"%TAG !{i}! x\n" for i in range(60_000)), TAG),
    "many zeros": ("a: " + "0" * 1_000_000, AMBIGUOUS_SCALAR),
    "many digits": ("a: " + "9" * 1_000_000, AMBIGUOUS_SCALAR),
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
    assert len(found) == MAX_FAULTS + 1
    assert TOO_MANY_FAULTS.id in {fault.code for fault in found}


def test_the_limits_can_be_reached() -> None:
    """What lies just within the limits loads."""
    deep = "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1)
    assert load(deep, "msa.yaml")
    assert load("a: [" + "b," * (MAX_NODES - 3) + "]", "msa.yaml")
    assert load("a: b\n" + "#" * (MAX_BYTES - 5), "msa.yaml")


def test_thousands_of_faults_on_one_line_take_no_time() -> None:
    """As in JSON without line breaks: the line is made fit to be shown once, not for each fault."""
    services = {f"s{number}": {"image": "a:1", "wrong": 1, "env": {"PASSWORD": "abc"}} for number in range(1000)}
    text, begun = json.dumps({"msaspec": 1, "name": "shop", "services": services}), time.process_time()
    with pytest.raises(Invalid) as caught:
        pipeline.compile_main(pipeline.load(text, "msa.yaml"))
    assert len(caught.value.diagnostics) >= 1000
    assert text_report.render(caught.value.diagnostics)
    assert time.process_time() - begun < 5
