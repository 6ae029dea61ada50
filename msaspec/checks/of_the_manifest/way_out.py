"""Services without a way out of their network."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.compile.plan import Plan
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.language.base import Model
from msaspec.language.runtime import Workload

NO_WAY_OUT = Code(
    "MSA307",
    "A destination outside the VPC that cannot be reached",
    """
    With `nat: none` the private subnets have interface endpoints for the AWS services that a service needs to run, and
    no other route out. Images from other registries cannot be pulled, and the CloudFront API, which has no endpoint,
    cannot be called. Endpoints exist only in the system's own Region, so images and secrets in other Regions cannot be
    reached either. Use `nat: single`, an image in ECR, a secret of the Region, or no `invalidate`.
    """,
)


def check(plan: Plan) -> Iterator[Diagnostic]:
    """Images, secrets and APIs that have no endpoint need a NAT gateway."""
    if plan.root.network.placement == "public" or plan.root.network.nat != "none":
        return
    for runtime, workload in plan.workloads:
        for path, image in (((*workload.path, "image"), workload.image), *runtime.images(workload)):
            if not image.owned and not image.ecr:
                message = f"`{workload.name}` pulls `{image}` from outside, and its subnets have no way out."
                yield NO_WAY_OUT.at(path, message, hint="Set `network.nat` to `single`, or copy it to ECR.")
        if plan.root.region:
            yield from _elsewhere(workload, plan.root.region)
    for edge in plan.edges:
        for field, service in edge.offer.beyond.items():
            message = f"`{edge.use.service}` calls {service}, and its subnets have no way out."
            hint = f"Set `network.nat` to `single`, or remove `{field}`."
            yield NO_WAY_OUT.at((*edge.use.path, field), message, hint=hint)
    for kind, entries in plan.entries:
        for entry, uses in entries if plan.root.region else ():
            for field, arn in kind.existing(entry).items():
                if uses and field != "kms_key" and arn.split(":")[3] != plan.root.region:
                    message = f"`{entry.name}` is in {arn.split(':')[3]}, and the subnets have no way out."
                    hint = f"Set `network.nat` to `single`, or name one in {plan.root.region}."
                    yield NO_WAY_OUT.at((*entry.path, field), message, hint=hint)


def _elsewhere(workload: Workload[Model], region: str) -> Iterator[Diagnostic]:
    """Yield what is in another Region, which no endpoint reaches."""
    if workload.image.ecr and workload.image.ecr[1] != region:
        message = (
            f"`{workload.name}` pulls its image from ECR in {workload.image.ecr[1]}, and its subnets have no way out"
        )
        hint = f"Set `network.nat` to `single`, or copy it to ECR in {region}."
        yield NO_WAY_OUT.at((*workload.path, "image"), f"{message} of {region}.", hint=hint)
    for variable, secret in workload.spec.secrets.items():
        there = secret.split(":")[3:4]
        if there and there != [region]:
            message = f"`{workload.name}` reads a secret in {there[0]}, and its subnets have no way out of {region}."
            hint = f"Set `network.nat` to `single`, or name a secret in {region}."
            yield NO_WAY_OUT.at((*workload.path, "secrets", variable), message, hint=hint)
