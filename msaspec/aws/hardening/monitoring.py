"""What is measured of databases and hosts, and traced of functions and jobs."""

from __future__ import annotations

from typing import Any

from troposphere import Sub, iam

from msaspec.aws.hardening import Hardened, role_of
from msaspec.language.audit import Audit
from msaspec.language.part import Part

ROLE = "AuditMonitoringRole"
SECONDS = 60
"""How often Enhanced Monitoring measures."""
DATABASE, FUNCTION, MACHINE = "AWS::RDS::DBInstance", "AWS::Lambda::Function", "AWS::StepFunctions::StateMachine"
_SAMPLING = ("xray:GetSamplingRules", "xray:GetSamplingTargets")
_SENDING = ("xray:PutTelemetryRecords", "xray:PutTraceSegments")
# fact: performance-insights-classes
_TOO_SMALL = frozenset(f"db.{family}.{size}" for family in ("t2", "t3", "t4g") for size in ("micro", "small"))
"""Classes without Performance Insights where the engine is MySQL or MariaDB."""
_INSTANCE, _TEMPLATE = "AWS::EC2::Instance", "AWS::EC2::LaunchTemplate"


def databases(audit: Audit, to: Hardened) -> Part:
    """Turn Enhanced Monitoring, Performance Insights and IAM authentication of RDS instances on or off, in so many
    words: what is left out stays as it is. Return the role by which RDS sends what it measures."""
    there = list(to.properties(DATABASE))
    on = audit.does("monitoring")
    for _, properties in there:
        role = {"MonitoringRoleArn": {"Fn::GetAtt": [ROLE, "Arn"]}} if on else {}
        properties |= {"MonitoringInterval": SECONDS if on else 0, **role}
        too_small = properties["Engine"] in ("mysql", "mariadb") and properties["DBInstanceClass"] in _TOO_SMALL
        properties["EnablePerformanceInsights"] = on and not too_small
        # Of a cluster, not of its instances.
        if "DBClusterIdentifier" not in properties:
            # fact: iam-auth-memory
            properties["EnableIAMDatabaseAuthentication"] = audit.does("iam_login")
    for _, properties in to.properties("AWS::RDS::DBCluster"):
        properties["EnableIAMDatabaseAuthentication"] = audit.does("iam_login")
    return Part((_role(),)) if there and on else Part()


def hosts(audit: Audit, to: Hardened) -> Part:
    """Turn detailed monitoring of hosts on or off: for an instance in place, for those of a group by a new version of
    their launch template."""
    on = audit.does("monitoring")
    alone = set()
    for _, properties in to.properties(_INSTANCE):
        properties["Monitoring"] = on
        alone.add(properties.get("LaunchTemplate", {}).get("LaunchTemplateId", {}).get("Ref"))
    for name, properties in to.properties(_TEMPLATE):
        if name not in alone and on:
            properties["LaunchTemplateData"]["Monitoring"] = {"Enabled": True}
    return Part()


def traces(audit: Audit, to: Hardened) -> Part:
    """Trace functions and state machines, by what their roles may then send."""
    if audit.does("tracing"):
        for _, properties in to.properties(FUNCTION):
            properties["TracingConfig"] = {"Mode": "Active"}
            to.may(role_of(properties["Role"]), _sending())
        for _, properties in to.properties(MACHINE):
            properties["TracingConfiguration"] = {"Enabled": True}
            # fact: xray-of-state-machines
            to.may(role_of(properties["RoleArn"]), _sending(*_SAMPLING))
    return Part()


def _sending(*more: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [*more, *_SENDING], "Resource": "*"}


def _role() -> Any:
    # fact: rds-monitoring-role
    return iam.Role(
        ROLE,
        AssumeRolePolicyDocument={
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "monitoring.rds.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ],
        },
        ManagedPolicyArns=[Sub("arn:${AWS::Partition}:iam::aws:policy/service-role/AmazonRDSEnhancedMonitoringRole")],
    )
