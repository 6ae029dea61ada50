"""The modules of LocalStack that recorded programs import: the few names that they need are here, every other one is
an `Anything`.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import io
import random
import re
import sys
import time
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from msaspec.template import reading


class Anything:
    """Whatever is asked of it; as a decorator it leaves what it decorates as it is."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __call__(self, *words: Any, **options: Any) -> Any:
        if len(words) == 1 and not options and (isinstance(words[0], type) or callable(words[0])):
            return words[0]
        return self

    def __getitem__(self, key: Any) -> Any:
        return Anything()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __format__(self, spec: str) -> str:
        return ""

    def __mro_entries__(self, bases: Any) -> Any:
        return ()


def short_uid() -> str:
    return "".join(random.choices("0123456789abcdef", k=8))


def long_uid() -> str:
    return "-".join("".join(random.choices("0123456789abcdef", k=n)) for n in (8, 4, 4, 4, 12))


def retry(
    function: Callable[..., Any], retries: int = 3, sleep: float = 1, sleep_before: float = 0, **words: Any
) -> Any:
    for _ in range(int(retries) + 1):
        try:
            return function(**words)
        except Exception as fault:
            failed = fault
            time.sleep(0.05)
    raise failed


def wait_until(fn: Callable[[], bool], *words: Any, **options: Any) -> bool:
    """Wait until something is so, for ten seconds at most; say whether it was."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if fn():
            return True
        time.sleep(0.05)
    return False


def poll_condition(condition: Callable[[], bool], *words: Any, **options: Any) -> bool:
    """Do the same under another name."""
    return wait_until(condition)


def load_file(path: Any, *words: Any, **options: Any) -> str:
    return Path(path).read_text("utf-8")


def load_template_file(path: Any, **options: Any) -> str:
    return Path(path).read_text("utf-8")


def call_safe(function: Any, args: Any = (), kwargs: Any = None, **options: Any) -> Any:
    with contextlib.suppress(Exception):
        return function(*args, **(kwargs or {}))


def create_lambda_archive(script: Any, file_name: str = "handler.py", **options: Any) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(file_name, script)
    return buffer.getvalue()


def render_template(text: str, **words: Any) -> str:
    if words:
        import jinja2

        return jinja2.Template(text).render(**words)
    return text


class RegexTransformer:
    def __init__(self, regex: Any, replacement: str) -> None:
        self.pattern = (
            regex if isinstance(regex, re.Pattern) else re.compile(re.escape(regex) if not _is_regex(regex) else regex)
        )
        self.replacement = replacement


def _is_regex(text: str) -> bool:
    return bool(set(text) & set("\\[(*+^$"))


class SortingTransformer:
    def __init__(self, key: str, sorting_fn: Any = None) -> None:
        self.key, self.function = key, sorting_fn


class StackDeployError(Exception):
    def __init__(self, describe: Any, events: Any) -> None:
        self.describe_result, self.events = describe, events
        super().__init__(str(describe.get("StackStatusReason")))


def _is_v2() -> bool:
    return True


def _false(*words: Any, **options: Any) -> bool:
    return False


def _true(*words: Any, **options: Any) -> bool:
    return True


def parse_yaml(text: str) -> Any:
    return reading.load(text)


HELPERS: dict[str, Any] = {
    "parse_yaml": parse_yaml,
    "short_uid": short_uid,
    "long_uid": long_uid,
    "retry": retry,
    "wait_until": wait_until,
    "poll_condition": poll_condition,
    "load_file": load_file,
    "load_template_file": load_template_file,
    "load_template_raw": load_template_file,
    "create_lambda_archive": create_lambda_archive,
    "render_template": render_template,
    "call_safe": call_safe,
    "RegexTransformer": RegexTransformer,
    "SortingTransformer": SortingTransformer,
    "StackDeployError": StackDeployError,
    "is_v2_engine": _is_v2,
    "skip_if_legacy_engine": lambda *words, **options: pytest.mark.usefixtures(),
    "skipped_v2_items": lambda *items: list(items),
    "is_aws_cloud": _true,
    "in_default_partition": _true,
    "optional_list": lambda condition, items: list(items) if condition else [],
    "to_bytes": lambda text: text.encode() if isinstance(text, str) else text,
    "to_str": lambda text: text.decode() if isinstance(text, bytes) else text,
    "get_partition": lambda region: "aws",
    "PATTERN_ARN": re.compile(r"arn:(aws[a-zA-Z-]*)?:([a-zA-Z0-9-_.]+)?:([^:]+)?:(\d{12})?:(.*)"),
    "SECONDARY_TEST_AWS_ACCOUNT_ID": "222222222222",
    "SECONDARY_TEST_AWS_REGION_NAME": "us-west-1",
    "TEST_AWS_REGION_NAME": "us-east-1",
    "TEST_AWS_ACCOUNT_ID": "123456789012",
}


class _Names(type):
    """A class whose members are their own names, as those of enumerations of APIs."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return re.sub(r"(?<=[a-z0-9])_(?=\d)", ".", name) if name[0].islower() else name


class _Module(types.ModuleType):
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if self.__name__.startswith("localstack.aws.api."):
            return _Names(name, (dict,), {})
        return HELPERS.get(name, Anything())


OURS = "tests.aws.services.cloudformation"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    TOPS = "localstack", "localstack_snapshot", "aws_cdk"

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        theirs = name.startswith("tests.aws.services.") and not name.startswith(OURS)
        if name.split(".")[0] in self.TOPS or theirs or name == f"{OURS}.conftest":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: Any) -> Any:
        return _Module(spec.name)

    def exec_module(self, module: Any) -> None:
        pass


def installed() -> None:
    """Make imports of those modules find these."""
    if not any(isinstance(each, _Finder) for each in sys.meta_path):
        sys.meta_path.insert(0, _Finder())
