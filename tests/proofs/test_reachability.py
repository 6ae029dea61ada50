"""Exactly the declared edges are open, and the public paths: computed from the templates alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from msaspec import pipeline
from tests.proofs import declared
from tests.proofs.declared import System
from tests.proofs.reachability import Box, Network

MIXED = """\
msaspec: 1
name: shop
databases: {main: {replicas: 1}, other: }
buckets: {media: {cdn: true}}
bastion: true
EXTRA
services:
  one: {image: 'one:1', port: 8001, RUNS1, uses: [two, three, main], scale: {min: 1, max: 3}}
  two: {image: 'two:1', port: 8002, RUNS2, uses: [three, one, other, media]}
  three: {image: 'three:1', port: 8003, internal_port: 9003, RUNS3, uses: [one]}
  worker: {image: 'worker:1', RUNS1, uses: [two, main]}
  alone: {image: 'alone:1', port: 8003, RUNS2}
"""
RUNTIMES = ("instance", "autoscaling", "fargate")
MIXES = {
    f"{a}-{b}-{c}": MIXED.replace("RUNS1", f"runtime: {a}")
    .replace("RUNS2", f"runtime: {b}")
    .replace("RUNS3", f"runtime: {c}")
    for a in RUNTIMES
    for b in RUNTIMES
    for c in RUNTIMES
}
VARIANTS = {
    **{f"mixed {name}": text.replace("EXTRA\n", "") for name, text in MIXES.items()},
    "public placement": MIXES["autoscaling-fargate-instance"].replace("EXTRA", "network: {placement: public}"),
    "no way out": MIXES["autoscaling-fargate-instance"].replace("EXTRA", "network: {nat: none}").replace(", media", ""),
    "behind the CDN": MIXES["autoscaling-fargate-fargate"]
    .replace("EXTRA", "ingress: {cdn: true}")
    .replace("port: 8001,", "port: 8001, paths: [/api/one],")
    .replace("port: 8002,", "port: 8002, paths: [/api/two, /two],"),
    "paths and hosts": MIXES["autoscaling-fargate-fargate"]
    .replace("EXTRA", "ingress: {domain: shop.example.com, hosted_zone: Z0123456789ABC}")
    .replace("port: 8001,", "port: 8001, paths: [/api/one, /api/one/two/three], hosts: [one.shop.example.com],")
    .replace("port: 8002,", "port: 8002, paths: [/],"),
}
VARIANTS |= {
    f"balanced {name}": MIXES[name].replace("EXTRA", "defaults: {address: balanced}")
    for name in ("fargate-fargate-fargate", "autoscaling-fargate-fargate", "fargate-instance-fargate")
}
VARIANTS["balanced of any protocol"] = (
    VARIANTS["balanced autoscaling-fargate-fargate"]
    .replace("port: 8002,", "port: 8002/grpc, paths: [],")
    .replace("port: 8001,", "port: 8001/tcp,")
)
SOURCES = [
    *((path.read_text("utf-8"), environment) for path, environment in declared.examples()),
    *((text, None) for text in VARIANTS.values()),
]
IDS = [
    *(f"{path.parent.name}-{environment or 'file'}" for path, environment in declared.examples()),
    *VARIANTS,
]
EVERY = pytest.mark.parametrize(("text", "environment"), SOURCES, ids=IDS)


def built(text: str, environment: str | None) -> tuple[System, Network]:
    """What a manifest declares, and the network of its template."""
    document = pipeline.load(text, "msa.yaml")
    compiled = pipeline.compile_main(document, environment)
    return declared.system(document, environment), Network(compiled.stack.template)


def owner(system: System, box: Box) -> str | None:
    """The service whose host, group of hosts or tasks a box is."""
    kinds = {"instance": "Instance", "autoscaling": "Group", "fargate": "Service"}
    for service in system.services:
        if box.name == system.prefix[service] + kinds[system.runtime(service)]:
            return service
    return None


def servers(system: System, network: Network) -> dict[str, str]:
    """The database instances and replicas by box, with the entry each belongs to."""
    databases = system.data.get("databases", {})
    return {
        name: entry
        for name in network.boxes
        for entry in databases
        if name.startswith(f"{system.prefix[entry]}Database") and "Bootstrap" not in name
    }


@EVERY
def test_every_service_is_a_box(text: str, environment: str | None) -> None:
    """The proof looks at all of them: each service has its box, each database its instances."""
    system, network = built(text, environment)
    assert {owner(system, box) for box in network.boxes.values()} - {None} == set(system.services)
    assert set(servers(system, network).values()) == set(system.data.get("databases", {}))


@EVERY
def test_services_reach_exactly_whom_they_use(text: str, environment: str | None) -> None:
    """From each service to each other on any port that is not public anyway, straight or through the internal load
    balancer: only declared edges."""
    system, network = built(text, environment)
    found = set()
    for box in network.boxes.values():
        caller = owner(system, box)
        if caller is None:
            continue
        for other in network.boxes.values():
            callee = owner(system, other)
            ports = [port for port in (80, 443, *other.ports) if not network.connects(None, other, port)]
            if callee and callee != caller and any(network.connects(box, other, port) for port in ports):
                found.add((caller, callee))
        for balancer in network.balancers():
            if not network.boxes[balancer].public:
                callees = {owner(system, other) for _, other in network.through(box, balancer)}
                found |= {(caller, callee) for callee in callees if callee and callee != caller}
    assert found == set(system.edges("services"))


@EVERY
def test_an_address_leads_to_its_service_and_no_other(text: str, environment: str | None) -> None:
    """On the port of a callee's address a caller arrives at that callee only."""
    system, network = built(text, environment)
    for caller, callee in system.edges("services"):
        box = next(box for box in network.boxes.values() if owner(system, box) == caller)
        spec = system.services[callee]
        straight = next(box for box in network.boxes.values() if owner(system, box) == callee)
        own = int(str(spec["port"]).partition("/")[0])
        by_choice = system.runtime(callee) == "fargate" and spec.get("address") == "balanced"
        if system.runtime(callee) == "autoscaling" or by_choice:
            port = spec.get("internal_port", own)
            any_protocol = by_choice or "/" in str(spec["port"])
            balancer = "InternalNetworkLoadBalancer" if any_protocol else "InternalLoadBalancer"
            ends = {owner(system, b) for route, b in network.through(box, balancer) if route.port == port}
            assert ends == {callee}
            assert not any(network.connects(box, straight, each) for each in straight.ports)
        else:
            assert network.connects(box, straight, own)
            assert own in straight.ports


@EVERY
def test_databases_are_reached_by_their_users_the_bootstrap_and_people(text: str, environment: str | None) -> None:
    """Each instance and replica lets in the services that use it, the bootstrap's runner and the bastion."""
    system, network = built(text, environment)
    bastion = {"BastionInstance"} if system.data.get("bastion") else set()
    used = {entry for _, entry in system.edges("databases")}
    for name, entry in servers(system, network).items():
        target = network.boxes[name]
        number = int((system.data["databases"][entry] or {}).get("port") or 5432)
        found = {
            box.name for box in network.boxes.values() if box.name != name and network.connects(box, target, number)
        }
        expected = {
            box.name for box in network.boxes.values() if (owner(system, box), entry) in set(system.edges("databases"))
        }
        assert found == expected | bastion | ({"DatabaseBootstrapRunner"} if entry in used else set())
        others = [
            port
            for port in (22, 80, 443, 5433)
            for box in network.boxes.values()
            if network.connects(box, target, port)
        ]
        assert others == []


@EVERY
def test_the_internet_reaches_the_public_paths_and_nothing_else(text: str, environment: str | None) -> None:
    """From outside: hosts with paths of their own on port 80, and through the public balancer each declared path."""
    system, network = built(text, environment)
    straight = {
        (owner(system, box), port)
        for box in network.boxes.values()
        if box.name not in network.balancers()
        for port in {22, 80, 443, 5432, *box.ports}
        if network.connects(None, box, port)
    }
    fronts = {
        (name, 80) for name, spec in system.services.items() if system.runtime(name) == "instance" and spec.get("paths")
    }
    assert straight == fronts
    found = {
        (route.conditions, owner(system, box))
        for balancer in network.balancers()
        for route, box in network.through(None, balancer)
    }
    guard = ", header X-Origin-Secret" if system.data.get("ingress", {}).get("cdn") else ""
    expected = set()
    for name, spec in system.services.items():
        if system.runtime(name) == "instance" or not (spec.get("paths") or spec.get("hosts")):
            continue
        for host in spec.get("hosts") or [None]:
            for path in spec.get("paths") or ["/"]:
                at = f"host {host}" if host else ""
                under = f"path {path} {path}/*" if path != "/" else "" if host else "path /*"
                expected.add((", ".join(filter(None, (at, under))) + guard, name))
    assert found == expected


@pytest.mark.parametrize("path", sorted({path for path, _ in declared.examples()}), ids=lambda path: path.parent.name)
def test_no_group_lets_in_more_than_one_port_of_one_source(path: Path) -> None:
    """A security-group rule is one port for one source: no ranges, no whole groups, no blocks but the front door's."""
    _, network = built(path.read_text("utf-8"), None)
    rules = [p for _, p in network.of("AWS::EC2::SecurityGroupIngress")]
    assert rules
    for rule in rules:
        assert rule["FromPort"] == rule["ToPort"]
        assert "SourceSecurityGroupId" in rule
        assert "CidrIp" not in rule
