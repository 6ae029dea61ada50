"""Plain scalars read as YAML 1.2 says, and what versions read differently is refused."""

from __future__ import annotations

import pytest

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Span
from msaspec.source.document import AMBIGUOUS_SCALAR, load
from msaspec.source.scalar import Surprise, resolve


def sole(text: bytes | str, code: Code) -> Diagnostic:
    """The only fault of a text, which has this code."""
    with pytest.raises(Invalid) as caught:
        load(text, "msa.yaml")
    (fault,) = caught.value.diagnostics
    assert fault.code == code.id
    return fault


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True), ("True", True), ("FALSE", False), ("null", None), ("~", None), ("", None),
        ("0", 0), ("-0", 0), ("+7", 7), ("-12", -12), ("9223372036854775807", 2**63 - 1),
        ("1.5", 1.5), (".5", 0.5), ("1.", 1.0), ("-1.5", -1.5), ("1.5e+3", 1500.0), ("0.5", 0.5),
        ("tRue", "tRue"), ("yEs", "yEs"), ("2024-01-01", "2024-01-01"), ("1.2.3", "1.2.3"), ("-", "-"),
        ("10.0.0.0/16", "10.0.0.0/16"), ("20 GiB", "20 GiB"), ("a:b", "a:b"), ("::1", "::1"), ("1:", "1:"),
        ("0xG", "0xG"), ("0x", "0x"), ("1e", "1e"), ("e3", "e3"), ("1_a", "1_a"), ("_1", "_1"), ("²", "²"),
        ("٣", "٣"), ("+", "+"), (".", "."), ("1-2", "1-2"),
        ("2001:db8::1", "2001:db8::1"), ("inf", "inf"), ("1.2e", "1.2e"), ("..", ".."),
    ],
)  # fmt: skip
def test_plain_scalars_read_as_yaml_1_2(text: str, value: object) -> None:
    """Plain scalars mean what the core schema says, of the type it says."""
    got = resolve(text)
    assert (type(value), value) == (type(got), got)


SURPRISES = [
    *("y", "Y", "n", "N", "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF"),
    *("22:22", "1:2:3", "8080:80", "-1:30", "1:20.5", "1:2_0", "010", "-010", "00"),
    *("0o17", "0x1F", "0x_f", "-0x1"),
    *("0b1", "0X1f", "1_000", "1_000.5", "1__0", "9223372036854775808", "-9223372036854775809", "9" * 5000),
    *(".inf", "-.inf", "+.INF", ".nan", ".NaN", "1e3", "1.5e3", "12E45", "1.0e+999"),
]


@pytest.mark.parametrize("word", SURPRISES)
def test_words_that_versions_read_differently_are_faults(word: str) -> None:
    """YAML 1.1's surprises are refused as values and keys, with a hint; quoted they are text."""
    assert isinstance(resolve(word), Surprise)
    fault = sole(f"k: {word}\n", AMBIGUOUS_SCALAR)
    assert fault.hint
    assert fault.span == Span("msa.yaml", 1, 4, len(word))
    assert {"k": word} == load(f"k: '{word}'\n", "msa.yaml").data()
    if len(word) < 100:
        assert sole(f"{word}: k\n", AMBIGUOUS_SCALAR).span == Span("msa.yaml", 1, 1, len(word))
        assert {word: "k"} == load(f'"{word}": k\n', "msa.yaml").data()
