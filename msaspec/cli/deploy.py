"""`msaspec deploy`: a manifest into a running system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from msaspec import console, garbage

if TYPE_CHECKING:
    from msaspec.deploy.flow import System
    from msaspec.deploy.target import Aws, Target

EMULATED = "This is an emulation in memory: no account was asked, nothing runs, and all of it is gone afterwards."


@click.command(name="deploy", short_help="Bring a system to AWS, safely.")
@console.file_argument()
@console.environment_option()
@console.target_options()
@click.option("--sandbox", is_flag=True, help="Deploy into an emulated AWS in memory, to see what happens.")
@click.option("--yes", is_flag=True, help="Do not ask before executing.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change no resource.")
@click.option("--tag", "tags", multiple=True, metavar="SERVICE=TAG", help="The image tag of a service.")
@click.option(
    "--allow-replace", "allowed", multiple=True, metavar="NAME", help="Let data of this entry be replaced or removed."
)
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation acts by.")
@click.option("--wait", is_flag=True, help="Wait for another operation of the stack to end, then deploy.")
@click.option("--no-wait", is_flag=True, help="Begin, and do not wait for the end.")
@console.format_option("text", "json")
def command(
    file: str,
    environment: str | None,
    target: Target,
    sandbox: bool,
    yes: bool,
    dry_run: bool,
    tags: tuple[str, ...],
    allowed: tuple[str, ...],
    role_arn: str | None,
    wait: bool,
    no_wait: bool,
    form: str,
) -> None:
    """Bring FILE (default: msa.yaml) to AWS by CloudFormation.

    Lints first. Then the stack of image repositories, if the system has some, and the images in them. Then a change
    set, shown by manifest entry; it is executed when you say yes, and followed to its end. What would replace or
    remove a database, a bucket, a repository or a secret in use is refused, unless --allow-replace names it. Image tags
    are the word of --tag, else the manifest's, if it was edited since the last deployment, else those that run.

    --sandbox has the Regions of AWS's partition `aws`: none in China, of GovCloud or of the European Sovereign Cloud.

    Ctrl-C stops the watching, not the deployment. Ends with 1 for what is wrong in the manifest, with 3 if AWS refuses
    or the deployment fails.
    """
    console.answerable(yes or dry_run or sandbox, "deploy")
    if sandbox and (target.endpoint_url or target.profile):
        raise click.UsageError("--sandbox is an AWS of its own; leave out --profile and --endpoint-url.")
    if sandbox and no_wait:
        raise click.UsageError(
            "--sandbox is gone when the command ends, and nothing goes on in it; leave out --no-wait."
        )
    teller = console.teller(form)
    with console.told(teller):
        from msaspec.deploy import flow
        from msaspec.deploy import target as reaching
        from msaspec.deploy.here import Here
        from msaspec.deploy.wish import Wish
        from msaspec.verdicts import Verdicts

        document = console.read(file)
        words = console.tags(tags)
        agreed = yes or (sandbox and not sys.stdin.isatty())
        wish = Wish(words, frozenset(allowed), agreed, dry_run, wait, not no_wait, role_arn)
        system, cache = flow.compiled(document, environment), Verdicts()
        if not sandbox:
            system = flow.linted(system, target.region, cache)
            with reaching.reached(target, system.plan.root.region) as aws:
                flow.deploy(system, aws, teller, wish, Here(file, environment, aws.words))
            return
        helps = (
            file != "-"  # another process reads it anew, and lints for the Region that is written there
            and target.region in (None, system.plan.root.region)
            and not flow.is_remembered(system, target.region, cache)
        )
        with (
            garbage.left_lying(),
            _linted_meanwhile(file, environment) if helps else nullcontext(lambda: None) as linted,
            _emulated(target, system, words) as aws,
        ):
            linted()
            system = flow.linted(system, target.region, cache)
            teller.note(EMULATED)
            flow.deploy(system, aws, teller, wish, Here(file, environment))
            teller.note(EMULATED)


@contextmanager
def _linted_meanwhile(file: str, environment: str | None) -> Iterator[Callable[[], object]]:
    """Has cfn-lint work on the other core while the sandbox starts. Its verdict is remembered, so asking for it is all
    that is left to do."""
    words = ["lint", file, *(["--env", environment] if environment else [])]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "-m", "msaspec", *words], stdin=nothing, stdout=nothing, stderr=nothing)
    try:
        yield process.wait
    finally:
        process.kill()
        process.wait()


@contextmanager
def _emulated(target: Target, system: System, tags: dict[str, str]) -> Iterator[Aws]:
    """The sandbox, in which every image that the plan wants is pushed. Raises Invalid for a Region that it has not."""
    from msaspec import names, sandbox
    from msaspec.deploy import parameters
    from msaspec.deploy import target as reaching
    from msaspec.diagnostic import Invalid

    plan = system.plan
    region = target.region or plan.root.region or "us-east-1"
    chosen = parameters.tags(plan, tags)
    images = [(names.repository(plan.site.system, tag.repository), tag.value) for tag in chosen]
    try:
        with sandbox.start(images=images) as world, reaching.translated(region):
            if region not in world.regions:
                found = reaching.not_played(region)
                raise Invalid([found if target.region else system.document.place(found)])
            world.warm(region)  # while cfn-lint is still at work
            pace = reaching.Pace(first=0.05, most=0.25)
            yield reaching.Aws(lambda service: world.client(service, region), region, pace, emulated=True)
    except sandbox.Missing:
        raise click.UsageError("The sandbox is an extra. Install it with: pip install 'msaspec[sandbox]'") from None
