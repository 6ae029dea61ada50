"""A job: a container that runs to its end, on a schedule, by hand, or before each deployment."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, create_model, model_validator

from msaspec.language import schedule as schedules
from msaspec.language.base import Model, Name, seconds, span
from msaspec.language.service import IMAGED, Service, need_image

RUNTIME = "fargate"
"""What runs jobs, whatever runs the services."""
# fact: custom-resource-timeout
LONGEST_GATE = 55 * 60
"""Seconds that all attempts before a deployment may take: CloudFormation waits for an hour, and the answer takes
time."""
USUAL, USUAL_GATE = 3600, 1800
"""Seconds that an attempt may take where the job does not say."""
PAUSE = 10
"""Seconds before the second attempt; before each later one twice as many."""
SHARED = (
    *("image", "build", "mutable", "framework", "arch", "uses", "env", "secrets", "kms_key", "command", "entrypoint"),
    *("user", "working_dir", "stop_timeout", "read_only", "files", "grants", "logs"),
)
"""Fields that a job has as a service does."""


class JobFields(Model):
    """A container that runs to its end. It has the image, the variables, the secrets and the uses of a service."""

    needs_one_of = IMAGED

    schedule: str | None = Field(
        None,
        description="When it runs: five fields of cron (minute, hour, day of the month, month, day of the week), or"
        " `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.",
        examples=["0 3 * * *", "*/15 8-18 * * MON-FRI"],
    )
    every: Annotated[int, span(60, 86_400, "5 min")] | None = Field(
        None,
        description="Run it at even intervals that divide an hour or a day, in place of `schedule`.",
        examples=["5 min", "6 hours"],
    )
    zone: Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$", max_length=50)] = Field(
        "UTC", description="Time zone of `schedule`, as the IANA database names it.", examples=["Asia/Seoul"]
    )
    run: Literal["by-hand", "before-deploy"] | None = Field(
        None,
        description="What starts it where no schedule does: people, by `msaspec run NAME`; or each deployment that"
        " changes its image, command or variables, before the services that use the same stores.",
    )
    timeout: Annotated[int, seconds(60, 604_800, "30 min")] | None = Field(
        None,
        description="How long one attempt may take before it is stopped. Default: 1 hour; 30 min with"
        " `run: before-deploy`.",
        examples=["15 min"],
    )
    retries: int = Field(
        0, ge=0, le=10, description="How often a run that failed is tried again. A run that took too long is not."
    )
    notify: Name | None = Field(
        None,
        description="Entry under `topics` that gets a message when a run fails or takes too long.",
        examples=["alerts"],
    )
    runtime: Annotated[Any, WithJsonSchema({})] = Field(
        RUNTIME, description="CPU, memory and storage of a run, as fields of `fargate`."
    )

    @model_validator(mode="after")
    def _has_an_image(self) -> JobFields:
        need_image(getattr(self, "image", None), getattr(self, "build", None))
        return self

    @property
    def idle(self) -> frozenset[str]:
        """Return the zone where no schedule is read in one."""
        return frozenset(("zone",) if self.schedule is None else ())

    @property
    def gates(self) -> bool:
        """Whether services wait for it."""
        return self.run == "before-deploy"

    @property
    def limit(self) -> int:
        """Return the seconds that one attempt may take."""
        return self.timeout or (USUAL_GATE if self.gates else USUAL)

    @property
    def longest(self) -> int:
        """Return the seconds that all attempts may take, with the pauses between them."""
        return self.limit * (self.retries + 1) + PAUSE * ((1 << self.retries) - 1)

    @property
    def started(self) -> bool:
        """Whether anything starts it."""
        return bool(self.run or self.every or self.schedule is not None)

    @property
    def when(self) -> str:
        """Return what starts it, in words."""
        if self.schedule is not None:
            return f"{self.schedule} {self.zone}"
        if self.every:
            size, unit = (3600, "h") if self.every % 3600 == 0 else (60, "min")
            return f"every {self.every // size} {unit}"
        return {"by-hand": "by hand", "before-deploy": "before a deployment"}.get(self.run or "", "nothing starts it")

    def cron(self) -> schedules.Cron | None:
        """Return when it runs; None where no schedule starts it, or none can be read."""
        if self.schedule is not None:
            try:
                return schedules.parse(self.schedule)
            except schedules.Malformed:
                return None
        return schedules.every(self.every) if self.every else None

    @cached_property
    def service(self) -> Service:
        """Return the job as a service without a port, which is what compiles, is checked and explained."""
        fields = {name: getattr(self, name) for name in (*SHARED, "runtime")}
        return Service.model_construct(_fields_set=self.model_fields_set & fields.keys(), **fields)


def _shared() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in SHARED:
        field = Service.model_fields[name]
        default = ... if field.is_required() else field.default
        about = Field(default, description=field.description, examples=field.examples)
        found[name] = (field.rebuild_annotation(), about)
    return found


if TYPE_CHECKING:
    Job = JobFields
else:
    Job = create_model("Job", __base__=JobFields, __doc__=JobFields.__doc__, **_shared())
