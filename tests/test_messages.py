"""The registry of what is said, and every command under `--format json`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from msaspec.cli import main
from msaspec.messages import catalogue
from msaspec.messages.deploying import Deployed, Resumed, Unprotected
from msaspec.messages.message import Level, Message
from tests import told
from tests.deploy.account import Account, opened

PACKAGE = Path(catalogue.__file__).parents[1]
SHOP = """\
msaspec: 1
name: shop
region: us-east-1
services:
  cart: {image: 'docker.io/library/nginx:1', port: 80, uses: {media: {}}}
buckets: {media: {}}
"""
OWNING = SHOP.replace("docker.io/library/nginx:1", "cart:v1")
COMPOSE = "services: {web: {image: 'nginx:1', ports: ['80:80'], privileged: true}}\n"


def test_every_kind_is_whole() -> None:
    """A code and an event of its own, a sentence of what it is, and only fields that it has in its sentence."""
    kinds = catalogue.kinds()
    assert len({kind.code for kind in kinds.values()}) == len(kinds) > 90
    for event, kind in kinds.items():
        assert re.fullmatch(r"MSG\d{3}", kind.code), event
        assert re.fullmatch(r"[a-z][a-z-]*", event)
        assert kind.__doc__, event
        assert not {"code", "event", "level"} & set(kind.names), event
        assert not (kind.said and "message" in kind.names), event


def test_every_kind_is_said_somewhere() -> None:
    """What nothing says is no message."""
    modules = [path for path in PACKAGE.rglob("*.py") if path.parent.name != "messages"]
    source = "\n".join(path.read_text("utf-8") for path in modules)
    source += (PACKAGE / "diagnostics/reports/json.py").read_text("utf-8").replace('"diagnostic"', "Diagnosed(")
    assert [kind.__name__ for kind in catalogue.kinds().values() if f"{kind.__name__}(" not in source] == []


def test_two_of_one_code_are_refused() -> None:
    """A code means one thing."""

    class Again(Message, code=Deployed.code):
        """Another."""

    Again.__module__ = Deployed.__module__
    catalogue.kinds.cache_clear()
    try:
        with pytest.raises(ValueError, match=Deployed.code):
            catalogue.kinds()
    finally:
        Again.__module__ = __name__
        catalogue.kinds.cache_clear()


def test_a_message_is_a_value() -> None:
    """Frozen, equal to its like, and complete; what a field holds is no format."""
    said = Deployed("{shop.__class__}")
    assert (said.sentence(), said) == ("The stack {shop.__class__} is deployed.", Deployed(stack="{shop.__class__}"))
    assert said != Deployed("other")
    assert len({said, Deployed("{shop.__class__}")}) == 1
    assert repr(Deployed("a")) == "Deployed(stack='a')"
    with pytest.raises(AttributeError):
        said.stack = "b"  # type: ignore[misc]
    for wrong in ((), ("a", "b")):
        with pytest.raises(TypeError):
            Deployed(*wrong)
    assert Resumed("shop", 1).sentence().startswith("The creation of the stack shop failed, and 1 resource was kept.")
    assert Unprotected("bucket b", removed=False).as_object() == {
        "code": "MSG219",
        "event": "unprotected",
        "level": "info",
        "message": "Turned off the deletion protection of the bucket b.",
        "what": "bucket b",
        "removed": False,
    }


def test_the_levels_of_what_is_asked_and_given() -> None:
    """A question ends with its mark; a result of a command is a result."""
    for kind in catalogue.kinds().values():
        assert (kind.level is Level.QUESTION) == kind.said.endswith("?"), kind


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An emulated account, for one story."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MSASPEC_CACHE_DIR", str(tmp_path_factory.mktemp("verdicts")))
        with opened(tmp_path_factory.mktemp("account"), patch) as account:
            yield account


STORY = (
    # command, exit code, some of what is said
    ("init msa.yaml", 0, {"written", "next"}),
    ("init msa.yaml", 2, {"usage"}),
    ("init -", 0, {"manifest"}),
    ("schema", 0, {"schema"}),
    ("schema -o schema.json", 0, {"written"}),
    ("completion bash", 0, {"script"}),
    ("completion tcsh", 2, {"usage"}),
    ("export compose shop.yaml", 0, {"compose-file"}),
    ("export compose shop.yaml -o local.yaml", 0, {"written", "next"}),
    ("export compose wrong.yaml", 1, {"diagnostic"}),
    ("import compose compose.yaml", 0, {"manifest", "key", "imported"}),
    ("import compose compose.yaml -o drafted.yaml", 0, {"written", "key", "imported", "next"}),
    ("import compose absent.yaml", 1, {"diagnostic"}),
    ("lint shop.yaml wrong.yaml", 1, {"diagnostic", "linted"}),
    ("lint shop.yaml", 0, {"linted"}),
    ("lint shop.yaml --cfnlintrc absent", 1, {"diagnostic"}),
    ("lint absent.yaml", 2, {"usage"}),
    ("lint --forma json", 2, {"usage"}),
    ("compile shop.yaml", 0, {"template"}),
    ("compile shop.yaml -o shop.json", 0, {"written"}),
    ("compile wrong.yaml", 1, {"diagnostic"}),
    ("compile shop.yaml --stack registry", 2, {"usage"}),
    ("explain cart shop.yaml", 0, {"explanation"}),
    ("explain shop.yaml", 0, {"explanation"}),
    ("explain MSA301 shop.yaml", 0, {"manual"}),
    ("explain MSG201 shop.yaml", 0, {"manual"}),
    ("explain E3012 shop.yaml", 0, {"manual"}),
    ("explain none shop.yaml", 2, {"usage"}),
    ("draw shop.yaml", 0, {"drawing"}),
    ("policy shop.yaml", 0, {"policy"}),
    ("diff owning.yaml --against shop.yaml", 1, {"change", "difference"}),
    ("diff shop.yaml --against shop.yaml", 0, {"difference"}),
    ("diff wrong.yaml --against shop.yaml", 1, {"diagnostic"}),
    ("verify shop.yaml", 0, {"nothing-missing"}),
    ("secret list keyed.yaml", 0, {"secret"}),
    ("secret set keys api_key keyed.yaml", 2, {"usage"}),
    ("verify owning.yaml", 1, {"diagnostic"}),
    ("deploy wrong.yaml --yes", 1, {"diagnostic"}),
    ("deploy shop.yaml", 2, {"usage"}),
    ("deploy owning.yaml --dry-run", 0, {"change", "images-absent", "rehearsed"}),
    ("deploy owning.yaml --yes", 1, {"change", "begin", "stack", "resource", "end", "log-in", "diagnostic"}),
    ("clean owning.yaml --yes", 0, {"nothing-to-clean"}),
    ("push --file owning.yaml", 3, {"diagnostic"}),
    ("push --file shop.yaml", 0, {"nothing-to-push"}),
    ("deploy shop.yaml --yes", 0, {"change", "begin", "stack", "resource", "end", "output"}),
    ("deploy shop.yaml --yes", 0, {"unchanged", "output"}),
    ("status shop.yaml", 0, {"status"}),
    ("status shop.yaml --follow", 0, {"status"}),
    ("outputs shop.yaml", 0, {"output"}),
    ("logs cart shop.yaml", 0, {"quiet-log"}),
    ("jobs shop.yaml", 0, {"no-jobs"}),
    ("run cart shop.yaml", 1, {"diagnostic"}),
    ("diff owning.yaml --against stack", 1, {"change", "difference"}),
    ("cancel shop.yaml", 3, {"diagnostic"}),
    ("continue-rollback shop.yaml", 3, {"diagnostic"}),
    ("destroy shop.yaml", 2, {"usage"}),
    ("destroy shop.yaml --yes", 0, {"change", "stays", "begin", "end", "stack-deleted", "left-as-said"}),
    ("destroy shop.yaml --yes", 3, {"diagnostic"}),
    ("outputs shop.yaml", 3, {"diagnostic"}),
    ("nonsense", 2, {"usage"}),
)


def test_every_command_speaks_json(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a command does, every line of its standard output is an object that the registry describes, and nobody
    has to read standard error."""
    monkeypatch.chdir(account.folder)
    keyed = f"{SHOP}secrets: {{keys: {{keys: [api_key]}}}}\n"
    files = {
        "shop": SHOP,
        "keyed": keyed,
        "owning": OWNING,
        "wrong": SHOP.replace("port:", "prot:"),
        "compose": COMPOSE,
    }
    for name, text in files.items():
        Path(f"{name}.yaml").write_text(text, "utf-8")
    app = replace(account.app(), execute=_docker_fails)
    missing = {}
    for line, code, expected in STORY:
        result = CliRunner().invoke(main, [*line.split(), "--format", "json"], obj=app, catch_exceptions=False)
        events = {row["event"] for row in told.rows(result.stdout)}
        if (result.exit_code, result.stderr, expected - events) != (code, "", set()):
            missing[line] = (result.exit_code, result.stderr, events)
    assert missing == {}
    assert json.loads(Path("shop.json").read_text("utf-8"))["Resources"]
    assert {line.split()[0] for line, _, _ in STORY} >= {*main.list_commands(None)} - {"sandbox"}  # type: ignore[arg-type]


def _docker_fails(command: Sequence[str], given: str | None) -> int:
    return 1


def test_the_sandbox_says_where_it_is() -> None:
    """The first line of it, for a program that waits for it."""
    command = [sys.executable, "-m", "msaspec", "sandbox", "--port", "0", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        (row,) = told.rows(running.stdout.readline())
        running.terminate()
    assert (row["event"], row["endpoint"].startswith("http://127.0.0.1:")) == ("sandbox", True)


def test_docker_says_nothing_where_results_are_read(capfd: pytest.CaptureFixture[str]) -> None:
    """What a program prints that a command starts goes to standard error."""
    from msaspec.deploy import building

    assert building.run([sys.executable, "-c", "print('layer')"], None) == 0
    assert capfd.readouterr() == ("", "layer\n")
