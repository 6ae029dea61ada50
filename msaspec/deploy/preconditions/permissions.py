"""Whether the caller may do what CloudFormation does with the resources, by IAM's own simulation."""

from __future__ import annotations

from collections.abc import Generator

from msaspec.deploy import permissions
from msaspec.deploy.asking import GONE
from msaspec.deploy.evidence import PAGES, Answer, Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code, Severity

LACKING = Code(
    "MSA683",
    "A deployment may lack permissions",
    """
    CloudFormation makes the resources by the permissions of the caller. IAM's simulation says that the caller's
    policies do not allow some of the actions on every resource. The simulation knows no service control policies and no
    resource policies, and policies that are limited to single resources or by conditions can allow what it denies, so
    this is a warning. `msaspec policy` prints a policy that is enough.
    """,
    Severity.WARNING,
)
SHOWN = 6
"""How many actions are named."""


class Permissions(Precondition):
    """Simulates the policies of a user, or of the role that somebody has assumed."""

    services = ("iam",)

    def look(self, needs: Needs) -> Checking:
        """Ask once for all actions, where nothing is deployed yet; later CloudFormation has shown what it may do."""
        if needs.known:
            return []
        source = yield from _source(needs.role or needs.caller)
        if source is None:
            return []
        actions = sorted(permissions.of_resources(needs.stacks, ["deploy"]))
        words = {"PolicySourceArn": source, "ActionNames": actions, "MaxItems": 1000}
        denied: list[str] = []
        for _ in range(PAGES):
            answer = yield Ask("iam", "simulate_principal_policy", words)
            if answer is None or answer is GONE:
                return []
            results = answer.get("EvaluationResults", ())
            denied += [each["EvalActionName"] for each in results if each["EvalDecision"] != "allowed"]
            if not answer.get("IsTruncated"):
                break
            words = {**words, "Marker": answer["Marker"]}
        if not denied:
            return []
        more = f" and {len(denied) - SHOWN} more" if len(denied) > SHOWN else ""
        message = f"By IAM's simulation {source} may not: {', '.join(sorted(denied)[:SHOWN])}{more}."
        hint = f"Print a policy that is enough: {needs.context.command('policy', '--for', 'deploy')}"
        return [LACKING.at((), message, hint=hint)]


def _source(caller: str) -> Generator[Ask, Answer, str | None]:
    """Return the ARN of the user or role whose policies count; None for the root user and for what has none."""
    kind, _, name = caller.rpartition(":")[2].partition("/")
    if kind in ("user", "role"):
        return caller
    if kind != "assumed-role":
        return None
    # The ARN of the session lacks the path of the role.
    answer = yield Ask("iam", "get_role", {"RoleName": name.partition("/")[0]})
    return str(answer["Role"]["Arn"]) if answer and answer is not GONE else None
