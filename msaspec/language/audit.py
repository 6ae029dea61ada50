"""What a system does for those who audit it: records, and the key that its data is encrypted with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from msaspec.language.base import Model, days, measured


class Audit(Model):
    """Records of who did what, and the reasons of what checkers of templates find."""

    shorthand = "enabled"

    enabled: bool = Field(
        True, description="Whether the system is audited. `false` turns off what an earlier `true` turned on."
    )
    access_logs: bool = Field(
        True, description="Access logs of buckets, load balancers and distributions, in a bucket for logs."
    )
    flow_logs: bool = Field(True, description="Flow logs of the VPC, in the bucket for logs.")
    keep: Annotated[int, days(1, 3650, "90 days")] = measured(
        "90 days", description="How long the bucket for logs keeps what it gets.", examples=["1 year"]
    )
    monitoring: bool = Field(
        True,
        description="Enhanced Monitoring and Performance Insights of databases, detailed monitoring of hosts.",
    )
    iam_login: bool = Field(
        True, description="IAM authentication of databases, for roles that you grant `rds_iam`; passwords keep working."
    )
    firewall: bool = Field(
        True,
        description="AWS WAF with the managed rules of AWS on the public load balancer, "
        "and on distributions in us-east-1.",
    )
    tracing: bool = Field(
        False,
        description="X-Ray traces of jobs, and of the Lambda functions that msaspec itself needs.",
    )

    rotation: Annotated[int, days(1, 1000, "30 days")] | None = Field(
        None,
        description="How often the passwords of services on databases change; their copies are then started anew. "
        "Default: never.",
        examples=["30 days"],
    )

    def does(self, field: str) -> bool:
        """Whether a measure is on."""
        return self.enabled and bool(getattr(self, field))


class Encryption(Model):
    """The key that the data at rest is encrypted with."""

    shorthand = "key"

    key: Literal["aws", "own"] = Field(
        "aws",
        description="`aws`: the keys that AWS manages. `own`: a KMS key of the system, for logs, secrets, databases, "
        "buckets and the variables of functions. An existing database would be replaced.",
        examples=["own"],
    )
