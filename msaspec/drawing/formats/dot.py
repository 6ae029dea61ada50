"""A graph in the language of Graphviz, for its programs and for those that read it."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.drawing.picture import Picture

_SHAPES = {"service": "box", "store": "cylinder", "front": "box", "outside": "ellipse"}


def render(picture: Picture) -> str:
    """Return the text of the graph."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    yield f"digraph {_quoted(picture.title)} {{"
    yield '  graph [rankdir=LR fontname="sans-serif"]'
    yield '  node [fontname="sans-serif"]'
    yield '  edge [fontname="sans-serif" fontsize=10]'

    def inside(zone: str, indent: str) -> Iterator[str]:
        for node in picture.nodes:
            if node.zone == zone:
                label = "\\n".join(_escaped(line) for line in node.lines)
                yield f'{indent}{_quoted(node.id)} [shape={_SHAPES[node.role]} label="{label}"]'
        for number, each in enumerate(picture.zones):
            if each.inside == zone:
                yield f"{indent}subgraph cluster_{number} {{"
                yield f"{indent}  graph [label={_quoted(each.title)}]"
                yield from inside(each.id, f"{indent}  ")
                yield f"{indent}}}"

    yield from inside("", "  ")
    for arrow in picture.arrows:
        words = f"label={_quoted(arrow.label)} tooltip={_quoted('; '.join(arrow.becomes))}"
        yield f"  {_quoted(arrow.source)} -> {_quoted(arrow.target)} [{words}]"
    yield "}"


def _quoted(text: str) -> str:
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """Return a text between quotes. Graphviz reads entities of HTML too."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
