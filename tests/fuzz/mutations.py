"""Manifests of the repository that are damaged: their text, or their tree, or by patches."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from random import Random
from typing import Any

from tests.fuzz import corpus

_OPERATIONS = ("add", "remove", "replace", "move", "copy", "test")
_STEPS = (
    "Resources", "Parameters", "Outputs", "Mappings", "Conditions", "Metadata", "Rules", "Transform", "Description",
    "Vpc", "WebService", "WebTask", "WebRole", "WebLaunchTemplate", "WebSecurityGroup", "WebImageTag", "MainDatabase",
    "MediaBucket", "MediaBucketPolicy", "IngressLoadBalancer", "Cluster", "DatabaseBootstrap", "New", "Scripts", "Boot",
    "Type", "Properties", "Policies", "PolicyDocument", "Statement", "Tags", "DependsOn", "Condition", "DeletionPolicy",
    "SecurityGroupIngress", "ContainerDefinitions", "Environment", "LaunchTemplateData", "MetadataOptions", "UserData",
    "Fn::Sub", "Fn::If", "Ref", "msaspec", "manifest", "0", "1", "-", "", "~0", "~1", "Fn::x",
)  # fmt: skip
_PIECES = (
    *"abA1_-.:/@=~$*#%&? \\é",
    "${", "${main.host}", "$$", "a: ", "a, ", "a=b ", "- ", "[", "{", "x: {", "eyJ", "://", "--a ", "/a", "*a ", "&a ",
    "password",
)  # fmt: skip
_TYPES = (
    "AWS::EC2::SecurityGroupIngress", "AWS::IAM::Policy", "AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::Lambda::Url",
    "AWS::SQS::Queue", "AWS::ECS::Service", "AWS::CloudFormation::Stack", "Custom::Own", "AWS::No::Such", "", 1, None,
)  # fmt: skip


def text(random: Random) -> bytes:
    """Characters and lines dropped, doubled, moved, put in, or taken from another manifest; bytes that are no text."""
    found = random.choice(corpus.texts())
    for _ in range(random.choice((1, 1, 1, 1, 2, 3, 6))):
        at, lines = random.randint(0, len(found)), found.split("\n")
        line = random.randrange(len(lines))
        match random.randrange(9):
            case 0:
                found = found[:at] + found[at + random.randint(1, 9) :]
            case 1:
                found = found[:at]
            case 2:
                found = found[:at] + random.choice(corpus.JUNK) + found[at:]
            case 3:
                found = "\n".join([*lines[: line + 1], *lines[line:]])
            case 4:
                indented = random.choice((" ", "  ", "    ", "\t", "- ", "# ")) + lines[line]
                found = "\n".join([*lines[:line], indented, *lines[line + 1 :]])
            case 5:
                found = "\n".join(lines[:line] + lines[line + 1 :])
            case 6:
                other = random.choice(corpus.texts()).split("\n")
                begin = random.randrange(len(other))
                found = "\n".join([*lines[:line], *other[begin : begin + random.randint(1, 8)], *lines[line:]])
            case 7:
                found = found[:at] + str(random.choice(corpus.SCALARS)) + found[at + random.randint(0, 6) :]
            case 8:
                word = random.choice(found.split() or [""])
                found = found.replace(word, random.choice((word * 2, word[:-1], word.upper(), "")), 1)
    made = found.encode("utf-8", "surrogatepass")
    if random.random() < 0.05 and made:
        at = random.randrange(len(made))
        made = made[:at] + bytes([random.randrange(256)]) + made[at + 1 :]
    return made.decode("utf-8", "replace").encode("utf-16") if random.random() < 0.01 else made


def large(random: Random) -> bytes:
    """A piece that is repeated until it is long, in place of a word or before it: what takes too long begins small."""
    found = random.choice(corpus.texts())
    piece = "".join(random.choice(_PIECES) for _ in range(random.choice((1, 1, 2, 3))))
    long = (piece * 100_000)[: random.choice((2_000, 20_000, 60_000))]
    words = found.split() or [""]
    word = random.choice(words)
    quoted = random.choice((long, f"'{long}'", f'"{long}"', f"[{long}]", f"{{{long}}}", f"{long}{word}"))
    return found.replace(word, quoted, 1).encode("utf-8", "surrogatepass")


def tree(random: Random) -> bytes:
    """Keys deleted, renamed and added, values replaced, swapped, wrapped and nested."""
    any_tree = random.random() < 0.3
    data = deepcopy(random.choice(corpus.trees()) if any_tree else random.choice(corpus.templates())[0])
    for _ in range(random.choice((1, 1, 1, 2, 3, 5))):
        if spots := _places(data):
            holder, key = random.choice(spots)
            _damage(random, holder, key, spots)
    return corpus.written(data, random)


def patches(random: Random) -> bytes:
    """Any operations on what compiles, at places that may be there, and on resources of any kind."""
    data, pointers = random.choice(corpus.templates())
    return corpus.written(
        {**data, "patches": [_patch(random, pointers) for _ in range(random.choice((1, 1, 2, 4)))]}, random
    )


def _patch(random: Random, pointers: Sequence[str]) -> dict[str, Any]:
    patch: dict[str, Any] = {"op": random.choice(_OPERATIONS), "path": _pointer(random, pointers)}
    if patch["op"] in ("move", "copy"):
        patch["from"] = _pointer(random, pointers)
    if patch["op"] in ("add", "replace", "test"):
        patch["value"] = corpus.odd(random)
        if random.random() < 0.3:
            patch["path"] = f"/Resources/{random.choice(_STEPS)}"
            patch["value"] = {"Type": random.choice(_TYPES), "Properties": corpus.odd(random)}
        elif random.random() < 0.3:
            patch["value"] = random.choice(
                ({"Ref": "Vpc"}, {"Fn::GetAtt": ["Vpc", "x"]}, {"Fn::Sub": "${A.B}"}, {"Fn::If": []})
            )
    if random.random() < 0.1:
        patch["why"] = "A reason that is long enough."
    return patch


def _pointer(random: Random, pointers: Sequence[str]) -> str:
    """A pointer into the template, mostly, or one whose steps follow one another in some."""
    if random.random() < 0.7:
        return random.choice(pointers)
    if random.random() < 0.3:
        return "".join(f"/{random.choice(_STEPS)}" for _ in range(random.randrange(5)))
    steps = ["Resources", random.choice(_STEPS[9:22]), "Properties"]
    return "/" + "/".join([*steps, *random.choices(_STEPS[22:], k=random.randrange(5))][: random.randint(2, 7)])


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every container of a tree with a key into it."""
    found: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def _damage(random: Random, holder: Any, key: Any, spots: list[tuple[Any, Any]]) -> None:
    match random.randrange(9):
        case 0 | 1:
            holder[key] = corpus.odd(random)
        case 2:
            del holder[key]
        case 3 if isinstance(holder, dict):
            holder[random.choice((f"{key}x", str(key)[:-1], str(key).upper(), ""))] = holder.pop(key)
        case 4 if isinstance(holder, dict):
            holder[random.choice((*corpus.KEYS, f"{key}-2"))] = corpus.odd(random)
        case 5:
            other, there = random.choice(spots)
            if there in other if isinstance(other, dict) else there < len(other):
                holder[key], other[there] = deepcopy(other[there]), deepcopy(holder[key])
        case 6:
            holder[key] = random.choice(([holder[key]], {"type": holder[key]}, {str(key): holder[key]}))
        case 7:
            for _ in range(random.choice((2, 3, 30, 200))):
                holder[key] = {"a": holder[key]}
        case 8 if isinstance(holder, list):
            holder.extend(deepcopy(holder) * random.randint(1, 3))
