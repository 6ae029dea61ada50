"""The manifest as a whole: what the root may hold, and from a placed document to validated models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, WithJsonSchema, create_model

from msaspec import discover, faults
from msaspec.diagnostic import Code, Diagnostic, Invalid, ordered
from msaspec.language.base import Items, Model, Name
from msaspec.language.kind import Kind
from msaspec.language.network import Bastion, Ingress, Network
from msaspec.language.part import Entry
from msaspec.language.runtime import Runtime
from msaspec.language.service import Service
from msaspec.names import normal
from msaspec.place import Path
from msaspec.source import Document
from msaspec.spelling import suggest

UNKNOWN_NAME = Code(
    "MSA210",
    "A name that nothing has",
    """
    `uses` names something that the manifest does not declare. Databases, buckets and services share one name space;
    what is used must be an entry of `databases`, `buckets` or `services`.
    """,
)
USES_ITSELF = Code(
    "MSA211", "A service uses itself", "A service reaches itself on `localhost`; it needs no edge for that."
)
USES_WORKER = Code(
    "MSA212",
    "A worker is used",
    """
    A service without `port` is a worker: it has no address, so nobody can call it. Give it a `port`, or take it out
    of `uses`.
    """,
)
UNKNOWN_RUNTIME = Code(
    "MSA213",
    "An unknown runtime",
    """
    `runtime` says how a service runs: `instance`, one EC2 instance; `autoscaling`, a group of them behind a load
    balancer; `fargate`, an ECS service without hosts of one's own.
    """,
)
SAME_NAME = Code(
    "MSA214",
    "One name for two things",
    """
    Databases, buckets and services share one name space, and two names must differ in more than dashes: `a-b` and
    `ab` would become one name in AWS, and nobody could tell them apart.
    """,
)


def _version(written: Any) -> Any:
    if written is not True and written == 1:
        return 1
    raise faults.custom("version", "this msaspec reads version 1 of the language: `msaspec: 1`")


def _tag_key(written: str) -> str:
    if written.lower().startswith("aws:"):
        raise faults.custom("tag", "tags that begin with `aws:` are for AWS itself to set")
    return written


class Patch(Model):
    """One operation of RFC 6902 on the compiled template."""

    op: Literal["add", "remove", "replace", "move", "copy", "test"] = Field(description="What to do.")
    path: str = Field(description="JSON pointer into the template.", examples=["/Resources/Vpc/Properties/CidrBlock"])
    from_: str | None = Field(
        None,
        alias="from",
        description="JSON pointer to move or copy from.",
        examples=["/Resources/Vpc/Properties/Tags"],
    )
    value: Annotated[Any, WithJsonSchema({})] = Field(
        None, description="What to add, to put instead, or to expect.", examples=[True]
    )


SystemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
TagKey = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\w .:/=+@-]+$"), AfterValidator(_tag_key)]
TagValue = Annotated[str, Field(max_length=256, pattern=r"^[\w .:/=+@-]*$")]


class Root(Model):
    """A microservice system: services, databases, buckets, and who uses whom."""

    msaspec: Annotated[int, BeforeValidator(_version), WithJsonSchema({"const": 1})] = Field(
        description="Version of the language."
    )
    name: SystemName = Field(description="Name of the system and its stack.", examples=["shop"])
    region: Annotated[str, Field(pattern=r"^[a-z]{2,4}(-[a-z]+)+-[0-9]$")] | None = Field(
        None,
        description="AWS Region. `--region`, and the Region of a profile named by `--profile`, override it.",
        examples=["ap-northeast-2"],
    )
    protect: bool = Field(
        True, description="Termination protection of the stack, which `msaspec deploy` sees to. false: for throwaways."
    )
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=50)] = Field(
        {}, description="Tags of the stack, which CloudFormation gives to its resources.", examples=[{"team": "shop"}]
    )
    network: Network = Field(default_factory=Network, description="The VPC and where services run in it.")
    bastion: Bastion | None = Field(None, description="A host for people, with psql, reached by SSM only.")
    ingress: Ingress = Field(default_factory=Ingress, description="The front door of services that have `paths`.")
    services: Annotated[dict[Name, Service], Field(min_length=1)] = Field(description="The services, by name.")
    environments: dict[Name, Annotated[Any, WithJsonSchema({})]] = Field(
        {}, description="What differs in an environment: an overlay on this file for `--env NAME`."
    )
    patches: Items[Patch] = Field((), description="RFC 6902 operations on the compiled template.")


def kinds() -> tuple[Kind, ...]:
    """The kinds of resources there are."""
    return discover.instances("msaspec.kinds", Kind)


def runtimes() -> Mapping[str, Runtime]:
    """The runtimes there are, by name."""
    return {r.name: r for r in discover.instances("msaspec.runtimes", Runtime)}


def _section(entry: Any) -> Any:
    return dict[Name, entry]


@cache
def model() -> type[Root]:
    """The root model with a section for every discovered kind, and `defaults` made of the fields of a service."""
    optional: Any = {
        name: (field.rebuild_annotation() | None, Field(None, description=field.description, examples=field.examples))
        for name, field in Service.model_fields.items()
        if field.annotation is not None
    }
    defaults = create_model(
        "Defaults", __base__=Model, __doc__="Fields for every service; a service overrides them.", **optional
    )
    sections: Any = {
        kind.section: (_section(kind.model), Field({}, description=f"The {kind.section}, by name.")) for kind in kinds()
    }
    return create_model(
        "Manifest",
        __base__=Root,
        __doc__=Root.__doc__,
        defaults=(defaults | None, Field(None, description="Fields for every service; a service overrides them.")),
        **sections,
    )


@dataclass(frozen=True)
class Manifest:
    """A manifest of one environment, validated part by part."""

    document: Document
    environment: str | None
    root: Root
    entries: tuple[tuple[Kind, tuple[Entry, ...]], ...]
    runtimes: Mapping[str, tuple[Runtime, Model]]
    """How each service runs, with the runtime's own fields."""
    uses: Mapping[str, Mapping[str, Model | None]]
    """What each service uses, with the access options; None for a service."""


def read(document: Document, environment: str | None = None) -> Manifest:
    """Validates a document (overlays and defaults applied). Raises Invalid with everything that is wrong in shape."""
    data = document.data()
    found: list[Diagnostic] = []
    try:
        root = model().model_validate(data)
    except ValidationError as fault:
        found += faults.diagnostics(fault, (), model())
        services = data.get("services")
        declared = dict(_raw_names(data))
        for name, service in services.items() if isinstance(services, dict) else ():
            if isinstance(service, dict):
                found += _second_pass(name, service, declared)[2]
        raise Invalid(ordered(document.place(_as_written(each, data)) for each in found)) from None
    entries = tuple(
        (
            kind,
            tuple(
                Entry(name, spec, (kind.section, name)) for name, spec in sorted(getattr(root, kind.section).items())
            ),
        )
        for kind in kinds()
    )
    declared = dict(_raw_names(data))
    found += _same_names(data)
    chosen: dict[str, tuple[Runtime, Model]] = {}
    uses: dict[str, Mapping[str, Model | None]] = {}
    for name, service in sorted(root.services.items()):
        runtime, uses[name], faulty = _second_pass(name, service.model_dump(include={"runtime", "uses"}), declared)
        found += faulty
        if runtime is not None:
            chosen[name] = runtime
        found += _callable(name, service, root.services)
    if found:
        raise Invalid(ordered(document.place(_as_written(each, data)) for each in found))
    return Manifest(document, environment, root, entries, chosen, uses)


def _as_written(diagnostic: Diagnostic, data: Any) -> Diagnostic:
    """The diagnostic at what is written: `health: up` is short for `health: {path: up}`."""
    for depth, step in enumerate(diagnostic.path):
        if not isinstance(data, dict | list | None):
            return replace(diagnostic, path=diagnostic.path[:depth], key=False)
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int):
            data = data[step]
        else:
            return diagnostic
    return diagnostic


def _raw_names(data: Mapping[str, Any]) -> Iterator[tuple[str, Kind | None]]:
    """Every declared name, with its kind; None for a service."""
    for kind in kinds():
        section = data.get(kind.section)
        yield from ((name, kind) for name in section) if isinstance(section, dict) else ()
    services = data.get("services")
    yield from ((name, None) for name in services) if isinstance(services, dict) else ()


def _same_names(data: Mapping[str, Any]) -> Iterator[Diagnostic]:
    first: dict[str, Path] = {}
    for section in (*(kind.section for kind in kinds()), "services"):
        for name in data.get(section) or ():
            other = first.setdefault(normal(name), (section, name))
            if other != (section, name):
                yield SAME_NAME.at(
                    (section, name),
                    f"`{name}` and `{other[0]}.{other[1]}` have one name: databases, buckets and services share a name"
                    " space, and dashes do not tell two apart.",
                    hint="Rename one of them.",
                    key=True,
                )


def _second_pass(
    name: str, service: Mapping[str, Any], declared: Mapping[str, Kind | None]
) -> tuple[tuple[Runtime, Model] | None, dict[str, Model | None], list[Diagnostic]]:
    """The fields of a service whose shape depends on what they name: its runtime and its uses."""
    found: list[Diagnostic] = []
    path: Path = ("services", name)
    runtime = _runtime(service.get("runtime", "instance"), (*path, "runtime"), found)
    uses: dict[str, Model | None] = {}
    written = service.get("uses") or {}
    if isinstance(written, list) and all(isinstance(target, str) for target in written):
        written = dict.fromkeys(written)
    for target, options in sorted(written.items()) if isinstance(written, dict) else ():
        at = (*path, "uses", target)
        if target not in declared:
            hint = suggest(target, declared, "Declare it under `databases`, `buckets` or `services`.")
            found.append(
                UNKNOWN_NAME.at(at, f"`{name}` uses `{target}`, but nothing has that name.", hint=hint, key=True)
            )
            continue
        kind = declared[target]
        try:
            if kind is None:
                _NoOptions.model_validate(options)
            uses[target] = kind.options.model_validate(options) if kind else None
        except ValidationError as fault:
            found += faults.diagnostics(fault, at, kind.options if kind else _NoOptions)
    return runtime, uses, found


class _NoOptions(Model):
    """A use of a service has no options."""


def _runtime(written: Any, path: Path, found: list[Diagnostic]) -> tuple[Runtime, Model] | None:
    options = {"type": written} if not isinstance(written, dict) else dict(written)
    kind = options.pop("type", "instance")
    known = runtimes()
    if not isinstance(kind, str):
        found.append(faults.WRONG_TYPE.at(path, "A runtime is chosen by its name.", hint=_choices(known)))
        return None
    if kind not in known:
        message, hint = f"There is no runtime `{kind}`.", suggest(kind, known, _choices(known))
        found.append(UNKNOWN_RUNTIME.at((*path, "type") if isinstance(written, dict) else path, message, hint=hint))
        return None
    runtime = known[kind]
    try:
        return runtime, runtime.model.model_validate(options)
    except ValidationError as fault:
        found += faults.diagnostics(fault, path, runtime.model)
        return None


def _callable(name: str, service: Service, services: Mapping[str, Service]) -> Iterator[Diagnostic]:
    for target in service.uses:
        at = ("services", name, "uses", target)
        if target == name:
            yield USES_ITSELF.at(
                at, f"`{name}` uses itself.", hint="Remove the line: it reaches itself on localhost.", key=True
            )
        elif target in services and services[target].port is None:
            yield USES_WORKER.at(
                at,
                f"`{name}` uses `{target}`, a worker without `port`: it has no address.",
                hint=f"Give `{target}` a `port`, or remove the line.",
                key=True,
            )


def _listed(known: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(known))


def _choices(known: Iterable[str]) -> str:
    return f"Use {'one of ' if len(list(known)) > 1 else ''}{_listed(known)}."
