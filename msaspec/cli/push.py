"""`msaspec push`: images into the system's repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec import console

if TYPE_CHECKING:
    from msaspec.deploy.target import Target


@click.command(name="push", short_help="Build and push images into the system's repositories.")
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--file", "-f", default=console.DEFAULT_FILE, metavar="FILE", help="The manifest. [default: msa.yaml]")
@console.environment_option()
@console.target_options()
@click.option("--build", metavar="DIR", help="Build the image of the one service from this directory.")
@click.option("--tag", "tags", multiple=True, metavar="SERVICE=TAG", help="The image tag of a service.")
def command(
    services: tuple[str, ...],
    file: str,
    environment: str | None,
    target: Target,
    build: str | None,
    tags: tuple[str, ...],
) -> None:
    """Push the image of each SERVICE (default: all) into its repository, through the docker command line.

    Logs docker in to the registry. Builds for the architecture of the service, from --build or from `build` of the
    manifest, whose paths are relative to it; without either takes the local image of the manifest's name. Tags it, and
    pushes it. The repositories are made by `msaspec deploy`.
    """
    if build and len(services) != 1:
        raise click.UsageError("--build is for one service; name it. Several have `build:` in the manifest.")
    teller = console.teller()
    with console.told(teller):
        from msaspec import pipeline
        from msaspec.deploy import parameters, pushing
        from msaspec.deploy import target as reaching
        from msaspec.deploy.here import Here

        document = console.read(file)
        plan, _ = pipeline.plan_of(document, environment)
        owned = {service for service, _, _ in parameters.owned(plan)}
        if strangers := sorted(set(services) - owned):
            known = f"These have one: {', '.join(sorted(owned))}." if owned else "None has one."
            raise click.UsageError(f"No image of the system's own: {', '.join(strangers)}. {known}")
        chosen = services or tuple(sorted(owned))
        with reaching.reached(target, plan.root.region) as aws:
            here = Here(file, environment, aws.words)
            wanted = pushing.wanted(plan, chosen, console.tags(tags), file, build)
            pushing.push(aws, teller, here, plan.site.system, wanted)
