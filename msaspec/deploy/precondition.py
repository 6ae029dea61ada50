"""What a system needs of the account before it is deployed, and what can be read of that beforehand.

Each kind is a file in `preconditions/`, which asks like the investigators do (`evidence.py`). All are looked at in
parallel. What may not be read is said once, and skipped.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TypeAlias

from msaspec import discover
from msaspec.compile.plan import Plan
from msaspec.deploy.asking import Asking
from msaspec.deploy.aws.target import THREADS, Aws
from msaspec.deploy.context import Context
from msaspec.deploy.evidence import Answer, Ask
from msaspec.deploy.parameters import Tag
from msaspec.diagnostics.diagnostic import Diagnostic, ordered
from msaspec.template.stack import Stack

AT_ONCE = 8
"""How many kinds are looked at at once."""


@dataclass(frozen=True)
class Needs:
    """What is to be deployed, and where."""

    plan: Plan
    stacks: Sequence[Stack]
    tags: Sequence[Tag]
    """Of the system's own images."""
    context: Context
    region: str
    account: str
    caller: str
    """The ARN of whoever asks."""
    own: frozenset[str]
    """Physical ids of what the deployed stacks of the system have."""
    values: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the deployed stacks."""
    role: str | None = None
    """The ARN of the role by which CloudFormation acts instead of the caller."""
    seen_to: bool = False
    """Whether the images are there already, as a deployment sees to it before."""
    known: str = ""
    """The text of the deployed template and its parameters, where only what is new is looked at."""

    def uses(self, text: str) -> bool:
        """Return whether the deployed stack names something already, so that nobody has to ask for it again."""
        return bool(self.known) and bool(re.search(rf"{re.escape(text)}(?![\w./-])", self.known))


Checking: TypeAlias = Generator[Ask, Answer, list[Diagnostic]]


class Precondition(ABC):
    """Something that the account has to have."""

    services: tuple[str, ...] = ()
    """The services of AWS that are asked, whose clients are made beforehand."""

    @abstractmethod
    def look(self, needs: Needs) -> Checking:
        """Yield requests, get their answers, and return what is missing, each on its manifest line."""


def missing(needs: Needs, aws: Aws, seconds: float | None = None) -> tuple[list[Diagnostic], list[str]]:
    """Return what is missing, and what AWS says of permissions that are missing to look. What is not known after some
    seconds is left out, and said."""
    kinds = discover.instances("msaspec.deploy.preconditions", Precondition)
    for service in dict.fromkeys(service for kind in kinds for service in kind.services):
        aws.client(service)  # Making clients is not safe in threads; using them is.

    def look(kind: Precondition) -> tuple[list[Diagnostic], tuple[str, ...]]:
        asking = Asking(aws)
        return asking.led(kind.look(needs)), asking.missing

    pool = ThreadPoolExecutor(AT_ONCE, THREADS)
    try:
        waiting = [pool.submit(look, kind) for kind in kinds]
        done, late = wait(waiting, seconds)
        looked = [each.result() for each in waiting if each in done]
        if late:
            looked.append(([], (f"AWS did not answer within {seconds} seconds.",)))
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    found = [needs.context.placed(each) for diagnostics, _ in looked for each in diagnostics]
    return ordered(found), list(dict.fromkeys(said for _, several in looked for said in several))
