"""Where the parts of a system are: its names, its network as tokens, and its front door."""

from __future__ import annotations

from msaspec.aws import ingress, network, routing
from msaspec.language.part import FrontDoor, Place
from msaspec.language.value import Token
from msaspec.manifest.root import Manifest
from msaspec.template import names


def of(manifest: Manifest) -> Place:
    """Return the place of a system."""
    root = manifest.root
    stack = names.stack(root.name, manifest.environment)
    public = network.subnets("Public", root.network)
    return Place(
        system=root.name,
        environment=manifest.environment,
        stack=stack,
        domain=names.domain(stack),
        vpc=Token("Vpc"),
        services=public if root.network.placement == "public" else network.subnets("Private", root.network),
        services_public=root.network.placement == "public",
        public=public,
        isolated=network.subnets("Isolated", root.network),
        allow=root.ingress.allow,
        tags=dict(sorted(root.tags.items())),
        cidr=root.network.cidr,
        online_public=() if root.network.exists else (network.GATEWAY_ROUTE,),
        front=_front(manifest),
        region=root.region,
        rotates=bool(root.audit and root.audit.does("rotation")),
    )


def _front(manifest: Manifest) -> FrontDoor | None:
    """Return the public load balancer, where any service is behind it."""
    root = manifest.root
    behind = sorted(name for name, (runtime, _) in manifest.runtimes.items() if runtime.behind_balancer)
    routes = [
        route for name in behind for route in routing.routes(name, manifest.containers[name], root.ingress.domain)
    ]
    if not routes:
        return None
    found = (kind.front(entry) for kind, entries in manifest.entries for entry in entries)
    return ingress.front_door(root.ingress, next(filter(None, found), None), routes)
