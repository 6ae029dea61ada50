"""A flowchart of Mermaid, which GitHub, GitLab and many wikis draw inside Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.drawing.picture import Picture

_SHAPES = {"service": ("[", "]"), "store": ("[(", ")]"), "front": ("([", "])"), "outside": ("((", "))")}


def render(picture: Picture) -> str:
    """Return the text of the flowchart."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    ids = {node.id: f"n{number}" for number, node in enumerate(picture.nodes)}
    yield "flowchart LR"

    def inside(zone: str, indent: str) -> Iterator[str]:
        for node in picture.nodes:
            if node.zone == zone:
                opened, closed = _SHAPES[node.role]
                name, *rest = map(_text, node.lines)
                yield f'{indent}{ids[node.id]}{opened}"{"<br/>".join([f"<b>{name}</b>", *rest])}"{closed}'
        for number, each in enumerate(picture.zones):
            if each.inside == zone:
                yield f'{indent}subgraph z{number}["{_text(each.title)}"]'
                yield from inside(each.id, f"{indent}  ")
                yield f"{indent}end"

    yield from inside("", "  ")
    for arrow in picture.arrows:
        label = f'|"{_text(arrow.label)}"|' if arrow.label else ""
        yield f"  {ids[arrow.source]} -->{label} {ids[arrow.target]}"


def _text(text: str) -> str:
    """Return a text between quotes, where Mermaid reads HTML and entities of its own."""
    return "".join(each if each.isalnum() or each in " -_./,:+()…*" else f"#{ord(each)};" for each in text)
