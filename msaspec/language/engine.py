"""A database engine: what differs between PostgreSQL and others to describe, make or use a database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Bootstrap:
    """The pair of Lambda functions that makes databases and users on a server of an engine."""

    prefix: str
    """How the logical ids of both begin, and of what they need: ``DatabaseBootstrap``."""
    handler: str
    """The module of `aws/lambdas` that answers CloudFormation."""
    runner: str
    """The module of `aws/lambdas` that speaks to the server."""
    setup: str | None = None
    """The module of `aws/lambdas` behind the runner that makes extensions and runs SQL of the manifest; None for an
    engine that does neither."""
    guest: str | None = None
    """The module of `aws/lambdas` behind the runner that leaves alone what others have on a server that exists; None
    for an engine that does not work on one."""
    verifier: str | None = None
    """The module of `aws/lambdas` that says what the engine keeps of a password; None for that of the handler."""
    addition: str | None = None
    """The module of `aws/lambdas` behind the handler, for an engine that asks for more than another verifier."""
    leavers: str | None = None
    """The module of `aws/lambdas` behind the runner that locks out the last users of a server; None for an engine whose
    runner locks out or removes whoever is not declared."""
    turns: str | None = None
    """The module of `aws/lambdas` behind the runner that changes passwords by turns; None for an engine whose
    passwords stay."""

    @property
    def handler_id(self) -> str:
        """Logical id of the function that answers CloudFormation."""
        return f"{self.prefix}Handler"

    @property
    def runner_id(self) -> str:
        """Logical id of the function that speaks to the server."""
        return f"{self.prefix}Runner"

    @property
    def rotation_id(self) -> str:
        """Logical id of the function that takes the steps of a rotation."""
        return f"{self.prefix}Rotation"

    @property
    def logs_id(self) -> str:
        """Logical id of the log group of all."""
        return f"{self.prefix}Logs"


@dataclass(frozen=True, eq=False, kw_only=True)
class Engine:
    """A database engine as RDS has it."""

    name: str
    """What `engine` says in a manifest."""
    title: str
    """Its name in a sentence."""
    port: int
    master: str
    """The master user."""
    versions: str
    """Pattern of the versions that a manifest may name: major versions, or single minor ones."""
    version: str
    """The version where a manifest names none."""
    examples: tuple[str, ...]
    """A major and a minor version."""
    major: Callable[[str], str]
    """The major version of a version, within which RDS upgrades without being asked."""
    family: str
    """How the family of its parameter groups begins, before the major version."""
    parameters: Mapping[str, str]
    logs: tuple[str, ...]
    """The logs that go to CloudWatch."""
    lifecycle: str | None
    """`EngineLifecycleSupport`; None for an engine that has none."""
    scheme: str
    """Of its URLs: ``postgresql``."""
    driver: str | None
    """Class of the JDBC driver; None for an engine that has none, and no URLs of JDBC."""
    query: str
    """What URLs end with, so that clients use TLS."""
    keeps_database: Callable[[str], bool]
    """Whether the engine or RDS keeps a name of databases for itself."""
    keeps_role: Callable[[str], bool]
    """Whether the engine or RDS keeps a name of users for itself."""
    refuses_master: Callable[[str], bool]
    """Whether RDS refuses a name for the master user."""
    kept: str
    """Which names those are, as sentences of a manual page."""
    refuses_first: Callable[[str], bool]
    """Whether RDS refuses a name for the database that it makes together with an instance."""
    connections: Callable[[int], int]
    """About how many connections a server with so many bytes of memory allows."""
    counted: str
    """How that number comes about, as a sentence of a manual page."""
    bootstrap: Bootstrap
    cluster: bool = False
    """Whether it runs as a cluster whose instances share their storage, as Aurora does."""
    documents: bool = False
    """Whether its resources are those of DocumentDB instead of RDS."""
    in_aws: str | None = None
    """What `Engine` says in a template, where it is another word."""
    default_size: str = "db.t4g.micro"
    """The size where a manifest names none."""
    extensions: Callable[[str], Mapping[str, str]] | None = None
    """The extensions that RDS has for a major version, each with the library that has to be loaded at the start, or
    nothing; None for an engine that has none."""
    not_sql: tuple[tuple[str, str, str], ...] = ()
    """What files of SQL hold that a server does not take: a pattern, what that is, and what to do."""
    clear_query: str | None = None
    """What URLs end with where `tls` is off; None for an engine that has no such word."""
    spring: tuple[str, ...] = ()
    """The properties of Spring Boot that take its URL, for an engine without JDBC."""
    jdbc_scheme: str | None = None
    """What follows ``jdbc:`` in URLs of JDBC, where it is not the scheme."""
    jdbc_query: str | None = None
    """What URLs of JDBC end with, where it is something else."""
    versions_rule: str = "W3691"
    """The rule of cfn-lint that knows minor versions only, and objects to a major one."""
    known_versions: tuple[str, ...] | None = None
    """The minor versions that this rule knows, where it lacks some that there are."""
    longest_user: int = 63
    longest_database: int = 63
    measure: Callable[[str], int] = len
    """How many letters a name of a database counts for."""
    unsound: Mapping[str, str] = field(default_factory=dict)
    """Minor versions on which what the bootstrap makes does not hold; what happens, as the end of a sentence."""

    @property
    def product(self) -> str:
        """What `Engine` says in a template."""
        return self.in_aws or self.name

    def pinned(self, version: str) -> bool:
        """Whether a version is a minor one, which stays, and not a major one, within which RDS upgrades."""
        return self.major(version) != version

    def is_listed(self, version: str) -> bool:
        """Whether cfn-lint's list of minor versions has a version."""
        return self.pinned(version) if self.known_versions is None else version in self.known_versions
