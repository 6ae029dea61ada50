"""An SVG: readable in light and dark, with a tooltip for each arrow, and no script."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from msaspec.drawing.layout import LINE, MARGIN, Box, Curve, Layout, layout
from msaspec.drawing.picture import Arrow, Node, Picture, Zone

STYLE = """\
.msaspec { --ground: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #6e7781; --network: #f6f8fa; --zone: #ffffff;
  --service: #ddf4ff; --store: #dafbe1; --front: #fff8c5; --outside: #f6f8fa; --edge: #d0d7de }
@media (prefers-color-scheme: dark) {
  .msaspec { --ground: #0d1117; --ink: #e6edf3; --soft: #9da7b3; --line: #8b949e; --network: #151b23; --zone: #0d1117;
    --service: #12324f; --store: #123a22; --front: #3d3200; --outside: #151b23; --edge: #3d444d }
}
.msaspec text { font: 12px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif;
  fill: var(--soft) }
.msaspec .title { font-size: 18px; font-weight: 600; fill: var(--ink) }
.msaspec .ground { fill: var(--ground) }
.msaspec .zone rect { fill: var(--zone); stroke: var(--edge) }
.msaspec .network rect { fill: var(--network) }
.msaspec .node rect { stroke: var(--line) }
.msaspec .service rect { fill: var(--service) } .msaspec .store rect { fill: var(--store) }
.msaspec .front rect { fill: var(--front) } .msaspec .outside rect { fill: var(--outside) }
.msaspec .node .name { font-size: 14px; font-weight: 600; fill: var(--ink) }
.msaspec .arrow path { fill: none; stroke: var(--line); stroke-width: 1.3 }
.msaspec .arrow path.hit { stroke: transparent; stroke-width: 12 }
.msaspec .arrow polygon { fill: var(--line) }
.msaspec .where { paint-order: stroke; stroke: var(--zone); stroke-width: 3px }
.msaspec .arrow text { fill: var(--ink); paint-order: stroke; stroke: var(--ground); stroke-width: 3px }
"""


def render(picture: Picture) -> str:
    """Return the picture as an SVG file."""
    return "\n".join(lines(layout(picture))) + "\n"


def lines(placed: Layout) -> Iterator[str]:
    """Yield the lines of the SVG."""
    across, down = f"{placed.width:g}", f"{placed.height:g}"
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="msaspec" role="img" width="{across}" height="{down}"'
        f' viewBox="0 0 {across} {down}">'
    )
    yield f"<style>\n{STYLE}</style>"
    yield f'<rect class="ground" width="{across}" height="{down}"/>'
    yield f'<text class="title" x="{MARGIN:g}" y="{MARGIN + 12:g}">{escape(placed.title)}</text>'
    for zone, box in placed.zones:
        yield from _zone(zone, box)
    for number, (arrow, curve) in enumerate(placed.arrows):
        yield from _arrow(number, arrow, curve)
    for zone, box in placed.zones:
        yield f'<text class="where" x="{box.left + 12:g}" y="{box.top + 20:g}">{escape(zone.title)}</text>'
    for node, box in placed.nodes:
        yield from _node(node, box)
    yield "</svg>"


def _rect(box: Box, radius: int) -> str:
    return f'<rect x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{box.height:g}" rx="{radius}"/>'


def _zone(zone: Zone, box: Box) -> Iterator[str]:
    yield f'<g class="{"zone" if zone.inside else "zone network"}">{_rect(box, 8)}</g>'


def _node(node: Node, box: Box) -> Iterator[str]:
    middle = box.left + box.width / 2
    yield f'<g class="node {node.role}" data-node="{escape(node.id)}">{_rect(box, 6)}'
    for number, line in enumerate(node.lines):
        name = "" if number else ' class="name"'
        down = box.top + 8 + LINE * (number + 0.75)
        yield f'<text{name} x="{middle:.1f}" y="{down:.1f}" text-anchor="middle">{escape(line)}</text>'
    yield "</g>"


def _arrow(number: int, arrow: Arrow, curve: Curve) -> Iterator[str]:
    first, *rest = curve.points
    way = f"M{first[0]:g},{first[1]:g}C" + " ".join(f"{x:g},{y:g}" for x, y in rest)
    said = escape("\n".join([f"{arrow.source} to {arrow.target}", *arrow.becomes]))
    yield f'<g class="arrow" data-arrow="{number}"><title>{said}</title>'
    yield f'<path d="{way}"/><path class="hit" d="{way}"/>{_head(curve)}'
    if curve.label:
        x, y = curve.label
        yield f'<text x="{x:g}" y="{y + 4:.1f}" text-anchor="middle">{escape(arrow.label)}</text>'
    yield "</g>"


def _head(curve: Curve) -> str:
    """Return the head of an arrow, at the end of its way."""
    (bx, by), (x, y) = curve.points[-2:]
    length = ((x - bx) ** 2 + (y - by) ** 2) ** 0.5 or 1
    dx, dy = (x - bx) / length, (y - by) / length
    ends = [(x, y), (x - 8 * dx - 4 * dy, y - 8 * dy + 4 * dx), (x - 8 * dx + 4 * dy, y - 8 * dy - 4 * dx)]
    return f'<polygon points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in ends)}"/>'
