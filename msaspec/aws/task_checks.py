"""What can go wrong with the containers of a task on Fargate, whatever its service is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msaspec.aws import task_files, tasks
from msaspec.diagnostics.diagnostic import Code, Diagnostic, Severity
from msaspec.diagnostics.place import Path, render
from msaspec.language import secret_place
from msaspec.language.base import Model
from msaspec.language.files import Placed
from msaspec.language.runtime import Workload
from msaspec.language.service import Service
from msaspec.language.sidecar import Sidecar

PARTIAL_SECRET = Code(
    "MSA374",
    "A secret without its full ARN",
    """
    Secrets Manager adds a dash and six characters to the name of a secret in its ARN. ECS reads the secrets of a task
    and needs the full ARN. `aws secretsmanager describe-secret` prints it.
    """,
)
RESOLVED = Code(
    "MSA376",
    "A text that CloudFormation would replace",
    """
    CloudFormation treats `{{resolve:...}}` in any text of a template as a dynamic reference and replaces it with the
    value of a parameter or secret. It cannot be escaped. In a task definition, everyone who can describe it could read
    that value. Name the secret under `secrets`, or let the program read it.
    """,
)
TOO_LARGE_TASK = Code(
    "MSA377",
    "A task definition that is too large",
    """
    A task definition, which carries the variables and the command of its service, has at most 64 KiB (ECS quotas). Move
    large values to files in a bucket, or to `secrets`.
    """,
)

SLOW_CHECK = Code(
    "MSA394",
    "A container check with a long timeout",
    """
    On `fargate`, ECS runs `health.command` in the container and waits at most 60 seconds for it (registry schema of
    AWS::ECS::TaskDefinition, HealthCheck). Set a shorter `health.timeout`.
    """,
)
# fact: stop-timeout
LONG_STOP = Code(
    "MSA396",
    "A time to stop that Fargate does not give",
    """
    On `fargate` a container has 2 to 120 seconds between SIGTERM and SIGKILL (ECS API, ContainerDefinition,
    stopTimeout).
    """,
)

FOLDER_OF_THE_RUNTIME = Code(
    "MSA474",
    "A file in a folder that cannot be a volume",
    """
    ECS mounts volumes and no single files, so on `fargate` the folder of a file is a volume. `/` and `/etc` cannot be
    one: what runs the container writes into them itself. Put the file into a folder below, such as `/etc/app`.
    """,
)
FILES_IMAGE_WITHOUT_FILES = Code(
    "MSA475",
    "`files_image` without files",
    "The image writes the `files` of a service at the start of each copy. A service without `files` needs none.",
    Severity.WARNING,
)

# fact: task-containers
BEYOND_A_TASK = Code(
    "MSA479",
    "Containers that do not fit into a task",
    """
    A task has at most ten containers (ECS quotas), and the `memory` of its sidecars has to leave some of the copy's for
    the service.
    """,
)

MOST_CONTAINERS = 10
TASK_BYTES = 64 * 1024
LONGEST_STOP = 120


def check(workload: Workload[Model], memory: int, *, files_image: bool) -> Iterator[Diagnostic]:
    """Yield secrets that ECS would not find, texts that would be replaced, and what is beyond a limit."""
    name, spec, path = workload.name, workload.spec, workload.path
    for variable, written in spec.secrets.items():
        # fact: ecs-secret-arn
        if not secret_place.parse(written).whole:
            message = f"ECS needs the full ARN of a secret, and the ARN of `{variable}` has no suffix."
            hint = "Print it with: aws secretsmanager describe-secret --secret-id NAME --query ARN"
            yield PARTIAL_SECRET.at((*path, "secrets", variable), message, hint=hint)
    for place in tasks.resolved(workload):
        message = f"`{render((*path, *place))}` holds `{{{{resolve:`, which CloudFormation would replace."
        yield RESOLVED.at((*path, *place), message, hint="Name the secret under `secrets` instead.")
    if (bytes_ := tasks.size_bound(workload)) > TASK_BYTES:
        message = f"The task definition of `{name}` may have {bytes_:,} bytes; ECS allows {TASK_BYTES:,}."
        field, hint = "env", "Move large values out of `env`."
        if workload.files:
            field, hint = "files", "Put large files into the image."
        yield TOO_LARGE_TASK.at((*path, field), message, hint=hint, key=True)
    yield from _limits(path, name, spec)
    for each in workload.sidecars:
        yield from _limits((*path, "sidecars", each.name), each.name, each.spec)
    yield from _files(workload, files_image=files_image)
    yield from _together(workload, memory)


def _limits(path: Path, name: str, spec: Service | Sidecar) -> Iterator[Diagnostic]:
    """Yield what one container asks for and Fargate does not give."""
    if spec.health and spec.health.command and spec.health.timeout > tasks.LONGEST_TIMEOUT:
        message = f"A check in the container of `{name}` may take {tasks.LONGEST_TIMEOUT} s; `timeout` is longer."
        yield SLOW_CHECK.at((*path, "health", "timeout"), message, hint="Shorten it.")
    if spec.stop_timeout and spec.stop_timeout > LONGEST_STOP:
        message = f"A task has at most {LONGEST_STOP} s to stop, and `{name}` asks for {spec.stop_timeout} s."
        yield LONG_STOP.at((*path, "stop_timeout"), message, hint="Write at most `2 min`.")


def _together(workload: Workload[Model], memory: int) -> Iterator[Diagnostic]:
    """Yield what the containers of a copy are together beyond what a task takes."""
    writers = bool(workload.files) + sum(bool(each.files) for each in workload.sidecars)
    number = 1 + len(workload.sidecars) + writers
    at = (*workload.path, "sidecars")
    if number > MOST_CONTAINERS:
        message = f"A copy of `{workload.name}` has {number} containers, and a task has at most {MOST_CONTAINERS}."
        hint = "Remove sidecars; each container with `files` has a further one that writes them."
        yield BEYOND_A_TASK.at(at, message, hint=hint, key=True)
    wanted = sum(each.spec.memory or 0 for each in workload.sidecars)
    if wanted >= memory:
        message = f"The sidecars of `{workload.name}` may use {wanted:,} MiB, and a copy has {memory:,} MiB in all."
        hint = "Lower their `memory`, or raise that of the runtime: `runtime: {type: fargate, memory: ...}`."
        yield BEYOND_A_TASK.at(at, message, hint=hint, key=True)


def _files(workload: Workload[Model], *, files_image: bool) -> Iterator[Diagnostic]:
    """Yield files whose folder cannot be a volume, and an image that has none to write."""
    containers: list[tuple[Path, str, Sequence[Placed]]] = [(workload.path, workload.name, workload.files)]
    containers += [((*workload.path, "sidecars", each.name), each.name, each.files) for each in workload.sidecars]
    for path, name, file in ((path, name, file) for path, name, own in containers for file in task_files.unfit(own)):
        folder, _, base = file.path.rpartition("/")
        message = f"On `fargate` the folder of `{file.path}` is a volume, and `{folder or '/'}` cannot be one."
        hint = f"Write `{folder}/{name}/{base}`, and tell the program."
        yield FOLDER_OF_THE_RUNTIME.at((*path, "files", file.path), message, hint=hint, key=True)
    if files_image and not task_files.needed(workload):
        message = f"`files_image` of `{workload.name}` writes nothing: the service has no `files`."
        at = (*workload.path, "runtime", "files_image")
        yield FILES_IMAGE_WITHOUT_FILES.at(at, message, hint="Remove it.", key=True)
