"""Pages for people: what a service gets and why, what a database or a bucket is for, what a diagnostic means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from inspect import cleandoc
from pathlib import Path as FilePath
from typing import Any

from msaspec.aws import iam
from msaspec.compile import lending
from msaspec.compile.plan import Edge, Plan
from msaspec.diagnostics import printable
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.spelling import suggest
from msaspec.explain import readable
from msaspec.language.base import Model
from msaspec.language.kind import AnyKind
from msaspec.language.part import Entry, Use
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.messages.results import Section
from msaspec.survey import Compiled
from msaspec.template import names

Row = tuple[str, ...]

WIDEST = 64
"""A longer cell does not push the columns of other rows away."""

_OWN_CODE = re.compile(r"MSA[0-9]+")
_MESSAGE = re.compile(r"MSG[0-9]+")
_CFN_LINT_RULE = re.compile(r"[EWI][0-9]{4}")
_ELSEWHERE = ("uses", "env", "secrets", "health", "files", "sidecars")
"""Fields of a service that have sections of their own."""
_SAYS_NOTHING = ("", "[]", "{}")
"""Defaults that are left out: null, and a list or a map without entries."""


class Unknown(Exception):
    """There is nothing of that name to explain. Its text is a sentence or two."""


def manual(subject: str) -> str | None:
    """Return the manual page of a diagnostic or a message of msaspec, or of a rule of cfn-lint; None where `subject` is
    the id of none."""
    known = subject.upper()
    if _OWN_CODE.fullmatch(known):
        from msaspec.explain import catalogue

        codes = catalogue.codes()
        if known not in codes:
            raise Unknown(f"There is no diagnostic {known}. {suggest(known, codes, 'The last digits are wrong.')}")
        return _code(codes[known])
    if _MESSAGE.fullmatch(known):
        return _message(known)
    return _rule(known) if _CFN_LINT_RULE.fullmatch(known) else None


def entry(subject: str, compiled: Compiled) -> tuple[Section, ...]:
    """Return what the manifest has under a name. Raises Unknown."""
    for runtime, workload in compiled.plan.workloads:
        if workload.name == subject:
            return _sections(_service(runtime, workload, compiled))
    for kind, entries in compiled.plan.entries:
        for found, uses in entries:
            if found.name == subject:
                return _sections(_entry(kind, found, uses, compiled))
    known = [workload.name for _, workload in compiled.plan.workloads]
    known += [found.name for _, entries in compiled.plan.entries for found, _ in entries]
    nouns = ", ".join(kind.noun for kind, _ in compiled.plan.entries)
    hint = suggest(subject, known, f"It has {', '.join(f'`{name}`' for name in sorted(known))}.")
    raise Unknown(f"The manifest has no {nouns}, job or service `{subject}`, and no diagnostic has that code. {hint}")


def _code(code: Code) -> str:
    return f"{code.id}: {code.title} ({code.severity})\n\n{code.manual}\n"


def _rule(known: str) -> str:
    from cfnlint import rules
    from cfnlint.helpers import load_plugins

    found = {rule.id: rule for rule in load_plugins(str(FilePath(rules.__file__).parent))}
    if known not in found:
        raise Unknown(
            f"cfn-lint has no rule {known}. {suggest(known, found, 'Its rules are E, W or I and four digits.')}"
        )
    rule = found[known]
    severity = {"E": "error", "W": "warning"}.get(known[0], "info")
    source = f"\nSource: {rule.source_url}\n" if rule.source_url else ""
    return f"{known}: {rule.shortdesc} ({severity} of cfn-lint)\n\n{rule.description}\n{source}"


def _message(known: str) -> str:
    from msaspec.messages import catalogue

    kinds = {kind.code: kind for kind in catalogue.kinds().values()}
    if known not in kinds:
        raise Unknown(f"There is no message {known}. {suggest(known, kinds, 'The last digits are wrong.')}")
    kind = kinds[known]
    fields = "".join(f"  {name}: {catalogue.type_of(schema)}\n" for name, schema in catalogue.fields(kind).items())
    payload = f"\nFields\n{fields}" if fields else ""
    return f"{kind.code}: {kind.event} ({kind.level})\n\n{cleandoc(kind.__doc__ or '')}\n{payload}"


def to_text(sections: Iterable[Section]) -> str:
    """Return sections with aligned columns."""
    return "\n".join(f"{section.title}\n{_table(section.rows)}" for section in sections)


def _sections(found: Iterable[tuple[str, Sequence[Row]]]) -> tuple[Section, ...]:
    """Return the sections that have rows."""
    return tuple(Section(title, tuple(rows)) for title, rows in found if rows)


def _table(rows: Sequence[Row]) -> str:
    columns = max(map(len, rows))
    width = [
        max((len(row[at]) for row in rows if at < len(row) and len(row[at]) <= WIDEST), default=0)
        for at in range(columns)
    ]
    lines = ("  ".join(printable.line(cell).ljust(width[at]) for at, cell in enumerate(row)).rstrip() for row in rows)
    return "".join(f"  {line}\n" for line in lines)


def _service(runtime: AnyRuntime, workload: Workload[Model], compiled: Compiled) -> Iterator[tuple[str, list[Row]]]:
    plan, name = compiled.plan, workload.name
    own = plan.edges_of(name)
    environment = f", environment {plan.site.environment}" if plan.site.environment else ""
    worker = "service" if workload.spec.port else "job" if workload.job else "worker"
    yield f"{name}: a {worker} of {plan.site.system}{environment}", list(_facts(runtime, workload, plan))
    yield "Addresses", list(_addresses(runtime, workload, compiled))
    yield "Called by", [row for edge in plan.callers_of(name) for row in doors(edge, edge.use.service)]
    yield "Uses", [row for edge in own for row in doors(edge, edge.use.target)]
    yield (
        "Environment",
        [
            (variable, _why(variable, workload, own, plan), readable.value(content))
            for variable, content in workload.environment.items()
        ],
    )
    yield "Files", [*_files(workload)]
    yield "Sidecars", [*_sidecars(workload)]
    yield "May do", list(_grants(runtime, workload, own, compiled))
    yield "Becomes", list(_resources(workload.path, compiled))


def _facts(runtime: AnyRuntime, workload: Workload[Model], plan: Plan) -> Iterator[Row]:
    """Yield what the service is: what is written, with its place, and the defaults that mean something."""
    if workload.image.owned:
        repository = names.repository(plan.site.system, workload.image.repository)
        yield "repository", repository, "owned by the system, in the registry stack"
        if workload.spec.build and workload.spec.image is None:
            yield "tag", "of the content", f"that of {workload.spec.build.context}, from which it is built"
    for field, value, where in _fields(workload.job or workload.spec, workload.path, plan):
        if field not in _ELSEWHERE:
            yield field, value, where
    idle = frozenset(runtime.idle(workload.options))
    for field, value, where in _fields(workload.options, (*workload.path, "runtime"), plan, idle):
        if field == "deploy" and workload.alone:
            value, where = "recreate", "one copy writes its volume"
        if field != "deploy" or not workload.job:
            yield f"runtime.{field}", value, where
    if workload.health is not None:
        if "health" in _written(plan, workload.path):
            reason = _place(plan, (*workload.path, "health"))
        else:
            reason = "its first path" if workload.spec.paths and workload.health.by == "http" else "default"
        yield "health", workload.health.asked, reason


def _sidecars(workload: Workload[Model]) -> Iterator[Row]:
    """Yield the further containers of a copy, in their order: image, start, and what each is beyond that."""
    for each in workload.sidecars:
        start = f"starts {each.spec.starts}" + (f", after {', '.join(each.after)}" if each.after else "")
        front = "takes the requests" if each.name == workload.spec.front else ""
        yield each.name, each.spec.image, start, front


def _files(workload: Workload[Model]) -> Iterator[Row]:
    """Yield the files of the container: where each is, its mode and owner, and what is in it."""
    for each in workload.files:
        file = workload.spec.files[each.path]
        key = f", key {file.key}" if file.key else ""
        source = (
            f"secret {file.secret}{key}" if file.secret else file.file or f"a text of {len(file.text or '')} characters"
        )
        yield each.path, f"{each.mode} {each.owner}:{each.group}", source


def _fields(model: Model, path: Path, plan: Plan, idle: Set[str] = frozenset()) -> Iterator[Row]:
    """Yield the fields that are written, and the defaults that say something: name, value and place of each. Those of
    `idle` say nothing."""
    written = _written(plan, path)
    for name, field in type(model).model_fields.items():
        key = field.alias or name
        if key in written:
            yield key, readable.written(written[key]), _place(plan, (*path, key))
            continue
        if name in model.idle | idle:
            continue
        default, value = field.get_default(call_default_factory=True), getattr(model, name)
        # A value with a unit is a number; a default that is text may hang on another field.
        said = readable.written(value if isinstance(value, str) else default)
        if said not in _SAYS_NOTHING:
            yield key, said, "default"


def _written(plan: Plan, path: Path) -> Mapping[str, Any]:
    """Return the map at a path, environment and defaults merged; an empty one where none does."""
    found = plan.manifest.document.part(path)
    return found if isinstance(found, Mapping) else {}


def _place(plan: Plan, path: Path) -> str:
    span = plan.manifest.document.span(path, key=True)
    return f"{span.file}:{span.line}"


def _addresses(runtime: AnyRuntime, workload: Workload[Model], compiled: Compiled) -> Iterator[Row]:
    name, port = workload.name, workload.spec.port
    if port and workload.called:
        number = runtime.calling_port(workload.spec)
        way = ", through a load balancer" if runtime.balanced(workload.spec) else ""
        yield f"{port.protocol}://{name}.{compiled.plan.site.domain}:{number}", f"for the services that use it{way}"
        yield f"{port.protocol}://{name}:{number}", "the same, by its short name"
        for further in workload.opened:
            found = workload.spec.ports[further]
            yield f"{found.protocol}://{name}:{found.number}", f"its port `{further}`"
    elif port:
        yield "no private one", "no service uses it"
    outputs = compiled.stack.template.get("Outputs", {})
    for output in [each for each in compiled.stack.made_of(workload.path) if each in outputs]:
        said = _as_map(outputs[output])
        value = readable.data(said.get("Value"))
        if output != names.logical(name, "Url"):
            yield value, f"output {output}: {said.get('Description', '')}"
            continue
        yield value, f"output {output}"
        for other in _public(value, runtime, workload)[1:]:
            yield other, "the same service"


def _public(first: str, runtime: AnyRuntime, workload: Workload[Model]) -> list[str]:
    """Every public address of a service: one for each path at each of its hosts. `first` is the one in the outputs."""
    spec = workload.spec
    hosts = spec.hosts if runtime.behind_balancer else ()
    paths = [path.rstrip("/") for path in spec.prefixes or ("/",)]
    base = first.removesuffix(paths[0])
    bases = [f"{base.partition('://')[0]}://{host}" for host in hosts] or [base]
    return [f"{each}{path}" for each in bases for path in paths]


def doors(edge: Edge, other: str) -> Iterator[Row]:
    """Yield what an edge opens; a row even where it opens nothing."""
    noun = edge.kind.noun if edge.kind else "service"
    about = other if other == edge.use.service else f"{noun} {other}"
    options = edge.use.options.model_dump(exclude_none=True, by_alias=True)
    said = ", ".join(f"{key}: {readable.written(value)}" for key, value in options.items() if value != ())
    for rule, door in edge.rules:
        opened = f"port {door.number} of {door.group.target}, rule {rule}"
        yield about, opened, said
    if not edge.offer.doors:
        yield about, "no port", said


def _why(variable: str, workload: Workload[Model], own: Sequence[Edge], plan: Plan) -> str:
    injecting = [f"`uses: {edge.use.target}`" for edge in own if variable in edge.offer.variables]
    injected = " and ".join(injecting)
    for section, entries in (("env", workload.spec.env), ("secrets", workload.spec.secrets)):
        if variable in entries:
            place = _place(plan, (*workload.path, section, variable))
            return f"`{section}`, {place}" + (f"; overrides the one injected by {injected}" if injected else "")
    return f"injected by {injected}"


def _grants(runtime: AnyRuntime, workload: Workload[Model], own: Sequence[Edge], compiled: Compiled) -> Iterator[Row]:
    """Yield the statements of the service's roles: the reason, its place, what it allows."""
    reasons = {
        grant: f"`uses: {edge.use.target}`" for edge in own for grant in _grant(iam.policy(edge.offer.statements))
    }
    for grant in _grant(iam.policy(workload.statements)):
        reasons.setdefault(grant, "`secrets`")
    for number, granted in enumerate(workload.grants):
        for grant in _grant(iam.policy([granted])):
            reasons[grant] = f"`grants[{number}]`"
    resources = compiled.stack.template["Resources"]
    for role in compiled.stack.made_of(workload.path):
        if compiled.stack.origins[role] != workload.path or resources.get(role, {}).get("Type") != "AWS::IAM::Role":
            continue
        properties = _as_map(resources[role].get("Properties"))
        for policy in _as_list(properties.get("Policies")):
            for grant in _grant(_as_map(policy).get("PolicyDocument")):
                yield reasons.get(grant, f"runtime {runtime.name}"), role, grant
        for managed in _as_list(properties.get("ManagedPolicyArns")):
            shared = _as_map(resources.get(str(_as_map(managed).get("Ref"))))
            if shared:
                for grant in _grant(_as_map(shared.get("Properties")).get("PolicyDocument")):
                    yield f"runtime {runtime.name}", str(managed["Ref"]), grant
            else:
                yield f"runtime {runtime.name}", role, readable.data(managed)


def _grant(policy: Any) -> Iterator[str]:
    """Each statement of a policy, for people; of one that a patch wrote, those that can be read."""
    statements = _as_map(policy).get("Statement")
    for statement in [statements] if isinstance(statements, Mapping) else _as_list(statements):
        shown = {key: readable.data(value) for key, value in _as_map(statement).items()}
        effect = "" if shown.get("Effect", "Allow") == "Allow" else f"{shown['Effect']}: "
        what = shown.get("Action") or f"all but {shown.get('NotAction', 'nothing')}"
        where = shown.get("Resource") or f"all but {shown.get('NotResource', 'nothing')}"
        yield f"{effect}{what} on {where}{' if ' + shown['Condition'] if 'Condition' in shown else ''}"


def _as_map(part: Any) -> Mapping[str, Any]:
    """Return a part of a template that should be a map: a patch may have made something else of it."""
    return part if isinstance(part, Mapping) else {}


def _as_list(part: Any) -> Sequence[Any]:
    return part if isinstance(part, list | tuple) else ()


def _resources(path: Path, compiled: Compiled) -> Iterator[Row]:
    resources = compiled.stack.template["Resources"]
    for logical_id in compiled.stack.made_of(path):
        if logical_id in resources:
            yield logical_id, resources[logical_id]["Type"]


def _shared(name: str, system: str, plan: Plan) -> Iterator[str]:
    """Yield how a system with which an entry is shared may use it."""
    if use := lending.granted(plan.made, name, system):
        yield f"as the user {use.service}"
        yield ", ".join(f"{key}: {value}" for key, value in use.options.model_dump(exclude_none=True).items())


def _entry(
    kind: AnyKind, found: Entry[Model], uses: Sequence[Use[Model]], compiled: Compiled
) -> Iterator[tuple[str, list[Row]]]:
    plan = compiled.plan
    environment = f", environment {plan.site.environment}" if plan.site.environment else ""
    yield f"{found.name}: a {kind.noun} of {plan.site.system}{environment}", list(_fields(found.spec, found.path, plan))
    callers = [row for edge in plan.callers_of(found.name) for row in doors(edge, edge.use.service)]
    share = plan.root.shares.get(found.name)
    callers += [
        (f"the system {system}", *_shared(found.name, system, plan)) for system in (share.with_ if share else ())
    ]
    yield "Used by", callers or [("nobody",)]
    yield "Attributes", [(f"${{{found.name}.{name}}}", about) for name, about in kind.named(found).items()]
    yield "Becomes", list(_resources(found.path, compiled))
