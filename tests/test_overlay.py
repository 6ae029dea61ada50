"""Environments and defaults on trees: the merge laws, places, and what an overlay may not do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Path, Span
from msaspec.manifest import overlay
from msaspec.manifest.overlay import apply_defaults, apply_environment, merge
from msaspec.manifest.sections import sections
from msaspec.source.document import Document, Entry, Node, load

SPAN = Span("base.yaml", 1, 1)

MANIFEST = """\
msaspec: 1
name: shop
network: {zones: 2}
databases:
  main: {engine: postgres, size: small}
defaults:
  arch: arm64
  runtime: {type: autoscaling, instance_type: t4g.small}
services:
  cart:
    port: 80
    uses:
      main: {database: carts}
      user:
    runtime: {type: fargate, cpu: 1}
  user:
environments:
  test:
  prod:
"""


def document(overlay_lines: str) -> Document:
    """The manifest with these lines as its environment `prod`."""
    indented = "".join(f"    {line}\n" for line in overlay_lines.splitlines())
    return load(MANIFEST + indented, "msa.yaml")


def plain(root: Node) -> Any:
    """The data of a tree."""
    return replace(load("a: 1", "x"), root=root).data()


def node(data: Any, span: Span = SPAN) -> Node:
    """A tree with this data, all at one place."""
    if isinstance(data, dict):
        return Node({key: Entry(span, node(value, span)) for key, value in data.items()}, span)
    return Node(tuple(node(item, span) for item in data) if isinstance(data, list) else data, span)


def reference(base: Any, over: Any) -> Any:
    """The same merge on plain data."""
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    types = [each.get("type") for each in (base, over)]
    if all(isinstance(each, str | int | float) for each in types) and types[0] != types[1]:
        return over
    kept = {
        key: reference(value, over[key]) if key in over else value
        for key, value in base.items()
        if over.get(key, "") is not None
    }
    return kept | {key: value for key, value in over.items() if key not in base}


def prod(lines: str) -> tuple[Any, list[Diagnostic], Document]:
    """The manifest's data in its environment `prod`, and what is wrong, placed."""
    whole = document(lines)
    root, found = apply_environment(whole.root, "prod", sections())
    return plain(root), [whole.place(diagnostic) for diagnostic in found], whole


def sole(lines: str, code: Code) -> Diagnostic:
    """The only fault of an environment, which has this code, a hint and a line of its own."""
    _, (fault,), _ = prod(lines)
    assert fault.code == code.id
    assert fault.hint
    assert fault.span is not None
    assert fault.span.line > MANIFEST.count("\n")
    assert fault.excerpt
    assert fault.path[:2] == ("environments", "prod")
    return fault


keys = st.sampled_from(["a", "b", "type", "uses"])
leaves = st.booleans() | st.integers(0, 2) | st.sampled_from(["x", "y"])


def trees(leaf: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Small maps over few keys, so that they overlap."""
    inner = st.recursive(
        leaf,
        lambda deeper: st.lists(deeper, max_size=2) | st.dictionaries(keys, deeper, max_size=3),
        max_leaves=8,
    )
    return st.dictionaries(keys, inner, max_size=4)


anything, whole = trees(leaves | st.none()), trees(leaves)


@given(anything, anything)
@settings(max_examples=300, deadline=None)
def test_merge_is_the_merge_of_plain_data(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Maps merge, the rest replaces, null deletes, another `type` replaces; whoever gives the places."""
    expected = reference(base, over)
    assert plain(merge(node(base), node(over))) == expected
    assert plain(merge(node(base), node(over), places="over")) == expected


@given(anything)
@settings(max_examples=100, deadline=None)
def test_merging_nothing_changes_nothing(base: dict[str, Any]) -> None:
    """An empty map is neutral on both sides."""
    assert plain(merge(node(base), node({}))) == base
    assert plain(merge(node({}), node(base))) == base


@given(anything, whole)
@settings(max_examples=150, deadline=None)
def test_merging_twice_is_merging_once(base: dict[str, Any], over: dict[str, Any]) -> None:
    """An overlay that deletes nothing is idempotent, and a tree over itself is itself."""
    once = merge(node(base), node(over))
    assert plain(merge(once, node(over))) == plain(once)
    assert plain(merge(node(over), node(over))) == over


@given(anything, anything)
@settings(max_examples=100, deadline=None)
def test_merge_changes_neither_side(base: dict[str, Any], over: dict[str, Any]) -> None:
    """Trees are values: merging leaves both as they were."""
    lower, upper = node(base), node(over)
    merge(lower, upper)
    assert (plain(lower), plain(upper)) == (base, over)


def test_values_keep_their_places() -> None:
    """What the overlay writes has its lines; merged maps have the base's, or on demand the overlay's."""
    over = Span("over.yaml", 9, 9)
    lower, upper = node({"a": {"b": 1, "c": 1}}), node({"a": {"b": 2}}, over)
    for root, expected in ((merge(lower, upper), SPAN), (merge(lower, upper, places="over"), over)):
        merged = replace(load("a: 1", "x"), root=root)
        assert merged.span(("a", "b")) == merged.span(("a", "b"), key=True) == over
        assert merged.span(("a", "c")) == SPAN
        assert merged.span(("a",), key=True) == merged.span(("a",)) == expected


def test_an_environment_changes_what_it_says() -> None:
    """The overlay's values win, null deletes, the rest stays, and `environments` is gone."""
    data, found, whole = prod(
        "network: {nat: single}\ndatabases: {main: {size: large}}\n"
        "services:\n  cart: {uses: {user: null}, runtime: {type: instance}}\n  user: {port: 81}"
    )
    assert found == []
    expected = load(MANIFEST, "x").data()
    del expected["environments"], expected["services"]["cart"]["uses"]["user"]
    expected["network"]["nat"] = "single"
    expected["databases"]["main"]["size"] = "large"
    expected["services"]["cart"]["runtime"] = {"type": "instance"}
    expected["services"]["user"] = {"port": 81}
    assert data == expected
    root, _ = apply_environment(whole.root, "prod", sections())
    merged = replace(whole, root=root)
    span = merged.span(("databases", "main", "size"))
    assert merged.excerpt(span) == "    databases: {main: {size: large}}"


def test_an_empty_environment_is_the_base() -> None:
    """An environment without a value differs in nothing."""
    root, found = apply_environment(load(MANIFEST, "x").root, "test", sections())
    expected = load(MANIFEST, "x").data()
    del expected["environments"]
    assert (plain(root), found) == (expected, [])


@pytest.mark.parametrize(
    ("text", "name", "code", "word", "place"),
    [
        (MANIFEST, "prd", overlay.UNKNOWN_ENVIRONMENT, "prod", (17, 1)),
        (MANIFEST, "zzz", overlay.UNKNOWN_ENVIRONMENT, "`test`, `prod`", (17, 1)),
        ("name: shop\n", "prod", overlay.UNKNOWN_ENVIRONMENT, "none", (1, 1)),
        ("environments: [prod]\n", "prod", overlay.ENVIRONMENT_NOT_A_MAP, "map", (1, 15)),
        ("environments: {prod: 3}\n", "prod", overlay.ENVIRONMENT_NOT_A_MAP, "map", (1, 22)),
    ],
)
def test_an_environment_that_cannot_be_read_stops(
    text: str, name: str, code: Code, word: str, place: tuple[int, int]
) -> None:
    """An unknown environment names the known ones and the nearest; one that is no map is refused."""
    with pytest.raises(Invalid) as caught:
        apply_environment(load(text, "msa.yaml").root, name, sections())
    (fault,) = caught.value.diagnostics
    assert fault.code == code.id
    assert fault.hint
    assert word in fault.message + fault.hint
    assert fault.span
    assert (fault.span.line, fault.span.column) == place


@pytest.mark.parametrize(
    ("lines", "code", "path", "hint"),
    [
        ("name: shop-prod", overlay.FIXED_KEY, ("name",), "Remove"),
        ("msaspec: null", overlay.FIXED_KEY, ("msaspec",), "Remove"),
        ("environments: {x: {}}", overlay.FIXED_KEY, ("environments",), "Remove"),
        ("services: {crat: {port: 1}}", overlay.NOT_IN_BASE, ("services", "crat"), "Did you mean `cart`?"),
        ("databases: {second: {}}", overlay.NOT_IN_BASE, ("databases", "second"), "`second: null`"),
        ("buckets: {media: {cdn: true}}", overlay.NOT_IN_BASE, ("buckets", "media"), "Declare it"),
        ("services: {crat: null}", overlay.NOTHING_TO_DELETE, ("services", "crat"), "Did you mean `cart`?"),
        ("bastion: null", overlay.NOTHING_TO_DELETE, ("bastion",), "Remove"),
        ("network: {nat: null}", overlay.NOTHING_TO_DELETE, ("network", "nat"), "Remove"),
        (
            "services: {user: {uses: {main: null}}}",
            overlay.NOTHING_TO_DELETE,
            ("services", "user", "uses", "main"),
            "`main: {}`",
        ),
        (
            "services: {cart: {runtime: {type: instance, cpu: null}}}",
            overlay.NOTHING_TO_DELETE,
            ("services", "cart", "runtime", "cpu"),
            "Remove",
        ),
    ],
)
def test_an_overlay_that_reaches_too_far_is_told(lines: str, code: Code, path: Path, hint: str) -> None:
    """Shared keys, entries that the base lacks and idle nulls are faults on the overlay's line."""
    fault = sole(lines, code)
    assert fault.path == ("environments", "prod", *path)
    assert hint in (fault.hint or "")
    assert document(lines).span(fault.path, key=True) == fault.span


def test_all_faults_of_an_overlay_are_told_and_left_out() -> None:
    """One call finds every fault; the result has what is right of the overlay."""
    data, found, _ = prod(
        "name: x\nnetwork: {zones: 3, nat: null}\nservices: {crat: {port: 1}, nobody: null, user: {port: 3}}"
    )
    assert [fault.code for fault in found] == [
        overlay.FIXED_KEY.id,
        overlay.NOT_IN_BASE.id,
        overlay.NOTHING_TO_DELETE.id,
        overlay.NOTHING_TO_DELETE.id,
    ]
    expected = load(MANIFEST, "x").data()
    del expected["environments"]
    expected["network"]["zones"] = 3
    expected["services"]["user"] = {"port": 3}
    assert data == expected


def test_the_sections_are_the_callers() -> None:
    """Only the entries of the given sections have to exist in the base."""
    whole = document("queues: {mails: {}}")
    assert apply_environment(whole.root, "prod", ["services"])[1] == []
    _, (fault,) = apply_environment(whole.root, "prod", ["queues"])
    assert fault.code == overlay.NOT_IN_BASE.id


def test_defaults_lie_under_each_service() -> None:
    """Each service has the defaults it does not override, at their own lines, and keeps its own place."""
    whole = load(MANIFEST, "msa.yaml")
    root, found = apply_defaults(whole.root)
    merged = replace(whole, root=root)
    data = merged.data()
    assert found == []
    assert data["services"]["user"] == data["defaults"]
    assert data["services"]["cart"] == {
        "arch": "arm64",
        "runtime": {"type": "fargate", "cpu": 1},
        "port": 80,
        "uses": {"main": {"database": "carts"}, "user": None},
    }
    assert merged.span(("services", "user", "arch")) == whole.span(("defaults", "arch"))
    for path in (("services", "cart"), ("services", "user"), ("services", "cart", "runtime")):
        assert merged.span(path) == whole.span(path)
        assert merged.span(path, key=True) == whole.span(path, key=True)


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("services: {a: , b: {port: 1}}", {"a": {}, "b": {"port": 1}}),
        ("services: {a: {x: 1}}\ndefaults:", {"a": {"x": 1}}),
        ("services: {a: {x: 1}}\ndefaults: [1]", {"a": {"x": 1}}),
        ("services: {a: [1]}\ndefaults: {x: 1}", {"a": [1]}),
        ("services: [a]\ndefaults: {x: 1}", ["a"]),
        ("services:\ndefaults: {x: 1}", None),
        ("services: {a: {x: null, z: null}}\ndefaults: {x: 1}", {"a": {"z": None}}),
        ("services: {a: {uses: [c]}}\ndefaults: {uses: {b: {}}}", {"a": {"uses": ["c"]}}),
        ("services: {a: {uses: {b: {}}}}\ndefaults: {uses: {b: {p: 1}}}", {"a": {"uses": {"b": {"p": 1}}}}),
        (
            "services: {a: {uses: {c: null}}}\ndefaults: {uses: {b: {}}}",
            {"a": {"uses": {"b": {}, "c": None}}},
        ),
    ],
)
def test_defaults_of_any_shape(text: str, services: Any) -> None:
    """Empty services are maps; wrong shapes are left for validation to tell; null deletes a default."""
    root, found = apply_defaults(load(text, "x").root)
    assert (plain(root)["services"], found) == (services, [])


@pytest.mark.parametrize("default", ["{access: read-only}", "{}", "null"])
def test_an_empty_use_over_a_default_is_ambiguous(default: str) -> None:
    """Null under `uses` could keep the default's options or delete it: a fault; the default stays."""
    text = f"services:\n  a:\n    uses:\n      main:\ndefaults: {{uses: {{main: {default}}}}}\n"
    root, (fault,) = apply_defaults(load(text, "msa.yaml").root)
    assert (fault.code, fault.path) == (overlay.AMBIGUOUS_NULL.id, ("services", "a", "uses", "main"))
    assert fault.span == Span("msa.yaml", 4, 7, 4)
    assert "`main: {}`" in (fault.hint or "")
    assert "main" in plain(root)["services"]["a"]["uses"]


def test_defaults_do_not_multiply_without_bound() -> None:
    """Many defaults for many services are refused before they are written out."""
    env = ",".join(f"k{i}: v" for i in range(5000))
    services = ",".join(f"s{i}: {{port: 1}}" for i in range(2000))
    with pytest.raises(Invalid) as caught:
        apply_defaults(load(f"defaults: {{{env}}}\nservices: {{{services}}}\n", "x").root)
    assert [fault.code for fault in caught.value.diagnostics] == [overlay.TOO_MANY_DEFAULTS.id]


def test_codes_are_unique_and_documented() -> None:
    """Each code has its own id and a manual page with a wrong and a right example."""
    codes = [value for value in vars(overlay).values() if isinstance(value, Code)]
    assert len({code.id for code in codes}) == len(codes) == 7
    assert all("Wrong: " in code.manual and "Right: " in code.manual for code in codes)
