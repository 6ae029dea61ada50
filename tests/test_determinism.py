"""The same manifest gives the same bytes, wherever, whenever and however it is compiled."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from msaspec import pipeline
from msaspec.template import render
from tests import goldens, template

EXAMPLE = goldens.EXAMPLES / "msa.yaml"

TEXT = """\
msaspec: 1
name: shop
network: {placement: public}
databases: {main: {replicas: 1}, other: }
buckets: {media: {cdn: true}}
services:
  cart:
    image: cart:1.0
    port: 8000
    paths: [/a, /b]
    uses: {user: , main: , media: {access: write}}
    env: {GREETING: 안녕 😀, A: b, Z: why}
    secrets: {KEY: /shop/key, OTHER: /shop/other}
  user: {image: user, port: 8001, uses: [cart, other]}
environments:
  prod: {services: {cart: {env: {A: null}}}}
"""


def run(*arguments: str, given: bytes = b"", cwd: Path | None = None, **variables: str) -> bytes:
    """What the command line writes to standard output."""
    environment = {**os.environ, "PYTHONPATH": str(goldens.TESTS.parent), **variables}
    command = [sys.executable, "-m", "msaspec", *arguments]
    return subprocess.run(command, input=given, cwd=cwd, env=environment, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest in a file."""
    path = tmp_path_factory.mktemp("system") / "msa.yaml"
    path.write_text(TEXT, "utf-8")
    return path


@pytest.fixture(scope="module")
def expected() -> bytes:
    """Its template, compiled in this process."""
    return render.to_yaml(template.compiled(TEXT).stack).encode()


@pytest.mark.parametrize("seed", ["0", "1", "4711", "random"])
def test_the_hash_seed_changes_nothing(manifest: Path, expected: bytes, seed: str) -> None:
    """No order comes from a set or from hashes of text."""
    assert run("compile", str(manifest), PYTHONHASHSEED=seed) == expected


def other_locales() -> list[dict[str, str]]:
    """Ways to say that the world speaks something else than UTF-8."""
    ways = [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}]
    installed = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    ways += [{"LC_ALL": name, "PYTHONUTF8": "0"} for name in installed if "8859" in name or name == "ko_KR.euckr"]
    return ways


@pytest.mark.parametrize("variables", other_locales(), ids=lambda variables: ",".join(variables.values()))
def test_the_locale_changes_nothing(manifest: Path, expected: bytes, variables: Mapping[str, str]) -> None:
    """Manifests are read and templates are written as UTF-8, whatever the terminal speaks."""
    assert run("compile", str(manifest), **variables) == expected


def test_the_way_of_the_text_changes_nothing(manifest: Path, expected: bytes, tmp_path: Path) -> None:
    """A path, a file in the working directory, standard input and `-o` are one and the same."""
    assert run("compile", cwd=manifest.parent) == expected
    assert run("compile", "-", given=TEXT.encode(), cwd=tmp_path) == expected
    assert run("compile", os.path.relpath(manifest, tmp_path), cwd=tmp_path) == expected
    assert run("compile", str(manifest), "-o", "new/stack.yaml", cwd=tmp_path) == b""
    assert (tmp_path / "new" / "stack.yaml").read_bytes() == expected


def test_line_ends_and_a_mark_at_the_front_change_nothing(expected: bytes) -> None:
    """A file that an editor on Windows saved is the same manifest."""
    for text in (TEXT.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + TEXT.encode()):
        stack = pipeline.compile_main(pipeline.load(text, "msa.yaml")).stack
        assert render.to_yaml(stack).encode() == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_keys_changes_nothing(expected: bytes, seed: int) -> None:
    """A map has no order: its keys may be shuffled, down to the last byte of the template."""
    order = random.Random(seed)

    def shuffled(data: Any) -> Any:
        if isinstance(data, dict):
            return {key: shuffled(data[key]) for key in order.sample(list(data), len(data))}
        return data

    text = yaml.safe_dump(shuffled(yaml.safe_load(TEXT)), sort_keys=False, allow_unicode=True)
    assert render.to_yaml(template.compiled(text).stack).encode() == expected


def test_one_process_compiles_the_same_again_and_again(expected: bytes) -> None:
    """Nothing is left over from one compilation for the next, not even from other environments."""
    for environment in (None, "prod", None):
        compiled = template.compiled(TEXT, environment)
        if environment is None:
            assert render.to_yaml(compiled.stack).encode() == expected


def test_yaml_and_json_say_the_same() -> None:
    """Both forms of the example's template read back as the template itself, for both stacks."""
    document = pipeline.load(EXAMPLE.read_bytes(), "msa.yaml")
    registry = template.registry_of(document)
    assert registry
    for stack in (pipeline.compile_main(document).stack, registry):
        assert template.load(render.to_yaml(stack)) == stack.template
        assert json.loads(render.to_json(stack)) == stack.template
