"""How jobs run: as tasks on Fargate that end, whatever runs the services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msaspec.aws import jobs
from msaspec.language.job import RUNTIME
from msaspec.language.part import Part, Site
from msaspec.language.runtime import AnyRuntime, Workload
from msaspec.language.service import Service
from msaspec.manifest.sections import runtimes
from msaspec.runtimes.fargate import CLUSTER, Fargate, FargateRuntime, task
from msaspec.template import names

DEPLOYS = "A job is not deployed gradually: each run takes the image that is deployed."


class JobRuntime(FargateRuntime):
    """A task on Fargate per run."""

    about = "a task on Fargate that ends"

    @property
    def kin(self) -> AnyRuntime:
        """Return the runtime whose cluster and functions the jobs share."""
        return runtimes()[RUNTIME]

    def idle(self, options: Fargate) -> Mapping[str, tuple[str, str]]:
        """Say that `deploy` does nothing."""
        return {"deploy": ("on a job", DEPLOYS)} if "deploy" in options.model_fields_set else {}

    def ready(self, name: str, service: Service) -> tuple[str, ...]:
        """Return the gate of a job, which is complete when the job has ended well."""
        return (names.logical(name, "Gate"),)

    def build(self, workload: Workload[Fargate], site: Site) -> Part:
        """Return the task, its group, the machine that runs it, and its schedule."""
        job = workload.job
        assert job is not None
        part, workload = task(workload, site)
        return part + jobs.build(workload, job, site, CLUSTER, _capacity(workload.options.spot))


def _capacity(spot: int) -> list[dict[str, Any]]:
    """Return where a run is placed; on Spot capacity, in so many of a hundred."""
    weights = {"FARGATE": 100 - spot, "FARGATE_SPOT": spot}
    return [{"CapacityProvider": name, "Weight": weight} for name, weight in weights.items() if weight]
