"""A service with `build` and without `image`: its tag follows from what its image is made of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from msaspec import pipeline
from msaspec.cli import main
from msaspec.deploy import content, ignored
from msaspec.diagnostics.diagnostic import Invalid
from tests.deploy.account import SMALL, Account
from tests.deploy.test_building import log

__all__ = ["log"]

BUILT = SMALL.replace("image: docker.io/library/nginx:1", "build: ./web")
IMAGES = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/cart"


def made(folder: Path, **files: str) -> None:
    """Write files of the folder `web`; two underscores are a slash, one at the end begins with a dot."""
    for name, text in files.items():
        path = folder / "web" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


def tag(folder: Path, manifest: str = BUILT) -> str:
    """The tag of the service's image."""
    plan, _ = pipeline.plan_of(pipeline.load(manifest, str(folder / "msa.yaml")))
    return content.tags(plan, {})["cart"]


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A folder with a small program."""
    made(tmp_path, Dockerfile="FROM scratch\n", app__main_dot_py="print(1)\n", run_dot_sh="exec app\n")
    return tmp_path


def test_the_same_content_has_the_same_tag(web: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Wherever the folder is, whenever its files were written, and whoever may read them."""
    other = tmp_path_factory.mktemp("other")
    made(other, run_dot_sh="exec app\n", app__main_dot_py="print(1)\n", Dockerfile="FROM scratch\n")
    os.utime(other / "web/app/main.py", (1, 1))
    (other / "web/app/main.py").chmod(0o600)
    (other / "web/empty").mkdir()
    made(other, _dot_git__HEAD="ref: refs/heads/main\n", sub___dot_git__config="[core]\n")
    assert tag(other) == tag(web)
    assert tag(web).startswith("content-")


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: made(folder, app__main_dot_py="print(2)\n"),
        lambda folder: made(folder, Dockerfile="FROM busybox\n"),
        lambda folder: made(folder, new=""),
        lambda folder: (folder / "web/run.sh").rename(folder / "web/start.sh"),
        lambda folder: (folder / "web/run.sh").unlink(),
        lambda folder: (folder / "web/run.sh").chmod(0o755),
        lambda folder: (folder / "web/link").symlink_to("run.sh"),
        lambda folder: made(folder, _dot_dockerignore="app\n"),
    ],
)
def test_a_change_of_the_folder_changes_the_tag(web: Path, change: Callable[[Path], object]) -> None:
    """A file's text, name and mode, a new file, and one that is gone."""
    before = tag(web)
    change(web)
    assert tag(web) != before


@pytest.mark.parametrize(
    "build",
    [
        "{context: ./web, target: prod}",
        "{context: ./web, args: {LEVEL: info}}",
        "{context: ./web, file: other.Dockerfile}",
        "./web, arch: x86_64",
    ],
)
def test_what_the_builder_is_told_counts(web: Path, build: str) -> None:
    """A stage, an argument, another Dockerfile and the architecture make another image."""
    made(web, other_dot_Dockerfile="FROM scratch\nUSER app\n")
    assert tag(web, BUILT.replace("./web", build)) != tag(web)


def test_a_secret_of_the_build_does_not_count(web: Path) -> None:
    """It is in no layer, and a token that was made anew is no new version."""
    before = tag(web)
    assert tag(web, BUILT.replace("./web", "{context: ./web, secrets: {token: {env: TOKEN}}}")) == before


def test_a_link_is_not_followed(web: Path) -> None:
    """Neither out of the folder, nor in a circle; where it leads is what counts."""
    (web / "web/above").symlink_to("..")
    (web / "secret").write_text("one", "utf-8")
    (web / "web/out").symlink_to("../secret")
    before = tag(web)
    (web / "secret").write_text("two", "utf-8")
    assert tag(web) == before


def test_what_the_builder_does_not_see_does_not_count(web: Path) -> None:
    """By `.dockerignore`, with exceptions; the list of a Dockerfile comes before that of the folder."""
    made(web, _dot_dockerignore="node_modules\n**/*.log\n!keep.log\n")
    before = tag(web)
    made(web, node_modules__a__index_dot_js="x", a__b__c_dot_log="x")
    assert tag(web) == before
    made(web, keep_dot_log="x")
    assert tag(web) != before
    before = tag(web)
    made(web, Dockerfile_dot_dockerignore="run.sh\n")
    assert tag(web) != before


@pytest.mark.parametrize(
    ("pattern", "seen", "unseen"),
    [
        ("temp?", ["temp", "temp10", "a/temp1"], ["temp1", "tempa", "temp1/file"]),
        ("*/temp*", ["temp", "a/b/temp"], ["a/temp", "a/temporary.txt", "a/temporary/b"]),
        ("*/*/temp*", ["a/temp"], ["a/b/temp.txt"]),
        ("**/*.go", ["a.goo", "go"], ["a.go", "a/b/c.go"]),
        ("a/**", ["a", "b/a"], ["a/b", "a/b/c"]),
        ("/foo/bar/", ["bar", "x/foo/bar"], ["foo/bar", "foo/bar/x"]),
        ("foo/../bar", ["foo"], ["bar"]),
        ("./foo", ["a/foo"], ["foo"]),
        ("[a-c].txt", ["d.txt", "a.txt.x"], ["a.txt", "c.txt/x"]),
        ("[^a].txt", ["a.txt", "/.txt"], ["b.txt"]),
        (r"a\*b", ["axb"], ["a*b"]),
        ("a.b", ["axb"], ["a.b"]),
        ("# x", ["# x", "x"], []),
        ("*\n!docs", ["docs", "docs/a.md"], ["a", "src/docs"]),
        ("*\n!docs/*.md\ndocs/b.md", ["docs/a.md"], ["docs/b.md", "docs/x/c.md", "a.md"]),
        ("[z-a]", ["z"], ["[z-a]"]),
        (".", ["a"], []),
    ],
)
def test_patterns(pattern: str, seen: list[str], unseen: list[str]) -> None:
    """They mean what the builder's documentation says, comments and exceptions too."""
    rules = ignored.rules(pattern)
    assert [path for path in seen if ignored.is_ignored(path, rules)] == []
    assert [path for path in unseen if not ignored.is_ignored(path, rules)] == []


@given(st.text(alphabet="ab/*?[]!\\^-.# \n", max_size=30), st.text(alphabet="ab/.", min_size=1, max_size=10))
def test_no_pattern_is_too_odd(text: str, path: str) -> None:
    """Whatever a file holds, it is read, and a path is in or out."""
    assert ignored.is_ignored(path, ignored.rules(text)) in (True, False)


@pytest.mark.parametrize("build", ["./missing", "./empty", "{context: ./web, file: docker/prod.Dockerfile}"])
def test_a_folder_that_is_not_there_is_told(web: Path, build: str) -> None:
    """At `build`, with what is missing."""
    (web / "empty").mkdir()
    with pytest.raises(Invalid) as refused:
        tag(web, BUILT.replace("./web", build))
    (found,) = refused.value.diagnostics
    assert (found.code, found.path) == ("MSA503", ("services", "cart", "build"))
    assert "No such file or directory" in found.message
    assert found.span


def test_what_names_the_image_of_another_has_its_tag(web: Path) -> None:
    """A job runs what its service runs. Asked for alone, it is asked for with the folder of the service."""
    text = f"{BUILT}jobs:\n  clean: {{image: cart, run: by-hand}}\n  other: {{image: 'cart:2', run: by-hand}}\n"
    plan, _ = pipeline.plan_of(pipeline.load(text, str(web / "msa.yaml")))
    assert content.tags(plan, {}) == {"cart": tag(web), "clean": tag(web)}
    assert content.tags(plan, {}, {"clean"}) == {"clean": tag(web)} | {"cart": tag(web)}
    assert content.tags(plan, {}, {"other"}) == {}


def test_lint_and_compile_do_not_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The template has the tag as a parameter without a default, whatever the folder holds."""
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(BUILT, "utf-8")
    result = CliRunner().invoke(main, ["compile", "msa.yaml"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "Tag of the image in shop/cart that cart runs." in result.stdout
    assert "Default" not in result.stdout.partition("CartImageTag:")[2].partition("Resources:")[0]


def test_a_deployment_follows_the_folder(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """The first builds and pushes; without a change there is nothing to do; a change is a new version. `--tag` comes
    first, and the next deployment is that of the folder again."""
    made(account.folder, Dockerfile="FROM scratch\n", main_dot_py="1")
    account.write(BUILT)
    first = tag(account.folder)
    result = account.deploy(None)
    assert result.exit_code == 0, result.stderr
    assert log()[1:] == [
        ["build", "--platform", "linux/arm64", "--tag", f"{IMAGES}:{first}", "web"],
        ["push", f"{IMAGES}:{first}"],
    ]
    account.push("cart", first)  # which the stand-in did not
    again = account.deploy(None)
    assert (again.exit_code, len(log())) == (0, 3), again.stderr
    made(account.folder, main_dot_py="2")
    second = tag(account.folder)
    differs = account.run("diff", "--against", "stack")
    assert second in differs.stdout
    result = account.deploy(None)
    assert result.exit_code == 0, result.stderr
    assert log()[-1] == ["push", f"{IMAGES}:{second}"]
    account.push("cart", second)
    assert account.run("deploy", "--yes", "--tag", f"cart={first}").exit_code == 0
    assert first in account.run("status", "--format", "json").stdout
    assert account.deploy(None).exit_code == 0
    assert second in account.run("status", "--format", "json").stdout


def test_a_word_needs_no_folder(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """With `--tag` nothing of the folder is read, and a job of the same image has the same tag."""
    job = "jobs:\n  tidy: {image: cart, run: by-hand}\n"
    made(account.folder, Dockerfile="FROM scratch\n")
    assert account.deploy(BUILT + job).exit_code == 0
    account.push("cart", "1.0")
    (account.folder / "web" / "Dockerfile").unlink()
    result = account.run("deploy", "--yes", "--tag", "cart=1.0")
    assert result.exit_code == 0, result.stderr
    found = account.cloudformation.describe_stacks(StackName="shop")["Stacks"][0]["Parameters"]
    tags = {each["ParameterKey"]: each["ParameterValue"] for each in found}
    assert (tags["CartImageTag"], tags["TidyImageTag"]) == ("1.0", "1.0")


def test_a_folder_that_changes_meanwhile_is_not_built(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """The image would not be what its tag says. The next deployment builds what is there then."""
    made(account.folder, Dockerfile="FROM scratch\n")
    account.write(BUILT)

    def edited(operation: str) -> None:
        if operation == "DescribeImages":
            made(account.folder, main_dot_py="edited")

    account.before = edited
    result = account.deploy(None)
    assert (result.exit_code, log()) == (1, [])
    assert "MSA504" in result.stderr
    assert account.stack() is None
    account.before = lambda operation: None
    assert account.deploy(None).exit_code == 0
    assert log()[-1] == ["push", f"{IMAGES}:{tag(account.folder)}"]


def test_push_builds_each_content_once(account: Account, log: Callable[[], list[list[str]]]) -> None:
    """What is there with the same content is neither built nor pushed again, so a pipeline can push each time."""
    made(account.folder, Dockerfile="FROM scratch\n")
    assert account.deploy(BUILT).exit_code == 0
    account.push("cart", tag(account.folder))
    before = len(log())
    result = account.run("push")
    assert (result.exit_code, len(log())) == (0, before), result.stderr
    assert f"Pushed before, with the same content: {IMAGES}:{tag(account.folder)}" in " ".join(result.stderr.split())


def test_the_sandbox_takes_it(web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`deploy --sandbox` asks for no builder, and finds the faults of folders."""
    monkeypatch.chdir(web)
    Path("msa.yaml").write_text(BUILT + "region: us-east-1\n", "utf-8")
    result = CliRunner().invoke(main, ["deploy", "--sandbox", "--yes"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    Path("web/Dockerfile").unlink()
    result = CliRunner().invoke(main, ["deploy", "--sandbox", "--yes"], catch_exceptions=False)
    assert (result.exit_code, "MSA503" in result.output) == (1, True)
