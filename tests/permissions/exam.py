"""Run commands on whole systems with exactly the permissions that `msaspec policy` prints, and with one less.

    python -m tests.permissions.exam [NAME...]

Deploys, looks at, updates and destroys each example in a sandbox that enforces IAM. Then, for each action that the
sandbox asked for, does the same without it, which has to fail and name the action. Commands tolerate that they may not
look (`Describe`, `Get`, `List`) where they only say more by it; such an action is told. Ends with 1 where anything is
otherwise, and prints the actions of the policies that the sandbox had no use for. `MSASPEC_EVERY=8` tries every eighth
action, `MSASPEC_FROM=lambda:` those from there on, which goes on with an exam that was stopped.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator, Set
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result
from moto.route53.models import route53_backends

from msaspec import pipeline, sandbox
from msaspec.cli import main
from msaspec.cli.app import App
from msaspec.deploy import content, inventory, parameters
from msaspec.deploy.aws.answers import checked
from msaspec.deploy.aws.pace import Pace
from msaspec.deploy.aws.state import Resource
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.inventory import Fate
from msaspec.deploy.overview import entries
from msaspec.language.network import Ingress
from msaspec.linting import cfn_lint
from msaspec.sandbox.account import Account
from msaspec.sandbox.on_moto.answers import OF_SERVICES
from msaspec.sandbox.world import World
from msaspec.template import names

EXAMPLES = Path(__file__).parents[2] / "examples"
CASES = Path(__file__).parents[1] / "cases"
NEXT = "2.0"
"""The tag of the update."""
OF_THE_SANDBOX = frozenset({"ecr:PutImage"}) | OF_SERVICES
"""What the sandbox does itself, as services do, and as whoever builds images, who pushes them once their repository is
there."""


@dataclass(frozen=True)
class System:
    """An environment of an example."""

    name: str
    file: Path
    environment: str | None = None

    @property
    def words(self) -> list[str]:
        """The arguments that choose it."""
        return [str(self.file), *(["--env", self.environment] if self.environment else [])]


SYSTEMS = (
    System("shop", EXAMPLES / "msa.yaml"),
    System("autoscaling", EXAMPLES / "autoscaling" / "msa.yaml"),
    System("mysql", CASES / "mysql" / "msa.yaml"),
    System("clusters", CASES / "clusters" / "msa.yaml"),
    System("site", CASES / "site" / "msa.yaml"),
    System("jobs", CASES / "jobs-before-deployments" / "msa.yaml"),
    System("queues", CASES / "queues" / "msa.yaml"),
    System("caches", CASES / "caches" / "msa.yaml"),
    System("brokers", CASES / "brokers" / "msa.yaml"),
    System("tables", CASES / "tables" / "msa.yaml"),
    System("addresses", CASES / "addresses-balanced" / "msa.yaml"),
    System("backlog", CASES / "backlog" / "msa.yaml"),
    System("audited", CASES / "audited" / "msa.yaml"),
    System("retail-store", EXAMPLES / "systems" / "retail-store" / "msa.yaml"),
    System("production-dev", EXAMPLES / "production" / "msa.yaml", "dev"),
    System("production-prod", EXAMPLES / "production" / "msa.yaml", "prod"),
)
"""Every example, and a system of each further kind of entry, from the cheapest to try to the dearest."""


class Watched(frozenset[str]):
    """Actions that are allowed, and which of them were asked for.

    A simulation takes the whole set, and asks for none.
    """

    def __new__(cls, actions: Set[str] = frozenset()) -> Watched:
        """Take the actions."""
        made = super().__new__(cls, actions)
        made.asked = set()
        return made

    asked: set[str]

    def __or__(self, others: Set[Any]) -> Any:
        """Return itself with other actions, which are asked of the same."""
        joined = Watched(frozenset(self) | others)
        joined.asked = self.asked
        return joined

    def __contains__(self, action: object) -> bool:
        """Whether an action is allowed; that it was asked for is remembered."""
        found = super().__contains__(action)
        if found:
            self.asked.add(str(action))
        return found


class Refused(Exception):
    """A command that did not end as it should."""

    def __init__(self, step: str, output: str) -> None:
        super().__init__(step)
        self.step, self.output = step, output


@cache
def allowed(system: System, command: str) -> frozenset[str]:
    """Return the actions of the policy for a command."""
    result = CliRunner().invoke(main, ["policy", *system.words, "--for", command])
    assert result.exit_code == 0, result.output
    return frozenset(action for each in json.loads(result.stdout)["Statement"] for action in each["Action"])


def steps(system: System) -> Iterator[tuple[str, list[str], str]]:
    """Yield what is done to a system: the command, its words, and what the step is called."""
    document = pipeline.load(system.file.read_bytes(), str(system.file))
    plan, _ = pipeline.plan_of(document, system.environment)
    tagged = sorted(tag.service for tag in parameters.tags(plan, {}, content.tags(plan, {})))
    lose = [word for name in data(system) for word in ("--delete-data", name)]
    yield "deploy", ["--yes"], "deploy"
    yield "status", [], "status"
    if tagged:
        yield "deploy", ["--yes", "--tag", f"{tagged[0]}={NEXT}"], "update"
    yield "destroy", ["--yes", *lose], "destroy"


def data(system: System) -> list[str]:
    """Return the entries that hold data."""
    document = pipeline.load(system.file.read_bytes(), str(system.file))
    template = pipeline.compile_main(document, system.environment).stack.template
    parts = [Resource(name, part["Type"], "") for name, part in template["Resources"].items()]
    items = inventory.items(parts, template, entries(template))
    return sorted({str(item.entry[1]) for item in items if item.fate is not Fate.GOES and len(item.entry) > 1})


def run(system: System, without: str | None = None) -> set[str]:
    """Do all steps, each with what the policy of its command allows, but for one action. Return what was asked for.

    Raises Refused with the first step that fails.
    """
    document = pipeline.load(system.file.read_bytes(), str(system.file))
    plan, _ = pipeline.plan_of(document, system.environment)
    images = [
        (names.repository(plan.site.system, tag.repository), value)
        for tag in parameters.tags(plan, {}, content.tags(plan, {}))
        for value in (tag.value, NEXT)
    ]
    images = list(dict.fromkeys(images))
    asked: set[str] = set()
    with sandbox.start(images=images) as world:
        make_zone(plan.root.ingress)
        for command, words, step in steps(system):
            watched = Watched(allowed(system, command) - {without} | OF_THE_SANDBOX)
            world.account = Account(allowed=watched)
            result = invoke(world, plan.root.region or "us-east-1", [command, *system.words, *words])
            asked |= watched.asked
            if result.exit_code or "MSA603" in result.output:
                raise Refused(step, result.output)
    return asked - OF_THE_SANDBOX


def make_zone(ingress: Ingress) -> None:
    """Make the hosted zone that a manifest names, which is there before a deployment. AWS chooses the ids of others."""
    if ingress.hosted_zone:
        zones = route53_backends["123456789012"]["aws"]
        zone = zones.create_hosted_zone(f"{'.'.join(str(ingress.domain).split('.')[-2:])}.", private_zone=False)
        zones.zones[ingress.hosted_zone] = zones.zones.pop(zone.resource_id)
        zone.resource_id = ingress.hosted_zone


def invoke(world: World, region: str, words: list[str]) -> Result:
    pace = Pace(first=0.02, most=0.1)
    aws = Aws(lambda service: checked(world.client(service, region)), region, pace)
    return CliRunner().invoke(main, words, obj=App(lambda chosen, region: aws, lambda: False), catch_exceptions=False)


def enough(system: System) -> set[str]:
    """Return the actions that the system needs, with exactly its policies allowed."""
    return run(system)


def misses(system: System, action: str) -> str | None:
    """Return what is wrong where an action less is not missed; None where a command fails and names it."""
    try:
        run(system, action)
    except Refused as refused:
        return None if action in refused.output else f"{system.name}: {refused.step} fails without {action} unnamed"
    return LOOKING if _looks(action) else f"{system.name}: nothing misses {action}"


LOOKING = "says less"
"""What becomes of commands that may not look."""


def _looks(action: str) -> bool:
    return action.partition(":")[2].startswith(("BatchGet", "Describe", "Get", "List", "Simulate"))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _quietly(asked: tuple[Any, ...]) -> Any:
    """Ask in a process of its own, without cfn-lint, whose findings are tested elsewhere."""
    question, *arguments = asked
    cfn_lint.examine = lambda *arguments: ()
    os.environ["MSASPEC_CACHE_DIR"] = tempfile.mkdtemp()
    try:
        return question(*arguments)
    except Refused as refused:
        return f"{arguments[0].name}: {refused.step} is refused: {refused.output[-2000:]}"
    except Exception:
        return traceback.format_exc()


def exam(chosen: list[str]) -> int:
    """Examine systems, print what came of it, and return the exit code."""
    systems = [each for each in SYSTEMS if each.name in chosen or not chosen]
    wrong, needed, spare = [], {}, set()
    # Not an executor: with `max_tasks_per_child` it can wait for ever (python/cpython#115634).
    with get_context("spawn").Pool(2, maxtasksperchild=20) as pool:
        answers = pool.map(_quietly, [(enough, system) for system in systems], chunksize=1)
        for system, answer in zip(systems, answers, strict=True):
            if isinstance(answer, str):
                wrong.append(answer)
                continue
            _say(f"{system.name}: deployed, updated and destroyed; {len(answer)} actions asked for")
            for action in answer:
                needed.setdefault(action, system)
            spare |= {a for command in ("deploy", "status", "destroy") for a in allowed(system, command)}
        pairs = sorted(((system, action) for action, system in needed.items()), key=lambda pair: pair[1])
        pairs = [each for each in pairs if each[1] >= os.environ.get("MSASPEC_FROM", "")]
        pairs = pairs[:: int(os.environ.get("MSASPEC_EVERY", 1))]
        found = pool.imap(_quietly, [(misses, *pair) for pair in pairs])
        for (_, action), answer in zip(pairs, found, strict=True):
            _say(f"  without {action}: {answer or 'refused'}")
            wrong += [answer] if answer not in (None, LOOKING) else []
    _say(f"Without each of {len(pairs)} actions it was tried. The sandbox asks for none of:")
    _say(yaml.safe_dump(sorted(spare - needed.keys())))
    _say("\n".join(wrong) or "Nothing is otherwise.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(exam(sys.argv[1:]))
