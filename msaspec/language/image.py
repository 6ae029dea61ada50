"""Container images: an owned repository by its bare name, or any registry's URI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

_TAG = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
_NAME = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")

TAG_PATTERN = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
"""What registries allow as a tag."""


@dataclass(frozen=True, slots=True)
class Image:
    """A parsed image. `host` is None for a repository that the system owns."""

    host: str | None
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def owned(self) -> bool:
        """Whether the repository is one of the system's own, in ECR."""
        return self.host is None

    @property
    def ecr(self) -> tuple[str, str, str] | None:
        """Account, region and DNS suffix of a registry in ECR, if `host` is one.

        >>> parse("123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1").ecr
        ('123456789012', 'eu-west-1', 'amazonaws.com')
        """
        parts = (self.host or "").split(".")
        if len(parts) >= 6 and parts[1:3] == ["dkr", "ecr"] and parts[4] == "amazonaws":
            return parts[0], parts[3], ".".join(parts[4:])
        return None

    def __str__(self) -> str:
        name = f"{self.host}/{self.repository}" if self.host else self.repository
        return name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(written: str) -> Image:
    """Read `name[:tag]` or `host/path[:tag][@digest]`. Raises PydanticCustomError on anything else."""
    rest, at, digest = written.partition("@")
    first, slash, remainder = rest.partition("/")
    host = first if slash and ("." in first or ":" in first or first == "localhost") else None
    path = remainder if host else rest
    repository, colon, tag = path.partition(":")
    problem = _problem(host, repository, slash, colon, tag, at, digest)
    if problem:
        raise PydanticCustomError("image", "{problem}", {"problem": problem})
    return Image(host, repository, tag or None, digest or None)


def _elsewhere(written: str) -> str:
    if parse(written).owned:
        raise PydanticCustomError(
            "image", "name an image with its registry, such as `public.ecr.aws/docker/library/busybox:1.37`"
        )
    return written


RegistryImage = Annotated[str, AfterValidator(_elsewhere)]
"""An image that is not built for the system."""


def _problem(host: str | None, repository: str, slash: str, colon: str, tag: str, at: str, digest: str) -> str | None:
    if repository and f"{host}:".startswith("arn:"):
        return "it is an ARN; an image in ECR is `ACCOUNT.dkr.ecr.REGION.amazonaws.com/NAME:TAG`"
    if slash and host is None:
        return (
            "an image is the bare name of a repository that this system owns, or starts with its registry's host"
            f" (for Docker Hub: `docker.io/{repository}{colon}{tag}`)"
        )
    if host and not set(host) <= _NAME | {":"}:
        return f"`{host}` is not a registry host"
    if not repository:
        return "it names no repository"
    if colon and not tag:
        return "the tag is missing behind its `:`"
    if not all(_is_name(part) for part in repository.split("/")):
        return f"`{repository}` is not a repository name: lowercase letters, digits, and `.`, `_`, `-` between them"
    if colon and (len(tag) > 128 or not set(tag) <= _TAG or tag[0] in ".-"):
        return f"`{tag}` is not an image tag: at most 128 letters, digits, `_`, `.` and `-`"
    if at and not _is_digest(digest):
        return "a digest is `sha256:` and 64 hexadecimal digits"
    if at and host is None:
        return "an image of the system is selected by its tag, a parameter of the stack, and cannot have a digest"
    return None


def _is_name(part: str) -> bool:
    return bool(part) and set(part) <= _NAME and part[0].isalnum() and part[-1].isalnum()


def _is_digest(digest: str) -> bool:
    algorithm, _, number = digest.partition(":")
    return algorithm == "sha256" and len(number) == 64 and set(number) <= set("0123456789abcdef")
