"""The secrets and parameters that services name: whether they are there, with the keys that are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator

from msaspec.deploy.asking import GONE
from msaspec.deploy.evidence import Ask
from msaspec.deploy.precondition import Checking, Needs, Precondition
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path
from msaspec.language import secret_place
from msaspec.manifest.sections import CONTAINERS

NO_SECRET = Code(
    "MSA671",
    "A secret that does not exist yet",
    """
    A service names a secret of Secrets Manager or a parameter of Systems Manager that does not exist in this account
    and Region. Its containers cannot start without it. The hint creates it.
    """,
)
NO_KEY = Code(
    "MSA672",
    "A secret without a key",
    """
    A service takes one key of a secret (`ARN#KEY`), and the secret's value is not JSON or does not have that key.
    msaspec reads the names of the keys only; the value stays in memory and is not printed.
    """,
)


class Secrets(Precondition):
    """Looks at each secret once, whoever uses it."""

    services = ("secretsmanager", "ssm")

    def look(self, needs: Needs) -> Checking:
        """Ask for parameters ten at a time, and for each secret by itself; for its value only where a key counts."""
        found = []
        cli = needs.context.aws.cli
        wanted = [(path, secret_place.parse(written)) for path, written in _written(needs)]
        parameters: dict[str, list[Path]] = {}
        secrets: dict[str, list[tuple[Path, str | None]]] = {}
        for path, place in wanted:
            arn = "".join(
                piece if isinstance(piece, str) else _filled(piece.target, needs) for piece in place.secret.arn
            )
            if place.region and place.region != needs.region:
                continue  # which `lint` reports
            literal = max((piece for piece in place.secret.arn if isinstance(piece, str)), key=len)
            if needs.uses(literal) and (not place.secret.key or needs.uses(place.secret.key)):
                continue
            if place.secret.store == "ssm":
                parameters.setdefault(arn, []).append(path)
            else:
                secrets.setdefault(arn, []).append((path, place.secret.key))
        names = sorted(parameters)
        for first in range(0, len(names), 10):
            several = names[first : first + 10]
            answer = yield Ask("ssm", "get_parameters", {"Names": several, "WithDecryption": False})
            for name in (answer or {}).get("InvalidParameters", ()):
                make = cli("ssm", "put-parameter", "--name", name, "--type", "SecureString", "--value", "VALUE")
                for path in parameters.get(name, ()):
                    message = f"There is no parameter `{name}` in {needs.region}."
                    if path[2:3] == ("keys",):  # The name of a key follows from the name of its parameter.
                        make = needs.context.command("secret", "set", str(path[1]), name.rpartition("/")[2])
                    found.append(NO_SECRET.at(path, message, hint=f"Create it: {make}"))
        for arn, users in sorted(secrets.items()):
            answer = yield Ask("secretsmanager", "describe_secret", {"SecretId": arn})
            if answer is GONE or (answer or {}).get("DeletedDate"):
                name = arn.partition(":secret:")[2] or arn
                make = cli("secretsmanager", "create-secret", "--name", name, "--secret-string", "VALUE")
                if answer is not GONE:
                    make = cli("secretsmanager", "restore-secret", "--secret-id", arn)
                gone = "does not exist" if answer is GONE else "is scheduled for deletion"
                for path, _ in users:
                    found.append(NO_SECRET.at(path, f"The secret `{name}` {gone}.", hint=f"Run: {make}"))
                continue
            keys = {key for _, key in users if key}
            if not keys or answer is None:
                continue
            value = yield Ask("secretsmanager", "get_secret_value", {"SecretId": arn})
            if value is None or value is GONE:
                continue
            known = _keys(str(value.get("SecretString", "")))
            for path, key in users:
                if key and key not in known:
                    has = f"It has: {', '.join(sorted(known))}." if known else "Its value is not a JSON object."
                    whose = path[-1] if path[0] in CONTAINERS else path[1]
                    message = f"The secret of `{whose}` has no key `{key}`."
                    found.append(NO_KEY.at(path, message, hint=has))
        return found


def _written(needs: Needs) -> Iterator[tuple[Path, str]]:
    for _, workload in needs.plan.workloads:
        for variable, written in workload.spec.secrets.items():
            yield (*workload.path, "secrets", variable), written
    for kind, entries in needs.plan.entries:
        for entry, uses in entries if kind.section == "secrets" else ():
            said = entry.spec.model_dump(by_alias=True)
            for number, parameter in enumerate(kind.settable(entry, needs.plan.site).values() if uses else ()):
                yield (*entry.path, "keys", number), parameter
            if said["from"] and uses:
                yield (*entry.path, "from"), said["from"]
                for number, key in enumerate(said["keys"]):
                    yield (*entry.path, "keys", number), f"{said['from']}#{key}"


def _filled(token: str, needs: Needs) -> str:
    known = {"AWS::Region": needs.region, "AWS::AccountId": needs.account, "AWS::Partition": needs.caller.split(":")[1]}
    return known.get(token, token)


def _keys(text: str) -> set[str]:
    """Return the keys of a secret's JSON; none where it is not an object."""
    try:
        value = json.loads(text)
    except ValueError:
        return set()
    return set(map(str, value)) if isinstance(value, dict) else set()
