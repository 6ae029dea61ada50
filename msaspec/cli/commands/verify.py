"""Check what a deployment will need in the account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from msaspec.cli import console, environments, exits
from msaspec.cli.app import App, invocation_of, pass_app

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Target


@click.command(name="verify")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@console.format_option("text", "json")
@pass_app
def command(app: App, file: str, environment: str | None, target: Target, form: str) -> None:
    """Check what a deployment of FILE (default: msa.yaml) will need in the account and can be read beforehand.

    Images and their CPU architecture, secrets and parameters and their keys, the certificate, the hosted zone and its
    records, permissions by simulation, quotas, service-linked roles, and the alarms, snapshots, subnets and instance
    types that the template names. Changes nothing. Each miss is reported on its manifest line, with the
    command that mends it; what may not be read is said once and skipped. Ends with 1 if something is missing.
    """
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), exits.exit_on_invalid(reporter):
        from msaspec import pipeline
        from msaspec.deploy import verification
        from msaspec.deploy.context import Context

        document = console.read(file)
        environment = environments.required(document, environment)
        system = pipeline.compile_system(document, environment)
        with app.reached(target, system.plan.root.region) as aws:
            context = Context(aws, reporter, invocation_of(document, file, environment, aws), document)
            if not verification.verify(context, system):
                raise click.exceptions.Exit(exits.DIAGNOSTICS)
