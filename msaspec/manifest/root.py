"""The manifest as a whole: what the root may hold, and from a placed document to validated models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from textwrap import fill
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from msaspec.diagnostics.diagnostic import WIDTH, Code, Diagnostic, Invalid, ordered
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.language.audit import Audit, Encryption
from msaspec.language.base import EnvironmentName, Items, Model, Name
from msaspec.language.job import RUNTIME as JOB_RUNTIME
from msaspec.language.job import Job
from msaspec.language.kind import AnyKind
from msaspec.language.network import Bastion, Ingress, Network
from msaspec.language.part import Entry
from msaspec.language.runtime import AnyRuntime
from msaspec.language.service import DEFAULT_RUNTIME, Service
from msaspec.language.systems import OtherSystem, Share
from msaspec.manifest import jobs, known, links, misshapen, shape, uses
from msaspec.manifest.sections import CONTAINERS, JOBS, SERVICES, kinds, listed, runtimes, sections, share
from msaspec.source.document import Document
from msaspec.template.names import normal, stack

_ALL = listed(sections(), "and")

UNKNOWN_RUNTIME = Code(
    "MSA213",
    "An unknown runtime",
    fill(
        "`runtime` says how a service runs: "
        + "; ".join(f"`{name}`, {runtime.about}" for name, runtime in runtimes().items())
        + ".",
        WIDTH,
    ),
)
SAME_NAME = Code(
    "MSA214",
    "One name for two entries",
    fill(
        f"{_ALL.capitalize()} share one name space, and two names must differ in more than dashes: `a-b` and `ab` would"
        " become one name in AWS, so they could not be told apart.",
        WIDTH,
    ),
)


def _version(written: Any) -> Any:
    if written is not True and written == 1:
        return 1
    raise shape.custom("version", "this msaspec reads version 1 of the language: `msaspec: 1`")


def _sentence(written: str) -> str:
    if not written.isprintable() or not any(c.isalpha() for c in written):
        raise shape.custom("why", "a reason is a sentence on one line")
    return written


def _tag_key(written: str) -> str:
    if written.lower().startswith("aws:"):
        raise shape.custom("tag", "tags that begin with `aws:` are for AWS itself to set")
    return written


Why = Annotated[str, Field(min_length=8, max_length=200), AfterValidator(_sentence)]
"""A reason that people read, and that checkers show."""


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
    why: Why | None = Field(
        None,
        description="Why the patch may weaken the system. msaspec writes it into "
        "the template, as an exception for checkers.",
        examples=["The office's network reads the database until the migration is done."],
    )


SystemName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$", max_length=40)]
TagKey = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\w .:/=+@-]+$"), AfterValidator(_tag_key)]
TagValue = Annotated[str, Field(max_length=256, pattern=r"^[\w .:/=+@-]*$")]


class Root(Model):
    """A microservice system: services, what they need, and who uses whom."""

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
        True,
        description="Termination protection of the stack, which `msaspec deploy` "
        "turns on. Set false for temporary systems.",
    )
    tags: Annotated[dict[TagKey, TagValue], Field(max_length=50)] = Field(
        {},
        description="Tags of the stack, which CloudFormation propagates to its resources.",
        examples=[{"team": "shop"}],
    )
    network: Network = Field(default_factory=Network, description="The VPC, and where services run in it.")
    bastion: Bastion | None = Field(
        None, description="A host with psql for people, reachable only through Session Manager."
    )
    ingress: Ingress = Field(default_factory=Ingress, description="The public load balancer of services with `paths`.")
    audit: Audit | None = Field(
        None,
        description="Records for those who audit the system: logs, metrics, a firewall, and in the template the "
        "reason for each finding of a checker that remains.",
    )
    encryption: Encryption | None = Field(None, description="The key that data at rest is encrypted with.")
    services: dict[Name, Service] = Field({}, description="The services, by name.")
    jobs: dict[Name, Job] = Field({}, description="Containers that run to their end, by name.")
    systems: dict[Name, OtherSystem] = Field(
        {}, description="Other systems that this one uses, by name.", examples=[{"payments": "payments-prod"}]
    )
    shares: dict[Name | Literal["network"], Share] = Field(
        {},
        description="What other systems may use: names of services and stores, or `network`,"
        " each with the systems that may.",
        examples=[{"ledger": ["shop"]}],
    )
    environments: dict[EnvironmentName, Annotated[Any, WithJsonSchema({})]] = Field(
        {}, description="Overlays on this file, selected by `--env NAME`."
    )
    accept: dict[str, Why] = Field(
        {},
        description="Values that look like credentials and protect nothing: the path of each, and why.",
        examples=[{"services.web.env.STRIPE_KEY": "A test key of Stripe's documentation."}],
    )
    patches: Items[Patch] = Field((), description="RFC 6902 operations on the compiled template.")


def _shares(entry: Any) -> Any:
    return dict[Name | Literal["network"], entry]


def _section(entry: Any) -> Any:
    return dict[Name, entry]


@cache
def model() -> type[Root]:
    """Return the root model with a section for every discovered kind, and `defaults` made of the fields of a
    service."""
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
        shares=(_shares(share()), Root.model_fields["shares"]),
        **sections,
    )


@dataclass(frozen=True)
class Manifest:
    """A manifest of one environment, validated part by part."""

    document: Document
    environment: str | None
    root: Root
    entries: tuple[tuple[AnyKind, tuple[Entry[Any], ...]], ...]
    runtimes: Mapping[str, tuple[AnyRuntime, Model]]
    """How each service and job runs, with the runtime's own fields."""
    uses: Mapping[str, Mapping[str, Model]]
    """What each service and job uses, with the options of the use."""

    @cached_property
    def containers(self) -> Mapping[str, Service]:
        """Return the services, and the jobs as services without a port, by name."""
        as_services = {name: job.service for name, job in self.root.jobs.items()}
        return dict(sorted({**self.root.services, **as_services}.items()))

    def path(self, name: str) -> Path:
        """Return the place of a service or a job."""
        return (JOBS if name in self.root.jobs else SERVICES, name)

    def stack_of(self, system: str) -> str:
        """Return the stack of another system: the one that `systems` names, or that of its name in this
        environment."""
        return self.root.systems[system].stack or stack(system, self.environment)


def misnamed(environment: str) -> list[Diagnostic]:
    """Return what is wrong with the name of an environment: the overlay that has it is no longer in the merged
    document."""
    try:
        TypeAdapter(dict[EnvironmentName, None]).validate_python({environment: None}, strict=True)
    except ValidationError as fault:
        return list(shape.diagnostics(fault, ("environments",), model()))
    return []


def read(document: Document, environment: str | None = None) -> Manifest:
    """Validate a document (overlays and defaults applied). Raises Invalid with everything that is wrong in shape."""
    data = known.fill(document.data(), environment)
    found: list[Diagnostic] = []
    try:
        root = model().model_validate(data)
    except ValidationError as fault:
        found += shape.diagnostics(fault, (), model())
        declared = dict(_raw_names(data))
        for section in CONTAINERS:
            entries_of = data.get(section)
            for name, entry in entries_of.items() if isinstance(entries_of, dict) else ():
                if isinstance(entry, dict):
                    found += _second_pass((section, name), entry, data, declared)[2]
        raise Invalid(ordered(document.place(_as_written(each, data)) for each in found)) from None
    declared = dict(_raw_names(data))
    entries, unlinked = links.linked(tuple((kind, links.entries(kind, root)) for kind in kinds()), declared)
    found += unlinked
    found += _same_names(data)
    chosen: dict[str, tuple[AnyRuntime, Model]] = {}
    used: dict[str, Mapping[str, Model]] = {}
    containers = [*(((SERVICES, name), each) for name, each in root.services.items())]
    containers += [((JOBS, name), job.service) for name, job in root.jobs.items()]
    for path, service in sorted(containers, key=lambda each: each[0][1]):
        name = path[1]
        written = service.model_dump(include={"runtime", "uses"})
        runtime, used[name], faulty = _second_pass(path, written, data, declared)
        found += faulty
        if runtime is not None:
            chosen[name] = runtime
        found += uses.uncallable(path, service, root.services, root.jobs)
    if found:
        raise Invalid(ordered(document.place(_as_written(each, data)) for each in found))
    return Manifest(document, environment, root, entries, chosen, used)


def _as_written(diagnostic: Diagnostic, data: Any) -> Diagnostic:
    """Return the diagnostic at what is written: `health: up` is short for `health: {path: up}`."""
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


def _raw_names(data: Mapping[str, Any]) -> Iterator[tuple[str, AnyKind | None]]:
    """Every declared name, with its kind; None for a service or a job."""
    for kind in kinds():
        section = data.get(kind.section)
        yield from ((name, kind) for name in section) if isinstance(section, dict) else ()
    for word in CONTAINERS:
        section = data.get(word)
        yield from ((name, None) for name in section) if isinstance(section, dict) else ()


def _same_names(data: Mapping[str, Any]) -> Iterator[Diagnostic]:
    first: dict[str, Path] = {}
    for section in sections():
        for name in data.get(section) or ():
            other = first.setdefault(normal(name), (section, name))
            if other != (section, name):
                yield SAME_NAME.at(
                    (section, name),
                    f"`{name}` and `{other[0]}.{other[1]}` have the same name: {_ALL} share one name space, and"
                    " dashes do not count.",
                    hint="Rename one of them.",
                    key=True,
                )


def _second_pass(
    path: tuple[str, str],
    service: Mapping[str, Any],
    data: Mapping[str, Any],
    declared: Mapping[str, AnyKind | None],
) -> tuple[tuple[AnyRuntime, Model] | None, dict[str, Model], list[Diagnostic]]:
    """Return the fields of a service or a job whose shape depends on what they name: its runtime and its uses."""
    found: list[Diagnostic] = []
    section, name = path
    usual = JOB_RUNTIME if section == JOBS else DEFAULT_RUNTIME
    runtime = _runtime(service.get("runtime", usual), (*path, "runtime"), found, usual)
    if runtime and section == JOBS and (wrong := jobs.misplaced(name, runtime[0].name)):
        found.append(wrong)
        runtime = None
    used, misused = uses.read(path, service.get("uses") or {}, data, declared)
    return runtime, used, [*found, *misused]


def _runtime(written: Any, path: Path, found: list[Diagnostic], usual: str) -> tuple[AnyRuntime, Model] | None:
    options = {"type": written} if not isinstance(written, dict) else dict(written)
    kind = options.pop("type", usual)
    chosen = runtimes()
    if not isinstance(kind, str):
        found.append(shape.WRONG_TYPE.at(path, "Select a runtime by its name.", hint=_choices(chosen)))
        return None
    if kind not in chosen:
        meant = misshapen.corrected(path, kind) or kind
        message, hint = f"There is no runtime `{kind}`.", suggest(meant, chosen, _choices(chosen))
        found.append(UNKNOWN_RUNTIME.at((*path, "type") if isinstance(written, dict) else path, message, hint=hint))
        return None
    runtime = chosen[kind]
    try:
        return runtime, runtime.model.model_validate(options)
    except ValidationError as fault:
        found += shape.diagnostics(fault, path, runtime.model)
        return None


def _listed(known: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in sorted(known))


def _choices(known: Iterable[str]) -> str:
    return f"Use {'one of ' if len(list(known)) > 1 else ''}{_listed(known)}."
