"""`msaspec lint`: cfn-lint's findings on manifest lines, what is remembered, and what the command says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from msaspec import pipeline
from msaspec.cli import main
from msaspec.diagnostics.diagnostic import Invalid, Severity
from msaspec.linting import cfn_lint, sealed
from msaspec.linting.configuration import Configuration, in_force
from msaspec.linting.settings import Settings
from msaspec.linting.verdicts import Finding, Verdicts
from tests import told

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("**/msa.yaml"))

SMALL = """\
msaspec: 1
name: small
region: eu-west-1
network: {placement: public}
defaults: {runtime: instance}
services:
  web:
    image: docker.io/nginx:1.29
    port: 80
"""

FAULTY_TEMPLATE = """\
AWSTemplateFormatVersion: '2010-09-09'
Conditions:
  Unused: !Equals [a, b]
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    DependsOn: Grop
    Properties:
      GroupDescription: !Ref Missing
      SecurityGroupIngress:
      - {IpProtocol: tcp, FromPort: 1, ToPort: 2, CidrIp: 10.0.0.0/8, SourcePrefixListId: x, SourceSecurityGroupId: y}
  A: {Type: AWS::S3::Bucket, DependsOn: [B, C]}
  B: {Type: AWS::S3::Bucket, DependsOn: [C, A]}
  C: {Type: AWS::S3::Bucket, DependsOn: [A, B]}
"""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory, a home and a cache of the test's own: nobody's `.cfnlintrc` and nobody's verdicts."""
    (tmp_path / "home").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(sealed.CACHE_DIR, str(tmp_path / "cache"))
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def written(text: str, name: str = "msa.yaml") -> str:
    """The name of a manifest with this text."""
    Path(name).write_text(text, "utf-8")
    return name


def run(*arguments: str, stdin: str | None = None) -> Result:
    """What the command does."""
    return CliRunner().invoke(main, ["lint", *arguments], input=stdin, catch_exceptions=False)


def places(*arguments: str) -> list[tuple[str, int]]:
    """Code and line of everything that the command finds."""
    return [(one["code"], one["line"]) for one in told.rows(run("--format", "json", *arguments).stdout, "diagnostic")]


@pytest.fixture
def linted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """cfn-lint stands aside, and the regions of every time it is asked are kept."""
    asked: list[tuple[str, ...]] = []

    def examine(text: str, regions: tuple[str, ...], configuration: Configuration) -> tuple[Finding, ...]:
        asked.append(tuple(regions))
        return ()

    monkeypatch.setattr(cfn_lint, "examine", examine)
    return asked


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.parent.name)
def test_examples_are_clean(example: Path) -> None:
    """No stack of any environment of an example has a finding, not even a warning, and one line says so."""
    result = run(str(example))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("1 file, ")
    assert result.stdout.endswith(": no findings.\n")
    assert result.stdout.count("\n") == 1


def test_patch_has_the_finding_on_its_own_line() -> None:
    """A wrong value of a patch is shown at that value, even for an entry appended to a list."""
    text = SMALL + (
        "patches:\n"
        "  - {op: add, path: /Resources/Vpc/Properties/Tags/-, value: {Key: 5, Value: x, Nope: 1}}\n"
        "  - op: add\n"
        "    path: /Resources/Extra\n"
        "    value:\n"
        "      Type: AWS::S3::Bucket\n"
        "      Properties:\n"
        "        VersioningConfiguration:\n"
        "          Status: Enabld\n"
    )
    assert [place for place in places(written(text)) if place[0].startswith("E")] == [("E3002", 11), ("E3030", 18)]


def test_patch_is_blamed_for_what_it_removes() -> None:
    """A finding elsewhere that names what a patch removed, or is about what it removed it from, is the patch's."""
    text = SMALL + (
        "patches:\n"
        "  - {op: remove, path: /Resources/WebSecurityGroup/Properties/GroupDescription}\n"
        "  - {op: remove, path: /Resources/InternetGateway}\n"
    )
    assert set(places(written(text))) >= {("E3003", 11), ("E1020", 12)}


def test_a_finding_without_a_place() -> None:
    """Where the whole template is at fault, a patch is to blame: the compiler makes whole ones."""
    text = SMALL + "patches:\n  - {op: add, path: /Mappings, value: {Map: {One: {Two: three}}}}\n"
    document = pipeline.load(text, "msa.yaml")
    stack = pipeline.compile_main(document).stack
    finding = Finding((), "E0000", "error", "did not find expected key", None)
    assert cfn_lint.blame(finding, stack, document) == (("patches", 0), False)


def test_what_cfn_lint_stumbles_over() -> None:
    """A template on which cfn-lint itself fails has that as its finding."""
    (finding,) = cfn_lint.examine("Metadata: 5\nResources: {}\n")
    assert (finding.rule, finding.severity, finding.path) == ("E0000", "error", ())
    assert finding.message.startswith("cfn-lint cannot read the template: AttributeError: ")


def test_overlay_has_the_finding_on_its_own_line() -> None:
    """A finding that only an environment's value causes is shown on the overlay's line, and names the environment."""
    text = SMALL + (
        "environments:\n"
        "  test: {}\n"
        "  prod:\n"
        "    services:\n"
        "      web:\n"
        "        runtime: {type: instance, instance_type: t4g.huge}\n"
    )
    (finding,) = told.rows(run(written(text), "--format", "json").stdout, "diagnostic")
    assert finding["line"] == 15
    assert finding["path"] == "services.web.runtime.instance_type"
    assert "'t4g.huge' is not one of ['" in finding["message"]
    assert finding["message"].endswith(
        "at `Resources/WebLaunchTemplate/Properties/LaunchTemplateData/InstanceType` of the template."
        " In the environment `prod`."
    )
    assert len(finding["message"]) < 400
    assert places(written(text), "--env", "test") == []


def test_a_finding_of_every_environment_is_shown_once() -> None:
    """The same finding in several stacks is one finding, without the names of environments."""
    text = SMALL.replace("port: 80", "runtime: {type: instance, instance_type: t4g.huge}\n    port: 80")
    printed = run(written(text + "environments: {aa: {}, bb: {}}\n"), "--format", "json").stdout
    (finding,) = told.rows(printed, "diagnostic")
    assert finding["line"] == 9
    assert "environment" not in finding["message"]


def test_unknown_region(alone: Path) -> None:
    """A Region that cfn-lint does not know is a warning at its line; the template is checked for the default."""
    result = run(written(SMALL.replace("eu-west-1", "eu-west-9")))
    assert result.exit_code == 0
    assert "msa.yaml:3:9: warning MSA502" in result.stdout
    assert "1 file, 1 stack: 1 warning." in result.stderr
    assert run("--strict").exit_code == 1


def test_region_of_the_manifest(linted: list[tuple[str, ...]]) -> None:
    """The template is checked for the manifest's Region, which an environment may change; without one for none."""
    run(written(SMALL + "environments: {us: {region: us-west-2}}\n"))
    assert linted == [("us-west-2",)]
    linted.clear()
    run(written(SMALL + "environments: {us: {region: us-west-2}}\n"), "--env", "-")
    assert linted == [("eu-west-1",)]
    linted.clear()
    run(written(SMALL.replace("region: eu-west-1\n", "")))
    assert linted == [()]


def test_second_time_does_not_lint(linted: list[tuple[str, ...]]) -> None:
    """A verdict answers for the same template, also where lines of the manifest moved; not with --no-cache."""
    run(written(SMALL))
    run(written("# A comment.\n" + SMALL))
    assert len(linted) == 1
    run("--no-cache")
    assert len(linted) == 2


def test_remembered_verdict_needs_no_cfn_lint() -> None:
    """With a remembered verdict, neither cfn-lint nor what it needs is imported, and the findings are the same."""
    text = SMALL + "patches:\n  - {op: add, path: /Resources/X, value: {Type: AWS::S3::Bukket}}\n"
    first = run(written(text)).stdout
    program = (
        "import sys; from msaspec.cli import main; "
        "main(['lint'], standalone_mode=False); print({'cfnlint', 'sympy', 'networkx'} & set(sys.modules))"
    )
    second = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment(), check=True
    )
    assert second.stdout == first + "set()\n"
    assert "msa.yaml:11:49: error E3006" in first


def test_messages_do_not_vary_with_the_hash_seed() -> None:
    """The same template has the same findings, in the same order and words, in every process."""
    program = (
        "import sys; from msaspec.linting.cfn_lint import examine;"
        " print(*examine(sys.stdin.read(), ['us-east-1']), sep='\\n')"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            input=FAULTY_TEMPLATE,
            capture_output=True,
            text=True,
            check=True,
            env=environment(PYTHONHASHSEED=seed),
        ).stdout
        for seed in ("1", "2", "5")
    }
    (output,) = outputs
    rules = {line.split("rule='")[1][:5] for line in output.splitlines()}
    assert {"E3004", "E3005", "E3014", "E1020", "W8001"} <= rules


def environment(**variables: str) -> dict[str, str]:
    """Variables for a process of its own."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **variables}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("'b' and 5", "'b' and 5"),
        ("Circular dependency with [C, B]", "Circular dependency with [B, C]"),
        ("Only one of ['b', \"it's\", 'a']", "Only one of [\"it's\", 'a', 'b']"),
        ("{'b', 'a'} differ", "{'a', 'b'} differ"),
        ("{'b': 1, 'a': 2} is not of type 'string'", "{'b': 1, 'a': 2} is not of type 'string'"),
        ("'x' does not match '^[a-z, ]$'", "'x' does not match '^[a-z, ]$'"),
        (f"5 is not one of {list(range(20))}", "5 is not one of [0, 1, 10, ... 17 more]"),
        ("two\nlines", "two lines"),
    ],
)
def test_normal_messages(message: str, expected: str) -> None:
    """Lists and sets in messages are sorted and cut; what is no list stays."""
    assert cfn_lint.normal(message)[0] == expected


def test_cache_that_cannot_be_used(alone: Path, monkeypatch: pytest.MonkeyPatch, linted: list[tuple[str, ...]]) -> None:
    """A cache folder that cannot be made changes nothing but the time."""
    (alone / "cache").write_text("a file", "utf-8")
    assert run(written(SMALL)).exit_code == 0
    assert run().exit_code == 0
    assert len(linted) == 2


def test_json_is_one_array(linted: list[tuple[str, ...]]) -> None:
    """JSON is one array for all files: empty when there is nothing, and complete when a file is broken."""
    (well,) = told.rows(run(written(SMALL), "--format", "json").stdout)
    assert (well["event"], well["message"]) == ("linted", "1 file, 1 stack: no findings.")
    written("services: [\n", "broken.yaml")
    written(SMALL.replace("port: 80", "prot: 80"), "invalid.yaml")
    result = run("broken.yaml", "msa.yaml", "invalid.yaml", "--format", "json")
    assert result.exit_code == 1
    *found, linted = told.rows(result.stdout)
    assert (linted["files"], linted["stacks"], linted["errors"]) == (3, 1, len(found))
    assert list(dict.fromkeys(one["file"] for one in found)) == ["broken.yaml", "invalid.yaml"]
    assert {row["event"] for row in found} == {"diagnostic"}
    assert not result.stderr


def test_several_files_and_stdin(linted: list[tuple[str, ...]]) -> None:
    """Several files are counted together, one named twice is one, and `-` is standard input."""
    owned = SMALL.replace("docker.io/nginx", "web")
    result = run(
        written(SMALL), written(owned + "environments: {aa: {}, bb: {}}\n", "b.yaml"), "./msa.yaml", "msa.yaml"
    )
    assert result.exit_code == 0, result.output
    assert result.stdout == "3 files, 5 stacks: no findings.\n"
    assert run("-", stdin=SMALL).stdout == "1 file, 1 stack: no findings.\n"
    assert "<stdin>:9:5: error" in run("-", stdin=SMALL.replace("port:", "prot:")).stdout


def test_registry_stack_is_linted(linted: list[tuple[str, ...]]) -> None:
    """A system that owns images has a registry stack too, one for all environments."""
    text = (ROOT / "examples" / "msa.yaml").read_text("utf-8")
    assert run(written(text)).stdout == "1 file, 2 stacks: no findings.\n"
    assert run(written(text + "environments: {aa: {}, bb: {}}\n")).stdout == "1 file, 3 stacks: no findings.\n"
    assert run("--env", "aa").stdout == "1 file, 2 stacks: no findings.\n"


@pytest.mark.parametrize("arguments", [["nowhere.yaml"], ["msa.yaml", "."], ["--format", "nonsense"]])
def test_usage_errors(arguments: list[str], linted: list[tuple[str, ...]]) -> None:
    """A file that is not there is a mistake in the command, not in a manifest."""
    written(SMALL)
    assert run(*arguments).exit_code == 2
    assert linted == []


def test_unknown_environment(linted: list[tuple[str, ...]]) -> None:
    """An environment that a manifest does not have is an error of its own."""
    assert run(written(SMALL), "--env", "prod").exit_code == 1


def test_invalid_manifest_is_findings() -> None:
    """What is wrong with the manifest itself is data on stdout, with a count on stderr."""
    result = run(written(SMALL.replace("port: 80", "prot: 80")))
    assert result.exit_code == 1
    assert result.stdout.startswith("msa.yaml:9:5: error MSA")
    assert result.stderr.strip() == "1 file, no stacks: 1 error."


def test_lint_as_a_function(tmp_path: Path) -> None:
    """`lint.lint` takes a compiled stack and its document, and the cache is optional."""
    text = SMALL + "patches:\n  - {op: add, path: /Outputs, value: {Web: {Value: [a]}}}\n"
    document = pipeline.load(text, "msa.yaml")
    stack = pipeline.compile_main(document).stack
    cache = Verdicts(tmp_path / "own")
    chosen = Settings(Configuration(), cache)
    found = cfn_lint.lint(stack, document, ["eu-west-1"], chosen)
    assert [(one.code, one.severity, one.path) for one in found] == [
        ("E6101", Severity.ERROR, ("patches", 0, "value", "Web", "Value"))
    ]
    assert cfn_lint.lint(stack, document, ["eu-west-1"], chosen) == found
    assert cfn_lint.lint(stack, document, ["eu-west-1"]) == found
    assert len(list(cache.folder.iterdir())) == 1


def test_unusable_configuration_is_invalid() -> None:
    """Used as a library, a configuration that cfn-lint refuses raises Invalid."""
    Path("own.yaml").write_text("nonsense: 1\n", "utf-8")
    with pytest.raises(Invalid, match="nonsense"):
        cfn_lint.examine(FAULTY_TEMPLATE, configuration=in_force("own.yaml"))


def test_only_manifests(tmp_path: Path) -> None:
    """What has the key `msaspec`, or the name of a manifest, is checked; other files are skipped, and none is no
    error. A file that cannot be read is reported."""
    files = {
        "a.yaml": SMALL,
        "b.yml": f"\ufeff# The shop\n%YAML 1.2\n---\n{SMALL}",
        "c.yaml": "services: {web: {image: nginx, ports: ['80:80']}}\n",
        "d.yaml": "notes: about msaspec\n",
        "msa.yaml": "name: shop\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    paths = {name: str(tmp_path / name) for name in files}
    assert CliRunner().invoke(main, ["lint", "--only-manifests", paths["c.yaml"], paths["d.yaml"]]).output == ""
    found = CliRunner().invoke(main, ["lint", "--only-manifests", *paths.values()])
    assert found.exit_code == 1
    assert "3 files, " in found.stderr
    assert {line.partition(":")[0] for line in found.stdout.splitlines() if "MSA202" in line} == {paths["msa.yaml"]}
    gone = CliRunner().invoke(main, ["lint", "--only-manifests", str(tmp_path / "gone.yaml")])
    assert (gone.exit_code, "does not exist" in gone.stderr) == (2, True)
