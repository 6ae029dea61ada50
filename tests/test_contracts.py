"""What every kind and every runtime that is dropped into its folder has to keep."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from msaspec import pipeline, sandbox
from msaspec.compile import aws_types
from msaspec.compile.main import as_data, compile_plan
from msaspec.compile.plan import Plan
from msaspec.deploy import gate, inventory, policy
from msaspec.deploy.aws.state import Resource
from msaspec.language.aws_type import AwsType, Holds
from msaspec.language.kind import Kind
from msaspec.language.part import Entry, Offer, Part, Site, Use
from msaspec.language.runtime import SERVICE_ATTRIBUTES, Runtime
from msaspec.language.service import Scale, Service
from msaspec.language.value import Secret, Token, is_secret
from msaspec.manifest.sections import kinds, runtimes
from msaspec.sandbox.cloudformation.resource import exists_at_aws, supported
from msaspec.template.stack import Stack
from msaspec.update import changes, losses, objections
from tests.template import compiled, nodes, template_of

KINDS = {kind.section: kind for kind in kinds()}
RUNTIMES = dict(runtimes())
FRAMEWORKS: tuple[str, ...] = get_args(Service.model_fields["framework"].annotation)
ALL_FRAMEWORKS = pytest.mark.parametrize("framework", FRAMEWORKS)
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
EVERY_RUNTIME = pytest.mark.parametrize("runtime", RUNTIMES.values(), ids=RUNTIMES)

LEAST: Mapping[str, Mapping[str, Any]] = {"tables": {"key": "id"}, "volumes": {"shared": True}}
"""An entry of a section that cannot be empty, with no more than it needs."""
USES: Mapping[str, Any] = {"queues": {"thing": "both"}, "volumes": {"thing": "/srv/thing"}}
"""How a service uses an entry of a section where a word is needed."""
RICH: Mapping[str, Mapping[str, Any]] = {
    "databases": {"replicas": 1, "protect": False},
    "buckets": {"cdn": True},
    "brokers": {"cluster": True},
    "caches": {"replicas": 1},
    **LEAST,
}
"""An entry of each section that offers everything it can. A new kind may stay out: then its defaults are taken."""


def system(services: Mapping[str, Any], **sections: Any) -> str:
    """A manifest; with a domain, where a service stands behind the load balancer."""
    behind = {name for name, runtime in RUNTIMES.items() if runtime.behind_balancer}
    chosen = {
        str(runtime["type"] if isinstance(runtime := one.get("runtime"), dict) else runtime)
        for one in services.values()
    }
    door = {"ingress": {"domain": "shop.example.com", "hosted_zone": "Z0123456789ABC"}} if chosen & behind else {}
    network = {"network": {"placement": "public"}}
    data = {"msaspec": 1, "name": "shop", **network, **door, **sections, "services": dict(services)}
    return yaml.safe_dump(data, sort_keys=False)


def plan_with(kind: Kind, framework: str = "plain", **entry: Any) -> Plan:
    """A system of one entry of a kind and its user."""
    user = {"image": "user:1", "framework": framework, "uses": USES.get(kind.section, ["thing"])}
    planned, found = pipeline.plan_of(
        pipeline.load(system({"user": user}, **{kind.section: {"thing": entry}}), "msa.yaml")
    )
    assert found == []
    return planned


def parts(plan: Plan) -> tuple[Kind, Entry, tuple[Use, ...], Site]:
    """The only entry of a plan, with what it takes to build it."""
    ((kind, entry, uses),) = ((kind, entry, uses) for kind, entries in plan.entries for entry, uses in entries)
    return kind, entry, uses, plan.site


def offer_of(kind: Kind, framework: str = "plain", **entry: Any) -> Offer:
    """What one user gets."""
    found, spec, (use,), site = parts(plan_with(kind, framework, **entry))
    return found.offer(spec, use, site)


def data_of(part: Part) -> list[Any]:
    """Everything in a part as data."""
    return [(thing.title, as_data(thing)) for thing in (*part.resources, *part.outputs, *part.parameters)]


def check_ids(part: Part) -> None:
    """Logical ids are what CloudFormation takes, and each stands once."""
    titles = [thing.title for thing in (*part.resources, *part.parameters)]
    assert len(titles) == len(set(titles))
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,254}", thing.title) for thing in (*part.resources, *part.outputs))


@EVERY_KIND
def test_a_kind_is_built_the_same_twice(kind: Kind) -> None:
    """A kind keeps nothing between two calls: the same entry becomes the same part and the same offer."""
    found, entry, uses, site = parts(plan_with(kind, **RICH.get(kind.section, {})))
    first = data_of(found.build(entry, uses, site) + found.common([(entry, uses)], site))
    assert first == data_of(found.build(entry, uses, site) + found.common([(entry, uses)], site))
    assert found.offer(entry, uses[0], site) == found.offer(entry, uses[0], site)


@EVERY_KIND
def test_the_logical_ids_of_a_kind_are_plain_and_unique(kind: Kind) -> None:
    """Nothing that a kind makes has an id with a dash, or one that stands twice."""
    found, entry, uses, site = parts(plan_with(kind, **RICH.get(kind.section, {})))
    check_ids(found.build(entry, uses, site) + found.common([(entry, uses)], site))


@EVERY_KIND
def test_a_kind_offers_exactly_the_attributes_that_it_lists(kind: Kind) -> None:
    """What the language documents for references is what an entry that has everything offers."""
    assert set(offer_of(kind, **RICH.get(kind.section, {})).attributes) == set(kind.attributes)
    assert set(offer_of(kind, **LEAST.get(kind.section, {})).attributes) <= set(kind.attributes)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in kind.attributes)
    assert all(about.endswith(".") for about in kind.attributes.values())


@EVERY_KIND
@ALL_FRAMEWORKS
def test_a_kind_has_variables_for_each_framework(kind: Kind, framework: str) -> None:
    """A use injects something in the names of every framework, made of the attributes of the offer."""
    offer = offer_of(kind, framework, **RICH.get(kind.section, {}))
    assert offer.variables
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name) for name in offer.variables)


@EVERY_KIND
def test_what_a_kind_refers_to_is_in_the_template(kind: Kind) -> None:
    """Every token of an offer, its doors and its order names a resource that is there."""
    plan = plan_with(kind, **RICH.get(kind.section, {}))
    resources = compile_plan(plan).template["Resources"]
    (edge,) = plan.edges
    offer = edge.offer
    values = [*offer.attributes.values(), *offer.variables.values()]
    values += [resource for statement in offer.statements for resource in statement.resources]
    pieces = [piece for value in values for piece in value]
    pieces += [part for piece in pieces if isinstance(piece, Secret) for part in piece.arn]
    tokens = [piece.target for piece in pieces if isinstance(piece, Token)]
    tokens += [*offer.after, *(door.group.target for door in offer.doors)]
    assert {token.partition(".")[0] for token in tokens if not token.startswith("AWS::")} <= set(resources)


@EVERY_KIND
@ALL_FRAMEWORKS
def test_no_secret_attribute_is_rendered(kind: Kind, framework: str) -> None:
    """A reference to a secret, alone or within text, reaches the template as the place of the secret only."""
    offer = offer_of(kind, framework, **RICH.get(kind.section, {}))
    secret = [name for name, value in offer.attributes.items() if is_secret(value)]
    env = {f"OF_{name}": f"before ${{thing.{name}}} after" for name in secret}
    user = {"image": "user:1", "framework": framework, "uses": USES.get(kind.section, ["thing"]), "env": env}
    template = template_of(system({"user": user}, **{kind.section: {"thing": RICH.get(kind.section, {})}}))
    stores = [name for name, part in template["Resources"].items() if part["Type"] == "AWS::SecretsManager::Secret"]
    assert bool(stores) >= bool(secret)
    for path, node in nodes(template):
        # The value of a secret is read by a dynamic reference only, where AWS takes a password or keeps a secret.
        if isinstance(node, str) and "{{resolve:" in node:
            assert {"MasterUserPassword", "Password", "Passwords", "SecretString"} & set(path)
        assert not isinstance(node, Secret)
    for name in secret:
        assert f'"OF_{name}": ["before ' in str(template["Resources"]["UserLaunchTemplate"])


SERVICE: dict[str, Any] = {"image": "cart:1", "port": 8000, "paths": ["/api"], "health": {"path": "/api/up"}}
CHANGES: Mapping[str, Any] = {
    "image": "other:1",
    "port": 9000,
    "ports": {"console": "9001/tcp"},
    "paths": ["/api", "/more"],
    "hosts": ["shop.example.com"],
    "health.path": "/api/other",
    "health.command": ["up"],
    "health.check": "tcp",
    "health.start": "20 s",
    "health.interval": "20 s",
    "health.timeout": "4 s",
    "health.healthy": 4,
    "health.unhealthy": 4,
    "health.grace": "10 min",
    "health.codes": "200",
    "framework": "spring-boot",
    "arch": "x86_64",
    "scale": 2,
    "uses": ["main", "media"],
    "env": {"A": "b"},
    "secrets": {"KEY": "/shop/other-key"},
    "kms_key": "arn:aws:kms:us-east-1:123456789012:key/1b2c3d4e",
    "command": ["run"],
    "entrypoint": ["sh", "-c"],
    "user": "app:app",
    "working_dir": "/app",
    "stop_timeout": "60 s",
    "read_only": True,
    "files": {"/srv/app/x.toml": {"text": "x = 1"}},
    "sidecars": {"proxy": {"image": "public.ecr.aws/nginx/nginx:1.29"}},
    "front": "proxy",
    "sticky": "1 day",
    "strip": True,
    "grants": [{"actions": ["ses:SendEmail"], "resources": ["*"], "why": "Any address may send."}],
    "address": "balanced",
    "internal_port": 9001,
    "priority": 7,
    "logs": "7 days",
}
INSTEAD: Mapping[str, Mapping[str, Any]] = {
    "health.command": {"path": None},
    "health.check": {"path": None},
    "health.start": {"path": None, "command": ["check"]},
}
"""What else stands in the health of a service that has a field which fits no path."""
WITH: Mapping[str, Mapping[str, Any]] = {
    "files_image": {"files": CHANGES["files"]},
    "front": {"sidecars": CHANGES["sidecars"]},
}
"""What a service has in which a field does something."""
WITHOUT_A_WORD = {"front"}
"""What holds on hosts whatever the template says: their containers share one network, so who listens takes requests."""
NO_PART_OF_THE_TEMPLATE = {"build", "mutable", "runtime"}
"""`build` is for `msaspec push`; `mutable` is for the stack of repositories; `runtime` chooses who is tested."""


def fields() -> set[str]:
    """Every field of a service, those of its health spelled out."""
    health = {f"health.{name}" for name in Service.model_fields["health"].annotation.__args__[0].model_fields}  # type: ignore[union-attr]
    return (set(Service.model_fields) - {"health"} | health) - NO_PART_OF_THE_TEMPLATE


def test_every_field_of_a_service_is_tried() -> None:
    """A field that is added to the language is added here."""
    assert set(CHANGES) == fields()


@EVERY_RUNTIME
@pytest.mark.parametrize("field", sorted(CHANGES))
def test_a_runtime_honours_a_field_or_says_that_it_does_not(runtime: Runtime, field: str) -> None:
    """Writing any field of a service changes the template, or there is a diagnostic at that field: never silence."""
    around = {"databases": {"main": {}}, "buckets": {"media": {}}}
    caller = {"image": "web:1", "port": 80, "uses": ["cart"], "runtime": runtime.name}
    base = {
        **SERVICE,
        **WITH.get(field, {}),
        "uses": ["main"],
        "secrets": {"KEY": "/shop/key"},
        "runtime": runtime.name,
    }
    key, _, inner = field.partition(".")
    if inner:
        base[key] = {**base[key], **(INSTEAD[field] if field == "health.start" else {})}
    other = {**INSTEAD.get(field, {}), inner: CHANGES[field]}
    written = {**base, key: {**base[key], **other} if inner else CHANGES[field]}
    before = compiled(system({"cart": base, "web": caller}, **around))
    after = compiled(system({"cart": written, "web": caller}, **around))
    assert before.warnings == ()
    told = [diagnostic.path for diagnostic in after.warnings]
    changed = before.stack.template != after.stack.template
    spec = after.plan.root.services["cart"]
    ignored = field in runtime.ignored(spec) or key in runtime.ignored(spec)
    assert told == ([("services", "cart", *field.split("."))] if ignored else [])
    as_before = runtime.on_hosts and field in WITHOUT_A_WORD
    as_before = as_before or (field == "address" and runtime.balanced(before.plan.root.services["cart"]))
    assert changed is not (ignored or as_before)


@EVERY_RUNTIME
def test_each_address_is_what_happens_or_is_told(runtime: Runtime) -> None:
    """A service that is called leads to a load balancer or to its copies, as its `address` says; where a runtime has
    one of the two only, the other word is told at its line and changes nothing."""
    caller = {"image": "web:1", "port": 80, "uses": ["cart"], "runtime": runtime.name}
    found = {}
    for word in (None, "balanced", "direct"):
        cart = {**SERVICE, "runtime": runtime.name, **({"address": word} if word else {})}
        after = compiled(system({"cart": cart, "web": caller}))
        alias = "AWS_ALIAS_DNS_NAME" in str(after.stack.template["Resources"])
        assert alias is runtime.balanced(after.plan.root.services["cart"])
        told = [(each.code, each.path) for each in after.warnings]
        assert told in ([], [("MSA305", ("services", "cart", "address"))])
        found[word] = (alias, bool(told), after.stack.template)
    assert [found["balanced"][1], found["direct"][1]].count(True) == (0 if runtime.name == "fargate" else 1)
    assert not found[None][1]
    for word, balanced in (("balanced", True), ("direct", False)):
        alias, told, template = found[word]
        assert alias is (balanced is not told)
        assert not told or template == found[None][2]


@EVERY_RUNTIME
def test_a_runtime_ignores_only_fields_that_exist(runtime: Runtime) -> None:
    """What a runtime lists as ignored are fields of the language, each with a sentence."""
    inner = {f"scale.{name}" for name in Scale.model_fields}
    assert set(runtime.ignores) <= fields() | inner | {"health"}
    assert all(hint.endswith(".") for hint in runtime.ignores.values())


@EVERY_RUNTIME
def test_every_own_field_of_a_runtime_changes_the_template(runtime: Runtime) -> None:
    """The runtime's own fields have examples that compile, and do something."""
    for name, field in runtime.model.model_fields.items():
        examples = [*(field.examples or ()), "t4g.large"] if name == "instance_type" else list(field.examples or ())
        own = {"type": runtime.name, name: examples[-1]}
        service = {**SERVICE, **WITH.get(name, {})}
        before = template_of(system({"cart": {**service, "runtime": runtime.name}}))
        assert template_of(system({"cart": {**service, "runtime": own}})) != before


@EVERY_RUNTIME
def test_a_runtime_is_built_the_same_twice(runtime: Runtime) -> None:
    """A runtime keeps nothing between two calls, and its ids are plain and unique."""
    document = pipeline.load(system({"cart": {**SERVICE, "runtime": runtime.name}}), "msa.yaml")
    planned, _ = pipeline.plan_of(document)
    ((found, workload),) = planned.workloads
    part = found.build(replace(workload, called=True), planned.site)
    assert data_of(part) == data_of(found.build(replace(workload, called=True), planned.site))
    check_ids(part)


@EVERY_RUNTIME
@ALL_FRAMEWORKS
def test_a_runtime_offers_what_the_language_lists(runtime: Runtime, framework: str) -> None:
    """A service of any runtime has the same attributes, one variable, and a door exactly if it has a port."""
    document = pipeline.load(system({"cart": {**SERVICE, "runtime": runtime.name}}), "msa.yaml")
    planned, _ = pipeline.plan_of(document)
    service = planned.root.services["cart"]
    offer = runtime.offer("cart", service, framework, planned.site)
    assert set(offer.attributes) == set(SERVICE_ATTRIBUTES)
    assert len(offer.variables) == 1
    assert len(runtime.doors("cart", service)) == 1
    assert runtime.doors("cart", service.model_copy(update={"port": None})) == ()


EMITTED = [(owner, kind) for owner, types in aws_types.emitted().items() for kind in types]
WITH_DATA = {kind.name: kind for _, kind in EMITTED if kind.holds_data({})}
EVERY_TYPE_WITH_DATA = pytest.mark.parametrize("kind", WITH_DATA.values(), ids=WITH_DATA)


CASES = sorted((Path(__file__).parent / "cases").glob("*/expected.yaml"))


def owners(stack: Stack, plan: Plan) -> Iterator[tuple[str, str]]:
    """Each resource's type, and who emits it: a section, a runtime, or a part beside them."""
    runtime_of = {workload.name: runtime.name for runtime, workload in plan.workloads}
    for logical_id, resource in stack.template["Resources"].items():
        path = stack.origins[logical_id]
        if path[0] != "services":
            yield resource["Type"], str(path[0])
        elif len(path) > 1:
            yield resource["Type"], "uses" if path[2:3] == ("uses",) else runtime_of[str(path[1])]


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.parent.name)
def test_what_is_emitted_is_declared(file: Path) -> None:
    """Every type in a template is one that its kind, its runtime or the part beside them says it can emit."""
    result = pipeline.compile_main(pipeline.load((file.parent / "msa.yaml").read_text("utf-8"), "msa.yaml"))
    declared = {owner: {kind.name for kind in types} for owner, types in aws_types.emitted().items()}
    if not result.stack.patched:
        assert [found for found in owners(result.stack, result.plan) if found[0] not in declared[found[1]]] == []


def test_one_type_is_known_in_one_way() -> None:
    """Two owners of a type share what is known of it."""
    first: dict[str, AwsType] = {}
    assert [kind.name for _, kind in EMITTED if first.setdefault(kind.name, kind) is not kind] == []


def test_every_type_is_in_the_sandbox() -> None:
    """Whatever any kind, runtime or other part can emit, the sandbox makes; and CloudFormation's registry has it."""
    sandbox.load()
    missing = {kind.name for _, kind in EMITTED} - supported()
    assert {name for name in missing if not name.startswith("Custom::")} == set()
    assert [kind.name for _, kind in EMITTED if not exists_at_aws(kind.name)] == []


@EVERY_TYPE_WITH_DATA
def test_data_is_guarded(kind: AwsType) -> None:
    """What holds data is named when it would go, refused without a word, guarded by the stack policy, and its fate told
    before the stack is deleted."""
    policies = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}
    before = {"Resources": {"ThingOne": {"Type": kind.name, **policies}}, "Metadata": {"msaspec": {"manifest": []}}}
    (removed,) = changes.between(before, {**before, "Resources": {}})
    replaced = replace(removed, action=changes.Action.REPLACE, stateful=True)
    for each in (removed, replaced) if kind.holds is Holds.DATA else (replaced,):
        lost = [change for change, _ in losses.found([each])]
        assert [(change.logical_id, change.stateful) for change in lost] == [("ThingOne", True)]
        assert gate.judge(lost, (), lambda each: each).refused
    of_another_type = {**before, "Resources": {"ThingOne": {"Type": "AWS::SNS::Topic", **policies}}}
    found = changes.between(before, of_another_type)
    assert [each.code for each in objections.refused(found)] == ["MSA516"]
    assert gate.judge(found, ("ThingOne",), lambda each: each).refused
    denied = json.loads(policy.stack_policy(before))["Statement"][1]
    assert (denied["Effect"], denied["Resource"]) == ("Deny", ["LogicalResourceId/ThingOne"])
    there = Resource("ThingOne", kind.name, "CREATE_COMPLETE", "thing-1")
    (item,) = inventory.items([there], before, lambda _: ())
    assert (item.fate, item.stateful, str(item)) == (inventory.Fate.STAYS, True, f"{kind.noun} thing-1")


@EVERY_TYPE_WITH_DATA
def test_data_can_be_given_up(kind: AwsType) -> None:
    """`destroy --delete-data` knows how to remove what holds data, and what it is called in a sentence."""
    assert kind.erase
    assert kind.gone
    assert kind.noun not in ("", kind.name)
