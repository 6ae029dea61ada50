"""Text becomes a placed tree, or `Invalid` with every fault; nothing else, and never slowly."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Path, Span
from msaspec.source import builder
from msaspec.source.document import (
    ALIAS,
    AMBIGUOUS_SCALAR,
    CONTROL_CHARACTER,
    DUPLICATE_KEY,
    EMPTY,
    KEY_NOT_TEXT,
    MERGE_KEY,
    NOT_A_MAPPING,
    NOT_UTF8,
    SEVERAL_DOCUMENTS,
    SYNTAX,
    TAB,
    TAG,
    Document,
    Node,
    load,
)
from msaspec.source.scalar import resolve

MANIFEST = """\
# yaml-language-server: $schema=../schemas/msaspec.schema.json
msaspec: 1                        # language version
name: shop                        # stack name
region: ap-northeast-2            # optional
tags: {team: shop}

network:
  cidr: 10.0.0.0/16
  zones: 2                        # 2 or 3
  placement: private
  nat: single                     # single (default) | per-zone | none

bastion: true

ingress:
  domain: shop.example.com
  allow: [0.0.0.0/0]

databases:                        # each entry is one RDS instance
  main:
    engine: postgres
    version: "17"
    size: db.t4g.micro
    storage: 20 GiB
    backups: 7 days

buckets:
  media:
    cdn: true

defaults:
  runtime: instance
  framework: spring-boot

services:
  user-service:
    image: user-service:1.0
    port: 8002
    paths: [/api/users]
    uses:
      main: {database: user_database}
      media: {access: read-write, invalidate: true}
  cart-service:
    image: cart-service:1.0
    port: 8000
    uses:
      main: {database: cart_database}
      user-service:
    env:
      SPRING_JPA_HIBERNATE_DDL_AUTO: update

environments:
  prod:
    databases: {main: {multi_zone: true, size: db.m7g.large}}
    services: {user-service: {scale: {min: 2, max: 6, cpu: 60}}}

patches: []
"""


def faults(text: bytes | str) -> tuple[Diagnostic, ...]:
    """The faults of a text that has some."""
    with pytest.raises(Invalid) as caught:
        load(text, "msa.yaml")
    return caught.value.diagnostics


def sole(text: bytes | str, code: Code) -> Diagnostic:
    """The only fault of a text, which has this code."""
    (fault,) = faults(text)
    assert fault.code == code.id
    return fault


def at(fault: Diagnostic) -> tuple[int, int, int]:
    """Line, column and length."""
    assert fault.span is not None
    return fault.span.line, fault.span.column, fault.span.length


def cut(document: Document, span: Span) -> str:
    """What the span covers."""
    excerpt = document.excerpt(span)
    assert excerpt is not None
    return excerpt[span.column - 1 : span.column - 1 + span.length]


def load_or_faults(text: bytes | str) -> Document | None:
    """Hold the contract for any input: a document, or faults that are sentences with a place in the text."""
    found: tuple[Diagnostic, ...] = ()
    document = None
    try:
        document = load(text, "msa.yaml")
    except Invalid as invalid:
        found = invalid.diagnostics
    if document is None:
        assert found
        for fault in found:
            assert fault.message.endswith("."), fault.message
            assert fault.hint is None or fault.hint
            assert fault.span is not None
            assert fault.span.line >= 1
            assert fault.span.column >= 1
            assert fault.span.length >= 1
            if fault.excerpt is not None:
                assert fault.span.column <= len(fault.excerpt) + 1
                assert fault.span.column - 1 + fault.span.length <= max(len(fault.excerpt), fault.span.column)
        return None
    assert isinstance(document.data(), dict)
    return document


def test_the_manifest_of_the_language_page_loads() -> None:
    """The language page's example has the same data as any YAML reader gives."""
    assert yaml.safe_load(MANIFEST) == load(MANIFEST, "msa.yaml").data()


@pytest.mark.parametrize(
    ("path", "key", "expected"),
    [
        (("name",), False, "shop"),
        (("name",), True, "name"),
        (("services", "cart-service", "env", "SPRING_JPA_HIBERNATE_DDL_AUTO"), False, "update"),
        (("ingress", "allow", 0), False, "0.0.0.0/0"),
        (("ingress", "allow", 0), True, "0.0.0.0/0"),
        (("ingress", "allow"), False, "[0.0.0.0/0]"),
        (("databases", "main", "version"), False, '"17"'),
        (("databases", "main"), False, "engine: postgres"),
        (("databases",), False, "main"),
        (("services", "cart-service", "healht"), False, "cart-service"),
        (("services", "cart-service", "port", "deeper", 3), False, "port"),
        (("ingress", "allow", 7), False, "allow"),
        (("ingress", "allow", 0, "x"), False, "0.0.0.0/0"),
        (("missing",), True, "msaspec: 1"),
        ((), False, "msaspec: 1"),
    ],
)
def test_a_path_has_the_place_of_its_value_or_nearest_key(path: Path, key: bool, expected: str) -> None:
    """`span` covers the value, or the key; past the end of what is written, the nearest ancestor's key."""
    document = load(MANIFEST, "msa.yaml")
    assert expected == cut(document, document.span(path, key=key))


def test_a_diagnostic_is_placed_once() -> None:
    """`place` fills what is missing: span and line, or only the line, and leaves other files alone."""
    document = load("name: shop\nport: 1\n", "msa.yaml")
    code = EMPTY
    placed = document.place(code.at(("port",), "Bad.", hint=None))
    assert (Span("msa.yaml", 2, 7, 1), "port: 1") == (placed.span, placed.excerpt)
    given_span = document.place(code.at(("port",), "Bad.", hint=None, span=Span("msa.yaml", 1, 1, 4)))
    assert (Span("msa.yaml", 1, 1, 4), "name: shop") == (given_span.span, given_span.excerpt)
    elsewhere = document.place(code.at((), "Bad.", hint=None, span=Span("other.yaml", 1, 1)))
    assert elsewhere.excerpt is None


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_columns_count_characters_and_line_ends_do_not_matter(end: str) -> None:
    """Behind emoji and CJK, a byte order mark, any line end, and without the last one, places hold."""
    text = end.join(["\ufeff😀日本: [é😀, b]", "k: 語", "last: x"])
    for form in (text, text.encode()):
        document = load(form, "msa.yaml")
        assert document.data() == {"😀日本": ["é😀", "b"], "k": "語", "last": "x"}
        assert Span("msa.yaml", 1, 11, 1) == document.span(("😀日本", 1))
        assert Span("msa.yaml", 1, 1, 3) == document.span(("😀日本",), key=True)
        assert Span("msa.yaml", 3, 7, 1) == document.span(("last",))


def test_an_anchors_value_is_placed_behind_the_anchor() -> None:
    """The span of an anchored value is the value's own; an alias shares it."""
    document = load("a: &x  foo\nb: *x\nc: &y\n  d: 1\n", "msa.yaml")
    assert document.data() == {"a": "foo", "b": "foo", "c": {"d": 1}}
    assert cut(document, document.span(("a",))) == "foo"
    assert document.span(("a",)) == document.span(("b",))


def test_data_shares_nothing() -> None:
    """An alias's data is a copy, so that changing one place leaves the other alone."""
    data = load("a: &x {k: 1}\nb: *x\n", "msa.yaml").data()
    data["a"]["k"] = 2
    assert data["b"]["k"] == 1


def test_values_of_several_lines_are_placed_on_their_first() -> None:
    """Block texts, folded texts and lists over several lines have their first line's place."""
    document = load("a: | # c\n  x\n  y\nb: one\n  two\nc: [1,\n  2]\n", "msa.yaml")
    assert document.data() == {"a": "x\ny\n", "b": "one two", "c": [1, 2]}
    assert [cut(document, document.span((key,))) for key in "abc"] == ["|", "one", "[1"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        (b"a: b\nc: \xc3\xa9 \xff\n", NOT_UTF8, (2, 6, 1)),
        ("a: \ud800", NOT_UTF8, (1, 4, 1)),
        ("a: b\n".encode("utf-16"), NOT_UTF8, (1, 1, 1)),
        ("a: b\n".encode("utf-16-le"), NOT_UTF8, (1, 1, 1)),
        ("a: b\n".encode("utf-32"), NOT_UTF8, (1, 1, 1)),
        ("name: b\n".encode("utf-32-be"), NOT_UTF8, (1, 1, 1)),
        ("a: 😀\0b", CONTROL_CHARACTER, (1, 5, 1)),
        ("a: b\nc: \x85d", CONTROL_CHARACTER, (2, 4, 1)),
        ("a: \u2028", CONTROL_CHARACTER, (1, 4, 1)),
        ("a: \ufeff", CONTROL_CHARACTER, (1, 4, 1)),
        ("", EMPTY, (1, 1, 1)),
        ("\ufeff", EMPTY, (1, 1, 1)),
        ("# c\n\n", EMPTY, (1, 1, 1)),
        ("---\n", EMPTY, (1, 1, 1)),
        ("null\n", NOT_A_MAPPING, (1, 1, 4)),
        ("- a\n- b\n", NOT_A_MAPPING, (1, 1, 3)),
        ("text", NOT_A_MAPPING, (1, 1, 4)),
        ("a: 1\nb: 2\n'a': 3\n", DUPLICATE_KEY, (3, 1, 3)),
        ("8080: x\n", KEY_NOT_TEXT, (1, 1, 4)),
        ("true: x\n", KEY_NOT_TEXT, (1, 1, 4)),
        ("~: x\n", KEY_NOT_TEXT, (1, 1, 1)),
        ("? [a]\n: x\n", KEY_NOT_TEXT, (1, 3, 3)),
        ("?\n: x\n", KEY_NOT_TEXT, (1, 2, 1)),
        ("a: !Ref x\n", TAG, (1, 4, 4)),
        ("a: !!binary x\n", TAG, (1, 4, 8)),
        ("!a b: c\n", TAG, (1, 1, 2)),
        ("%TAG ! !x\n---\na: b\n", TAG, (1, 1, 9)),
        ("a: 1\n<<: {b: 2}\n", MERGE_KEY, (2, 1, 2)),
        ("a: 1\n---\nb: 2\n", SEVERAL_DOCUMENTS, (2, 1, 3)),
        ("a: *b\n", ALIAS, (1, 4, 2)),
        ("*b\n", ALIAS, (1, 1, 2)),
        ("a: &a [*a]\n", ALIAS, (1, 8, 2)),
        ("a:\n\tb: c\n", TAB, (2, 1, 1)),
        ("a:\n  b: 1\n\tc: 2\n", TAB, (3, 1, 1)),
        ("a: b: c\n", SYNTAX, (1, 5, 1)),
        ("a: [1, 2\n", SYNTAX, (1, 9, 1)),
        ("a: 'x\n\n\n", SYNTAX, (1, 4, 1)),
        ("a: 1\nb\n", SYNTAX, (2, 1, 1)),
        ("a: @x\n", SYNTAX, (1, 4, 1)),
        ("a:\n  b: 1\n c: 2\n", SYNTAX, (3, 2, 1)),
        ("a: 1\n- b\n", SYNTAX, (2, 1, 1)),
        ("a: 'x' y\n", SYNTAX, (1, 8, 1)),
        ('a: "\\ud800"\n', SYNTAX, (1, 7, 1)),
        ('a: "\\q"\n', SYNTAX, (1, 5, 1)),
    ],
)
def test_each_fault_has_its_place(text: bytes | str, code: Code, place: tuple[int, int, int]) -> None:
    """Every kind of fault is told alone, by its code, at its line, column and length."""
    fault = sole(text, code)
    assert place == at(fault)
    assert fault.hint
    assert load_or_faults(text) is None


def test_a_duplicate_names_the_first() -> None:
    """The second of two keys is the fault, and says on which line the first stands."""
    assert "on line 2." in sole("x: 1\na:\n  b: 1\na: 2\n", DUPLICATE_KEY).message


def test_all_faults_are_told_at_once() -> None:
    """One pass finds every fault, in the file's order; a syntax error ends it and keeps the earlier ones."""
    text = "no: 1\na: yes\na: !Ref b\n<<: x\n1: *q\nb: [010, {c: 1, c: off}]\nd: [\n"
    found = [(fault.code, at(fault)[0]) for fault in faults(text)]
    assert [
        (AMBIGUOUS_SCALAR.id, 1),
        (AMBIGUOUS_SCALAR.id, 2),
        (DUPLICATE_KEY.id, 3),
        (TAG.id, 3),
        (MERGE_KEY.id, 4),
        (KEY_NOT_TEXT.id, 5),
        (ALIAS.id, 5),
        (AMBIGUOUS_SCALAR.id, 6),
        (DUPLICATE_KEY.id, 6),
        (AMBIGUOUS_SCALAR.id, 6),
        (SYNTAX.id, 7),
    ] == found
    assert faults(text)[-2].path == ("b", 1, "c")


def test_every_line_with_an_invisible_character_is_told() -> None:
    """Control characters are told once a line."""
    assert [at(fault) for fault in faults("a\x01\x02: b\nc: d\n\x7f\n")] == [(1, 2, 1), (3, 1, 1)]


MARKS = "ab01:-{}[],&*!|>'\"%@`#?~ \n\t.<"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.none() | st.booleans() | numbers
trees = st.dictionaries(
    texts,
    st.recursive(
        scalars | texts,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    ),
    max_size=6,
)


class _Quoting(yaml.SafeDumper):
    """PyYAML writes YAML 1.1; this quotes every text that msaspec would not read as that text."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    seen = not any(character in text for character in "\x85\u2028\u2029\ufeff")
    plain = seen and (not text or resolve(text) == text)
    style = None if plain and text != "<<" else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Quoting.add_representer(str, _text)


@given(trees, st.booleans())
@settings(max_examples=150, deadline=None)
def test_what_is_dumped_loads(tree: dict[str, Any], flow: bool) -> None:
    """Any tree with text keys comes back from YAML as it was, order included."""
    dumped = yaml.dump(tree, Dumper=_Quoting, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    loaded = load(dumped, "msa.yaml").data()
    assert repr(tree) == repr(loaded)


@given(trees)
@settings(max_examples=100, deadline=None)
def test_spans_cover_what_they_place(tree: dict[str, Any]) -> None:
    """Each span lies in the text and begins where its scalar begins."""
    document = load(yaml.dump(tree, Dumper=_Quoting, allow_unicode=True), "msa.yaml")
    waiting: list[tuple[Path, Node]] = [((), document.root)]
    while waiting:
        path, node = waiting.pop()
        covered = cut(document, node.span)
        assert document.span(path) == node.span
        if isinstance(node.value, tuple):
            waiting += [((*path, position), item) for position, item in enumerate(node.value)]
        elif isinstance(node.value, bool | int | float):
            assert resolve(covered) == node.value
        elif isinstance(node.value, str):
            assert covered[:1] in ("'", '"', "|", ">", "?") or node.value.startswith(covered)
        elif node.value is not None:
            waiting += [((*path, key), entry.node) for key, entry in node.value.items()]


@given(st.binary(max_size=200) | st.text(max_size=100) | st.text(MARKS, max_size=60))
@settings(max_examples=600, deadline=None)
@example("a: &a\n")
@example("&a : *a")
@example("a: !")
@example("...\n...\n%TAG")
@example("a: [&b , *b]")
@example("%YAML 1.1\n%YAML 1.1\n---\n")
def test_anything_is_a_document_or_faults(text: bytes | str) -> None:
    """Whatever the input, the outcome is a document or faults with places."""
    load_or_faults(text)


@given(st.text(MARKS + "\\uUd8", max_size=60))
@settings(max_examples=300, deadline=None)
@example('a: "\\ud800"')
@example('a: "\\UFFFFFFFF"')
@example('a: "\\U00110000"')
def test_the_same_holds_without_libyaml(text: str) -> None:
    """PyYAML's own parser, which stands in where libyaml is missing, keeps the contract."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(builder, "LOADER", yaml.SafeLoader)
        load_or_faults(text)


@given(
    st.integers(0, len(MANIFEST) - 1),
    st.integers(0, 12),
    st.sampled_from(["", "\t", ":", ": ", "'", '"', "[", "}", "&a ", "*a", "!x ", "\n", "  ", "- ", "\0"]),
)
@settings(max_examples=500, deadline=None)
def test_a_damaged_manifest_is_a_document_or_faults(start: int, length: int, insertion: str) -> None:
    """Cutting anything out of a manifest, or putting something in, gives a document or faults with places."""
    load_or_faults(MANIFEST[:start] + insertion + MANIFEST[start + length :])


def test_codes_are_unique_and_documented() -> None:
    """Each code has its own id, a title, and a manual page with a wrong and a right example."""
    codes = [value for value in vars(sys.modules[load.__module__]).values() if isinstance(value, Code)]
    assert len(codes) == len({code.id for code in codes}) == 16
    for code in codes:
        assert code.title
        assert "Wrong: " in code.manual
        assert "Right: " in code.manual
