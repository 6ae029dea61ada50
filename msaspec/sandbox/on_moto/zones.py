"""Hosted zones with an id of one's choice, which Route 53's API does not give."""

from __future__ import annotations

from moto.route53.models import route53_backends


def ensure(account: str, id: str, name: str) -> str:
    """Return a hosted zone by its id, made with a name where there is none."""
    backend = route53_backends[account]["aws"]
    if id not in backend.zones:
        made = backend.create_hosted_zone(f"{name}.", private_zone=False)
        del backend.zones[made.resource_id]
        made.resource_id = id
        backend.zones[id] = made
    return id
