"""The compiled user data, run unmodified by bash on a machine of stand-ins.

The machine is a mount namespace in which /run, /var/lib and /var/log are directories of the test, and a PATH
that holds nothing but the stand-ins (tests/aws/stand_ins) and the plain tools that the script may use.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from msaspec.aws import user_data as module
from msaspec.aws.intrinsic import intrinsic
from msaspec.aws.user_data import BODY, CHECKS, LIMIT, STEERING, Boot, Health, refusal, size_bound, user_data
from msaspec.language.value import Secret, Text, Token, Value, value

INSTANCE = "i-0123456789abcdef0"
STACK = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/5f0e2d30-0000-11f0-8000-0a1b2c3d4e5f"
SECRET = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:shop-AbCdEf"
TOKENS = {
    "AWS::StackId": STACK,
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "123456789012",
    "Logs": "shop-logs",
    "Database.Endpoint.Address": "db.cluster.example.internal",
    "Password": SECRET,
}
ECR: Text = (Token("AWS::AccountId"), ".dkr.ecr.", Token("AWS::Region"), ".amazonaws.com")
TOOLS = ["awk", "bash", "cat", "cp", "curl", "cut", "mkdir", "python3", "tail", "timeout", "touch"]
DOCKER = shutil.which("docker")
STAND_INS = ["aws", "dnf", "docker-package", "iptables", "mount", "sleep", "systemctl"]

NASTY = {
    "LINES": "first\nsecond\n\n",
    "CARRIAGE": "dos\r\nlines\r",
    "QUOTES": """it's "quoted" \\" \\' `""",
    "QUOTED": '"all of it"',
    "SINGLE_QUOTED": "'all of it'",
    "ONE_QUOTE": '"',
    "COMMAND": "$(touch /var/log/canary) `touch /var/log/canary` ; touch /var/log/canary",
    "SUBSTITUTION": "${AWS::Region} ${!Literal} ${HOME} $HOME $$ $",
    "PERCENT": "100 % %s %n %{http_code} {{.State}}",
    "BACKSLASH": "\\ \\n \\u0041 \\",
    "EMOJI": "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 é e\u0301 한국어",
    "SPACES": "  \t leading and trailing \t ",
    "EMPTY": "",
    "HASH": "# no comment",
    "HEREDOC": "\nMSASPEC\nPYTHON\nEOF\ntouch /var/log/canary\n",
    "SEPARATORS": "\u2028 \u2029 \x85 \x0b \x0c \x1c \x7f \x80 \ufeff \u00a0 \x01",
    "EQUALS": "a=b=c",
    "spring.datasource.url": "jdbc:postgresql://db:5432/a?b=c&d=e",
    "with-dash": "yes",
    "PATH": "/the/container/path",
    "HOME": "/home/app",
    "DOCKER_HOST": "tcp://elsewhere:2375",
    "LD_PRELOAD": "/nowhere.so",
    "https_proxy": '"http://proxy:3128"',
    "LONG": "x" * 3000,
}


class Machine:
    """An instance that was launched with some user data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"
        self.behaviour: dict[str, Any] = {
            "secrets": {},
            "parameters": {},
            "failures": [],
            "container": "running 0 0",
            "answers": [],
            "output": ["the service says hello"],
        }
        for name in (
            "run",
            "lib/cloud/data",
            "lib/cloud/instance/scripts",
            "lib/cloud/scripts/per-boot",
            "log",
        ):
            (root / name).mkdir(parents=True)
        (root / "lib/cloud/data/instance-id").write_text(INSTANCE + "\n")
        tools = self.state / "bin"
        tools.mkdir(parents=True)
        for tool in TOOLS:
            found = sys.executable if tool == "python3" else shutil.which(tool)
            if found is None:
                pytest.skip(f"needs {tool}")
            (tools / tool).symlink_to(os.path.realpath(found))
        stand_in = Path(__file__).parent / "stand_ins" / "stand_in.py"
        for name in STAND_INS:
            program = name.removesuffix("-package")
            (tools / name).write_text(f'#!/bin/bash\nexec {tools}/python3 -IS {stand_in} {self.state} {program} "$@"\n')
            (tools / name).chmod(0o755)

    def launch(self, boot: Boot) -> subprocess.CompletedProcess[str]:
        script = self.root / "lib/cloud/instance/scripts/part-001"
        script.write_text(render(user_data(boot)))
        script.chmod(0o700)
        return self.boot("/var/lib/cloud/instance/scripts/part-001")

    def reboot(self) -> subprocess.CompletedProcess[str]:
        """As cloud-init does it: run what is in scripts/per-boot."""
        shutil.rmtree(self.root / "run")
        (self.root / "run").mkdir()
        return self.boot("/var/lib/cloud/scripts/per-boot/msaspec")

    def boot(self, script: str) -> subprocess.CompletedProcess[str]:
        (self.state / "behaviour.json").write_text(json.dumps(self.behaviour))
        (self.state / "calls").unlink(missing_ok=True)
        mounts = " && ".join(
            f"mount --bind {self.root / name} {place}"
            for name, place in {"run": "/run", "lib": "/var/lib", "log": "/var/log"}.items()
        )
        # No HOME and no locale, as under cloud-init.
        return subprocess.run(
            [*UNSHARE, "bash", "-c", f'{mounts} && PATH={self.state}/bin exec "$0"', script],
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.state / "calls").read_text().splitlines()]

    def called(self, *start: str) -> list[list[str]]:
        return [call["argv"] for call in self.calls if call["argv"][: len(start)] == list(start)]

    @property
    def container(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.state / "container.json").read_text())
        return found

    @property
    def log(self) -> str:
        return (self.root / "log/msaspec.log").read_text()

    @property
    def signals(self) -> list[tuple[str, str]]:
        argvs = self.called("aws", "cloudformation", "signal-resource")
        assert all(option(argv, "--stack-name") == STACK for argv in argvs)
        assert all(option(argv, "--logical-resource-id") == "Service" for argv in argvs)
        return [(option(argv, "--status"), option(argv, "--unique-id")) for argv in argvs]

    def fails_with(self, reason: str) -> None:
        """A FAILURE, and the reason first in the log stream of the boot."""
        assert self.signals == [("FAILURE", INSTANCE)], self.log
        create, put = (call for call in self.calls if call["argv"][:2] == ["aws", "logs"])
        assert create["argv"][2] == "create-log-stream"
        assert put["argv"][2] == "put-log-events"
        assert option(put["argv"], "--log-group-name") == "shop-logs"
        assert option(put["argv"], "--log-stream-name") == f"{INSTANCE}/boot"
        assert put["events"][0]["message"].startswith(reason), put["events"]


def option(argv: list[str], name: str) -> str:
    return argv[argv.index(name) + 1]


def render(text: Text) -> str:
    return "".join(piece if isinstance(piece, str) else TOKENS[piece.target] for piece in text)


def resolve(node: Any) -> str:
    """What CloudFormation makes of an intrinsic, from its documentation."""
    match node:
        case str():
            return node
        case {"Ref": name}:
            return TOKENS[name]
        case {"Fn::GetAtt": [name, attribute]}:
            return TOKENS[f"{name}.{attribute}"]
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(resolve, parts))
        case {"Fn::Sub": str() as template}:
            return re.sub(
                r"\$\{(!?)([^{}]*)\}",
                lambda match: "${" + match[2] + "}" if match[1] else TOKENS[match[2]],
                template,
            )
    raise AssertionError(node)


def _unshare() -> list[str]:
    common = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
    for extra in [], ["--map-root-user"]:
        try:
            subprocess.run([*common, *extra, "mount", "-t", "tmpfs", "x", "/mnt"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return [*common, *extra]
    return []


UNSHARE = _unshare()


@contextmanager
def new_machine(directory: Path) -> Iterator[Machine]:
    if not UNSHARE:
        pytest.skip("no right to a mount namespace of its own (unshare --mount)")
    made = Machine(directory / os.urandom(4).hex())
    yield made
    assert not (made.root / "log/canary").exists(), "a value was executed"


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    with new_machine(tmp_path) as made:
        yield made


@pytest.fixture
def port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


WORKER = Boot("users", "Service", ("example/users:1",), (Token("Logs"),), steady=0)


def server(port: int, **changes: Any) -> Boot:
    """A service that answers HTTP, asked in a hurry."""
    url = f"http://127.0.0.1:{port}/api/users/health_check"
    health = replace(Health(url, interval=0.02, timeout=1, healthy=2, codes="200", grace=0.3), **changes)
    return replace(WORKER, health=health, options=(f"-p{port}:8002",))


def test_a_start_that_succeeds(machine: Machine, port: int) -> None:
    """Docker is installed, then login, secrets, pull, run; after the health path answers, SUCCESS, once."""
    machine.behaviour.update(answers=[503, 200, 503, 200, 200], secrets={SECRET: "s3cret"})
    boot = replace(server(port, grace=60), image=(*ECR, "/users:1"), environment={"A": (Secret((SECRET,)),)})
    assert machine.launch(boot).returncode == 0, machine.log
    registry = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    assert [" ".join(call["argv"][:3]) for call in machine.calls] == [
        "dnf install -y",
        "systemctl enable --now",
        "aws secretsmanager get-secret-value",
        "docker image inspect",
        "aws ecr get-login-password",
        "docker login -u",
        "docker pull -q",
        "docker rm -f",
        "docker run -d",
        "aws cloudformation signal-resource",
    ]
    (login,) = (call for call in machine.calls if call["argv"][:2] == ["docker", "login"])
    assert login["argv"][-1] == registry
    assert login["stdin"] == "ecr-password\n", "docker takes one line break off"
    assert machine.called("docker", "pull") == [["docker", "pull", "-q", f"{registry}/users:1"]]
    assert (machine.state / "requests").read_text().splitlines() == ["/api/users/health_check"] * 5
    assert machine.signals == [("SUCCESS", INSTANCE)]


def test_how_the_container_runs(machine: Machine) -> None:
    """It runs detached under restart, with its ports, its command word by word and its logs in the group."""
    command = ("--a", "b c", "$(touch /var/log/canary)", "'\"`\n${AWS::Region}", "", "-p", "한")
    boot = replace(WORKER, options=("-p80:8002", "-p9000:9000"), command=tuple((word,) for word in command))
    assert machine.launch(boot).returncode == 0, machine.log
    container = machine.container
    (run,) = machine.called("docker", "run")
    assert "-d" in run
    assert container["image"] == "example/users:1"
    assert container["command"] == list(command)
    given = {name: words for name, words in container["options"].items() if words}
    assert given == {
        "--name": ["users"],
        "--restart": ["unless-stopped"],
        "--pull": ["never"],
        "--env-file": ["steering"],
        "--log-driver": ["awslogs"],
        "--log-opt": [
            "mode=non-blocking",
            "awslogs-region=eu-west-1",
            "awslogs-group=shop-logs",
            f"awslogs-stream={INSTANCE}",
        ],
        "-p": ["80:8002", "9000:9000"],
    }
    assert not machine.called("docker", "login"), "the image is not in ECR"


def test_nasty_values_arrive_byte_for_byte(machine: Machine) -> None:
    """Line breaks, quotes, shell and CloudFormation syntax, emoji, spaces: each arrives as written."""
    boot = replace(WORKER, environment={name: value(content) for name, content in NASTY.items()})
    assert machine.launch(boot).returncode == 0, machine.log
    assert machine.container["environment"] == NASTY
    # Not through the env-file, whose values docker may unquote one day (docker/cli#3630).
    assert {"QUOTED", "SINGLE_QUOTED"} <= set(machine.container["options"]["-e"])


class Daemon(socketserver.StreamRequestHandler):
    """As much of the docker daemon as `docker run -d` needs. Keeps what the client wants to be created."""

    created: dict[str, Any]

    def handle(self) -> None:
        while request := self.rfile.readline().decode().split():
            headers = {}
            while line := self.rfile.readline().decode().strip():
                name, _, content = line.partition(":")
                headers[name.lower()] = content.strip()
            body = self.rfile.read(int(headers.get("content-length", 0)))
            create = "/containers/create" in request[1]
            if create:
                Daemon.created = json.loads(body)
            reply = b'{"Id": "0123456789ab", "Warnings": []}'
            status = "201 Created" if create else "200 OK"
            head = [
                "HTTP/1.1 " + status,
                "Api-Version: 1.44",
                "Ostype: linux",
                f"Content-Length: {len(reply)}",
            ]
            self.wfile.write("\r\n".join([*head, "", ""]).encode() + (reply if request[0] != "HEAD" else b""))


@pytest.mark.skipif(not DOCKER, reason="no docker client is installed")
def test_the_real_docker_client_hands_on_every_byte(machine: Machine) -> None:
    """Not only the stand-in: what the real client asks the daemon for has every value byte for byte."""
    package = machine.state / "bin" / "docker-package"
    package.rename(machine.state / "bin" / "docker-other")
    secrets = {f"C{point}": f"{chr(point)}x{chr(point)}" for point in [*range(1, 256), 0x2028, 0xFEFF, 0x1F600]}
    machine.behaviour["secrets"] = {SECRET: json.dumps(secrets)}
    variables = NASTY | secrets
    environment = {name: value(text) for name, text in NASTY.items()}
    environment |= {name: value(Secret((SECRET,), name)) for name in secrets}
    with (
        tempfile.TemporaryDirectory() as short,
        socketserver.ThreadingUnixStreamServer(f"{short}/socket", Daemon) as daemon,
    ):
        package.write_text(
            "#!/bin/bash\n"
            f'[ "$1" != run ] || DOCKER_HOST=unix://{short}/socket exec {DOCKER} "$@"\n'
            f'exec {machine.state}/bin/docker-other "$@"\n'
        )
        package.chmod(0o755)
        threading.Thread(target=daemon.serve_forever, daemon=True).start()
        boot = replace(WORKER, environment=environment, command=(("-p",), ("$(x)\n",)), options=("-p80:8002",))
        assert machine.launch(boot).returncode == 0, machine.log
        daemon.shutdown()
    created = Daemon.created
    assert dict(entry.split("=", 1) for entry in created["Env"]) == variables
    assert created["Cmd"] == ["-p", "$(x)\n"]
    assert created["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert created["HostConfig"]["PortBindings"] == {"8002/tcp": [{"HostIp": "", "HostPort": "80"}]}
    assert created["HostConfig"]["LogConfig"]["Type"] == "awslogs"


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40) | st.sampled_from(
    sorted(NASTY.values(), key=len)
)
names = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_.-]{0,20}\Z") | st.sampled_from(sorted(NASTY))


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(st.dictionaries(names, st.lists(st.tuples(st.booleans(), texts), max_size=3), min_size=20, max_size=60))
def test_any_value_arrives_byte_for_byte(tmp_path: Path, variables: dict[str, list[tuple[bool, str]]]) -> None:
    """Whatever the names and the texts are, in the clear or secret, the container gets the same bytes."""
    secrets: dict[str, str] = {}
    environment: dict[str, Value] = {}
    expected: dict[str, str] = {}
    for name, pieces in variables.items():
        whole = "".join(text for _, text in pieces)
        if STEERING.fullmatch(name) and re.search("[\r\n]", whole):
            continue
        content: list[str | Secret] = []
        for hidden, text in pieces:
            key = f"key {len(secrets)}"
            if hidden:
                secrets[key] = text
            content.append(Secret((SECRET,), key) if hidden else text)
        environment[name] = value(*content)
        expected[name] = whole
    with new_machine(tmp_path) as machine:
        machine.behaviour["secrets"] = {SECRET: json.dumps(secrets)}
        assert machine.launch(replace(WORKER, environment=environment)).returncode == 0, machine.log
        assert machine.container["environment"] == expected


def test_where_a_value_comes_from(machine: Machine) -> None:
    """Secrets, whole or by key, parameters, tokens and text compose; each secret is asked for once."""
    other = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:whole-GhIjKl"
    machine.behaviour.update(
        secrets={
            SECRET: json.dumps({"user": "bob", "password": "p@:/ é\n$(x)", "port": 5432}),
            other: "{whole}",
        },
        parameters={"/shop/api-key": "from ssm"},
    )
    password, host = Secret((Token("Password"),), "password"), Token("Database.Endpoint.Address")
    environment: dict[str, Value] = {
        "URL": value("pg://", Secret((SECRET,), "user"), ":", password, "@", host, "/$"),
        "TWICE": value(password, password),
        "PORT": value(Secret((SECRET,), "port")),
        "WHOLE": value("<", Secret((other,)), ">"),
        "SSM": value(Secret(("/shop/api-key",), store="ssm")),
        "TOKENS": value("$", Token("AWS::Region"), "{x}", Token("AWS::AccountId"), '"'),
    }
    assert machine.launch(replace(WORKER, environment=environment)).returncode == 0, machine.log
    assert machine.container["environment"] == {
        "URL": "pg://bob:p@:/ é\n$(x)@db.cluster.example.internal/$",
        "TWICE": "p@:/ é\n$(x)" * 2,
        "PORT": "5432",
        "WHOLE": "<{whole}>",
        "SSM": "from ssm",
        "TOKENS": '$eu-west-1{x}123456789012"',
    }
    asked = machine.called("aws", "secretsmanager")
    assert [option(argv, "--secret-id") for argv in asked] == [SECRET, other]
    assert [option(argv, "--region") for argv in asked] == ["eu-central-1", "eu-west-1"]
    assert len(machine.called("aws", "ssm", "get-parameter")) == 1


def test_secrets_stay_out_of_sight(machine: Machine) -> None:
    """No secret is in the user data, in an argument list, in the log or in a file that others may read."""
    machine.behaviour["secrets"] = {SECRET: json.dumps({"one": "hidden-1", "two": "hidden-2\nhidden-2"})}
    environment = {key: value(Secret((SECRET,), key)) for key in ("one", "two")}
    boot = replace(WORKER, environment=environment)
    assert machine.launch(boot).returncode == 0, machine.log
    assert machine.container["environment"] == {"one": "hidden-1", "two": "hidden-2\nhidden-2"}
    assert "hidden" not in render(user_data(boot))
    assert "hidden" not in json.dumps([call["argv"] for call in machine.calls])
    assert "hidden" not in machine.log
    others = [call["env"] for call in machine.calls if call["argv"][:2] != ["docker", "run"]]
    assert "hidden" not in json.dumps(others)
    modes = {
        str(path.relative_to(machine.root)): path.stat().st_mode & 0o7777
        for top in ("run/msaspec", "log", "lib/cloud/scripts/per-boot")
        for path in [machine.root / top, *(machine.root / top).iterdir()]
    }
    assert modes.pop("log")
    assert modes.pop("lib/cloud/scripts/per-boot")
    assert modes == {
        "run/msaspec": 0o700,
        "run/msaspec/boot.py": 0o600,
        "run/msaspec/environment": 0o600,
        "run/msaspec/steering": 0o600,
        "log/msaspec.log": 0o600,
        "lib/cloud/scripts/per-boot/msaspec": 0o700,
    }


def test_a_second_run_is_harmless(machine: Machine) -> None:
    """Run again by hand, it makes the container anew, signals nothing and installs nothing."""
    machine.launch(WORKER)
    assert machine.launch(WORKER).returncode == 0, machine.log
    verbs = [argv[1] for argv in machine.called("docker")]
    assert verbs == ["image", "rm", "run", "inspect"]
    assert machine.signals == []
    assert not machine.called("dnf")


def test_a_reboot_reads_the_secrets_anew(machine: Machine) -> None:
    """At a reboot cloud-init runs the same script: fresh secrets, a new container, no signal."""
    machine.behaviour["secrets"] = {SECRET: "old"}
    machine.launch(replace(WORKER, environment={"A": value(Secret((SECRET,)))}))
    machine.behaviour["secrets"] = {SECRET: "new"}
    assert machine.reboot().returncode == 0, machine.log
    assert machine.container["environment"] == {"A": "new"}
    assert machine.signals == []


def test_a_reboot_runs_the_image_that_it_has(machine: Machine) -> None:
    """A tag that was pushed again does not come in by a reboot, which needs no registry at all."""
    boot = replace(WORKER, image=(*ECR, "/users:1"))
    machine.launch(boot)
    machine.behaviour["failures"] = [{"call": call, "times": 99, "says": "no"} for call in ("aws ecr", "docker pull")]
    assert machine.reboot().returncode == 0, machine.log
    assert [argv[1] for argv in machine.called("docker")] == ["image", "rm", "run", "inspect"]
    assert not machine.called("aws", "ecr")


def test_a_reboot_without_network_keeps_the_container(machine: Machine) -> None:
    """When a reboot cannot read the secrets, the container that docker restarted is left alone."""
    machine.behaviour["secrets"] = {SECRET: "old"}
    machine.launch(replace(WORKER, environment={"A": value(Secret((SECRET,)))}))
    machine.behaviour["failures"] = [{"call": "aws ", "times": 99, "says": "Could not connect"}]
    assert machine.reboot().returncode == 1
    assert machine.container["environment"] == {"A": "old"}
    assert not machine.called("docker", "rm")
    assert machine.signals == []


def test_a_refused_success_signal_is_no_failure(machine: Machine) -> None:
    """An instance that starts outside of a stack operation is refused its signal, and serves all the same."""
    says = "An error occurred (ValidationError) when calling the SignalResource operation"
    machine.behaviour["failures"] = [{"call": "aws cloudformation", "times": 99, "says": says}]
    assert machine.launch(WORKER).returncode == 0
    assert {status for status, _ in machine.signals} == {"SUCCESS"}


@pytest.mark.parametrize(
    ("call", "says", "reason"),
    [
        ("dnf", "Error: Unable to find a match: docker", "docker: Error: Unable to find a match: docker"),
        ("systemctl", "Failed to enable unit", "docker: Failed to enable unit"),
        (
            "aws ecr",
            "\nAn error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation",
            "login: An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation",
        ),
        (
            "docker login",
            "Error response from daemon: 400 Bad Request",
            "login: Error response from daemon: 400 Bad Request",
        ),
        (
            "aws secretsmanager",
            "An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation",
            "secrets: An error occurred (ResourceNotFoundException) when calling the GetSecretValue operation",
        ),
        (
            "docker pull",
            "Error response from daemon: manifest unknown",
            "pull: Error response from daemon: manifest unknown",
        ),
        (
            "docker run",
            "docker: Error response from daemon: port is taken\n\nRun 'docker run --help' for more",
            "run: docker: Error response from daemon: port is taken",
        ),
        ("docker pull", "", "pull: failed"),
        ("docker pull", "é\tno \u2028such image", "pull: é\tno \u2028such image"),
    ],
)
def test_a_step_that_fails_is_named(machine: Machine, call: str, says: str, reason: str) -> None:
    """Whatever step fails for good, CloudFormation hears FAILURE; the reason names step and cause."""
    machine.behaviour.update(failures=[{"call": call, "times": 99, "says": says}], secrets={SECRET: "s3cret"})
    boot = replace(WORKER, image=(*ECR, "/users:1"), environment={"A": value(Secret((SECRET,)))})
    assert machine.launch(boot).returncode == 1
    machine.fails_with(reason)


@pytest.mark.parametrize("call", ["dnf", "aws ecr", "docker login", "aws secretsmanager", "docker pull", "aws cloudf"])
def test_a_network_step_is_tried_again(machine: Machine, call: str) -> None:
    """A network step may fail four times; with pauses between the tries, the start succeeds."""
    machine.behaviour.update(failures=[{"call": call, "times": 4, "says": "timed out"}], secrets={SECRET: "s3cret"})
    boot = replace(WORKER, image=(*ECR, "/users:1"), environment={"A": value(Secret((SECRET,)))})
    assert machine.launch(boot).returncode == 0, machine.log
    assert machine.called("sleep") == [["sleep", pause] for pause in ("2", "4", "8", "16")]
    assert machine.signals[-1] == ("SUCCESS", INSTANCE)


@pytest.mark.parametrize(
    ("content", "secret", "reason"),
    [
        (Secret((SECRET,), "password"), '{"user": "bob"}', f"secrets: no key password in {SECRET}"),
        (Secret((SECRET,), "password"), "hidden", f"secrets: no key password in {SECRET}"),
        (Secret((SECRET,)), "a\nb", "secrets: DOCKER_HOST holds a line break or NUL"),
        (Secret((SECRET,)), "a\0b", "secrets: DOCKER_HOST holds a line break or NUL"),
    ],
)
def test_a_secret_that_does_not_fit(machine: Machine, content: Secret, secret: str, reason: str) -> None:
    """A missing key, or a text that the variable cannot hold, is a failure that says so."""
    machine.behaviour["secrets"] = {SECRET: secret}
    assert machine.launch(replace(WORKER, environment={"DOCKER_HOST": (content,)})).returncode == 1
    machine.fails_with(reason)
    assert "hidden" not in machine.log


@pytest.mark.parametrize(
    ("answers", "container", "reason"),
    [
        ([503], "running 0 0", "health: 503 on URL, running, exit 0, 0 restarts"),
        ([302], "running 0 0", "health: 302 on URL, running, exit 0, 0 restarts"),
        ([200, 500], "running 0 0", "health: 500 on URL, running, exit 0, 0 restarts"),
        ([], "running 0 0", "health: no answer on URL, running, exit 0, 0 restarts"),
        ([], "restarting 137 4", "health: no answer on URL, restarting, exit 137, 4 restarts"),
    ],
)
def test_a_service_that_does_not_become_healthy(
    machine: Machine, port: int, answers: list[int], container: str, reason: str
) -> None:
    """The failure tells the last answer, whether the container died, and its last output."""
    machine.behaviour.update(answers=answers, container=container)
    assert machine.launch(server(port)).returncode == 1
    machine.fails_with(reason.replace("URL", f"http://127.0.0.1:{port}/api/users/health_check"))
    (put,) = (call for call in machine.calls if "put-log-events" in call["argv"])
    assert "the service says hello" in put["events"][0]["message"]


def test_health_of_any_path_and_code(machine: Machine, port: int) -> None:
    """The path is asked for as it is written, and any of the codes is as good; a redirect is not followed."""
    machine.behaviour["answers"] = [302, 204]
    path = "/a/../b?x=[1-3]{a,b}&y=$(touch%20/var/log/canary)'`"
    boot = server(port, url=f"http://127.0.0.1:{port}{path}", codes="200-299,302")
    assert machine.launch(boot).returncode == 0, machine.log
    assert (machine.state / "requests").read_text().splitlines() == [path] * 2


def test_health_that_comes_and_goes(machine: Machine, port: int) -> None:
    """Right answers count only in a row."""
    machine.behaviour["answers"] = [200, 200, 500] * 9 + [200]
    assert machine.launch(server(port, healthy=3, grace=60)).returncode == 0, machine.log
    assert len((machine.state / "requests").read_text().splitlines()) == 30


@pytest.mark.parametrize(
    ("container", "reason"),
    [
        ("restarting 1 3", "health: restarting, exit 1, 3 restarts"),
        ("running 0 1", "health: running, exit 0, 1 restarts"),
        ("exited 0 0", "health: exited, exit 0, 0 restarts"),
    ],
)
def test_a_worker_that_does_not_stay_up(machine: Machine, container: str, reason: str) -> None:
    """A worker is healthy only while its container runs and was never restarted."""
    machine.behaviour["container"] = container
    assert machine.launch(WORKER).returncode == 1
    machine.fails_with(reason)


def test_the_failure_is_told_when_the_log_group_is_not_there(machine: Machine) -> None:
    """The log is an extra: without it the signal is sent all the same."""
    machine.behaviour["failures"] = [
        {"call": "aws logs", "times": 99, "says": "An error occurred (ResourceNotFoundException)"},
        {"call": "docker pull", "times": 99, "says": "no such image"},
    ]
    assert machine.launch(WORKER).returncode == 1
    machine.fails_with("pull: no such image")


@example([("A", NASTY["SUBSTITUTION"]), ("B", "$"), ("C", NASTY["HEREDOC"])])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(names, texts), max_size=8))
def test_cloudformation_fills_in_nothing_but_tokens(variables: list[tuple[str, str]]) -> None:
    """As Fn::Sub, the form that a person can read, the user data resolves to the very text that was meant."""
    environment: dict[str, Value] = {
        name: value(text, Token("AWS::Region"), text, Secret((Token("Password"),), text), text)
        for name, text in variables
        if refusal(name, (text,)) is None
    }
    command = tuple(
        (text,) if number % 2 else (text, Token("AWS::Region"), text) for number, (_, text) in enumerate(variables)
    )
    boot = replace(WORKER, environment=environment, command=command, image=ECR)
    compiled = user_data(boot)
    form = json.loads(json.dumps(intrinsic(compiled), default=lambda node: node.to_dict()))
    assert list(form) == ["Fn::Sub"]
    assert resolve(form) == render(compiled)
    assert resolve(form).isascii()
    document = re.search(r"<<'MSASPEC'\n(.*?)\nMSASPEC\n", resolve(form), re.DOTALL)
    assert document
    data = json.loads(document[1])
    assert data.get("docker", {}).get("command", []) == [render(word) for word in command]
    assert list(data.get("environment", [])) == list(environment)
    assert data.get("steering", []) == [name for name in environment if STEERING.fullmatch(name)]
    accepted = {name: text for name, text in variables if refusal(name, (text,)) is None}
    for name, text in accepted.items():
        secret = ["secret", SECRET, text]
        clear = [f"{text}eu-west-1{text}", secret, *([text] if text else [])]
        assert data["environment"][name] == clear
    assert len(resolve(form).encode()) <= size_bound(compiled)


def test_the_usual_size() -> None:
    """A service of ordinary size leaves a third of the 16 KB of user data free, counted with long tokens."""
    environment = {f"SPRING_SETTING_{number}": value("some ordinary text ", str(number)) for number in range(8)}
    boot = replace(server(80), environment=environment, image=(*ECR, "/users:1"))
    assert size_bound(user_data(boot)) < LIMIT * 2 / 3
    assert len(render(user_data(boot))) <= size_bound(user_data(boot))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("1A", "x"),
        ("A B", "x"),
        ("A=B", "x"),
        ("#A", "x"),
        ("-e", "x"),
        ("A", "\0"),
        ("A", "\ud800"),
        ("DOCKER_HOST", "a\nb"),
        ("Http_Proxy", "a\r"),
        ("GODEBUG", "a\nb"),
    ],
)
def test_a_variable_that_cannot_arrive_is_refused(name: str, content: str) -> None:
    """What no environment can hold, and line breaks in what docker itself reads, is refused with a reason."""
    assert refusal(name, (content,))
    with pytest.raises(ValueError, match=re.escape(name)):
        user_data(replace(WORKER, environment={name: (content,)}))
    assert refusal("GOOGLE_CREDENTIALS", ('{\n"key": 1}',)) is None


@pytest.mark.parametrize("changes", [{"service": "a\nb"}, {"service": "-a"}, {"resource": "A B"}])
def test_names_are_plain(changes: dict[str, Any]) -> None:
    """A name that could be more than a name is refused."""
    with pytest.raises(ValueError, match="plain name"):
        user_data(replace(WORKER, **changes))


def test_the_usual_health_is_not_told() -> None:
    """What a service's health has in common with the defaults of the machine is in the machine's scripts only."""
    told: set[str] = set()
    for script in (BODY, CHECKS):
        (health,) = (node for node in ast.walk(ast.parse(python(script))) if getattr(node, "name", "") == "health")
        assert isinstance(health, ast.FunctionDef)
        defaults = [ast.literal_eval(default) for default in health.args.defaults]
        usual = asdict(Health()) | {"url": None, "codes": [[200, 399]]}
        named = dict(zip((argument.arg for argument in health.args.args), defaults, strict=True))
        assert named == {name: usual[name] for name in named}
        told |= set(named)
    assert told == set(asdict(Health()))
    assert '"health": {"url": "http://a/"}' in render(user_data(replace(WORKER, health=Health("http://a/"))))


def test_a_squeezed_script_is_the_same_script() -> None:
    """A template carries boot.sh in fewer bytes: the same Python, and the same shell as bash prints it."""
    source = Path(str(module.__file__)).with_name("boot.sh").read_text()
    assert ast.dump(ast.parse(python(BODY))) == ast.dump(ast.parse(python(source)))
    assert parsed(BODY.replace(python(BODY), "")) == parsed(source.replace(python(source), ""))
    assert "#" not in BODY, "a comment behind a single blank stays"
    assert "${" not in BODY
    assert BODY.isascii()
    assert sum(len(line) + 5 for line in BODY.splitlines()) <= 4_850, "as the lines of a template"


def test_the_script_of_checks_differs_in_its_checks_only() -> None:
    """It is the same program, with the functions of boot_checks.py where `health` stood."""
    source = Path(str(module.__file__)).with_name("boot_checks.py").read_text()
    own = [node for node in ast.parse(source).body if not isinstance(node, ast.Expr)]
    nodes = ast.parse(python(BODY)).body
    (at,) = (at for at, node in enumerate(nodes) if getattr(node, "name", "") == "health")
    expected = [*nodes[:at], *own, *nodes[at + 1 :]]
    for function in expected:
        if isinstance(function, ast.FunctionDef) and ast.get_docstring(function):
            function.body = function.body[1:]
    assert [ast.dump(node) for node in ast.parse(python(CHECKS)).body] == [ast.dump(node) for node in expected]
    assert CHECKS.replace(python(CHECKS), "") == BODY.replace(python(BODY), "")
    assert "#" not in CHECKS
    assert "${" not in CHECKS
    assert CHECKS.isascii()


def python(script: str) -> str:
    """The Python in the script."""
    return script.split("<<'PYTHON'\n")[1].split("\nPYTHON\n")[0]


def parsed(script: str) -> str:
    """The script as bash reads it: without comments, indented in its own way."""
    wrapped = f"script() {{\n{script}\n}}; declare -f script"
    return subprocess.run(["bash", "-c", wrapped], capture_output=True, text=True, check=True).stdout


def test_bash_has_nothing_against_the_syntax() -> None:
    """The compiled user data parses as bash, and its Python as that of Amazon Linux 2023."""

    text = render(user_data(replace(WORKER, environment={n: value(t) for n, t in NASTY.items()})))
    subprocess.run(["bash", "-n"], input=text, text=True, check=True)
    ast.parse(python(text), feature_version=(3, 9))
