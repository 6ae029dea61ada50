"""What moto lacks of the services behind load balancers, groups of hosts and tasks: what they keep, and refuse."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.acm.exceptions import AWSError
from moto.acm.models import AWSCertificateManagerBackend, CertBundle
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeApplicationAutoscalingPolicy
from moto.cloudfront.models import CloudFrontBackend
from moto.core.exceptions import JsonRESTError
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.elbv2.models import elbv2_backends
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.route53.exceptions import ResourceRecordAlreadyExists
from moto.route53.models import Route53Backend, route53_backends
from moto.servicediscovery.exceptions import InvalidInput
from moto.servicediscovery.models import ServiceDiscoveryBackend

from msaspec.sandbox.on_moto import balancers, clusters, executions, groups, rollouts, tasks

_ACM, _MAP, _SCALING = AWSCertificateManagerBackend, ServiceDiscoveryBackend, ApplicationAutoscalingBackend
_check = CertBundle.check
_delete_access = CloudFrontBackend.delete_origin_access_control
_get_certificate = _ACM.get_certificate
_delete_certificate = _ACM.delete_certificate
_change_records = Route53Backend.change_resource_record_sets
_create_name = _MAP.create_service
_delete_name = _MAP.delete_service
_delete_namespace = _MAP.delete_namespace
_register_instance = _MAP.register_instance
_attach_role_policy = IAMBackend.attach_role_policy
_register_target = _SCALING.register_scalable_target
_put_policy = _SCALING.put_scaling_policy


class CertificateInUse(AWSError):  # type: ignore[misc]
    """A certificate that a listener uses."""

    TYPE = "ResourceInUseException"


def _validated(self: Any) -> None:
    """Issues a certificate when its records are in a zone; moto does it after a minute."""
    _check(self)
    if self.status != "PENDING_VALIDATION" or self.type != "AMAZON_ISSUED":
        return
    account = self.arn.split(":")[4]
    records = {
        (record.name.strip("."), value)
        for zone in route53_backends[account]["aws"].zones.values()
        for record in zone.rrsets
        if record.type == "CNAME"
        for value in record.records
    }
    options = self.describe()["Certificate"]["DomainValidationOptions"]
    wanted = {(option["ResourceRecord"]["Name"].strip("."), option["ResourceRecord"]["Value"]) for option in options}
    if wanted <= records:
        self.status = "ISSUED"


def _certificate(self: Any, arn: str) -> Any:
    found = _get_certificate(self, arn)
    backend = elbv2_backends[self.account_id][self.region_name]
    used = {balancer.arn for balancer, listener in balancers.listeners(backend) if arn in listener.certificates}
    found.in_use_by = sorted(used)  # moto only ever adds
    return found


def _remove_certificate(self: Any, arn: str) -> None:
    if arn in self._certificates and self.get_certificate(arn).in_use_by:
        raise CertificateInUse(f"Certificate {arn} in account {self.account_id} is in use.")
    _delete_certificate(self, arn)


def _records(self: Any, zoneid: str, change_list: list[dict[str, Any]]) -> None:
    there = {
        (record.name.strip("."), record.type, record.set_identifier) for record in self.get_hosted_zone(zoneid).rrsets
    }
    for change in change_list:
        record = change["ResourceRecordSet"]
        name, kind = record["Name"].strip("."), record["Type"]
        if change["Action"] == "CREATE" and (name, kind, record.get("SetIdentifier")) in there:
            raise ResourceRecordAlreadyExists(name=f"{name}.", _type=kind)
    _change_records(self, zoneid, change_list)


class NameInUse(JsonRESTError):  # type: ignore[misc]
    """A name that a namespace has already."""

    def __init__(self, name: str) -> None:
        super().__init__("ServiceAlreadyExists", f"A service with the name {name} already exists.")


class StillInUse(JsonRESTError):  # type: ignore[misc]
    """Something of Cloud Map that holds something."""

    def __init__(self, message: str) -> None:
        super().__init__("ResourceInUse", message)


def _name(self: Any, name: str, namespace_id: str, *words: Any, **options: Any) -> Any:
    dns = options.get("dns_config") or {}
    namespace = namespace_id or dns.get("NamespaceId")
    for there in self.services.values():
        if (there.name, there.namespace_id or (there.dns_config or {}).get("NamespaceId")) == (name, namespace):
            raise NameInUse(name)
    return _create_name(self, name, namespace_id, *words, **options)


def _remove_name(self: Any, service_id: str) -> None:
    if service_id in self.services and self.services[service_id].instances:
        raise StillInUse("Service contains registered instances; delete the instances before deleting the service.")
    _delete_name(self, service_id)


def _remove_namespace(self: Any, namespace_id: str) -> Any:
    for there in self.services.values():
        if namespace_id in (there.namespace_id, (there.dns_config or {}).get("NamespaceId")):
            raise StillInUse("Namespace contains services; delete the services before deleting the namespace.")
    namespace = self.namespaces.get(namespace_id)
    answer = _delete_namespace(self, namespace_id)
    zone = (namespace.dns_properties or {}).get("HostedZoneId", "").rpartition("/")[2]
    route53_backends[self.account_id]["aws"].zones.pop(zone, None)  # which moto leaves
    return answer


def _register(self: Any, service_id: str, instance_id: str, creator_request_id: str, attributes: dict[str, str]) -> Any:
    service = self.get_service(service_id)
    if "AWS_ALIAS_DNS_NAME" in attributes:
        if (service.dns_config or {}).get("RoutingPolicy") != "WEIGHTED":
            raise InvalidInput("AWS_ALIAS_DNS_NAME needs a service with the routing policy WEIGHTED.")
        if any(key.startswith("AWS_INSTANCE_") for key in attributes):
            raise InvalidInput("AWS_ALIAS_DNS_NAME and AWS_INSTANCE attributes exclude each other.")
    kinds = {record["Type"] for record in (service.dns_config or {}).get("DnsRecords", [])}
    if ("CNAME" in kinds) != ("AWS_INSTANCE_CNAME" in attributes):
        raise InvalidInput("A service with a CNAME record takes instances with AWS_INSTANCE_CNAME, and no other does.")
    service.instances[:] = [there for there in service.instances if there.instance_id != instance_id]
    return _register_instance(self, service_id, instance_id, creator_request_id, attributes)


def _scalable(self: Any, namespace: str, r_id: str, dimension: str, *words: Any, **options: Any) -> Any:
    """Register something, and brings its capacity between the two numbers, which at AWS happens at once, too."""
    target = _register_target(self, namespace, r_id, dimension, *words, **options)
    if dimension == "ecs:service:DesiredCount":
        _, cluster, name = r_id.split("/")
        service = self.ecs_backend._get_service(cluster, name)
        within = min(max(service.desired_count, int(target.min_capacity)), int(target.max_capacity))
        rollouts.scale(self.ecs_backend, service, within)
    return target


def _policy(
    self: Any, policy_name: str, service_namespace: str, resource_id: str, scalable_dimension: str, **options: Any
) -> Any:
    """Put a policy in the place of one of its name, whose ARN stays and whose alarms go."""
    where = service_namespace, resource_id, scalable_dimension
    before = self.policies.get(FakeApplicationAutoscalingPolicy.formulate_key(*where, policy_name))
    if before is not None:
        before.delete_alarms(self.account_id, self.region_name)
    made = _put_policy(self, policy_name, *where, **options)
    if before is not None:
        made.policy_arn = before.policy_arn
    return made


def _same_rule(self: Any, other: Any) -> bool:
    """Whether two rules of a security group open the same way; moto takes other descriptions for other rules."""

    def way(rule: Any) -> tuple[Any, ...]:
        ports = () if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
        peer = rule.cidr_ipv4, rule.cidr_ipv6, rule.source_group.get("GroupId"), rule.prefix_list_id
        return (rule.is_egress, rule.ip_protocol, *ports, *peer)

    return way(self) == way(other)


@cache
def _managed() -> dict[str, Any]:
    """AWS's own policies by name. moto has them, and loads either all of them into every account or none."""
    policies: dict[str, Any] = json.loads(aws_managed_policies_data)
    return policies


def _attach_policy(self: Any, policy_arn: str, role_name: str) -> None:
    name = policy_arn.rpartition("/")[2]
    if ":iam::aws:policy/" in policy_arn and policy_arn not in self.managed_policies and name in _managed():
        made = AWSManagedPolicy.from_data(name, self.account_id, self.region_name, _managed()[name])
        self.managed_policies[made.arn] = made
    _attach_role_policy(self, policy_arn, role_name)


def _remove_access(self: Any, control_id: str) -> None:
    self.get_origin_access_control(control_id)  # raises where there is none, which moto stumbles over
    _delete_access(self, control_id)


PATCHED: tuple[tuple[Any, str, Any], ...] = (
    *balancers.PATCHED,
    *clusters.PATCHED,
    *executions.PATCHED,
    *groups.PATCHED,
    *tasks.PATCHED,
    (CertBundle, "check", _validated),
    (_ACM, "get_certificate", _certificate),
    (_ACM, "delete_certificate", _remove_certificate),
    (CloudFrontBackend, "delete_origin_access_control", _remove_access),
    (SecurityGroupRule, "__eq__", _same_rule),
    (IAMBackend, "attach_role_policy", _attach_policy),
    (Route53Backend, "change_resource_record_sets", _records),
    (_MAP, "create_service", _name),
    (_MAP, "delete_service", _remove_name),
    (_MAP, "delete_namespace", _remove_namespace),
    (_MAP, "register_instance", _register),
    (_SCALING, "register_scalable_target", _scalable),
    (_SCALING, "put_scaling_policy", _policy),
)
"""Everything of moto that is replaced for these services: owner, name, replacement."""
