"""Why something does not start: the kinds of causes, from the words of AWS to a sentence and the next command.

Whoever looks into a resource (`investigators/`) gives the words; here it is decided what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from msaspec.deploy.aws import refusals
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path


@dataclass(frozen=True)
class CauseCode(Code):
    """A kind of cause."""

    says: str = ""
    """What is so, as a clause."""
    words: str = ""
    """A pattern that is found in what AWS or the program says."""
    hint: str = ""
    """What to do, with `{names}` of the facts that are known of the resource."""
    field: Path = ()
    """The field of the manifest entry that it is about."""


# fact: stopped-task-reasons
ARCHITECTURE = CauseCode(
    "MSA650",
    "An image of another CPU architecture",
    """
    The image holds no program for the CPU that the service runs on. Build it for the architecture that `arch` names:
    `msaspec push` does so by itself.
    """,
    says="the image is built for another CPU architecture",
    words=r"exec format error|does not contain descriptor matching platform|no matching manifest for"
    r"|image operating system \S+ cannot be used",
    hint="Build it for the CPU that `arch` names, and push it again: {push}. Or set `arch` to that of the image.",
    field=("image",),
)
SECRET = CauseCode(
    "MSA651",
    "A secret or parameter that does not exist",
    """
    The service needs a secret, a parameter, or a key in a secret's JSON that does not exist in this account and Region.
    The service starts once it exists.
    """,
    says="a secret or parameter does not exist",
    words=r"can't find the specified secret|secret marked for deletion|invalid ssm parameters|ParameterNotFound"
    r"|did not contain json key|no key \S+ in arn:|ResourceNotFoundException[^.]*secret",
    hint="Create it, or correct its name under `secrets`. Those that exist: {secrets}",
    field=("secrets",),
)
PERMISSION = CauseCode(
    "MSA652",
    "A permission that a service lacks",
    """
    The role of the service, or the role that starts it, lacks a permission. msaspec grants what `uses` and `secrets`
    need. A policy of a key, of the secret or of the organization can still deny it.
    """,
    says="a permission is missing",
    words=r"not authorized to perform|AccessDenied|access denied|unable to assume (?:the )?(?:service linked )?role",
    hint="Allow the action in the policy of the role, the key or the secret, or in that of the organization.",
)
DISK = CauseCode(
    "MSA653",
    "A full disk",
    """
    The image, or what its program writes, does not fit on the disk. On hosts `disk` is its size; a task on Fargate has
    20 GiB.
    """,
    says="the disk is full",
    words=r"no space left on device|disk quota exceeded",
    hint="Make the image smaller, or choose a larger disk: `runtime: {{type: {runtime}, disk: 50 GiB}}` on hosts.",
    field=("runtime",),
)
NETWORK = CauseCode(
    "MSA654",
    "A service without a way to AWS",
    """
    What starts the service could not reach the registry, the secrets or the logs before a timeout. The subnets need a
    NAT gateway, public addresses, or endpoints of these services, whose security group admits the service.
    """,
    says="AWS cannot be reached from its subnet",
    words=r"i/o timeout|context deadline exceeded|Client\.Timeout|no route to host|request canceled while waiting"
    r"|Connect timeout on endpoint|Could not connect to the endpoint",
    hint="Check `network.placement`, and patches of routes, endpoints and security groups.",
)
PULL = CauseCode(
    "MSA655",
    "An image that cannot be pulled",
    """
    The image, its tag or its repository does not exist, or the registry refuses it. Docker Hub also refuses pulls above
    a limit; ECR Public or a repository of the system does not.
    """,
    says="the image cannot be pulled",
    words=r"CannotPull\w*|manifest unknown|pull access denied|manifest for \S+ not found|toomanyrequests"
    r"|failed to resolve ref|repository \S+ (?:not found|does not exist)",
    hint="Check the name and the tag of `image`. An image of the system is pushed by: {push}",
    field=("image",),
)
MEMORY = CauseCode(
    "MSA656",
    "A service that runs out of memory",
    "The program used more memory than its copy has, and was stopped.",
    says="it ran out of memory",
    words=r"OutOfMemory|killed due to memory usage|oom[- ]?kill|Out of memory: Killed process",
    hint="Give it more, such as `runtime: {{type: {runtime}, {memory}}}`.",
    field=("runtime",),
)
QUOTA = CauseCode(
    "MSA657",
    "A quota of the account is used up",
    "The account may have no more of something. AWS raises most quotas on request, some at once.",
    says="a quota of the account is used up",
    words=r"reached the limit on|LimitExceeded|QuotaExceeded|more than your current|vCPU limit",
    hint="Raise the quota in Service Quotas, or run fewer or smaller copies.",
    field=("scale",),
)
CAPACITY = CauseCode(
    "MSA658",
    "AWS has no capacity at the moment",
    """
    AWS has no free machine of this kind in the zones of the service now. It keeps trying until the operation ends.
    """,
    says="AWS has no capacity for it at the moment",
    words=r"Capacity is unavailable|InsufficientInstanceCapacity|do(?:es)? not have (?:enough|sufficient)"
    r"|Spot Task was inter|SpotInterruption|RESOURCE:\w+",
    hint="AWS tries again. Take another type, more zones, or less `spot`, if it stays so.",
    field=("runtime",),
)
COMMAND = CauseCode(
    "MSA659",
    "A container that cannot be started",
    "The program that the image or `command` names does not exist in the image, or may not be executed.",
    says="its program cannot be started",
    words=r"CannotStartContainer|CannotCreateContainer|executable file not found|OCI runtime create failed"
    r"|exec: .*(?:no such file|permission denied)",
    hint="Correct `command`, or the ENTRYPOINT of the image.",
    field=("command",),
)
STATUS_CODE = CauseCode(
    "MSA660",
    "A health check that is answered otherwise",
    """
    The service answers the health check, but with another status than 200 to 399. Either `health` names a path that
    does not exist, or the program is not well.
    """,
    says="its health check gets another answer",
    words=r"failed with these codes: \[([^\]]*)\]|^(?:health: )?([1-5]\d\d) on (?:http\S+)",
    hint="Let the program answer {path} with 200, or name another path with `health`.",
    field=("health",),
)
TIMEOUT = CauseCode(
    "MSA661",
    "A health check that gets no answer in time",
    """
    Requests of the load balancer reach nobody before the timeout. Either no rule of the service's security group admits
    them, or the program takes longer to answer than `health.timeout`.
    """,
    says="its health check gets no answer in time",
    words=r"Request timed out|Health check requests timed out|Target\.Timeout",
    hint="See whether the program answers {path} within the timeout: {logs}",
    field=("health",),
)
CLOSED = CauseCode(
    "MSA662",
    "A port that no security group opens",
    """
    No rule of the service's security groups admits requests to its port, so its health checks time out. msaspec makes
    such a rule for each edge and for the load balancer; a patch or a person removed it.
    """,
    says="no rule of its security group opens the port {port}",
    hint="Remove the patch that closes it, or repair what somebody changed: {repair}",
    field=("port",),
)
PORT = CauseCode(
    "MSA663",
    "A port on which nothing listens",
    """
    The connection to the service's port is refused, so its health checks fail. The program listens on another port, or
    only on 127.0.0.1.
    """,
    says="nothing answers on the port {port}",
    words=r"Health checks failed\b|no answer on (?:http\S+)|Target\.FailedHealthChecks",
    hint="Let the program listen on 0.0.0.0:{port}, or name its port with `port`. Its log: {logs}",
    field=("port",),
)
UNHEALTHY = CauseCode(
    "MSA669",
    "A health check that fails",
    """
    The load balancer took the service for unhealthy, so its task was stopped. AWS did not say how the check failed. The
    program may need longer to start than `health.grace`, listen on another port, or answer `health` with an error.
    """,
    says="its health check fails",
    words=r"failed (?:ELB|container) health checks",
    hint="See whether the program answers {path} on port {port}: {logs}",
    field=("health",),
)
EXIT = CauseCode(
    "MSA664",
    "A program that ends",
    "The program in the container ended. A service must keep running. Its log says why it ended.",
    says="its program ends",
    words=r"Essential container in task exited|EssentialContainerExited|\bexited, exit \d+",
    hint="Read its log: {logs}",
    field=("command",),
)
DATABASE = CauseCode(
    "MSA665",
    "An event of a database instance",
    "RDS reports a problem of a database instance while it is created or changed.",
    says="RDS reports a problem",
    hint="Correct what RDS names, then: {deploy}",
)
FUNCTION = CauseCode(
    "MSA666",
    "A function of the system that fails",
    "The Lambda function behind a custom resource, such as the one that prepares databases, reports an error.",
    says="its function reports an error",
    hint="Read its log: {logs}",
)
HOOK = CauseCode(
    "MSA667",
    "A hook refuses a resource",
    "A CloudFormation Hook of the account or organization refuses the resource. The message has the hook's own words.",
    says="a hook refuses it",
    hint="Change the resource so that the hook accepts it, or ask who administers the hook.",
)
BOOT = CauseCode(
    "MSA668",
    "A host that does not boot",
    "The host of a service did not get so far as to start its container. The console of the instance says why.",
    says="its host does not boot",
    hint="Read its console: {console}",
)

BY_WORDS = (
    ARCHITECTURE,
    SECRET,
    PERMISSION,
    DISK,
    NETWORK,
    MEMORY,
    PULL,
    QUOTA,
    CAPACITY,
    COMMAND,
    STATUS_CODE,
    TIMEOUT,
    PORT,
    UNHEALTHY,
    EXIT,
)
"""In this order: the first whose words are found counts."""


def of(said: str) -> CauseCode | None:
    """Return what the words of AWS mean; None where they say nothing that is known."""
    return next((cause for cause in BY_WORDS if re.search(cause.words, said, re.IGNORECASE)), None)


@dataclass(frozen=True)
class Finding:
    """What was found out about a resource that does not start."""

    cause: CauseCode
    logical_id: str
    said: str
    """The words that told it."""
    what: str = ""
    """What does not start, as the subject of a sentence; empty for the resource itself."""
    lines: tuple[str, ...] = ()
    """The last lines of its log."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """What the hint is filled in with."""

    @property
    def hint(self) -> str:
        """What to do."""
        known = _Known(self.facts)
        if account := refusals.hint(self.said):
            return account
        return self.cause.hint.format_map(known)

    @property
    def says(self) -> str:
        """What is so, as a clause."""
        return self.cause.says.format_map(_Known(self.facts))


class _Known(dict[str, str]):
    """Facts, of which each may be missing."""

    def __missing__(self, key: str) -> str:
        return f"the {key}"
