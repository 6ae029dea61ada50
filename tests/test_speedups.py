"""cfn-lint finds the same with its hot spots replaced, and takes less work for it."""

from __future__ import annotations

import copy
import cProfile
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from msaspec.linting import speedups, sympy_import
from tests.lint_comparison import Comparison
from tests.template import load

ROOT = Path(__file__).parents[1]
FAULTY = sorted((ROOT / "tests" / "lint_templates").iterdir())
SHOP = ROOT / "tests" / "goldens" / "shop.yaml"

speeds_up = pytest.mark.skipif(
    version("cfn-lint") not in speedups.TESTED,
    reason="this cfn-lint runs as it is; `scripts/compare_lint` tells whether it can be added to speedups.TESTED",
)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    """Rules that are loaded once."""
    return Comparison()


@speeds_up
def test_findings_are_the_same(comparison: Comparison) -> None:
    """Faulty templates of every kind have the same findings, in the same order: from more than a hundred rules."""
    rules = set()
    for file in FAULTY:
        stock, fast = comparison.of(file.read_text("utf-8"))
        assert fast == stock, file.name
        assert stock, f"{file.name} has no finding, so it compares nothing"
        rules |= {dict(map(tuple, finding))["'rule'"] for finding in stock if isinstance(finding, list)}
    assert len(rules) > 100


@speeds_up
def test_a_compiled_template_takes_less_work(comparison: Comparison) -> None:
    """The example has the same findings, for few more than half of the function calls; time varies with the machine."""
    calls, findings = {}, {}
    for fast in (True, False):
        profile = cProfile.Profile()
        findings[fast] = profile.runcall(comparison.findings, SHOP.read_text("utf-8"), fast)
        calls[fast] = sum(entry.callcount for entry in profile.getstats())
    assert findings[True] == findings[False]
    assert findings[True]
    assert calls[True] < 0.6 * calls[False]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of everything inside a template."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


SHAPES = [{**load(file.read_text("utf-8"))} for file in FAULTY if file.stem in ("conditions", "functions", "services")]
VALUES = [None, True, "true", 0, 1.5, "", "5", "${A}", [], {}, [{}], {"Ref": "AWS::NoValue"}, {"Ref": "AWS::Region"}]
VALUES += [
    {"Fn::If": ["Production", "a", {"Ref": "AWS::NoValue"}]},
    {"Fn::GetAtt": ["Bucket", "Arn"]},
    "{{resolve:ssm:/a}}",
]


@speeds_up
@given(data=st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_findings_in_broken_templates_are_the_same(data: st.DataObject, comparison: Comparison) -> None:
    """Also where something in a template is another value, is missing, or is there twice."""
    template = copy.deepcopy(data.draw(st.sampled_from(SHAPES)))
    for *path, key in data.draw(st.lists(st.sampled_from(list(places(template))), min_size=1, max_size=4)):
        holder = template
        try:
            for step in path:
                holder = holder[step]
            value = holder[key]
        except (KeyError, IndexError, TypeError):
            continue  # gone with an earlier change
        match data.draw(st.sampled_from(["another", "missing", "twice"])):
            case "another":
                holder[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))
            case "missing":
                del holder[key]
            case "twice" if isinstance(holder, dict):
                holder[f"{key}2"] = copy.deepcopy(value)
            case "twice":
                holder.append(copy.deepcopy(value))
    stock, fast = comparison.of(yaml.safe_dump(template))
    assert fast == stock


@speeds_up
def test_copies_are_the_same() -> None:
    """A context, a path and a filter that are copied with changes hold what cfn-lint's own copies hold."""
    from cfnlint.context.context import Context, Path, Resource
    from cfnlint.jsonschema._filter import FunctionFilter

    module = {"Module": Resource({"Type": "A::B::C::MODULE"})}

    def copies() -> Iterator[Any]:
        context = Context().evolve(resources=module, ref_values={"a": 1})
        yield context.evolve(ref_values={"b": 2}, strict_types=False)
        yield from (context.module_names, context.evolve().module_names, context.evolve(resources={}).module_names)
        yield context.ref_values
        path = Path().descend(path="Resources", cfn_path="Resources").descend(path=0, cfn_path="*")
        yield from (path, path.descend(), path.descend(value_path=0), path.evolve(path=path.cfn_path))
        yield FunctionFilter().evolve(add_cfn_lint_keyword=False).evolve(validate_dynamic_references=False)
        for step in ("Ref", 5):
            with pytest.raises(ValueError, match="cannot be") as fault:
                path.descend(path=step, cfn_path=step)
            yield str(fault.value)

    stock = list(copies())
    with speedups.replaced({}):
        assert list(copies()) == stock


@speeds_up
def test_validators_and_attributes_are_the_same() -> None:
    """A validator keeps the keywords it was extended by; attributes are read anew where the resources are others."""
    from cfnlint.context.context import Context
    from cfnlint.jsonschema import CfnTemplateValidator
    from cfnlint.rules.jsonschema.Base import BaseJsonSchema
    from cfnlint.template.template import Template

    rule = BaseJsonSchema()
    rule.validators = {"own": print}

    def facts() -> Iterator[Any]:
        template = Template(None, {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
        yield template.get_valid_getatts().match("us-east-1", "Topic.TopicName")
        yield template.get_valid_getatts().match("us-east-1", "Topic.TopicArn")
        template.context = template.context.evolve(resources={})
        with pytest.raises(ValueError, match="doesn't exist"):
            template.get_valid_getatts().match("us-east-1", "Topic.TopicArn")
        for base in (CfnTemplateValidator({}), CfnTemplateValidator({}).extend({"other": print})({})):
            for more in (None, {"more": print}):
                extended = rule.extend_validator(base, {"enum": ["a"]}, Context(), more)
                yield from (extended.validators, extended.schema, extended.resolver.referrer, extended.is_valid("b"))
                other = extended.evolve(schema={})
                other.validators = {}
                yield from (other.is_valid("b"), other.evolve().validators, extended.evolve(context=None).context)

    stock = list(facts())
    with speedups.replaced({}):
        fast = list(facts())
    assert [sorted(fact) if isinstance(fact, dict) else fact for fact in fast] == [
        sorted(fact) if isinstance(fact, dict) else fact for fact in stock
    ]


@pytest.mark.parametrize("known", [pytest.param(True, marks=speeds_up), False])
def test_nothing_stays_replaced(known: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the block, also after a fault in it, cfn-lint is as it was; a version that is not tested always is."""
    from cfnlint.config import ConfigMixIn
    from cfnlint.runner import Runner

    if not known:
        monkeypatch.setattr(speedups, "TESTED", frozenset({"0.0.1"}))
    rules = Runner(ConfigMixIn(templates=[])).rules
    places = [
        (owner if isinstance(owner, dict) else vars(owner), name) for owner, name, _ in speedups.replacements(rules)
    ]
    before = [there[name] for there, name in places]

    def replaced() -> set[bool]:
        return {there[name] is not old for (there, name), old in zip(places, before, strict=True)}

    def block() -> None:
        with speedups.replaced(rules) as active:
            assert active is known
            assert replaced() == {known}
            with speedups.replaced(rules):
                pass
            assert replaced() == {known}
            raise KeyError

    with pytest.raises(KeyError):
        block()
    assert replaced() == {False}


lean = pytest.mark.skipif(version("sympy") not in sympy_import.TESTED, reason="this sympy is imported as it is")


def printed(program: str, *arguments: object) -> str:
    """What a Python program prints in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@lean
def test_sympy_finds_the_same() -> None:
    """Templates have the same findings, and only those with conditions need the whole of sympy."""
    files = [file for file in FAULTY if file.stem in ("as-json", "conditions", "shapes")]
    program = """
        import sys
        from msaspec.linting import cfn_lint, sympy_import
        lean, *files = sys.argv[1:]
        if lean == "no":
            sympy_import.TESTED = frozenset()
        for file in files:
            for finding in cfn_lint.examine(open(file).read(), ["us-east-1"]):
                print(finding)
            print("whole" if "sympy.solvers" in sys.modules else "lean")
    """
    stock, fast = (printed(program, lean, *files).splitlines() for lean in ("no", "yes"))
    sizes = {"whole", "lean"}
    assert [line for line in fast if line not in sizes] == [line for line in stock if line not in sizes]
    assert [line for line in fast if line in sizes] == ["lean", "whole", "whole"]


@lean
@pytest.mark.parametrize(
    "other",
    [
        'assert sympy.solve(x**2 - 4, x) == [-2, 2] and not hasattr(sympy, "nothing")',
        "from sympy import *; assert integrate(2 * x, x) == x**2",
        "from sympy.sets.sets import FiniteSet; assert x in FiniteSet(x)",
        "import sympy.polys; assert sympy.polys.__spec__.loader.path == sympy.polys.__file__",
        "assert sympy.__version__ == sympy.release.__version__",
        "assert ~(x > 1) == (x <= 1)",
    ],
)
def test_sympy_is_whole_when_it_is_asked_for(other: str) -> None:
    """cfn-lint gets what it imports from sympy and no more; who asks for anything else gets all of it."""
    program = """
        import sys
        from msaspec.linting import sympy_import
        sympy_import.prepare()
        finders = len(sys.meta_path)
        import cfnlint.runner
        import sympy
        x = sympy.Symbol("x")
        assert "sympy.solvers" not in sys.modules
        exec(sys.argv[1])
        assert "sympy.solvers" in sys.modules and len(sys.meta_path) == finders - 1
        assert sympy.Symbol is cfnlint.conditions._equals.Symbol is type(x)
        assert {name for name in sympy.__all__ if not hasattr(sympy, name)} == set()
    """
    printed(program, other)


@pytest.mark.parametrize("first", ["import sympy", "sympy_import.TESTED = ()"])
def test_sympy_is_left_alone(first: str) -> None:
    """Where it was imported before, or where its version was not tested, all of it is imported."""
    program = """
        import sys
        from msaspec.linting import sympy_import
        exec(sys.argv[1])
        sympy_import.prepare()
        import sympy
        assert type(sympy) is type(sys) and "sympy.solvers" in sys.modules
    """
    printed(program, first)
