"""Build and push images into the system's repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import completion, console, environments, exits
from msaspec.cli.app import App, invocation_of, pass_app

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target


@click.command(name="push")
@click.argument("services", nargs=-1, metavar="[SERVICE]...", shell_complete=completion.containers)
@click.option(
    "--file",
    "-f",
    default=console.DEFAULT_FILE,
    metavar="FILE",
    help="The manifest. [default: msa.yaml]",
    shell_complete=completion.files,
)
@console.environment_option(deployed=True)
@console.target_options()
@click.option(
    "--build", metavar="DIR", help="Build the image of one service from this directory, in place of the manifest's."
)
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="SERVICE=TAG",
    help="The image tag of a service.",
    shell_complete=completion.tags,
)
@console.format_option("text", "json")
@pass_app
def command(
    app: App,
    services: tuple[str, ...],
    file: str,
    environment: str | None,
    target: Target,
    build: str | None,
    tags: tuple[str, ...],
    form: str,
) -> None:
    """Push the image of each SERVICE (default: all) into its repository, by docker, podman or finch.

    Logs the program in to the registry. Builds for the architecture of the service, from --build or from `build` of the
    manifest, whose paths are relative to it; without either takes the local image of the manifest's name. Tags it, and
    pushes it. The repositories are made by `msaspec deploy`.
    """
    if build and len(services) != 1:
        raise click.UsageError("--build needs exactly one service. For several, set `build:` in the manifest.")
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter):
        from msaspec import pipeline
        from msaspec.deploy import parameters, pushing
        from msaspec.deploy.context import Context

        document = console.read(file)
        environment = environments.required(document, environment)
        plan, _ = pipeline.plan_of(document, environment)
        owned = {service for service, _, _ in parameters.owned(plan)}
        if strangers := sorted(set(services) - owned):
            known = f"These have one: {', '.join(sorted(owned))}." if owned else "None has one."
            raise click.UsageError(f"Not an image of the system: {', '.join(strangers)}. {known}")
        chosen = services or tuple(sorted(owned))
        with app.reached(target, plan.root.region) as aws:
            invocation = invocation_of(document, file, environment, aws)
            wanted = pushing.wanted(plan, chosen, console.tags(tags), file, build)
            context = Context(aws, reporter, invocation, document)
            pushing.push(context, plan.site.system, wanted, app.execute)
