"""Deploy a system to AWS."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING

import click

from msaspec.cli import completion, console, environments, exits
from msaspec.cli.app import App, invocation_of, pass_app
from msaspec.linting import gc_pause

if TYPE_CHECKING:
    from msaspec.deploy.aws.target import Aws, Target
    from msaspec.deploy.parameters import Tag
    from msaspec.pipeline import System


@click.command(name="deploy")
@console.file_argument()
@console.environment_option(deployed=True)
@console.target_options()
@click.option("--sandbox", is_flag=True, help="Deploy into an emulated AWS in memory.")
@click.option(
    "--run-any-code",
    is_flag=True,
    help="With --sandbox: run Lambda functions of any source, such as a patch, as you, on this machine.",
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and change no resource.")
@click.option(
    "--tag",
    "tags",
    multiple=True,
    metavar="SERVICE=TAG",
    help="The image tag of a service.",
    shell_complete=completion.tags,
)
@click.option(
    "--allow-replace",
    "allowed",
    multiple=True,
    metavar="NAME",
    help="Allow the data of this entry to be replaced or removed.",
    shell_complete=completion.entries,
)
@click.option(
    "--import",
    "imports",
    multiple=True,
    metavar="NAME",
    help="Import the existing resource with the name of this one.",
    shell_complete=completion.entries,
)
@click.option("--adopt", "adopted", multiple=True, metavar="STACK", help="Take over this stack of another owner.")
@click.option(
    "--redeploy",
    "redeployed",
    multiple=True,
    metavar="SERVICE",
    help="Run the image to which the tag of this service points now.",
    shell_complete=completion.containers,
)
@click.option("--rollback", is_flag=True, help="If the first creation fails, delete what was created.")
@click.option("--repair", is_flag=True, help="Make again what was deleted by hand, and undo what was changed by hand.")
@click.option("--role-arn", metavar="ARN", help="The role that CloudFormation assumes.")
@click.option("--wait", is_flag=True, help="Wait for a running operation of the stack to end, then deploy.")
@click.option("--no-wait", is_flag=True, help="Start the deployment and do not wait for it to end.")
@console.cfnlintrc_option()
@console.timeout_option()
@console.format_option("text", "json")
@pass_app
def command(
    app: App,
    file: str,
    environment: str | None,
    target: Target,
    sandbox: bool,
    run_any_code: bool,
    yes: bool,
    dry_run: bool,
    tags: tuple[str, ...],
    allowed: tuple[str, ...],
    imports: tuple[str, ...],
    adopted: tuple[str, ...],
    redeployed: tuple[str, ...],
    rollback: bool,
    repair: bool,
    role_arn: str | None,
    wait: bool,
    no_wait: bool,
    cfnlintrc: str | None,
    timeout: float | None,
    form: str,
) -> None:
    """Bring FILE (default: msa.yaml) to AWS by CloudFormation.

    Lints first. Then the stack of image repositories, if the system has some, and the images in them: those of services
    with `build` are built and pushed by docker, podman or finch where they are missing, after a question. Then a change
    set, shown by manifest entry; it is executed when you say yes, and followed to its end. What would replace or
    remove a database, a bucket, a repository or a secret in use is refused, unless --allow-replace names it. Image tags
    are the word of --tag, else the manifest's, if it was edited since the last deployment, else those that run.

    A stack that another system or another tool made under the same name is refused, unless --adopt names it: then it
    becomes this system's, and what is in it and not in FILE is removed, as the change set shows.

    A first creation that fails keeps what it created: the next deploy continues from there, with a corrected FILE, and
    destroy deletes it. With --rollback CloudFormation deletes it at once; given after a failed creation, --rollback
    deletes what was kept, unless it holds data, and begins anew.

    CloudFormation does not notice that a resource was deleted by hand, and fails the next time that it changes it. With
    --repair it compares the template with what is in the account, makes again what is gone, and undoes what was changed
    by hand; the change set shows all of it first.

    A tag that can be pushed again is deployed with the digest of the image that it points to. When it points to another
    one, deploy says so, and --redeploy SERVICE rolls that out.

    --sandbox has the Regions of AWS's partition `aws`: none in China, of GovCloud or of the European Sovereign Cloud.

    Ctrl-C stops the watching, not the deployment. Ends with 1 for what is wrong in the manifest, with 3 if AWS refuses
    or the deployment fails.
    """
    app.require_answer(yes=yes or dry_run or sandbox, what="deploy")
    if sandbox and (target.endpoint_url or target.profile):
        raise click.UsageError("--sandbox cannot be combined with --profile and --endpoint-url.")
    if sandbox and no_wait:
        raise click.UsageError("--sandbox ends with the command, so it cannot be combined with --no-wait.")
    if repair and imports:
        raise click.UsageError("--repair and --import do not go together; repair first, and import then.")
    if run_any_code and not sandbox:
        raise click.UsageError("--run-any-code needs --sandbox: in AWS, Lambda runs the functions.")
    reporter = app.reporter(form)
    with exits.exit_on_fault(reporter), ExitStack() as checking:
        from msaspec import pipeline
        from msaspec.deploy import content, flow, parameters, pins
        from msaspec.deploy.options import DeployContext, DeployOptions
        from msaspec.linting.settings import settings
        from msaspec.messages.deploying import Checking, Emulated
        from msaspec.messages.general import Configuration
        from msaspec.template.role import BASE

        document = console.read(file)
        environment = environments.required(document, environment)
        agreed = yes or (sandbox and not app.answerable())
        options = DeployOptions(
            console.tags(tags),
            frozenset(allowed),
            agreed,
            dry_run,
            wait,
            not no_wait,
            rollback,
            repair,
            role_arn,
            frozenset(imports),
            frozenset(redeployed),
            frozenset(adopted),
        )
        linting = settings(cfnlintrc)
        for sentence in linting.configuration.sentences():
            reporter.say(Configuration(sentence))
        checking.enter_context(reporter.busy(Checking(document.text.file)))
        system = pipeline.compile_system(document, environment)
        if strangers := sorted(options.adopted - (known := {stack.name for stack in system.stacks})):
            message = f"`{strangers[0]}` is not a stack of the system, which has {', '.join(sorted(known))}."
            raise click.BadParameter(message, param_hint="--adopt")
        pins.check(system.plan, options.redeployed)

        def deploy(aws: Aws, tags: tuple[Tag, ...] | None = None) -> None:
            invocation = invocation_of(document, file, environment, aws)
            context = DeployContext(aws, reporter, invocation, document=system.document, options=options)
            flow.deploy(system, context, tags)

        if not sandbox:
            system = flow.linted(system, target.region, linting)
            checking.close()
            with app.reached(target, system.plan.root.region, timeout) as aws:
                deploy(aws)
            return
        helps = (
            file != "-"  # another process reads it anew, and lints for the Region that is written there
            and target.region in (None, system.plan.root.region)
            and linting.cache is not None  # through which it gives what it found
            and not flow.is_lint_remembered(system, target.region, linting)
        )
        # Nothing runs in a new sandbox that could keep its tag.
        chosen = parameters.tags(system.plan, options.tags, content.tags(system.plan, options.tags))
        words = ["lint", file, "--env", environment or BASE]
        words += ["--cfnlintrc", cfnlintrc] if cfnlintrc else []
        with (
            gc_pause.gc_paused(),
            # cfn-lint works on the other core while the sandbox starts. Its verdict is remembered, so asking for it is
            # all that is left to do.
            app.beside(words) if helps else nullcontext(lambda: None) as linted,
            _emulated(target, system, chosen, run_any_code) as aws,
        ):
            linted()
            system = flow.linted(system, target.region, linting)
            checking.close()
            reporter.say(Emulated())
            deploy(aws, chosen)
            reporter.say(Emulated())


@contextmanager
def _emulated(target: Target, system: System, tags: Iterable[Tag], run_any_code: bool) -> Iterator[Aws]:
    """Open the sandbox, with every image of these tags and every secret set. Raises Invalid for a Region that it does
    not have."""
    from msaspec import sandbox
    from msaspec.deploy import settable
    from msaspec.deploy.aws import target as reaching
    from msaspec.deploy.aws.answers import checked
    from msaspec.deploy.aws.pace import Pace
    from msaspec.diagnostics.diagnostic import Invalid
    from msaspec.template import names

    plan = system.plan
    region = target.region or plan.root.region or "us-east-1"
    # Services may run one image.
    images = list(dict.fromkeys((names.repository(plan.site.system, tag.repository), tag.value) for tag in tags))
    try:
        with sandbox.start(images=images, run_any_code=run_any_code) as world, reaching.translated(region):
            if region not in world.regions:
                found = reaching.not_played(region)
                raise Invalid([found if target.region else system.document.place(found)])
            world.warm(region)  # while cfn-lint is still at work
            # A look takes from the emulated AWS, in the same process, what it makes some resources with.
            resources = max(len(stack.template["Resources"]) for stack in system.stacks)
            pause = min(max(0.05, resources / 1000), 1.0)
            pace = Pace(first=pause, most=max(pause, 0.25))
            aws = reaching.Aws(lambda service: checked(world.client(service, region)), region, pace, local=lambda: True)
            for each in settable.of(plan):
                settable.put(aws, each, "sandbox")
            yield aws
    except sandbox.Missing as missing:
        raise click.UsageError(str(missing)) from None
