# ruff: noqa: T201 - a command prints
"""Stands in for a command of the instance: ``stand_in.py STATE COMMAND ARGUMENTS...``.

Writes down how it was called, then behaves as the test told it to (STATE/behaviour.json). `docker run` works
out the environment of the container the way docker does and keeps it in STATE/container.json.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import docker_cli

state, program, *arguments = sys.argv[1:]
STATE = Path(state)
BEHAVIOUR = json.loads((STATE / "behaviour.json").read_text())
CONTAINER = STATE / "container.json"
IMAGES = STATE / "images"


def option(name: str) -> str:
    return arguments[arguments.index(name) + 1]


def aws() -> None:
    assert os.environ["LC_ALL"] == "C.UTF-8", "the AWS CLI could not print a secret that is not ASCII"
    assert os.environ["HOME"] == "/root"
    assert os.environ["AWS_DEFAULT_REGION"] == "eu-west-1"
    service, operation = arguments[:2]
    if (service, operation) == ("secretsmanager", "get-secret-value"):
        assert option("--query") == "SecretString"
        assert option("--output") == "json"
        print(json.dumps(BEHAVIOUR["secrets"][option("--secret-id")], ensure_ascii=False))
    elif (service, operation) == ("ssm", "get-parameter"):
        assert option("--query") == "Parameter.Value"
        assert "--with-decryption" in arguments
        print(json.dumps(BEHAVIOUR["parameters"][option("--name")], ensure_ascii=False))
    elif (service, operation) == ("ecr", "get-login-password"):
        print("ecr-password")


def docker() -> None:
    assert os.environ["HOME"] == "/root", "that is where the login is"
    match arguments[0]:
        case "login":
            print("Login Succeeded")
        case "rm" if arguments[-1] != "users":
            pass
        case "rm":
            if not CONTAINER.exists():
                sys.exit("Error response from daemon: No such container: " + arguments[-1])
            CONTAINER.unlink()
        case "pull":
            with IMAGES.open("a") as file:
                file.write(arguments[-1] + "\n")
        case "image":
            assert arguments[1:4] == ["inspect", "-f", "."]
            if arguments[4] not in (IMAGES.read_text().splitlines() if IMAGES.exists() else []):
                sys.exit("Error response from daemon: No such image: " + arguments[4])
            print(".")
        case "run":
            docker_run()
        case "inspect":
            assert arguments[1] == "users"
            fields = "{{.State.Status}}", "{{.State.ExitCode}}", "{{.RestartCount}}"
            told = option("-f")
            for field, content in zip(fields, BEHAVIOUR["container"].split(), strict=True):
                told = told.replace(field, content)
            print(told)
        case "exec" if arguments[1] != "users":
            codes = BEHAVIOUR["sidecars"][arguments[1]]
            code = codes.pop(0) if len(codes) > 1 else codes[0]
            (STATE / "behaviour.json").write_text(json.dumps(BEHAVIOUR))
            sys.exit(code)
        case "exec":
            assert arguments[1] == "users"
            codes = BEHAVIOUR["exec"]
            tries = STATE / "tries"
            tried = int(tries.read_text()) if tries.exists() else 0
            tries.write_text(str(tried + 1))
            print("it says\nnot yet")
            sys.exit(codes[min(tried, len(codes) - 1)])
        case "logs":
            print("\n".join(BEHAVIOUR["output"]))


def docker_run() -> None:
    run = docker_cli.parse(arguments[1:], os.environ)
    (name,) = run["options"]["--name"]
    if name != "users":
        with (STATE / "sidecars").open("a") as file:
            file.write(json.dumps({name: run}) + "\n")
        sys.exit(0 if run["detached"] else BEHAVIOUR["sidecars"][name][0])
    listen(run["options"]["-p"])
    CONTAINER.write_text(json.dumps(run))
    print("0123456789ab")


def listen(publish: list[str]) -> None:
    """Answer on the published port with the status codes that the test gave, the last one for ever."""
    codes = BEHAVIOUR["answers"]
    if not codes:
        return
    import http.server  # takes a while, and few calls need it

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with (STATE / "requests").open("a") as file:
                file.write(self.path + "\n")
            self.send_response(codes.pop(0) if len(codes) > 1 else codes[0])
            self.send_header("Location", "/elsewhere")
            self.end_headers()

    server = http.server.HTTPServer(("127.0.0.1", int(publish[0].split(":")[0])), Handler)
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in 0, 1, 2:
            os.dup2(null, descriptor)
        server.serve_forever()


call = {"argv": [program, *arguments], "env": dict(os.environ)}
if "--password-stdin" in arguments:
    call["stdin"] = sys.stdin.read()
if "--log-events" in arguments:
    call["events"] = json.loads(Path(option("--log-events").removeprefix("file://")).read_bytes())
with (STATE / "calls").open("a") as file:
    file.write(json.dumps(call) + "\n")

for failure in BEHAVIOUR["failures"]:
    tried = STATE / ("tried " + failure["call"].replace("/", "_"))
    if " ".join([program, *arguments]).startswith(failure["call"]):
        times = int(tried.read_text()) if tried.exists() else 0
        tried.write_text(str(times + 1))
        if times < failure["times"]:
            print(failure["says"], file=sys.stderr)
            sys.exit(failure.get("code", 1))

match program:
    case "dnf" if arguments[-1] == "docker":  # the machine has docker only from now on
        (STATE / "bin" / "docker").symlink_to("docker-package")
    case "aws":
        aws()
    case "iptables":
        rules = STATE / "rules"
        there = rules.read_text().splitlines() if rules.exists() else []
        rule = " ".join(arguments[3:])
        if arguments[:3] == ["-t", "nat", "-A"]:
            rules.write_text("\n".join([*there, rule]))
        elif rule not in there:
            sys.exit("iptables: Bad rule (does a matching rule exist in that chain?).")
    case "docker":
        docker()
