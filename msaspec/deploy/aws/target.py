"""Where a command acts: an account and Region of AWS, by boto3, or an endpoint that answers as AWS does."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from msaspec.deploy.aws import certificates, credentials, fault
from msaspec.deploy.aws.answers import checked
from msaspec.deploy.aws.pace import Pace
from msaspec.diagnostics.diagnostic import Code, Diagnostic

NOT_PLAYED = Code(
    "MSA640",
    "A Region that the sandbox does not have",
    """
    `msaspec deploy --sandbox` has the Regions of the partition `aws`, and none in China, GovCloud or the European
    Sovereign Cloud. msaspec compiles and lints templates for those Regions as usual.
    """,
)
THREADS = "msaspec-asks"
"""How the names of the threads begin in which a command asks AWS, beside its main one."""
_URL = re.compile(r"https?://[^/\s]+(/\S*)?")


@dataclass(frozen=True)
class Target:
    """What the user chose; None leaves it to the manifest, the environment or the shared files of the AWS CLI."""

    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None


@dataclass
class Aws:
    """AWS as a command sees it. `make` gives a client of a service."""

    make: Callable[[str], Any]
    region: str
    pace: Pace = field(default_factory=Pace)
    words: str = ""
    """The options that lead here again, for the commands that messages name."""
    profile: str | None = None
    """The profile that the user named."""
    local: Callable[[], bool] = lambda: False
    """Finds out whether it is an emulator on this machine, which has no registry for images and nobody's zones."""
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a client of a service, made once."""
        if service not in self._clients:
            self._clients[service] = self.make(service)
        return self._clients[service]

    def cli(self, *words: str) -> str:
        """Return a command of the AWS CLI about the same account and Region, to be pasted into a shell."""
        region = "" if "--region" in shlex.split(self.words) else f" --region {shlex.quote(self.region)}"
        return f"aws {shlex.join(words)}{region}{self.words}"

    @cached_property
    def caller(self) -> Mapping[str, str]:
        """Who asks: `Account`, `Arn` and `UserId` of STS."""
        found: Mapping[str, str] = self.client("sts").get_caller_identity()
        return found

    @property
    def account(self) -> str:
        """The number of the account."""
        return self.caller["Account"]

    @property
    def partition(self) -> str:
        """`aws`, `aws-cn` or `aws-us-gov`."""
        return self.caller["Arn"].split(":")[1]

    @property
    def suffix(self) -> str:
        """What the names of AWS's hosts end with in the partition."""
        return {"aws-cn": "amazonaws.com.cn", "aws-eusc": "amazonaws.eu"}.get(self.partition, "amazonaws.com")


def not_played(region: str) -> Diagnostic:
    """Return what is said of a Region that the sandbox has not, to be placed where the manifest names it."""
    message = f"The sandbox does not have the Region {region}: it has only those of the partition `aws`."
    return NOT_PLAYED.at(("region",), message, hint="Use another, such as --region us-east-1.")


@contextmanager
def reached(
    target: Target, region: str | None, connect: Callable[[Target, str | None], Aws] | None = None
) -> Iterator[Aws]:
    """Reach AWS by boto3, or by another connection. `region` is the manifest's. What botocore raises in the block
    becomes a `Fault`.

    Raises `fault.Fault` for everything that AWS, the credentials or the network refuse.
    """
    with translated(target.region or region, target.profile):
        yield (connect or connected)(target, region)


@contextmanager
def translated(region: str | None, profile: str | None = None) -> Iterator[None]:
    """Turn what botocore raises in the block into a `Fault`. `profile` is the one that the user named."""
    try:
        yield
    except Exception as error:
        found = None if isinstance(error, fault.Fault) else fault.of(error, region, profile)
        if found is None:
            raise
        raise found from error


def connected(target: Target, region: str | None, ask: Callable[[str], str] | None = None) -> Aws:
    """Connect to AWS by boto3. `region` is the manifest's. `ask` asks for the code of an MFA device; None where nobody
    can answer.

    Raises what botocore raises, and `fault.Fault` for an endpoint that is none; see `translated`.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import NoRegionError

    if target.endpoint_url and not _is_url(target.endpoint_url):
        message = f"The endpoint `{target.endpoint_url}` is not a URL such as http://localhost:5000."
        raise fault.new(fault.UNREACHABLE, message, "Correct --endpoint-url.")
    session = boto3.Session(profile_name=target.profile)
    # A profile that is named by a word on the command line comes before the file; what is merely around comes after.
    chosen = target.region or (_region_of(target.profile) if target.profile else None) or region
    # boto3 itself does not read AWS_REGION, which other programs of AWS do.
    chosen = chosen or os.environ.get("AWS_REGION") or session.region_name
    if not chosen:
        raise NoRegionError
    session._session.set_config_variable("region", chosen)  # where roles are assumed
    _let_ask(session, target.profile, ask)
    # Adaptive retries slow the client down when AWS asks for it, instead of asking again at once.
    config = Config(
        retries={"mode": "adaptive", "total_max_attempts": 8},
        connect_timeout=10,
        read_timeout=60,
        user_agent_extra="msaspec",
        # A bucket's name is no part of the host name of an endpoint of one's own.
        s3={"addressing_style": "path"} if target.endpoint_url else None,
    )
    make: Any = session.client  # its stubs, where installed, know each service by a literal name

    def client(service: str) -> Any:
        try:
            made = make(service, region_name=chosen, endpoint_url=target.endpoint_url, config=config)
        except (OSError, ValueError) as error:
            raise fault.of_client(error, service, target.profile) from error
        if not _is_url(made.meta.endpoint_url):  # which only a request would stumble over
            message = (
                f"The endpoint `{made.meta.endpoint_url}` of {service} is not a URL such as http://localhost:5000."
            )
            hint = "Correct AWS_ENDPOINT_URL, or `endpoint_url` in the shared files of the AWS CLI."
            raise fault.new(fault.UNREACHABLE, message, hint)
        if made.meta.endpoint_url.startswith("https:") and (wrong := certificates.told(session._session)):
            raise fault.Fault(wrong)
        return checked(made)

    def local() -> bool:
        return urlsplit(client("ecr").meta.endpoint_url).hostname in _HERE

    return Aws(client, chosen, Pace.chosen(), words=options(target), profile=target.profile, local=local)


_HERE = frozenset(("127.0.0.1", "::1", "localhost"))


def _let_ask(session: Any, profile: str | None, ask: Callable[[str], str] | None) -> None:
    """Has botocore ask for the code of an MFA device as the command does, and not by Python's own prompt, which writes
    warnings where there is no terminal."""

    def asked(prompt: str) -> str:
        if ask is None:
            raise fault.Fault(credentials.unasked(prompt, profile))
        return ask(prompt)

    session._session.get_component("credential_provider").get_provider("assume-role")._prompter = asked


def _is_url(text: str) -> bool:
    """Whether botocore would take an endpoint."""
    from botocore.utils import is_valid_endpoint_url, is_valid_ipv6_endpoint_url

    try:
        well_formed = _URL.fullmatch(text) is not None and urlsplit(text).port != 0
        return well_formed and (is_valid_endpoint_url(text) or is_valid_ipv6_endpoint_url(text))
    except ValueError:  # a port that is no number, or a bracket that does not close
        return False


def _region_of(profile: str) -> str | None:
    """Return the Region that the shared files have for a profile. `Session.region_name` puts the environment's before
    it."""
    from botocore.session import Session

    found = Session(profile=profile).get_scoped_config().get("region")
    return found if isinstance(found, str) else None


def options(target: Target) -> str:
    """Spell the options that lead to a target again, with a blank before each."""
    chosen = {"--region": target.region, "--profile": target.profile, "--endpoint-url": target.endpoint_url}
    return "".join(f" {option} {shlex.quote(value)}" for option, value in chosen.items() if value)
