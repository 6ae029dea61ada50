"""What a manifest is before validation: a tree whose every key and value knows its place, and its limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from msaspec.diagnostics.diagnostic import Code, Diagnostic, Invalid
from msaspec.diagnostics.place import Span
from msaspec.source.scalar import Scalar

MAX_DEPTH = 32
MAX_NODES = 50_000
MAX_FAULTS = 500

EMPTY = Code(
    "MSA106",
    "The file is empty",
    """
    There is nothing in the file but blank lines and comments.

    Wrong: an empty file.
    Right: at least `msaspec: 1`, a `name` and `services`; `msaspec init` writes a first manifest.
    """,
)
NOT_A_MAPPING = Code(
    "MSA107",
    "The file is not a map of keys",
    """
    The top level of a manifest is a map of keys to values.

    Wrong: `- msaspec: 1`
    Right: `msaspec: 1`
    """,
)
DUPLICATE_KEY = Code(
    "MSA108",
    "A duplicate key",
    """
    Many YAML readers silently keep the last of two equal keys. msaspec reports an error at the second one.

    Wrong: `{port: 80, port: 8080}`
    Right: `{port: 8080}`
    """,
)
AMBIGUOUS_SCALAR = Code(
    "MSA109",
    "A value that YAML versions read differently",
    """
    Without quotes, `no` is false, `22:22` is 1342 and `010` is 8 to YAML 1.1, while YAML 1.2 reads text, text
    and 10. The same holds for y, n, yes, on, off, 0o17, 0x1F, 0b1, 1_000 and 1e3. Integers beyond 64 bits,
    infinities and NaN are not allowed either.

    Wrong: `DEBUG: off`
    Right: `DEBUG: "off"` for the text, `DEBUG: false` for the boolean.
    """,
)
KEY_NOT_TEXT = Code(
    "MSA110",
    "A key that is not text",
    """
    Keys are text. A number, a boolean, null, a list or a map as a key reads differently in other tools.

    Wrong: `8080: web`
    Right: `"8080": web`
    """,
)
MERGE_KEY = Code(
    "MSA112",
    "A merge key",
    """
    The merge key `<<` of YAML 1.1 is not part of YAML 1.2. Put what all services share under `defaults`.

    Wrong: `cart: {<<: *common, port: 80}`
    Right: `defaults: {framework: spring-boot}` and `cart: {port: 80}`
    """,
)
SEVERAL_DOCUMENTS = Code(
    "MSA113",
    "More than one document",
    """
    A manifest is one YAML document; a line `---` below the first content begins another.

    Wrong: two manifests in one file, with `---` between them.
    Right: two files, or one manifest with `environments`.
    """,
)
TOO_DEEP = Code(
    "MSA114",
    "Nested too deep",
    """
    Lists and maps can be nested at most 32 levels deep, aliases included. No manifest needs more than ten.

    Wrong: `[[[[...]]]]`
    Right: the same values with less nesting.
    """,
)
ALIAS = Code(
    "MSA115",
    "An alias that cannot be followed",
    """
    An alias `*name` repeats the value that the anchor `&name` marks. The anchor must come first, the value cannot
    contain itself, and all repetitions together count towards the limit of 50,000 values.

    Wrong: `a: &a [*a]`
    Right: `a: &a [1]` and, below it, `b: *a`
    """,
)
TOO_MANY_FAULTS = Code(
    "MSA116",
    "Too many faults",
    """
    msaspec stops reading after 500 errors. Wrong: a file that is not a manifest. Right: correct the errors that are
    shown, and run lint again.
    """,
)

Value = Scalar | tuple["Node", ...] | Mapping[str, "Entry"]


@dataclass(frozen=True, slots=True)
class Node:
    """A placed value: a scalar, a tuple of nodes, or a read-only map of keys to entries, in written order.

    `span` is the value's place; of a value of several lines, the first.
    """

    value: Value
    span: Span


@dataclass(frozen=True, slots=True)
class Entry:
    """A value in a map, with the place of its key."""

    key_span: Span
    node: Node


class Unsound(Invalid):
    """Faulty in places, but a tree: what is at the places of the faults is not to be believed."""

    def __init__(self, diagnostics: Iterable[Diagnostic], root: Node) -> None:
        super().__init__(diagnostics)
        self.root = root


class Unreadable(Invalid):
    """No YAML: what was found before the parser stumbled, and over what it did."""

    def __init__(self, diagnostics: Iterable[Diagnostic], complaint: Diagnostic, error: Exception) -> None:
        super().__init__([*diagnostics, complaint])
        self.complaint = complaint
        self.error = error
