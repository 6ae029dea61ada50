"""What fuzzing begins with: the manifests of the repository, odd values, and how a tree is written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml

from msaspec import pipeline
from msaspec.diagnostics.diagnostic import Invalid

_ROOT = Path(__file__).resolve().parents[2]
SCALARS: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 3, 7, 80, 443, 65535, 65536, 2**31, 2**63, 10**40, 0.5, -0.0, 1e308,
    "", " ", "a", "-", ".", "/", "~", "null", "*", "é", "한국", "😀", "a\nb", "a\0b", "\x85", "\u2028", "\x7f",
    "\ufeff", "${", "${}", "${main.host}", "${main.password}", "${main}", "$$", "{{resolve:ssm:x}}", "arn:aws:s3:::x",
    "arn:::::",
    "1 GiB", "99999999999999999999 days", "٣ s", "0 s", "10 min", "/a", "/api", "/api/*", "//", "/..", "/a?b",
    "200-299", "cart", "main", "media", "web", "instance", "autoscaling", "fargate", "t4g.micro", "m7g.large", "t4g.²",
    "ⅷ s", "²",
    "db.t4g.micro", "db.m7g.large", "0.0.0.0/0", "10.0.0.0/33", "10.0.0.0/28", "::/0", "eu-west-1", "cn-north-1",
    "us-gov-west-1", "mars-north-1", "-" * 300, "a" * 5000, "%s", "{0}", "{a}", "`", "\ufffe", "17.6\n", "cart\n",
    "shop.example.com", "*.example.com", "Z0123456789ABC", "image:1", "a/b/c:1@sha256:" + "0" * 64, "/shop/key",
)  # fmt: skip
KEYS = ("cart", "main", "type", "path", "op", "value", "enabled", "uses", "x", "services", "min", "é", "", "a.b", "A-B")
_SIGNS = "{}[]:,-#&*!|>'\"%@`\t \n\r?~<\\\x00\x85\u2028\ufeff9yé😀"
JUNK = (*_SIGNS, "- ", ": ", "<<: ", "&a ", "*a", "---\n", "{}")


@cache
def texts() -> tuple[str, ...]:
    """The manifests of all cases and examples; those that compile several times, since more can be damaged in them."""
    sound = [path.with_name("msa.yaml") for path in (_ROOT / "tests/cases").glob("*/expected.yaml")]
    paths = sorted(
        [*(_ROOT / "tests/cases").glob("*/msa.yaml"), *[*sound, *(_ROOT / "examples").rglob("msa.yaml")] * 4]
    )
    return tuple(path.read_text("utf-8") for path in paths)


@cache
def trees() -> tuple[dict[str, Any], ...]:
    """Those of them that other readers of YAML take for a map."""
    found = []
    for text in texts():
        try:
            data = yaml.load(text, Loader=yaml.CSafeLoader)
        except yaml.YAMLError:
            continue
        if isinstance(data, dict):
            found.append(data)
    return tuple(found)


@cache
def templates() -> tuple[tuple[dict[str, Any], tuple[str, ...]], ...]:
    """Trees without patches that compile, each with every pointer into its template."""
    found = []
    for text in dict.fromkeys(texts()):
        try:
            compiled = pipeline.compile_main(pipeline.load(text, "msa.yaml"))
        except Invalid:
            continue
        if not compiled.plan.root.patches:
            template = {name: part for name, part in compiled.stack.template.items() if name != "Mappings"}
            found.append((yaml.load(text, Loader=yaml.CSafeLoader), tuple(_pointers(template))))
    return tuple(found)


def _pointers(value: Any, at: str = "") -> Iterator[str]:
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from _pointers(inner, f"{at}/{str(key).replace('~', '~0').replace('/', '~1')}")


def odd(random: Random, depth: int = 3) -> Any:
    """A value that is seldom right: a scalar, a list or a map."""
    match random.randrange(6 if depth else 4):
        case 4:
            return [odd(random, depth - 1) for _ in range(random.randrange(4))]
        case 5:
            return {random.choice(KEYS): odd(random, depth - 1) for _ in range(random.randrange(4))}
        case 3:
            return "".join(chr(random.choice((random.randrange(32, 127), random.randrange(0xD800)))) for _ in range(4))
    return random.choice(SCALARS)


class _Dumper(yaml.CSafeDumper):
    """Writes what is shared twice."""

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors."""
        return True


def written(data: Any, random: Random) -> bytes:
    """The tree as YAML, in one of its styles."""
    if random.random() < 0.2:
        return json.dumps(data, ensure_ascii=random.random() < 0.5).encode("utf-8", "replace")
    flow = random.choice((False, False, None, True))
    text: str = yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=120)
    return text.encode("utf-8", "replace")
