"""A VPC that exists: whether the manifest names what it needs of it, and nothing that only a VPC of its own has."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.aws.database import Database
from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic

WITHOUT_VPC = Code(
    "MSA324",
    "Subnets without a VPC",
    """
    `public`, `private` and `isolated` name subnets of the VPC that `network.vpc` names. Without `vpc` msaspec makes
    a VPC with subnets of its own.
    """,
)
OF_ITS_OWN = Code(
    "MSA325",
    "A field that an existing VPC does not have",
    """
    In an existing VPC the zones are those of the subnets that the manifest names, and its owner decides how private
    subnets reach the internet. msaspec changes none of its routes and makes no NAT gateway and no endpoint there, so
    `zones` and `nat` have no meaning beside `vpc`. The same holds for `nat` in the network of another system.
    """,
)
LACKING = Code(
    "MSA326",
    "An existing VPC without what the system needs",
    """
    Beside `vpc` the manifest names `cidr`, the IPv4 block of the VPC that has the subnets of the services, and subnets
    of each tier that the system needs, in at least two zones: `private` ones for services (`public` ones with
    `placement: public`), and `public` ones for a public load balancer.
    """,
)
ONE_SUBNET_TWICE = Code(
    "MSA327",
    "A subnet that is named twice",
    """
    Each list of subnets names each of them once, and a subnet is either public or private: its route table has a route
    to an internet gateway or it has none.
    """,
)


UNREACHED = Code(
    "MSA337",
    "A database server that exists, and a VPC that does not",
    """
    Rules of a security group name groups of the same VPC, so services reach a server that exists only from its VPC.
    Without `network.vpc` the system has a VPC of its own.

    Wrong: `databases: {main: {existing: {...}}}` without `network`
    Right: `network: {vpc: vpc-..., cidr: ..., private: [...]}` with the VPC of the server
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Yield what does not go together under `network`."""
    network = plan.root.network
    if not network.exists:
        yield from _out_of_reach(plan)
    if network.vpc is None:
        for tier, ids in network.tiers.items():
            if ids:
                message = f"`network.{tier}` names subnets, but `network.vpc` names no VPC."
                yield WITHOUT_VPC.at(("network", tier), message, hint="Add the VPC: `vpc: vpc-...`", key=True)
        if network.system and "nat" in network.model_fields_set:
            message = f"`nat` has no meaning in the network of the system `{network.system}`."
            yield OF_ITS_OWN.at(("network", "nat"), message, hint="Remove it.", key=True)
        return
    for field in ("zones", "nat"):
        if field in network.model_fields_set:
            message = f"`{field}` has no meaning in the existing VPC `{network.vpc}`."
            hint = "Remove it. The zones are those of the subnets." if field == "zones" else "Remove it."
            yield OF_ITS_OWN.at(("network", field), message, hint=hint, key=True)
    yield from _lacking(plan)
    yield from _repeated(plan)


def _lacking(plan: Plan) -> Iterator[Diagnostic]:
    network, site = plan.root.network, plan.site
    at = ("network", "vpc")
    if "cidr" not in network.model_fields_set:
        message = f"The block of the existing VPC `{network.vpc}` is not named."
        hint = "Add `cidr`, as `aws ec2 describe-vpcs` shows it: `cidr: 172.31.0.0/16`"
        yield LACKING.at(at, message, hint=hint)
    tier = "public" if site.services_public else "private"
    needed = {tier: "services run in them"} if plan.workloads else {}
    if site.front:
        needed.setdefault("public", "the public load balancer is in them")
    for tier, reason in needed.items():
        if not network.tiers[tier]:
            message = f"`network` names no {tier} subnets, and {reason}."
            other = ", or set `placement: public`" if tier == "private" and network.public else ""
            hint = f"Add two or more in different zones{other}: `{tier}: [subnet-..., subnet-...]`"
            yield LACKING.at(at, message, hint=hint)
    for tier, ids in network.tiers.items():
        if len(ids) == 1:
            message = f"`network.{tier}` names one subnet."
            hint = "Name at least two, in different zones: load balancers and databases need them."
            yield LACKING.at(("network", tier), message, hint=hint)


def _repeated(plan: Plan) -> Iterator[Diagnostic]:
    network = plan.root.network
    for tier, ids in network.tiers.items():
        for number, id in enumerate(ids):
            if id in ids[:number]:
                message = f"`network.{tier}` names `{id}` already."
                yield ONE_SUBNET_TWICE.at(("network", tier, number), message, hint="Remove one of the two.")
            elif tier != "public" and id in network.public:
                message = f"`{id}` is among the public subnets already."
                yield ONE_SUBNET_TWICE.at(("network", tier, number), message, hint="Remove it from one of the two.")


def _out_of_reach(plan: Plan) -> Iterator[Diagnostic]:
    """Yield the servers that exist, where the VPC of the system does not."""
    for _, entries in plan.entries:
        for entry, _ in entries:
            if isinstance(entry.spec, Database) and entry.spec.existing:
                message = f"`{entry.name}` exists in a VPC, and the system makes one of its own."
                hint = "Name its VPC under `network`: `vpc`, `cidr` and the subnets."
                yield UNREACHED.at((*entry.path, "existing"), message, hint=hint, key=True)
