"""What cfn-lint does not see is stopped elsewhere: a test for every row of docs/reference/beyond-cfn-lint.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msaspec import checks, pipeline
from msaspec.diagnostics.diagnostic import Diagnostic, Invalid, errors
from msaspec.template import nesting, render
from msaspec.template.stack import Stack
from tests import goldens, template
from tests.beyond_cfn_lint import MARK, PATCHED, SAID, SOUND, Case
from tests.template import nodes

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "beyond-cfn-lint.md"
PATCHES_ONLY = {f"MSA{number}" for number in (*range(412, 450), 457)}
"""Codes of the checks for what the compiler never writes."""


# ---- The table ----


def rows() -> dict[str, tuple[str, set[str]]]:
    """The rows of the page: where each fault is stopped, and by which codes."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        if line.startswith("| ") and not line.startswith(("| fault", "| ---")):
            fault, kind, codes, _ = (cell.strip() for cell in line.strip("|").split(" | "))
            assert fault not in found, fault
            found[fault] = kind, set(re.findall(r"MSA\d{3}", codes))
    return found


ROWS = rows()


def kind_of(fault: str) -> str:
    """Where a fault is stopped, by the tests that there are for it."""
    told = [kind for kind, cases in (("manifest", SAID), ("patch", PATCHED)) if fault in cases]
    return ", ".join(told) or ("left" if fault in LEFT else "construction")


@pytest.mark.parametrize("fault", sorted({*ROWS, *SAID, *PATCHED}))
def test_a_row_says_what_is_tested(fault: str) -> None:
    """Every row has its test, every test its row, and both name the same codes."""
    assert ROWS[fault] == (kind_of(fault), {case.code for cases in (SAID, PATCHED) for case in cases.get(fault, ())})
    assert sum(fault in table for table in (SAID, CONSTRUCTION, LEFT)) <= 1
    assert any(fault in table for table in (SAID, PATCHED, CONSTRUCTION, LEFT))


def test_every_check_of_patches_has_a_row() -> None:
    """No code of these checks is without a fault that it tells."""
    sources = " ".join(path.read_text("utf-8") for path in (PAGE.parents[2] / "msaspec" / "checks").rglob("*.py"))
    defined = set(re.findall(r'"(MSA\d{3})"', sources)) & PATCHES_ONLY
    assert defined == {code for _, codes in ROWS.values() for code in codes} & PATCHES_ONLY


# ---- What is told on its line ----


def told(text: str) -> list[Diagnostic]:
    """All that is said of a manifest, but for what a patch weakens besides (`test_weakened.py`)."""
    try:
        found = template.compiled(text).warnings
    except Invalid as invalid:
        found = invalid.diagnostics
    return [each for each in found if not "MSA450" <= each.code <= "MSA456"]


CASES = [(fault, case) for table in (SAID, PATCHED) for fault, cases in table.items() for case in cases]


@pytest.mark.parametrize(("fault", "case"), CASES, ids=[f"{fault}-{case.code}" for fault, case in CASES])
def test_a_fault_is_told_on_its_line_and_nowhere_else(fault: str, case: Case) -> None:
    """The manifest has this one fault, told once, on the line that is to blame, in a sentence with a hint."""
    (line,) = (number for number, text in enumerate(case.text.splitlines(), 1) if MARK in text)
    found = told(case.text)
    assert [(each.code, each.span and each.span.line) for each in found] == [(case.code, line)]
    assert found[0].message.endswith(".")
    assert found[0].hint or found[0].code not in PATCHES_ONLY


def test_the_system_that_the_patches_spoil_is_sound() -> None:
    """What the cases change has no fault before."""
    assert told(SOUND) == []


# ---- What the compiler cannot write ----


def examples() -> Iterator[Stack]:
    """The main stack of every example, in every environment."""
    for example in goldens.examples():
        document = pipeline.load(example.read_bytes(), "msa.yaml")
        for environment in (None, *pipeline.environments(document)):
            yield pipeline.compile_main(document, environment).stack


def cases() -> Iterator[Stack]:
    """The main stack of every case that compiles, in every environment."""
    for folder in goldens.cases():
        if (folder / "expected.yaml").exists():
            document = pipeline.load((folder / "msa.yaml").read_bytes(), "msa.yaml")
            for environment in (None, *pipeline.environments(document)):
                yield pipeline.compile_main(document, environment).stack


NEVER_SET = {
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", "Name"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "Name"),
    ("AWS::S3::Bucket", "BucketName"),
    ("AWS::EC2::SecurityGroup", "GroupName"),
    ("AWS::SecretsManager::Secret", "Name"),
    ("AWS::EC2::Instance", "UserData"),
    ("AWS::EC2::Instance", "InstanceType"),
    ("AWS::RDS::DBInstance", "DBName"),
    ("AWS::RDS::DBInstance", "Iops"),
    ("AWS::RDS::DBInstance", "PreferredBackupWindow"),
    ("AWS::RDS::DBInstance", "PreferredMaintenanceWindow"),
}
"""Types and properties that the page says the compiler leaves alone."""


def small_functions(stack: Stack) -> None:
    """Programs of functions are far below 4 MB, which is more than a template may have."""
    assert 4 * nesting.BYTES <= 4_000_000
    for function in stack.resources.of("AWS::Lambda::Function"):
        program = stack.resources.shortest(function.get("Code", "ZipFile"))
        assert program
        assert len(program.encode()) < 20_000


CONSTRUCTION: Mapping[str, Callable[[Stack], None]] = {"Lambda inline ZipFile > 4 MB": small_functions}
"""What holds for every template, for the faults that no diagnostic tells."""
LEFT = {"Template > 51,200 bytes"}


def check_template(stack: Stack) -> None:
    """Nothing of the page's is in a template."""
    assert [found for found in checks.run_on_stack(stack) if found.code in PATCHES_ONLY] == []
    for kind, key in NEVER_SET:
        assert all(resource.get(key) is None for resource in stack.resources.of(kind)), (kind, key)
    for group in stack.resources.of("AWS::AutoScaling::AutoScalingGroup"):
        assert group.get("DesiredCapacity") in (None, group.get("MinSize"))
    assert all("Export" not in output for output in stack.template.get("Outputs", {}).values())
    assert len(stack.template.get("Mappings", {})) <= 1
    for holds in CONSTRUCTION.values():
        holds(stack)


@pytest.mark.parametrize("stacks", [examples, cases])
def test_no_template_has_a_fault(stacks: Callable[[], Iterator[Stack]]) -> None:
    """The examples and the cases have none of the faults, and set none of the properties that lead to them."""
    found = list(stacks())
    assert len(found) >= 3
    for stack in found:
        check_template(stack)


RUNTIMES = st.sampled_from(
    [
        "instance",
        "autoscaling",
        "fargate",
        "{type: fargate, cpu: 1 vCPU, memory: 8 GiB, spot: 50, exec: true}",
        "{type: fargate, deploy: canary}",
        "{type: fargate, deploy: blue-green}",
    ]
)
DATABASES = st.sampled_from(
    ["{}", "{version: '15.10', storage: 5 TiB}", "{replicas: 2, version: '18'}", "{multi_zone: true, protect: false}"]
)
NETWORKS = st.sampled_from(["nat: single", "nat: per-zone", "nat: none"])
BLOCKS = st.sampled_from(["10.0.0.0/16", "192.168.4.0/24", "172.20.0.0/18"])
BUCKETS = st.sampled_from(["{}", "{cdn: true}", "{versioned: true}"])
HEALTHS = st.sampled_from(
    ["/", "{path: /up, timeout: 4 s, interval: 5 s, codes: '200,302'}", "{path: /, codes: '499'}"]
)
SCALES = st.sampled_from(["1", "{min: 0, max: 1}", "{min: 2, max: 9, cpu: 50}", "1000"])
FRONTS = st.sampled_from(
    [
        "{}",
        "{domain: shop.example.com, hosted_zone: Z0123456789ABC, allow: [10.0.0.0/8, 10.1.0.0/16]}",
        "{domain: shop.example.com, certificate: 'arn:aws:acm:eu-west-1:123456789012:certificate/1b'}",
    ]
)


@st.composite
def manifests(draw: st.DrawFn) -> str:
    """Systems of up to four services, of any runtime, public or not, that use what comes before them."""
    lines = [
        "msaspec: 1\nname: shop",
        f"network: {{{draw(NETWORKS)}, cidr: {draw(BLOCKS)}, zones: {draw(st.sampled_from([2, 3]))}}}",
        f"ingress: {draw(FRONTS)}",
        f"databases: {{main: {draw(DATABASES)}}}",
        f"buckets: {{media: {draw(BUCKETS)}}}",
        f"bastion: {draw(st.sampled_from(['true', 'false']))}",
        "services:",
    ]
    used = ["main", "media"]
    for number in range(draw(st.integers(1, 4))):
        runtime, uses = draw(RUNTIMES), draw(st.sets(st.sampled_from(used)))
        # An instance in private subnets has no way in, and a strategy shifts one rule.
        public = "deploy" in runtime or (runtime != "instance" and draw(st.booleans()))
        health = draw(HEALTHS)
        fields = [f"image: s{number}:1", f"port: {8000 + number}", f"runtime: {runtime}", f"scale: {draw(SCALES)}"]
        fields += [f"paths: [/s{number}]"] if public else [f"health: {health}"]
        fields += [f"uses: {{{', '.join(f'{name}: ' for name in sorted(uses))}}}"] if uses else []
        lines.append(f"  s{number}: {{{', '.join(fields)}}}")
        used.append(f"s{number}")
    return "\n".join([*lines, ""])


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(manifests())
def test_no_manifest_leads_to_a_fault(text: str) -> None:
    """Whatever a manifest without patches says, its template has none of the faults."""
    wrong = {diagnostic.code for diagnostic in errors(told(text))}
    assert wrong <= {"MSA364"}  # Two rules may draw one number by chance.
    if not wrong:
        check_template(template.compiled(text).stack)


def test_a_template_beyond_what_is_sent_inline_compiles() -> None:
    """51,200 bytes are a limit of one way to send a template, so that nothing is said of it."""
    text = SOUND + "".join(f"  more-{number}: {{image: more:1.0, uses: [main]}}\n" for number in range(12))
    compiled = template.compiled(text)
    assert len(render.to_yaml(compiled.stack).encode()) > 51_200
    assert compiled.warnings == ()


# ---- What is not known ----


STACK = template.compiled(SOUND).stack
PLACES = [
    ("Resources", name, "Properties", *path)
    for name, resource in STACK.template["Resources"].items()
    for path, _ in nodes(resource.get("Properties", {}))
    if path
]
"""Every property of the sound system, and what lies in it."""


def with_value(value: Any, path: tuple[str | int, ...], new: Callable[[Any], Any]) -> Any:
    """A copy of a value that holds something new at a path."""
    if not path:
        return new(value)
    copy: Any = list(value) if isinstance(value, list) else dict(value)
    copy[path[0]] = with_value(copy[path[0]], path[1:], new)
    return copy


def spoiled(path: tuple[str | int, ...], new: Callable[[Any], Any]) -> list[str]:
    """What is said of the sound system once something else stands in one place."""
    return [
        found.message for found in checks.run_on_stack(replace(STACK, template=with_value(STACK.template, path, new)))
    ]


UNKNOWN: Mapping[str, Callable[[Any], Any]] = {
    "a parameter": lambda _: {"Ref": "Parameter"},
    "a condition": lambda value: {"Fn::If": ["Condition", value, {"Ref": "AWS::NoValue"}]},
}


@pytest.mark.parametrize("what", UNKNOWN)
def test_what_is_not_known_is_no_fault(what: str) -> None:
    """A value that a parameter or a condition decides is never complained about, wherever it stands."""
    for path in PLACES:
        if not any(str(step).startswith(("Fn::", "Ref")) for step in path):
            assert spoiled(path, UNKNOWN[what]) == [], path


ODD: list[Any] = [
    None, 7, -1, 1.5, True, "", "x", [], [7], [None], [[[]]], {}, {"a": {"b": [1]}}, {"Ref": 7}, {"Ref": ["x"]},
    {"Fn::GetAtt": {}}, {"Fn::GetAtt": [[]]}, {"Fn::Sub": 7}, {"Fn::Sub": [1, 2]}, {"Fn::Sub": ["${x}", 7]},
    {"Fn::Join": ["", 7]}, {"Fn::Join": [7, [[], {}]]}, {"Fn::FindInMap": ["a"]},
    {"Fn::Select": 7}, {"Fn::Select": [{}, {"Fn::GetAZs": []}]}, {"Fn::Base64": 7}, {"Fn::Transform": {"Name": "x"}},
]  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(PLACES), st.sampled_from(ODD))
def test_odd_values_stop_no_check(path: tuple[str | int, ...], value: Any) -> None:
    """A patch may write anything of any type: every check goes on, and speaks in sentences."""
    assert all(message.endswith(".") for message in spoiled(path, lambda _: value))


@pytest.mark.parametrize("attribute", ["DependsOn", "Condition", "Metadata"])
@pytest.mark.parametrize("value", [7, [7], {}, None], ids=str)
def test_odd_attributes_stop_no_check(attribute: str, value: Any) -> None:
    """Beside the properties, too, anything may stand."""
    for name in STACK.template["Resources"]:
        for message in spoiled(("Resources", name), lambda resource: {**resource, attribute: value}):
            assert message.endswith(".")


def test_a_fault_is_that_of_the_item_which_a_patch_appended() -> None:
    """`-` in a pointer is the end of a list: of two patches that append to it, the one at fault is told."""
    rules = "/Resources/WebSecurityGroup/Properties/SecurityGroupIngress"
    rule = "IpProtocol: tcp, FromPort: 1, ToPort: {port}, CidrIp: 10.0.0.0/8"
    patches = [f"- {{op: add, path: {rules}, value: []}}"]
    patches += [f"- {{op: add, path: {rules}/-, value: {{{rule.format(port=port)}}}}}" for port in (2, 70_000, 3)]
    (found,) = told("\n".join([SOUND + "patches:", *patches, ""]))
    assert (found.code, found.path) == ("MSA429", ("patches", 2, "value", "ToPort"))
