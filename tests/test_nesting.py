"""Templates in several stacks: split and joined again, by homes that depend on names alone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import patch

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from msaspec.compile.main import compile_plan
from msaspec.linting.cfn_lint import examine
from msaspec.pipeline import load, plan_of
from msaspec.template import nesting, reading, render
from msaspec.template.nesting import Template
from msaspec.template.references import Lookup, Reference, sources
from msaspec.template.stack import Stack
from tests import template

HOMES = st.sampled_from([None, "ANested", "BNested", "Names01"])
IDS = [f"R{number}" for number in range(6)]
GIVEN = {"P0": {"Type": "String"}, "P1": {"Type": "CommaDelimitedList"}}
ATTRIBUTES = st.sampled_from(["Arn", "Endpoint.Address"])


def variables() -> st.SearchStrategy[str]:
    """What stands in a text: references, variables of its own, what looks like one."""
    own = st.sampled_from(["${own}", "${!R0}", "${AWS::Region}", "$R1", "${ R1 }", "-"])
    attributes = st.tuples(st.sampled_from(IDS), ATTRIBUTES).map(lambda one: f"${{{one[0]}.{one[1]}}}")
    return st.lists(st.one_of(own, st.sampled_from([*IDS, *GIVEN]).map(lambda n: f"${{{n}}}"), attributes)).map("".join)


def values() -> st.SearchStrategy[Any]:
    """Values of properties, with intrinsics at any depth."""
    leaves = st.one_of(
        st.sampled_from([*IDS, *GIVEN, "AWS::StackName"]).map(lambda name: {"Ref": name}),
        st.tuples(st.sampled_from(IDS), ATTRIBUTES).map(lambda one: {"Fn::GetAtt": list(one)}),
        variables().map(lambda text: {"Fn::Sub": text}),
        st.just({"Fn::FindInMap": ["M", "a", "b"]}),
        st.sampled_from([{"Fn::FindInMap": []}, {"Fn::If": []}]),  # what a patch may write
        st.booleans(),
        st.sampled_from(["", "a", "${"]),
    )
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(st.sampled_from(["Name", "Value", "Ref2"]), inner, max_size=2),
            st.tuples(variables(), inner).map(lambda one: {"Fn::Sub": [one[0], {"own": one[1]}]}),
            st.tuples(inner, inner).map(lambda one: {"Fn::If": ["C", *one]}),
            inner.map(lambda value: {"Fn::Join": [",", [value]]}),
        ),
        max_leaves=6,
    )


@st.composite
def templates(draw: st.DrawFn) -> Template:
    """Any template whose references lead somewhere."""
    resources = {}
    for name in IDS:
        part: dict[str, Any] = {"Type": "AWS::SNS::Topic"}
        if draw(st.booleans()):
            part["DependsOn"] = draw(st.one_of(st.sampled_from(IDS), st.lists(st.sampled_from(IDS), unique=True)))
        if draw(st.booleans()):
            part["Condition"] = "C"
        resources[name] = {**part, "Properties": draw(st.dictionaries(st.sampled_from(["A", "B"]), values()))}
    return {
        "Metadata": {"msaspec": {"system": "shop"}},
        "Parameters": GIVEN,
        "Conditions": {"C": {"Fn::Not": [{"Condition": "D"}]}, "D": {"Fn::Equals": [{"Ref": "P0"}, "a"]}},
        "Resources": resources,
        "Outputs": {"O": {"Value": draw(values())}},
        "Mappings": {"M": {"a": {"b": "c"}}},
    }


def dangling(piece: Template, nested: Mapping[str, Template]) -> Iterator[str]:
    """What a template of CloudFormation refers to and has not."""
    there = {*piece["Resources"], *piece.get("Parameters", {})}
    for section in ("Resources", "Outputs", "Conditions"):
        for source in sources(piece.get(section, {})):
            if isinstance(source, Lookup) and source.keys and source.keys[0] not in piece.get("Mappings", {}):
                yield f"mapping {source.keys[0]}"
            if isinstance(source, Reference) and not source.name.startswith("AWS::"):
                if source.name not in there and source.name != "own":
                    yield source.name
                if source.name in nested and source.attribute:
                    output = source.attribute.removeprefix("Outputs.")
                    if output not in nested[source.name].get("Outputs", {}):
                        yield f"{source.name}.{source.attribute}"
    for name, part in piece["Resources"].items():
        after = part.get("DependsOn", [])
        yield from (
            f"{name} after {each}" for each in ([after] if isinstance(after, str) else after) if each not in there
        )
        if "Condition" in part and part["Condition"] not in piece.get("Conditions", {}):
            yield f"condition {part['Condition']}"


def undone(pieces: nesting.Pieces) -> Template:
    """The one template again, without the note of where everything was."""
    made = json.loads(json.dumps(nesting.join(pieces.root, pieces.nested)))
    made["Metadata"]["msaspec"].pop("homes", None)
    return made  # type: ignore[no-any-return]


@settings(max_examples=40, deadline=None)
@given(templates(), st.fixed_dictionaries(dict.fromkeys(IDS, HOMES)))
def test_join_undoes_split(whole: Template, places: Mapping[str, str | None]) -> None:
    """Whatever is where: no template refers to what it has not, and together they are the one again."""
    homes = {name: home for name, home in places.items() if home}
    pieces = nesting.split(whole, homes)
    for piece in pieces.all():
        assert list(dangling(piece, pieces.nested)) == []
    assert undone(pieces) == json.loads(json.dumps(whole))
    if homes:
        assert nesting.homes_of(nesting.join(pieces.root, pieces.nested)) == homes


RUNTIMES = ("fargate", "instance", "autoscaling")


def manifest(services: Mapping[str, tuple[str, list[str]]]) -> str:
    """A system of services: each with its runtime, and the services that it uses."""
    found = {
        name: {
            "image": f"{name}:1",
            "port": 8000 + number,
            "runtime": runtime,
            "uses": {each: None for each in [*uses, "main"] if each == "main" or each in services},
            **({"paths": [f"/{name}"]} if number % 3 == 0 else {}),
        }
        for number, (name, (runtime, uses)) in enumerate(sorted(services.items()))
    }
    return yaml.safe_dump(
        {
            "msaspec": 1,
            "name": "shop",
            "network": {"placement": "public"},
            "databases": {"main": {"size": "db.r7g.16xlarge"}},
            "queues": {"orders": None},
            "services": found,
        }
    )


def some(count: int, seed: int) -> dict[str, tuple[str, list[str]]]:
    """Services at random, some of which call each other."""
    chance = random.Random(seed)
    names = [f"svc-{number}" for number in range(count)]
    return {
        name: (RUNTIMES[number % 3], [each for each in chance.sample(names, 2) if each != name])
        for number, name in enumerate(names)
    }


def compiled(services: Mapping[str, tuple[str, list[str]]]) -> Stack:
    """The stack of a system, whatever the checks say of it."""
    with patch("msaspec.checks.run", return_value=[]):
        return compile_plan(plan_of(load(manifest(services), "msa.yaml"))[0])


def homes(stack: Stack, before: Template | None = None) -> nesting.Homes:
    """Where everything of a stack is that does not fit into one template."""
    with patch.object(nesting, "RESOURCES", 10):
        return nesting.homes(stack.template, stack.entry_of, before)


def layout(stack: Stack, before: Template | None = None) -> nesting.Layout:
    """How a stack that does not fit into one template is deployed."""
    with patch.object(nesting, "RESOURCES", 10):
        return nesting.layout(stack.template, stack.entry_of, before)


@pytest.mark.parametrize("seed", range(3))
def test_services_of_every_runtime_are_apart(seed: int) -> None:
    """Each has a stack of its own, data stays in the root, and no stacks need each other."""
    stack = compiled(some(9, seed))
    pieces = nesting.split(stack.template, homes(stack))
    assert undone(pieces) == json.loads(json.dumps(stack.template))
    kinds = {part["Type"] for part in pieces.root["Resources"].values()}
    assert kinds.isdisjoint({"AWS::ECS::Service", "AWS::EC2::Instance", "AWS::AutoScaling::AutoScalingGroup"})
    assert {"AWS::RDS::DBInstance", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"} <= kinds
    assert {f"Svc{number}Nested" for number in range(9)} <= set(pieces.nested)
    for piece in pieces.nested.values():
        held = {part["Type"] for part in piece["Resources"].values()}
        assert held.isdisjoint({"AWS::RDS::DBInstance", "AWS::SecretsManager::Secret", "AWS::SQS::Queue"})


def test_each_template_is_one_that_cfn_lint_takes() -> None:
    """Neither errors nor warnings, in the root and in every nested stack, and no circle."""
    stack = compiled(some(4, 1))
    made = layout(stack)
    pieces = nesting.split(made.template, made.homes, lambda home: f"https://s3.amazonaws.com/bucket/{home}")
    for piece in pieces.all():
        text = json.dumps(piece)
        assert [found for found in examine(text, ["eu-west-1"]) if found.rule != "W1030"] == []


def test_hosts_may_signal_the_stack_that_they_are_in() -> None:
    """The policy that all hosts share names the nested stacks too, and is the same again when all is joined."""
    stack = compiled(some(2, 1) | {"host": ("instance", [])})
    pieces = nesting.split(stack.template, homes(stack))
    document = pieces.root["Resources"]["HostPolicy"]["Properties"]["PolicyDocument"]
    (signal,) = (each for each in document["Statement"] if each["Action"] == "cloudformation:SignalResource")
    own, inside = signal["Resource"]
    assert own == {"Ref": "AWS::StackId"}
    assert inside["Fn::Sub"].endswith(":stack/${AWS::StackName}-*Nested-*/*")


@pytest.mark.parametrize("seed", range(3))
def test_adding_and_removing_services_moves_nothing_else(seed: int) -> None:
    """The home of a resource depends on no service but its own."""
    services = some(9, seed)
    chance = random.Random(seed)
    known = dict(homes(compiled(services)))
    everywhere = set(compiled(services).template["Resources"])
    for _ in range(3):
        name = chance.choice(list(services))
        smaller = {other: one for other, one in services.items() if other != name}
        stack = compiled(smaller)
        found = homes(stack)
        shared = everywhere & set(stack.template["Resources"])
        assert {each: found.get(each) for each in shared} == {each: known.get(each) for each in shared}


def test_what_is_deployed_stays_where_it_is() -> None:
    """In one stack, services that are added get stacks of their own; what shrinks again keeps them."""
    services = some(6, 0)
    small = compiled({name: services[name] for name in ("svc-0", "svc-1", "svc-2")})
    large = compiled(services)
    grown = homes(large, small.template)
    assert set(grown).isdisjoint(small.template["Resources"])
    assert {"Svc3Nested", "Svc4Nested", "Svc5Nested"} <= set(grown.values())
    pieces = nesting.split(large.template, grown)
    deployed = nesting.join(pieces.root, pieces.nested)
    assert homes(large, deployed) == grown
    again = nesting.homes(small.template, small.entry_of, deployed)  # which would fit into one template
    assert again == {name: home for name, home in grown.items() if name in small.template["Resources"]}
    fewer = compiled({name: one for name, one in services.items() if name != "svc-3"})
    kept = nesting.homes(fewer.template, fewer.entry_of, deployed)
    assert "Svc4Nested" in kept.values()
    assert "Svc3Nested" not in kept.values()


def rules_of(made: Template, group: str) -> list[tuple[str, str]]:
    """Who may connect to a group by a rule inside of it, with the reason."""
    found = made["Resources"][group]["Properties"].get("SecurityGroupIngress", [])
    return [(rule["SourceSecurityGroupId"]["Ref"], rule["Description"]) for rule in found if "CidrIp" not in rule]


def test_rules_of_stores_stand_in_their_groups() -> None:
    """With all that they say, and what waited for the rule waits for the group. Rules to services are resources, so
    that another port is opened before the old one is closed."""
    stack = compiled(some(6, 0))
    made = layout(stack).template
    given = [(f"Svc{number}SecurityGroup", f"svc-{number} uses main") for number in range(6)]
    assert rules_of(made, "MainDatabaseSecurityGroup") == given
    assert rules_of(made, "Svc0SecurityGroup") == []
    gone = set(stack.template["Resources"]) - set(made["Resources"])
    assert gone == {f"Svc{number}ToMain" for number in range(6)}
    calls = {name for name in stack.template["Resources"] if "ToSvc" in name}
    assert calls
    assert calls <= set(made["Resources"])
    assert "Svc0ToMain" in stack.template["Resources"]["Svc0Service"]["DependsOn"]
    assert "MainDatabaseSecurityGroup" in made["Resources"]["Svc0Service"]["DependsOn"]
    pieces = nesting.split(made, layout(stack).homes)
    assert undone(pieces) == json.loads(json.dumps(made))


def test_below_the_limit_rules_are_resources() -> None:
    """The template is what it was."""
    stack = compiled(some(3, 0))
    assert nesting.layout(stack.template, stack.entry_of) == nesting.Layout(stack.template, {})


def test_a_rule_that_is_deployed_stays_what_it_is() -> None:
    """EC2 refuses the same rule twice, so one does not become the other, whatever comes and goes."""
    services = some(6, 0)
    small, large = (compiled({name: services[name] for name in list(services)[:count]}) for count in (3, 6))
    grown = layout(large, small.template)
    assert {f"Svc{number}ToMain" for number in range(6)} & set(grown.template["Resources"]) == {
        f"Svc{number}ToMain" for number in range(3)
    }
    pieces = nesting.split(grown.template, grown.homes)
    deployed = nesting.join(pieces.root, pieces.nested)
    assert layout(large, deployed) == grown
    assert set(nesting.layout(small.template, small.entry_of, deployed).template["Resources"]) == set(
        small.template["Resources"]
    )
    fresh = layout(large)
    pieces = nesting.split(fresh.template, fresh.homes)
    shrunk = nesting.layout(small.template, small.entry_of, nesting.join(pieces.root, pieces.nested))
    assert "Svc0ToMain" not in shrunk.template["Resources"]


ODD: dict[str, Any] = {
    "another attribute": ("Svc0ToMain", {"Metadata": {"why": "asked"}}),
    "a condition": ("Svc0ToMain", {"Condition": "Busy"}),
    "a port that is known later": ("Svc0ToMain", {"Properties": {"FromPort": {"Ref": "Port"}}}),
    "a group that may not be there": ("Svc0SecurityGroup", {"Condition": "Busy"}),
    "rules that a function gives": (
        "MainDatabaseSecurityGroup",
        {"Properties": {"SecurityGroupIngress": {"Ref": "R"}}},
    ),
    "a group that needs the store": ("Svc0SecurityGroup", {"Properties": {"GroupName": {"Ref": "MainDatabase"}}}),
}


@pytest.mark.parametrize("what", ODD)
def test_a_rule_of_another_shape_stays_a_resource(what: str) -> None:
    """What patches make of it would be lost, or make a circle."""
    stack = compiled(some(4, 0))
    name, changes = ODD[what]
    part = stack.template["Resources"][name]
    part |= {**changes, "Properties": {**part["Properties"], **changes.get("Properties", {})}}
    assert "Svc0ToMain" in layout(stack).template["Resources"]


def test_a_rule_that_something_refers_to_stays_a_resource() -> None:
    """It would refer to nothing."""
    stack = compiled(some(4, 0))
    stack.template["Outputs"]["Rule"] = {"Value": {"Ref": "Svc0ToMain"}}
    made = layout(stack).template
    assert "Svc0ToMain" in made["Resources"]
    assert "Svc1ToMain" not in made["Resources"]


def test_a_template_that_fits_stays_one() -> None:
    """At the limits of CloudFormation, byte for byte; one past it there are several."""
    parts = {f"R{number}": {"Type": "AWS::SNS::Topic"} for number in range(500)}
    entry = ("services", "cart")
    fits: Template = {"Resources": parts}
    assert nesting.pieces(fits, lambda name: entry) == nesting.Pieces(fits, {})
    more: Template = {"Resources": {**parts, "R500": {"Type": "AWS::SNS::Topic"}}}
    pieces = nesting.pieces(more, lambda name: entry if name == "R500" else ("network",))
    assert (len(pieces.root["Resources"]), list(pieces.nested)) == (501, ["R500Nested"[:0] or "CartNested"])
    long: Template = {"Resources": {"R0": {"Type": "AWS::SNS::Topic", "Properties": {"Name": "x" * 1_000_000}}}}
    assert list(nesting.pieces(long, lambda name: entry).nested) == ["CartNested"]


def test_what_a_macro_makes_is_left_alone() -> None:
    """Loops and transforms make what is not seen from here."""
    parts = {f"R{number}": {"Type": "AWS::SNS::Topic"} for number in range(501)}
    for odd in (
        {"Resources": parts, "Transform": "AWS::LanguageExtensions"},
        {"Resources": {**parts, "Fn::ForEach::A": []}},
    ):
        assert nesting.homes(odd, lambda name: ("services", "cart")) == {}


def test_stacks_that_would_need_each_other_give_up_what_they_share() -> None:
    """What makes a circle of stacks is in the root."""
    parts: Template = {
        "A1": {"Type": "T", "Properties": {"X": {"Ref": "B1"}}},
        "A2": {"Type": "T"},
        "B1": {"Type": "T"},
        "B2": {"Type": "T", "Properties": {"X": {"Ref": "A2"}}},
    }
    with patch.object(nesting, "RESOURCES", 1):
        found = nesting.homes({"Resources": parts}, lambda name: ("services", name[0].lower()))
    assert set(found.values()) <= {"ANested", "BNested"}
    assert len(found) < 4
    assert undone_or_whole(parts, found)


def undone_or_whole(parts: Template, homes: nesting.Homes) -> bool:
    """Whether the stacks can be made one after the other."""
    pieces = nesting.split({"Resources": parts, "Metadata": {"msaspec": {}}}, homes)
    waiting = {
        name: {source.name for source in sources(part) if isinstance(source, Reference)}
        for name, part in pieces.root["Resources"].items()
    }
    while waiting:
        free = [name for name, needed in waiting.items() if needed.isdisjoint(waiting)]
        if not free:
            return False
        for name in free:
            del waiting[name]
    return True


def test_templates_are_read_back_as_they_were_written() -> None:
    """From YAML, as CloudFormation returns it."""
    stack = compiled(some(4, 2))
    pieces = nesting.split(stack.template, homes(stack))
    written = {home: render.to_yaml(Stack("shop", piece, {})) for home, piece in pieces.nested.items()}
    root = reading.load(render.to_yaml(Stack("shop", pieces.root, {})))
    made = nesting.join(root, {home: reading.load(text) for home, text in written.items()})
    assert made["Resources"] == template.load(render.to_yaml(stack))["Resources"]
