"""`msaspec outputs`, and outputs as people read them."""

from __future__ import annotations

import string
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from click.testing import Result
from hypothesis import given, settings
from hypothesis import strategies as st

from msaspec.cli.commands.outputs import variable
from msaspec.deploy.reporter import Output, as_outputs
from tests import told
from tests.deploy.by_hand import MANIFEST, Answer, Client, Commands, cloudformation, deployed, fake

VALUES = {"ZServiceUrl": "http://z.example", "MediaBucketName": "shop-media", "CartServiceUrl": "https://cart.example"}
DESCRIPTIONS = {"CartServiceUrl": "Where cart answers.", "MediaBucketName": "The bucket."}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a manifest."""
    monkeypatch.setenv("MSASPEC_ENV", "-")
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(MANIFEST + "environments: {prod: {}}\n", "utf-8")
    return tmp_path


def rows(values: dict[str, str], descriptions: dict[str, str]) -> list[dict[str, str]]:
    """Outputs as DescribeStacks gives them."""
    return [
        {"OutputKey": key, "OutputValue": value, **({"Description": descriptions[key]} if key in descriptions else {})}
        for key, value in values.items()
    ]


def outputs(*arguments: str, client: Client | None = None) -> Result:
    """What the command says of the shop."""
    stacks: list[Any] = [
        deployed("shop", {"Resources": {}}, Outputs=rows(VALUES, DESCRIPTIONS)),
        deployed("shop-registry", {"Resources": {}}, Outputs=rows({"CartRepositoryUri": "1.dkr.ecr/shop/cart"}, {})),
        deployed("shop-prod", {"Resources": {}}, Outputs=[]),
    ]
    return Commands(fake(cloudformation=client or cloudformation(*stacks))).run("outputs", *arguments)


def test_addresses_come_first() -> None:
    """What a browser can open is on top, the rest by name; each with its description, all on stdout."""
    result = outputs()
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "CartServiceUrl    https://cart.example   Where cart answers.",
        "ZServiceUrl       http://z.example",
        "MediaBucketName   shop-media   The bucket.",
    ]


def test_outputs_have_an_order() -> None:
    """Addresses by name, then the rest by name; a value that only looks like one is none."""
    values = {"D": "httpd", "B": "https://b", "C": "x", "A": "http://a"}
    wanted = [Output("A", "http://a"), Output("B", "https://b", "It."), Output("C", "x"), Output("D", "httpd")]
    assert as_outputs(values, {"B": "It."}) == wanted


def test_json_is_an_object() -> None:
    """Keys and values, in the same order."""
    result = outputs("--format", "json")
    assert told.outputs(result.stdout) == VALUES
    assert list(told.outputs(result.stdout)) == ["CartServiceUrl", "ZServiceUrl", "MediaBucketName"]


def test_env_has_a_variable_a_line() -> None:
    """For a shell to read."""
    assert outputs("--format", "env").stdout.splitlines() == [
        "CART_SERVICE_URL=https://cart.example",
        "Z_SERVICE_URL=http://z.example",
        "MEDIA_BUCKET_NAME=shop-media",
    ]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("CartServiceUrl", "CART_SERVICE_URL"),
        ("MainDatabasePort5432", "MAIN_DATABASE_PORT5432"),
        ("S3Bucket", "S3_BUCKET"),
        ("URL", "URL"),
        ("a", "A"),
        ("2ndUrl", "_2ND_URL"),
    ],
)
def test_keys_become_variables(key: str, name: str) -> None:
    """Words are parted where a capital follows; no variable begins with a digit."""
    assert variable(key) == name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--stack", "registry"], {"CartRepositoryUri": "1.dkr.ecr/shop/cart"}), (["--env", "prod"], {})],
)
def test_other_stacks_have_outputs_too(arguments: list[str], said: dict[str, str]) -> None:
    """`--stack registry` and `--env` choose; a stack without outputs says nothing."""
    result = outputs(*arguments, "--format", "json")
    assert (result.exit_code, told.outputs(result.stdout)) == (0, said)
    assert outputs("--env", "prod").stdout == ""
    assert outputs("--env", "prod", "--format", "env").stdout == ""


def test_without_a_stack_there_are_no_outputs() -> None:
    """A system that is not deployed ends with 3, and stdout stays empty."""
    result = outputs("--format", "json", client=cloudformation())
    (fault,) = told.rows(result.stdout)
    assert (result.exit_code, result.stderr, fault["code"]) == (3, "", "MSA617")


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        ("CREATE_IN_PROGRESS", "Watch it: msaspec status --stack registry --follow"),
        ("ROLLBACK_IN_PROGRESS", "Watch it: msaspec status --stack registry --follow"),
        ("REVIEW_IN_PROGRESS", "Nothing is deployed yet. To deploy it: msaspec deploy --env -"),
        ("ROLLBACK_COMPLETE", "See its current state: msaspec status --stack registry"),
    ],
)
def test_a_stack_that_never_came_to_be_has_no_outputs(status: str, hint: str) -> None:
    """Nothing is no success for whoever reads them: a fault, with the next command."""
    client = cloudformation(deployed("shop-registry", {"Resources": {}}, status=status))
    result = outputs("--stack", "registry", client=client)
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"error MSA631: The stack shop-registry is {status}" in result.stderr
    assert result.stderr.rstrip().endswith(f"hint: {hint}")


def read_by_bash(values: dict[str, str]) -> dict[str, str]:
    """The environment of a program whose shell read what the command wrote."""

    def described(StackName: str) -> Answer:
        return {"Stacks": [deployed("shop", {"Resources": {}}, Outputs=rows(values, {}))["about"]]}

    with TemporaryDirectory() as folder:
        written = outputs("--format", "env", client=Client(describe_stacks=described))
        (Path(folder) / "outputs.env").write_bytes(written.stdout_bytes)
        script = "set -aeu; . ./outputs.env; env -0"
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env={"PATH": "/usr/bin:/bin"}, capture_output=True, check=True
        )
        assert [path.name for path in Path(folder).iterdir()] == ["outputs.env"], "a value was run"
        assert done.stderr == b""
    pairs = (each.partition("=") for each in done.stdout.decode().split("\0") if each)
    wanted = {variable(key) for key in values}
    return {name: value for name, _, value in pairs if name in wanted}


NASTY = [
    "",
    " two  words ",
    "it's",
    'say "so"',
    "$(touch run)",
    "`touch run`",
    "${HOME}",
    "a;touch run",
    "a&touch run",
    "line\nline\n",
    "tab\t",
    "back\\slash",
    "!history",
    "#comment",
    "~",
    "*",
    "a=b",
    "é ☃",
    "-n",
]


def test_a_shell_reads_every_value_as_it_is() -> None:
    """Quotes, blanks, line breaks, and what a shell would run or replace arrive unchanged."""
    values = {f"Value{number}": value for number, value in enumerate(NASTY)}
    assert read_by_bash(values) == {variable(key): value for key, value in values.items()}


KEYS = st.text(string.ascii_letters + string.digits, min_size=1, max_size=8).map("X".__add__)
WRITTEN = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@settings(max_examples=10, deadline=None)
@given(st.dictionaries(KEYS, WRITTEN, max_size=20))
def test_any_value_survives_a_shell(values: dict[str, str]) -> None:
    """Whatever an output holds, a shell reads just that."""
    wanted = {variable(key): value for key, value in values.items()}
    if len(wanted) == len(values):
        assert read_by_bash(values) == wanted
