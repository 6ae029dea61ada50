"""The user data of an EC2 instance that runs one service.

The settings of the service come first, as data; behind them the same script for every service, `boot.sh`.
Everything that a person wrote is in one JSON document within a quoted heredoc, where bash reads nothing
and Fn::Sub finds nothing. The whole is ASCII, because CloudFormation's GetTemplate returns any other
character as a question mark, and then nothing could be compared with what is deployed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from msaspec.language.files import Placed
from msaspec.language.value import Piece, Secret, Text, Token, Value, public, value
from msaspec.template.scripts import program

LIMIT = 16_384
"""Bytes of user data that EC2 takes, before base64."""

BODY = program("msaspec.aws", "boot.sh", 2)
CHECKS = re.sub(
    r"(?ms)^def health\(.*?(?=^def event)", lambda _: program("msaspec.aws", "boot_checks.py", 4), BODY, count=1
)
"""The same program with the checks of services that answer no HTTP path. It is a script of its own, so that hosts of
those that do keep theirs."""

FILES = program("msaspec.aws", "boot_files.py", 4)
"""What hosts of services with files have beside it."""

SIDECARS = program("msaspec.aws", "boot_sidecars.py", 4)
"""What hosts of services with sidecars have beside it."""

VOLUMES = program("msaspec.aws", "boot_volumes.py", 4)
"""What hosts of services with volumes have beside it."""

STEERING = re.compile(r"(?i)(docker|glibc|ld|otel|ssl|xdg)_.*|.*_proxy|home|path|tmpdir|go[a-z]+")
"""Variables that steer the docker client. They reach the container, but only on one line: see `refusal`."""

_SERVICE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_RESOURCE = re.compile(r"[A-Za-z0-9]+")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_CODES = re.compile(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?")
HEREDOC = "MSASPEC"


@dataclass(frozen=True, slots=True)
class Health:
    """When a service is taken as started.

    `url` is asked on the instance every `interval` seconds, each time for at most `timeout` seconds;
    `healthy` answers in a row with one of `codes` (``200``, ``200,302`` or ``200-299``) are enough. After
    `grace` seconds the next wrong answer ends the wait. The defaults are those of boot.sh.

    Instead of `url`: `connect` is a port of the instance that takes connections, `grpc` one where the gRPC health
    service answers, `command` the words of a command that exits with 0 in the container.
    """

    url: str = ""
    interval: float = 10
    timeout: float = 5
    healthy: int = 2
    codes: str = "200-399"
    grace: float = 180
    connect: int = 0
    grpc: int = 0
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A further container. One that `ends` has to end with 0 before the next is started. `check` is what says that it
    is up, and those after it wait for that where it is `awaited`."""

    name: str
    image: str
    options: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    command: tuple[Text, ...] = ()
    ends: bool = False
    check: Health | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Mounted:
    """A file system that is mounted on the host, from where containers have it."""

    system: Token
    access_point: Token
    options: tuple[str, ...] = ()
    """Of mount."""


@dataclass(frozen=True, slots=True)
class Boot:
    """What an instance has to know to run one service.

    `resource` is the logical id that gets the signal, `options` are words of `docker run` before the image. If `image`
    is in ECR, as its registry shows, the instance logs in there. `command` replaces the image's own unless it is
    empty. Without `health` the service is a worker: it is taken as started when its container has run for `steady`
    seconds without a restart.
    """

    service: str
    resource: str
    image: Text
    log_group: Text
    options: tuple[str, ...] = ()
    environment: Mapping[str, Value] = field(default_factory=dict)
    command: tuple[Text, ...] = ()
    health: Health | None = None
    steady: float = 20
    files: Mapping[str, Placed] = field(default_factory=dict)
    """By the names that differences call them."""
    sidecars: tuple[Sidecar, ...] = ()
    """Started in this order before the service."""
    volumes: Mapping[str, Mounted] = field(default_factory=dict)
    front: int = 0
    """The port that requests to port 80 lead to, where containers have the network of the host."""


def refusal(name: str, content: Value) -> str | None:
    """Why a variable cannot reach the container as it is written, None if it can.

    Said of what is known now: a secret is looked at in the same way when the instance reads it.
    """
    literals = [piece for piece in content if isinstance(piece, str)]
    if not _VARIABLE.fullmatch(name):
        return "a name has letters, digits, '_', '.' and '-', and starts with a letter or '_'"
    if any("\0" in literal for literal in literals):
        return "no environment variable can hold a NUL character"
    if any(re.search("[\ud800-\udfff]", literal) for literal in literals):
        return "half of a surrogate pair is not a character"
    if STEERING.fullmatch(name) and any(re.search("[\r\n]", literal) for literal in literals):
        return "docker reads this variable itself, so its value must be a single line"
    return None


def user_data(boot: Boot) -> Text:
    """Return the whole user data. Raises ValueError for what `refusal` refuses, or a name that is not plain."""
    text = public(value(*settings(boot), script(boot)[1]))
    for piece in text:
        assert isinstance(piece, Token) or ("${" not in piece and not piece.endswith("$") and piece.isascii())
    return text


def script(boot: Boot) -> tuple[str, str]:
    """Return the program that follows the settings of a service: its name in the template, and its text."""
    name, text = ("BootChecks", CHECKS) if boot.health and not boot.health.url else ("Boot", BODY)
    if boot.files:
        name, text = f"{name}Files", _with(text, FILES, "step files python3 boot.py files")
    if boot.volumes:
        name, text = f"{name}Volumes", _with(text, VOLUMES, _VOLUMES)
    if boot.sidecars:
        name, text = f"{name}Sidecars", _with(text, SIDECARS, _SIDECARS)
        if any(each.check for each in boot.sidecars):
            name, text = f"{name}Up", text.replace("trap - EXIT\n", "step up\npython3 boot.py up\ntrap - EXIT\n", 1)
    return name, text


# fact: efs-on-hosts
_VOLUMES = """command -v mount.efs || step efs dnf install -y amazon-efs-utils
step volumes
python3 boot.py volumes"""
# Once only: what ran to its end would run twice.
_SIDECARS = """step sidecars
python3 boot.py sidecars --log-driver awslogs \\
 --log-opt mode=non-blocking --log-opt awslogs-region="$AWS_DEFAULT_REGION" \\
 --log-opt awslogs-group="$LOG_GROUP" --log-opt awslogs-stream="$INSTANCE\""""


def _with(text: str, functions: str, step: str) -> str:
    """Return a program with further functions, and a step before the container starts."""
    text = text.replace("def event(", f"{functions}def event(", 1)
    return text.replace("step run\n", f"{step}\nstep run\n", 1)


def settings(boot: Boot) -> Text:
    """Return the part of the user data that differs between services; that of `script` follows it."""
    if not _SERVICE.fullmatch(boot.service) or not _RESOURCE.fullmatch(boot.resource):
        raise ValueError(f"{boot.service} ({boot.resource}): not a plain name")
    for name, content in boot.environment.items():
        if reason := refusal(name, content):
            raise ValueError(f"{name}: {reason}")
    lines: list[Text] = [
        ("#!/bin/bash",),
        ("STACK=", *_shell((Token("AWS::StackId"),)), f" RESOURCE={boot.resource} SERVICE={boot.service}"),
        ("IMAGE=", *_shell(boot.image), " LOG_GROUP=", *_shell(boot.log_group)),
        (f"read -rd '' SETTINGS <<'{HEREDOC}'",),
        *_document(boot),
        (HEREDOC,),
    ]
    return public(value(*(piece for line in lines for piece in (*line, "\n"))))


def size_bound(text: Text) -> int:
    """At least as many bytes as the text has once CloudFormation filled it in.

    Each token counts as the longest that is plausible for it: 32 for the pseudo parameters of a few letters,
    256 for any other, which holds for every ARN, id and host name that AWS makes (a stack id, the longest of
    them, has at most 128 characters of stack name and 105 around them).
    """
    short = {"AWS::Region", "AWS::AccountId", "AWS::Partition", "AWS::URLSuffix"}
    return sum(
        len(piece.encode()) if isinstance(piece, str) else 32 if piece.target in short else 256 for piece in text
    )


def _shell(text: Text) -> Text:
    """Return a word of bash that is exactly this text. Tokens are inside the quotes: AWS makes none with a quote."""
    inner = [
        piece if isinstance(piece, Token) else _unsubstituted(piece.replace("'", r"'\''"), "$''") for piece in text
    ]
    return ("'", *inner, "'")


def _document(boot: Boot) -> list[Text]:
    """Return the settings that boot.sh reads as JSON, each variable on a line of its own. What is empty is left out.

    A key at the top is what boot.sh calls with the settings in it, or `steering`: the variables of the env-file.
    """
    steering = [name for name in boot.environment if STEERING.fullmatch(name)]
    parts = {
        "docker": _docker(boot),
        "health": (_json(health),) if (health := _health(boot)) else (),
        "files": _files(boot),
        "volumes": _volumes(boot),
        "sidecars": _sidecars(boot),
        "up": _up(boot),
        "steering": (_json(steering),) if steering else (),
    }
    head = _separated([(f'"{name}": ', *part) for name, part in parts.items() if part])
    if not boot.environment:
        return [("{", *head, "}")]
    lines: list[Text] = [("{", *head, ', "environment": {')]
    for position, (name, content) in enumerate(boot.environment.items()):
        end = "}}" if position == len(boot.environment) - 1 else ","
        lines.append((f"{_json(name)}: ", *_variable(content), end))
    return lines


def _docker(boot: Boot) -> Text:
    """Return the options and the command. A word without tokens is written as JSON writes it."""
    lists: dict[str, list[Text]] = {
        "options": [(_json(word),) for word in boot.options],
        "command": [_word(word) for word in boot.command],
    }
    written = [(f'"{name}": [', *_separated(words), "]") for name, words in lists.items() if words]
    return ("{", *_separated(written), "}") if written else ()


def _files(boot: Boot) -> Text:
    """Return mode, owner, group and content of each file."""
    written = [
        (f"{_json(name)}: [{_json(each.mode)}, {each.owner}, {each.group}, ", *_variable(each.content), "]")
        for name, each in boot.files.items()
    ]
    return ('{"files": {', *_separated(written), "}}") if written else ()


def _volumes(boot: Boot) -> Text:
    """Return the file system, the access point and the options of each."""
    written = [
        (
            f"{_json(name)}: [",
            *_string((each.system,)),
            ", ",
            *_string((each.access_point,)),
            f", {_json(each.options)}]",
        )
        for name, each in boot.volumes.items()
    ]
    return ('{"each": {', *_separated(written), "}}") if written else ()


def _sidecars(boot: Boot) -> Text:
    """Return of each its image, options, command, environment, the variables that steer docker, whether it ends, and
    what the next one waits for."""
    written: list[Text] = []
    for each in boot.sidecars:
        variables = [(f"{_json(name)}: ", *_variable(content)) for name, content in each.environment.items()]
        apart = _json([name for name in each.environment if STEERING.fullmatch(name)])
        check = _json(_check(each.check) if each.check and each.awaited else None)
        words = [_word(word) for word in each.command]
        written.append(
            (
                f"{_json(each.name)}: [{_json(each.image)}, {_json(each.options)}, [",
                *_separated(words),
                "], {",
                *_separated(variables),
                f"}}, {apart}, {_json(each.ends)}, {check}]",
            )
        )
    front = f', "front": {boot.front}' if boot.front else ""
    return ('{"each": {', *_separated(written), f"}}{front}}}") if written else ()


def _up(boot: Boot) -> Text:
    """Return the checks of all sidecars that have one."""
    checks = {each.name: _check(each.check) for each in boot.sidecars if each.check}
    return (f'{{"checks": {_json(checks)}}}',) if checks else ()


def _check(health: Health) -> list[object]:
    return [health.command, health.interval, health.timeout, health.grace]


def kept(number: int) -> str:
    """Return where a host keeps a file that is mounted into the container."""
    return f"/var/lib/msaspec/{number}"


def mounted(volume: str) -> str:
    """Return where a host has a volume that is mounted into containers."""
    return f"/run/msaspec/volumes/{volume}"


def _word(word: Text) -> Text:
    return _string(word) if any(isinstance(piece, Token) for piece in word) else (_json(*word),)


def _separated(items: Sequence[Text]) -> Text:
    return tuple(piece for position, item in enumerate(items) for piece in ((", ",) if position else ()) + item)


def _health(boot: Boot) -> dict[str, object]:
    """Return what differs from the defaults."""
    if boot.health is None:
        return {"grace": boot.steady}
    usual = asdict(Health())
    settings = {name: setting for name, setting in asdict(boot.health).items() if setting != usual[name]}
    return {**settings, "codes": _ranges(boot.health.codes)} if "codes" in settings else settings


def _variable(content: Value) -> Text:
    """Return a JSON string, or, where there are secrets, a list of strings and of [kind, ARN] or [kind, ARN, key]."""
    items: list[Text] = []
    run: list[str | Token] = []
    for piece in content:
        if not isinstance(piece, Secret):
            run.append(piece)
            continue
        if run:
            items.append(_string(tuple(run)))
            run = []
        kind = "secret" if piece.store == "secretsmanager" else "ssm"
        key = "" if piece.key is None else f", {_json(piece.key)}"
        items.append((f'["{kind}", ', *_string(piece.arn), key + "]"))
    if not items:
        return _string(tuple(run))
    if run:
        items.append(_string(tuple(run)))
    joined: list[Piece] = []
    for position, item in enumerate(items):
        joined += [", " if position else "[", *item]
    return public((*joined, "]"))


def _string(text: Text) -> Text:
    """Return a JSON string. Tokens are in it as they are: AWS makes no value with a quote or a backslash."""
    inner = [piece if isinstance(piece, Token) else _unsubstituted(_json(piece)[1:-1], r"\u0024") for piece in text]
    return ('"', *inner, '"')


def _json(data: object) -> str:
    # CloudFormation takes `{{resolve:...}}` for a dynamic reference, in any text.
    written = json.dumps(data).replace("\x7f", r"\u007f").replace("{{", r"{\u007b")
    return _unsubstituted(written, r"\u0024")


def _unsubstituted(literal: str, dollar: str) -> str:
    """Return the literal with no dollar sign that Fn::Sub could take for its own, here or where a token follows."""
    return re.sub(r"\$(?=\{|\Z)", lambda _: dollar, literal)


def _ranges(codes: str) -> list[tuple[int, int]]:
    """
    >>> _ranges("200-299,302")
    [(200, 299), (302, 302)]
    """
    ranges = []
    for code in codes.split(","):
        match = _CODES.fullmatch(code.strip())
        if not match:
            raise ValueError(f"{codes}: not a list of status codes")
        ranges.append((int(match[1]), int(match[2] or match[1])))
    return ranges
