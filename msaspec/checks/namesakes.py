"""Systems whose stacks would have one name, among manifests that are looked at together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.source.document import Document
from msaspec.template.role import Named

NAMESAKES = Code(
    "MSA346",
    "Two systems with the same stack name",
    """
    A stack is named after its system, with the environment behind a dash, and the stack of image repositories ends in
    `-registry`. So the environment `prod` of the system `store` has the same stack name as a system `store-prod`, and a
    system `store-registry` the same as the repositories of `store`. In one Region of an account only the first can be
    deployed; `msaspec deploy` refuses the other (MSA621). Manifests of different Regions are not compared.

    Wrong: `name: store` with `environments: {prod: }` beside `name: store-prod`
    Right: `name: store` with `environments: {prod: }` beside `name: shop-prod`
    """,
)


@dataclass(frozen=True)
class Stack:
    """A stack that a manifest would make."""

    owner: Named
    region: str | None
    document: Document


def found(stacks: Iterable[Stack]) -> Iterator[Diagnostic]:
    """Yield an error for each stack whose name an earlier one of another system has, on the line of its own name."""
    first: dict[str, list[Stack]] = {}
    for stack in stacks:
        for other in first.setdefault(stack.owner.name, []):
            if other.owner.system != stack.owner.system and _meet(stack.region, other.region):
                yield stack.document.place(_warning(stack, other))
                break
        first[stack.owner.name].append(stack)


def _meet(region: str | None, other: str | None) -> bool:
    return region is None or other is None or region == other


def _warning(stack: Stack, other: Stack) -> Diagnostic:
    name = stack.owner.name
    message = f"The stack `{name}` would belong to {stack.owner}, and to {other.owner} in {other.document.text.file}."
    hint = "Rename one of the systems or environments."
    environment = stack.owner.environment
    path = ("environments", environment) if environment else ("name",)
    return NAMESAKES.at(path, message, hint=hint, key=bool(environment))
