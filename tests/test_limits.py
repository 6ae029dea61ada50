"""Limits of AWS that a growing system meets: nothing is said at the limit, and its code one past it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from msaspec import checks
from msaspec.template.resources import size_of_policy
from msaspec.template.stack import Stack
from tests import template

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "limits.md"
ROLE = "AWS::IAM::Role"
BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"
TOPIC: dict[str, Any] = {"Type": "AWS::SNS::Topic"}

Template = dict[str, Any]


def of(**resources: Any) -> Template:
    """A template of these resources."""
    return {"Resources": resources}


def part(kind: str, **properties: Any) -> dict[str, Any]:
    """A resource."""
    return {"Type": kind, "Properties": properties}


def several(count: int, thing: Any) -> dict[str, Any]:
    """The same thing by many names."""
    return {f"T{number}": thing for number in range(count)}


def resources(count: int) -> Template:
    """A template of as many resources."""
    return of(**several(count, TOPIC))


def section(name: str, thing: Any) -> Callable[[int], Template]:
    """A template with as many things in a section."""
    return lambda count: {**resources(1), name: several(count, thing)}


def nested(count: int) -> Template:
    """Ten services, each with a nested stack, and as many resources in all with these."""
    names = [f"S{number % 10}X{number}" for number in range(count - 10)]
    return of(**dict.fromkeys(names, TOPIC))


def references(count: int) -> Template:
    """A template with as many dynamic references."""
    return of(A=part("AWS::SNS::Topic", DisplayName="{{resolve:ssm:/a}}" * count))


def sized(count: int) -> Template:
    """A template of as many bytes."""
    empty = of(A=part("AWS::SNS::Topic", DisplayName=""))
    return of(A=part("AWS::SNS::Topic", DisplayName="x" * (count - len(json.dumps(empty)))))


def group(count: int) -> Template:
    """A security group of as many rules, half of them its own."""
    own = [{"IpProtocol": "tcp", "FromPort": number} for number in range(count // 2)]
    rules = several(count - len(own), part("AWS::EC2::SecurityGroupIngress", GroupId={"Ref": "A"}))
    return of(A=part("AWS::EC2::SecurityGroup", SecurityGroupIngress=own), **rules)


def interface(count: int) -> Template:
    """A host with as many security groups."""
    return of(A=part("AWS::EC2::Instance", SecurityGroupIds=[f"sg-{number}" for number in range(count)]))


def document(count: int) -> dict[str, Any]:
    """A policy of as many characters."""
    return {"Sid": "x" * (count - size_of_policy({"Sid": ""}))}


def inline(count: int) -> Template:
    """A role with two inline policies of as many characters together."""
    halves = (count // 2, count - count // 2)
    return of(A=part(ROLE, Policies=[{"PolicyName": "p", "PolicyDocument": document(half)} for half in halves]))


def forward(name: str) -> list[Any]:
    """The actions of what leads to a target group."""
    return [{"Type": "forward", "TargetGroupArn": {"Ref": name}}]


def balancer(listeners: int = 1, rules: int = 0, targets: int = 1) -> Template:
    """A load balancer with these listeners, rules of the first one, and target groups to which both lead in turn."""
    made = several(listeners, None) | {}
    every = [*(f"L{n}" for n in range(len(made))), *(f"R{n}" for n in range(rules))]
    found = {f"G{n}": part(TARGETS) for n in range(targets)}
    for number, name in enumerate(every):
        actions = forward(f"G{number % targets}")
        if name.startswith("L"):
            found[name] = part(LISTENER, LoadBalancerArn={"Ref": "A"}, Port=number + 1, DefaultActions=actions)
        else:
            found[name] = part(RULE, ListenerArn={"Ref": "L0"}, Priority=number, Actions=actions)
    return of(A=part(BALANCER), **found)


def condition(*values: str) -> Template:
    """A rule with a path pattern of these values."""
    field = {"Field": "path-pattern", "PathPatternConfig": {"Values": list(values)}}
    return of(A=part(RULE, Conditions=[field], Actions=forward("G")), G=part(TARGETS))


CASES: Mapping[str, tuple[str, Callable[[int], Template]]] = {
    "resources of a template": ("MSA340", resources),
    "parameters of a template": ("MSA340", section("Parameters", {"Type": "String"})),
    "outputs of a template": ("MSA340", section("Outputs", {"Value": "a"})),
    "mappings of a template": ("MSA340", section("Mappings", {"a": {"b": "c"}})),
    "dynamic references of a template": ("MSA340", references),
    "bytes of a template": ("MSA340", sized),
    "resources of nested stacks in a deployment": ("MSA526", nested),
    "inbound rules of a security group": ("MSA341", group),
    "security groups of a network interface": ("MSA459", interface),
    "characters of a role's inline policies": ("MSA342", inline),
    "characters of a managed policy": (
        "MSA438",
        lambda count: of(A=part("AWS::IAM::ManagedPolicy", PolicyDocument=document(count))),
    ),
    "characters of a trust policy": (
        "MSA439",
        lambda count: of(A=part(ROLE, AssumeRolePolicyDocument=document(count))),
    ),
    "managed policies of a role": ("MSA439", lambda count: of(A=part(ROLE, ManagedPolicyArns=["arn"] * count))),
    "tags of a resource": (
        "MSA344",
        lambda count: of(A=part("AWS::SNS::Topic", Tags=[{"Key": f"k{n}", "Value": "v"} for n in range(count)])),
    ),
    "rules of a load balancer": ("MSA439", lambda count: balancer(rules=count)),
    "target groups of a load balancer": ("MSA458", lambda count: balancer(rules=count - 1, targets=count)),
    "listeners of a load balancer": ("MSA458", lambda count: balancer(listeners=count)),
    "values of a rule": ("MSA420", lambda count: condition(*(f"/{number}" for number in range(count)))),
    "characters of a value of a rule": ("MSA420", lambda count: condition(f"/{'x' * (count - 1)}")),
}
"""By the first cell of its row: the code, and a template that has as much of it as asked for."""
ELSEWHERE = {
    "bytes of a template that is sent inline": "tests/deploy/test_artifacts.py",
    "target groups of an ECS service": "below",
    "connections of a database instance": "below",
    "copies behind a private name": "below",
}


def rows() -> Iterator[list[str]]:
    """The cells of each row of the page."""
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| limit "):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def codes(made: Template) -> set[str]:
    """What is said of a template, all of which a patch wrote."""
    patched = tuple((("Resources", name), ("patches", 0)) for name in made["Resources"])
    origins = {name: ("services", name.partition("X")[0].lower()) for name in made["Resources"]}
    stack = Stack("shop", made, origins, patched)
    return {diagnostic.code for diagnostic in checks.run_on_stack(stack)}


def test_every_limit_of_the_page_is_tried() -> None:
    """And each one that is tried is on the page, with the code that says it."""
    page = {row[0]: row for row in rows()}
    assert set(page) == {*CASES, *ELSEWHERE}
    for name, (code, _) in CASES.items():
        assert code in page[name][3], name


@pytest.mark.parametrize("name", CASES)
def test_at_a_limit_nothing_is_said_and_one_past_it_its_code(name: str) -> None:
    """The number of the page is the last one that passes."""
    code, make = CASES[name]
    limit = int(next(row[1] for row in rows() if row[0] == name).replace(",", ""))
    assert code not in codes(make(limit))
    assert code in codes(make(limit + 1))


def said(text: str) -> set[str]:
    """What is said of a manifest."""
    from msaspec.diagnostics.diagnostic import Invalid

    try:
        return {diagnostic.code for diagnostic in template.compiled(text).warnings}
    except Invalid as invalid:
        return {diagnostic.code for diagnostic in invalid.diagnostics}


@pytest.mark.parametrize(("ports", "refused"), [(5, False), (6, True)])
def test_a_service_has_five_target_groups(ports: int, refused: bool) -> None:
    """One a port to which its paths lead."""
    named = ", ".join(f"p{number}: {8001 + number}" for number in range(ports))
    paths = ", ".join(f"{{path: /p{number}, port: p{number}}}" for number in range(ports))
    text = (
        f"msaspec: 1\nname: shop\nservices:\n  web:\n    image: web:1\n    runtime: fargate\n    ports: {{{named}}}\n"
    )
    assert ("MSA395" in said(f"{text}    port: 8000\n    paths: [{paths}]\n")) is refused


@pytest.mark.parametrize(("paths", "refused"), [(100, False), (101, True)])
def test_a_manifest_has_a_hundred_rules(paths: int, refused: bool) -> None:
    """One a path of whatever service, on the one public load balancer."""
    line = "  {}: {{image: a:1, port: 8000, runtime: fargate, paths: [{}]}}\n"
    parts = {"cart": range(paths // 2), "user": range(paths // 2, paths)}
    services = "".join(line.format(name, ", ".join(f"/{name}{n}" for n in each)) for name, each in parts.items())
    assert ("MSA366" in said(f"msaspec: 1\nname: shop\nservices:\n{services}")) is refused


@pytest.mark.parametrize(("called", "refused"), [(50, False), (51, True)])
def test_the_internal_balancer_has_fifty_listeners(called: int, refused: bool) -> None:
    """One for each service on `autoscaling` that another one calls."""
    services = "".join(f"  s{n}: {{image: a:1, port: {8000 + n}}}\n" for n in range(called))
    uses = ", ".join(f"s{n}" for n in range(called))
    head = "msaspec: 1\nname: shop\ndefaults: {runtime: autoscaling}\nservices:\n"
    assert ("MSA366" in said(f"{head}{services}  web: {{image: a:1, uses: [{uses}]}}\n")) is refused


@pytest.mark.parametrize(("copies", "refused"), [(1000, False), (1001, True)])
def test_a_private_name_leads_to_a_thousand_copies(copies: int, refused: bool) -> None:
    """More are out of the range of `scale`."""
    web = f"{{image: a:1, runtime: fargate, scale: {{max: {copies}, cpu: 60}}}}"
    assert ("MSA204" in said(f"msaspec: 1\nname: shop\nservices: {{web: {web}}}\n")) is refused


def connections(services: int) -> str:
    """A system whose services share an instance that allows 112 connections, of which a fifth stays free."""
    used = "".join(f"  s{number}: {{image: a:1, uses: [main]}}\n" for number in range(services))
    return f"msaspec: 1\nname: shop\ndatabases: {{main: {{size: db.t4g.micro}}}}\nservices:\n{used}"


@pytest.mark.parametrize(("services", "warned"), [(8, False), (9, True)])
def test_a_fifth_of_the_connections_stays_free(services: int, warned: bool) -> None:
    """Each copy opens ten."""
    assert ("MSA308" in said(connections(services))) is warned


def test_the_page_names_facts_that_there_are() -> None:
    """Each source is a row of the facts."""
    facts = (PAGE.parent / "aws-facts.md").read_text("utf-8")
    named = re.findall(r"`([a-z-]+)`[,.]", PAGE.read_text("utf-8").rpartition("Sources are")[2])
    assert len(named) > 5
    assert [name for name in named if f"| `{name}` |" not in facts] == []
