"""Where a command acts: Region, credentials, endpoint."""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest

from msaspec.deploy.aws import target
from msaspec.deploy.aws.fault import Fault
from msaspec.deploy.aws.pace import PACE, Pace
from msaspec.deploy.aws.target import Aws, Target
from msaspec.deploy.invocation import Invocation
from tests.deploy.by_hand import caller, refusal

CONFIG = """\
[default]
region = eu-north-1
[profile shop]
region = eu-south-1
[profile bare]
output = json
"""
CREDENTIALS = "".join(
    f"[{name}]\naws_access_key_id = {name}\naws_secret_access_key = b\n" for name in ("default", "shop", "bare")
)


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shared files of the AWS CLI, and nothing around them."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "config").write_text(CONFIG)
    (tmp_path / "credentials").write_text(CREDENTIALS)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return tmp_path


def region(wanted: Target, manifest: str | None = None) -> str:
    """The Region that is chosen."""
    with target.reached(wanted, manifest) as aws:
        return aws.region


def refused(wanted: Target) -> tuple[str, str]:
    """Code and message of the fault that ends a command."""
    with pytest.raises(Fault) as raised, target.reached(wanted, None) as aws:
        aws.client("sts")
    (diagnostic,) = raised.value.diagnostics
    return diagnostic.code, diagnostic.message


def test_the_order_of_the_regions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A word, a named profile's, the manifest's, the environment's, the default profile's."""
    assert region(Target()) == "eu-north-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-east-1")
    assert region(Target()) == "ap-east-1"
    monkeypatch.setenv("AWS_REGION", "ap-east-2")
    assert region(Target()) == "ap-east-2"
    assert region(Target(), "eu-west-1") == "eu-west-1"
    assert region(Target(profile="shop"), "eu-west-1") == "eu-south-1"
    assert region(Target(profile="shop", region="sa-east-1"), "eu-west-1") == "sa-east-1"


def test_a_named_profile_without_a_region(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no say: the manifest has, and only then what is around."""
    assert region(Target(profile="bare"), "eu-west-1") == "eu-west-1"
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-east-1")
    assert region(Target(profile="bare"), "eu-west-1") == "eu-west-1"
    assert region(Target(profile="bare")) == "ap-east-1"


def test_a_profile_that_is_merely_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS_PROFILE gives credentials, but its Region comes after the manifest's."""
    monkeypatch.setenv("AWS_PROFILE", "shop")
    assert region(Target(), "eu-west-1") == "eu-west-1"
    assert region(Target()) == "eu-south-1"


def test_no_region_at_all(files: Path) -> None:
    """Where nobody names one, nothing is guessed."""
    (files / "config").write_text("[default]\noutput = json\n")
    assert refused(Target()) == ("MSA607", "No AWS Region is set.")


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is named by a word or by the environment."""
    wrong = ("MSA608", "The config profile (other) could not be found.")
    assert refused(Target(profile="other", region="eu-west-1")) == wrong
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert refused(Target()) == wrong


def test_a_region_that_cannot_be_one() -> None:
    """It is told before anything is asked."""
    code, message = refused(Target(region="eu west"))
    assert (code, message.startswith("The AWS library gave up: Provided region_name 'eu west'")) == ("MSA606", True)


@pytest.mark.parametrize(
    "url",
    [
        *("localhost:5000", "foo", "http://", "ftp://localhost", "http://localhost:notaport", "http://localhost:70000"),
        *("http://[::1", "http://-dash:5000", "http://:5000"),
    ],
)
def test_an_endpoint_that_is_no_url(url: str) -> None:
    """It is a fault with its words, no traceback."""
    assert refused(Target(region="eu-west-1", endpoint_url=url)) == (
        "MSA604",
        f"The endpoint `{url}` is not a URL such as http://localhost:5000.",
    )


@pytest.mark.parametrize("url", ["http://[::1]:5000", "http://127.0.0.1:5000", "https://aws.example.org/of-mine"])
def test_an_endpoint_that_is_one(url: str) -> None:
    """By name or number, with or without a port and a path."""
    with target.reached(Target("eu-west-1", endpoint_url=url), None) as aws:
        assert aws.client("sts").meta.endpoint_url == url


def test_an_endpoint_of_the_environment_that_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, too, whether the AWS library makes a client for it or none."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:notaport")
    message = "The endpoint `http://localhost:notaport` of sts is not a URL such as http://localhost:5000."
    assert refused(Target(region="eu-west-1")) == ("MSA604", message)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "localhost")
    message = "The AWS library cannot create a client for sts: Invalid endpoint: localhost."
    assert refused(Target(region="eu-west-1")) == ("MSA606", message)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("/nowhere/program", "`credential_process` cannot be run: /nowhere/program: No such file or directory."),
        ("/dev", "`credential_process` cannot be run: /dev: Permission denied."),
    ],
)
def test_a_program_for_credentials_that_cannot_be_run(files: Path, program: str, said: str) -> None:
    """Cause and next step are told, and no traceback."""
    with (files / "config").open("a") as config:
        config.write(f"[profile program]\nregion = eu-west-1\ncredential_process = {program}\n")
    with pytest.raises(Fault) as raised, target.reached(Target(profile="program"), None) as aws:
        aws.client("sts")
    (diagnostic,) = raised.value.diagnostics
    assert (diagnostic.code, diagnostic.message) == ("MSA602", f"The AWS credentials cannot be had: {said}")
    assert diagnostic.hint == (
        "Correct `credential_process` in the shared files of the AWS CLI, or choose another profile with --profile."
    )


@pytest.mark.parametrize(("word", "named"), [("eu-west-1", "eu-west-1"), (None, "sa-east-1")])
def test_a_fault_names_the_region(word: str | None, named: str) -> None:
    """That of the command line, else the manifest's."""
    with pytest.raises(Fault) as raised, target.reached(Target(word), "sa-east-1"):
        raise refusal("ValidationError", "No", operation="DescribeStacks")
    (diagnostic,) = raised.value.diagnostics
    assert diagnostic.message == f"AWS refuses DescribeStacks in {named} (ValidationError): No."


def test_the_credentials_of_a_named_profile() -> None:
    """They are those that clients sign with."""
    with target.reached(Target(profile="shop"), None) as aws:
        client = aws.client("cloudformation")
        assert client._request_signer._credentials.access_key == "shop"
        assert client.meta.region_name == "eu-south-1"


def test_clients_slow_down_by_themselves() -> None:
    """They retry adaptively, wait no minutes for a connection, and say who asks."""
    with target.reached(Target(region="eu-west-1"), None) as aws:
        config = aws.client("cloudformation").meta.config
    assert config.retries == {"mode": "adaptive", "total_max_attempts": 8}
    assert (config.connect_timeout, config.read_timeout, config.user_agent_extra) == (10, 60, "msaspec")


def test_an_endpoint_of_ones_own() -> None:
    """Every service is asked there, and buckets are no part of the host's name; at AWS it is S3's own way."""
    with target.reached(Target("eu-west-1", endpoint_url="http://localhost:5000"), None) as aws:
        client = aws.client("s3")
        assert client.meta.endpoint_url == "http://localhost:5000"
        assert client.meta.config.s3["addressing_style"] == "path"
    with target.reached(Target("eu-west-1"), None) as aws:
        assert (aws.client("s3").meta.config.s3 or {}).get("addressing_style") is None


def test_a_client_is_made_once() -> None:
    """Making one reads a large model."""
    made = []
    aws = Aws(lambda service: made.append(service) or object(), "eu-west-1")  # type: ignore[func-returns-value]
    assert aws.client("s3") is aws.client("s3")
    assert made == ["s3"]


def test_who_asks_is_asked_once() -> None:
    """Account and partition are of one answer."""
    sts = caller("aws-us-gov")
    aws = Aws({"sts": sts}.__getitem__, "us-gov-west-1")
    assert (aws.account, aws.partition, aws.account) == ("123456789012", "aws-us-gov", "123456789012")
    assert sts.names() == ["get_caller_identity"]


def test_the_words_that_lead_here_again(files: Path) -> None:
    """What the user chose is in the commands that messages name, to be pasted into a shell."""
    chosen = Target("eu-west-1", "my profile", "http://localhost:5000/?a=b&c")
    with (files / "config").open("a") as config:
        config.write("[profile 'my profile']\nregion = eu-south-1\n")
    with target.reached(chosen, None) as aws:
        words = aws.words
    command = Invocation("my file.yaml", "prod", words).command("deploy", "--wait")
    assert shlex.split(command) == [
        *("msaspec", "deploy", "--env", "prod", "--wait"),
        *("--region", "eu-west-1", "--profile", "my profile", "--endpoint-url", "http://localhost:5000/?a=b&c"),
        "my file.yaml",
    ]


def test_no_words_where_nothing_was_chosen() -> None:
    """The command is as short as can be."""
    with target.reached(Target(), None) as aws:
        assert Invocation(words=aws.words).command("status") == "msaspec status"


def test_the_pace_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """MSASPEC_PACE multiplies the pauses; what is no number above zero is a usage error."""
    monkeypatch.delenv(PACE, raising=False)
    assert Pace.chosen() == Pace(1.0, 5.0)
    monkeypatch.setenv(PACE, "0.5")
    assert Pace.chosen() == Pace(0.5, 2.5, patience=5400, deaf=450)
    for word in ("0", "-1", "fast", "nan", "inf"):
        monkeypatch.setenv(PACE, word)
        with pytest.raises(click.UsageError, match=f"MSASPEC_PACE is `{word}`: write a number above zero"):
            Pace.chosen()


def test_pauses_grow_to_a_limit() -> None:
    """By a half each time, and never above."""
    pace = Pace(first=1, most=4)
    pauses = [pace.first]
    while len(pauses) < 6:
        pauses.append(pace.longer(pauses[-1]))
    assert pauses == [1, 1.5, 2.25, 3.375, 4, 4]
