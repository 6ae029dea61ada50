"""Every command that README and guides show is run in its order, in a sandbox; what they show is what is written."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from msaspec.sandbox.world import REGION
from tests.deploy.account import OWNING, SMALL
from tests.pages import OUTSIDE, ROOT, Shell, Step, blocks, outside, shows

PAGES = (
    ROOT / "README.md",
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    ROOT / "examples" / "shop" / "README.md",
)
PROD = "environments: {dev: {}, prod: {}}\n"
CART = OWNING.replace("cart: {", "cart-service: {mutable: true, ").replace("cart:1.0", "cart-service:1.0")


def files(texts: Mapping[str, str]) -> Step:
    """Write files into the folder of the page."""

    def write(shell: Shell) -> None:
        for name, text in texts.items():
            (shell.folder / name).parent.mkdir(parents=True, exist_ok=True)
            (shell.folder / name).write_text(text, "utf-8")

    return write


def changed(old: str, new: str, name: str = "msa.yaml") -> Step:
    """Edit the manifest."""

    def change(shell: Shell) -> None:
        text = (shell.folder / name).read_text("utf-8")
        assert old in text
        (shell.folder / name).write_text(text.replace(old, new), "utf-8")

    return change


def ran(*commands: str) -> Step:
    """Run commands that the page does not show."""

    def run(shell: Shell) -> None:
        for command in commands:
            shell.run(command)

    return run


def deployed(*services: str, tag: str = "1.0") -> Step:
    """Deploy the manifest, with images of its services."""

    def deploy(shell: Shell) -> None:
        if services:
            shell.fails = {"msaspec deploy --yes": 1}
            shell.run("msaspec deploy --yes")
            shell.fails = {}
            shell.images(*services, tag=tag)
        shell.run("msaspec deploy --yes")

    return deploy


def all_of(*steps: Step) -> Step:
    """Do one after the other."""

    def each(shell: Shell) -> None:
        for step in steps:
            step(shell)

    return each


def repository(shell: Shell) -> None:
    """Make a repository of git of the folder, as it is, with the branch that others have."""
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qm", "a"],
        ["update-ref", "refs/remotes/origin/main", "HEAD"],
    ):
        subprocess.run(["git", "-C", shell.folder, *words], check=True, capture_output=True)


def stranger(shell: Shell) -> None:
    """Have a stack of another tool in the place of the system's."""
    text = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
    shell.account.cloudformation.create_stack(StackName="shop", TemplateBody=text)
    assert shell.account.settled() == "CREATE_COMPLETE"


def example(shell: Shell) -> None:
    """The example, in a folder of its own."""
    shutil.copy(ROOT / "examples" / "msa.yaml", shell.folder / "msa.yaml")


def several(shell: Shell) -> None:
    """The first manifests of the page, each at the path in its first line."""
    for block in reversed(blocks(ROOT / "docs" / "guides" / "several-systems.md")):
        if block.text.startswith("# ") and block.language == "yaml":
            files({block.text.partition("\n")[0].removeprefix("# "): block.text})(shell)


def pushed(system: str, service: str) -> Step:
    """Deploy the repositories of a system, and put an image into one."""

    def push(shell: Shell) -> None:
        shell.fails = {"msaspec deploy": 1}
        shell.run(f"msaspec deploy --env prod {system}/msa.yaml --yes")
        shell.images(service, system=system)

    return push


@dataclass(frozen=True)
class Scene:
    """What a page takes for given."""

    begin: Step = field(default=lambda shell: None)
    before: Mapping[str, Step] = field(default_factory=dict)
    """What happens before a command, by how it begins."""
    fails: Mapping[str, int] = field(default_factory=dict)
    """Commands that end with another code than 0, by how they begin."""
    of: Mapping[str, str] = field(default_factory=dict)
    """The commands that write outputs which stand for themselves; by how they begin."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """Outputs that another test holds against what msaspec says, or that no command writes; by how they begin."""
    region: str = REGION
    """Where the manifest of the page stands."""


COMPOSE = """\
services:
  web: {build: ., ports: ["80:8000"], environment: {DATABASE_URL: "postgres://shop:pw@db:5432/shop"}, volumes: [.:/srv]}
  db: {image: "postgres:17", environment: {POSTGRES_USER: shop, POSTGRES_PASSWORD: pw}}
"""
COPILOT = """\
name: api
type: Backend Service
image: {location: docker.io/library/nginx:1, port: 80}
cpu: 256
memory: 512
"""
DATA = SMALL.replace("buckets:", "databases: {main: }\nbuckets:").replace("[media]", "[media, main]")

FIRST = "msaspec deploy examples/msa.yaml        # makes"
SECOND = "msaspec deploy examples/msa.yaml        # shows"
SCENES: Mapping[str, Scene] = {
    "README.md": Scene(
        example,
        {
            "msaspec deploy --dry-run": all_of(
                deployed("user-service", "product-service", "cart-service"),
                changed("cart-service:1.0", "cart-service:1.1"),
                lambda shell: shell.images("cart-service", tag="1.1"),
            )
        },
        shown={"msa.yaml:58": "tests/test_readme.py"},
        region="ap-northeast-2",
    ),
    "ci.md": Scene(
        all_of(files({"infra/msa.yaml": SMALL + PROD}), repository),
        {"msaspec diff": changed("nginx:1", "nginx:1.29", "infra/msa.yaml")},
        fails={"msaspec diff": 1, "msaspec lint --strict": 0},
        shown={"repos:": "a file of pre-commit; tests/test_pre_commit.py"},
    ),
    "coming-from-compose.md": Scene(
        files({"compose.yaml": COMPOSE, "Dockerfile": "FROM scratch\n"}),
        of={'{"code": "MSG113"': "msaspec import compose --format json -o again.yaml"},
    ),
    "coming-from-copilot.md": Scene(
        files(
            {
                "copilot/.workspace": "application: shop\n",
                "copilot/api/manifest.yml": COPILOT,
                "copilot/environments/test/manifest.yml": "name: test\ntype: Environment\n",
            }
        )
    ),
    "deploying.md": Scene(
        files({"msa.yaml": CART}),
        {
            "msaspec deploy --dry-run": deployed("cart-service"),
            "msaspec deploy --yes --tag": lambda shell: shell.images("cart-service", tag="1.1"),
            "msaspec deploy --adopt": all_of(ran("msaspec destroy --yes"), files({"msa.yaml": SMALL}), stranger),
            "msaspec destroy --delete-data": ran("msaspec deploy --yes"),
        },
        shown={
            "msa.yaml:7:12": "tests/deploy/investigators has the image that cannot be pulled",
            "shop UPDATE_COMPLETE": "tests/deploy/test_conditions.py has what is not well",
        },
    ),
    "drawing.md": Scene(files({"msa.yaml": SMALL + PROD})),
    "environments.md": Scene(files({"msa.yaml": SMALL + PROD}), fails={"msaspec deploy": 2}),
    "existing-network.md": Scene(),
    "first-system.md": Scene(before={"msaspec deploy   ": deployed("clean-up", "mail-api", "shop-api")}),
    "installing.md": Scene(),
    "local.md": Scene(files({"msa.yaml": DATA})),
    "new-accounts.md": Scene(),
    "restoring.md": Scene(
        files({"msa.yaml": SMALL}),
        {
            "msaspec deploy --import": all_of(
                deployed(),
                ran("msaspec destroy --yes"),
                lambda shell: changed(
                    "services:",
                    "patches: [{op: add, path: /Resources/MediaBucket/Properties/BucketName, value: "
                    + shell.account.world.client("s3").list_buckets()["Buckets"][0]["Name"]
                    + "}]\nservices:",
                )(shell),
            )
        },
    ),
    "sandbox.md": Scene(files({"msa.yaml": SMALL})),
    "several-systems.md": Scene(
        several,
        {
            "msaspec deploy --env prod payments/msa.yaml": pushed("payments", "ledger"),
            "msaspec deploy --env prod shop/msa.yaml": pushed("shop", "web"),
        },
    ),
    "upgrading.md": Scene(files({"msa.yaml": SMALL + PROD}), {"msaspec diff": ran("msaspec deploy --env prod --yes")}),
    "shop/README.md": Scene(
        lambda shell: shutil.copytree(ROOT / "examples", shell.folder / "examples"),
        {SECOND: lambda shell: shell.images("user-service", "product-service", "cart-service")},
        fails={FIRST: 1},
    ),
    "auditing.md": Scene(),
    "secrets.md": Scene(),
    "stores.md": Scene(),
    "volumes.md": Scene(),
}
"""Of every page with blocks that are no manifests."""


def name_of(page: Path) -> str:
    """Its name; of an example with the folder."""
    return page.name if page.parent.name in ("guides", ROOT.name) else f"{page.parent.name}/{page.name}"


@pytest.mark.parametrize("page", [page for page in PAGES if name_of(page) in SCENES], ids=name_of)
def test_what_a_page_shows_is_so(
    page: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command ends well, or as the page says; every output is what the command before it writes."""
    scene = SCENES[name_of(page)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path_factory.getbasetemp() / "verdicts"))
    with ExitStack() as ends:
        shell = Shell(tmp_path, monkeypatch, ends)
        shell.region = scene.region
        scene.begin(shell)
        waiting = dict(scene.before)
        for block in blocks(page):
            for command in block.commands:
                if outside(command):
                    continue
                for begin in [begin for begin in waiting if command.startswith(begin)]:
                    waiting.pop(begin)(shell)
                shell.fails = scene.fails
                shell.run(command)
            if block.output is None:
                continue
            begins = " ".join(block.output.split()).startswith
            for command in [command for begin, command in scene.of.items() if begins(begin)]:
                shell.run(command)
            if not any(begins(begin) for begin in scene.shown):
                assert [*shows(shell.written, block.output)] == [], shell.written
        assert not waiting


def test_every_page_with_commands_is_run() -> None:
    """A new page has to say what it takes for given; each exception is there for a command that a page shows."""
    found = {name_of(page): blocks(page) for page in PAGES}
    assert {name for name, each in found.items() if any(block.commands for block in each)} == SCENES.keys()
    shown = [command for each in found.values() for block in each for command in block.commands]
    unused = [begin for begin in OUTSIDE if not any(command.startswith(begin) for command in shown)]
    assert unused == []
