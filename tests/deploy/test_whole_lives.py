"""Every command that asks AWS, over whole systems: deployed, looked at, deployed again, destroyed.

Three systems are tried; with MSASPEC_WHOLE=1 in the environment, every case that compiles.
"""

from __future__ import annotations

import pytest

from msaspec import pipeline, sandbox
from msaspec.deploy import content, parameters
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.linting import cfn_lint
from msaspec.source import beside
from msaspec.template import names
from tests import goldens, sampling
from tests.permissions import exam
from tests.permissions.exam import System

SAMPLE = ("jobs-before-deployments", "queues", "site")
REFUSED = ("patch-of-a-rule-is-odd", "patch-of-policies-is-a-number")
"""Templates that CloudFormation does not take, by their patches."""


def systems() -> list[System]:
    """Every case that compiles and can be deployed, in its first environment."""
    found = []
    for folder in goldens.cases():
        file = folder / "msa.yaml"
        tried = folder.name not in REFUSED if sampling.WHOLE else folder.name in SAMPLE
        if (folder / "expected.yaml").exists() and tried:
            document = pipeline.load(file.read_bytes(), str(file), beside.reader(str(folder)))
            found.append(System(folder.name, file, next(iter(pipeline.environments(document)), None)))
    return found


@pytest.mark.parametrize("system", systems(), ids=lambda system: str(system.name))
def test_a_system_lives_and_ends(
    system: System, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every command ends with 0, a second deployment has nothing to do, and of the destroyed system only the
    repositories of its images are left."""
    monkeypatch.setattr(cfn_lint, "examine", lambda *arguments: ())
    monkeypatch.setenv("MSASPEC_CACHE_DIR", str(tmp_path_factory.mktemp("verdicts")))
    document = pipeline.load(system.file.read_bytes(), str(system.file), beside.reader(str(system.file.parent)))
    plan, _ = pipeline.plan_of(document, system.environment)
    try:
        tags = parameters.tags(plan, {}, content.tags(plan, {}))
    except Invalid:
        pytest.skip("It has an image without a tag.")
    pushed = dict.fromkeys((names.repository(plan.site.system, each.repository), each.value) for each in tags)
    with sandbox.start(images=list(pushed)) as world:
        exam.make_zone(plan.root.ingress)
        region = plan.root.region or "us-east-1"

        def run(command: str, *words: str) -> str:
            result = exam.invoke(world, region, [command, *words, *system.words])
            if result.exit_code == 1 and system.name not in SAMPLE:
                pytest.skip("It names what is not in the account.")
            assert result.exit_code == 0, f"{command} {words}: {result.output}"
            return result.output

        assert "CREATE_COMPLETE" in run("deploy", "--yes")
        run("status")
        run("status", "--format", "json")
        run("outputs")
        run("verify")
        for _, workload in plan.workloads:
            run("logs", workload.name)
        if plan.manifest.root.jobs:
            run("jobs")
        run("diff", "--against", "stack")
        assert "_COMPLETE" not in run("deploy", "--yes")
        run("destroy", "--yes", *(word for name in exam.data(system) for word in ("--delete-data", name)))
        stacks = world.client("cloudformation", region).list_stacks()["StackSummaries"]
        left = {each["StackName"] for each in stacks if each["StackStatus"] != "DELETE_COMPLETE"}
        assert left <= {f"{plan.site.system}-registry"}
