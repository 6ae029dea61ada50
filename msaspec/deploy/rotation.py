"""`msaspec secret rotate`: a new value of a secret, and the start of every copy that reads it.

The password of a service on a database is changed by a function of the stack, which starts the copies itself.
Everything else is changed and started from here. In both cases the command waits until the copies are up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import NoReturn

from msaspec.aws import readers, secret_texts
from msaspec.compile.plan import Plan
from msaspec.deploy import restarts, settable
from msaspec.deploy.aws import fault, state
from msaspec.deploy.context import Context
from msaspec.deploy.overview import entries, required
from msaspec.deploy.restarts import NotUp, Restart
from msaspec.deploy.settable import Settable
from msaspec.diagnostics.diagnostic import Code
from msaspec.diagnostics.place import Path
from msaspec.diagnostics.printable import line as on_one_line
from msaspec.language.part import Changing
from msaspec.messages.others import SecretChanged, StartedAnew, StartingAnew
from msaspec.template.scripts import MAPPING

NOT_DEPLOYED = Code(
    "MSA641",
    "A secret that is not deployed yet",
    """
    `msaspec secret rotate` changes a secret of the deployed stack. The stack does not have this one, or no schedule for
    it yet. Deploy first.
    """,
)
COMPOSED = Code(
    "MSA642",
    "A secret inside a longer text, which only a deployment writes",
    """
    On `fargate`, a function writes texts such as `Password=${main.password}` during a deployment. With
    `audit: {rotation: 30 days}` it also writes them when a secret changes. Without, a copy that starts anew would read
    the old text, so nothing was changed.
    """,
)
ROTATION_FAILED = Code(
    "MSA643",
    "A rotation is not over",
    """
    The function of the stack did not change the password, or did not start the copies anew. The old password is valid.
    Its log, which the message names, has the reason: often somebody is still logged in as the user whose turn it is.
    Secrets Manager tries again by itself.
    """,
)
NOT_UP = Code(
    "MSA644",
    "Copies that do not come up with a new secret",
    """
    The secret has its new value, and copies that should read it did not come up. Copies that run still have the old
    one. The message has what AWS says. Look at the log, mend the cause, and run the command again, or deploy.
    """,
)
MINUTES = 20
"""How long a rotation by the function is waited for: each of its four steps takes four minutes at most."""


@dataclass(frozen=True)
class Chosen:
    """What is to change: a key that people set, or a secret of the stack."""

    name: str
    key: str
    path: Path
    users: tuple[str, ...]
    """The services and jobs that read it."""
    what: Changing | Settable

    @property
    def words(self) -> str:
        """Its name and its key, as on the command line."""
        return f"{self.name} {self.key}".strip()

    @property
    def secret(self) -> str:
        """The logical id of the secret, or the name of the parameter."""
        return self.what.parameter if isinstance(self.what, Settable) else self.what.secret


def of(plan: Plan) -> Iterator[Chosen]:
    """Yield all that can change, in the order of the entries."""
    for each in settable.of(plan):
        yield Chosen(each.name, each.key, each.path[:2], each.users, each)
    for kind, own in plan.made:
        for entry, uses in own:
            users = tuple(sorted(use.service for use in uses))
            for key, what in kind.changing(entry, uses, plan.site).items():
                yield Chosen(entry.title, key, entry.path, (key,) if key else users, what)


class Rotation:
    """One change of a secret of a deployed stack. Raises Fault where it cannot be made, before anything changes."""

    def __init__(self, context: Context, stack: str, chosen: Chosen) -> None:
        self._context, self._aws, self._chosen = context, context.aws, chosen
        there = required(context, stack)
        template = state.template_of(context.aws, there.id)
        self._resources = template.get("Resources", {})
        self._entry_of = entries(template)
        found = state.resources(context.aws, there.id)
        self._ids = {each.logical_id: each.id for each in found if each.id and each.made}
        if isinstance(chosen.what, Changing) and chosen.secret not in self._ids:
            self._refuse(NOT_DEPLOYED, f"The stack {stack} does not have the secret `{chosen.words}` yet.")
        read = readers.of(self._resources, chosen.secret)
        self._texts = read.texts
        if read.texts and "Again" not in str(template.get("Mappings", {}).get(MAPPING, {}).get(secret_texts.FUNCTION)):
            names = " and ".join(sorted({self._service(each) for each in read.texts}))
            message = f"`{chosen.words}` is inside a longer text of {names}, which only a deployment writes."
            self._refuse(COMPOSED, message, "Inject it alone, or write `audit: {rotation: 30 days}`, and deploy.")
        self._restarts: list[Restart] = [*restarts.of(context.aws, read, self._ids, self._log_groups)]

    def run(self, value: str) -> None:
        """Change the secret, start its readers, and wait until they are up. `value` is what people set."""
        what, said = self._chosen.what, self._context.reporter.say
        if isinstance(what, Settable):
            settable.put(self._aws, what, value)
        elif what.length is not None:
            client = self._aws.client("secretsmanager")
            words = {"PasswordLength": what.length, "ExcludePunctuation": True}
            made = client.get_random_password(**words)["RandomPassword"]
            client.put_secret_value(SecretId=self._ids[what.secret], SecretString=made)
        else:
            self._rotate(self._ids[what.secret])
        said(SecretChanged(self._chosen.words, settable.listed(self._chosen.users)))
        if isinstance(what, Settable) or what.length is not None:
            self._write_texts()
            for each in self._restarts:
                each.start()
        for each in self._restarts:
            said(StartingAnew(self._service(each.resource), each.how))
        for each in self._restarts:
            service = self._service(each.resource)
            self._aws.pace.until(f"the start of {service}", partial(self._is_up, each))
            said(StartedAnew(service, each.how, self._context.command("logs", service)))

    def _is_up(self, restart: Restart) -> bool | None:
        try:
            return restart.is_up()
        except NotUp as why:
            service = self._service(restart.resource)
            hint = f"Its log: {self._context.command('logs', service, '--since', '1h')}. Then run the command again."
            return self._refuse(NOT_UP, f"`{service}` does not come up: {on_one_line(str(why))}.", hint)

    def _rotate(self, id: str) -> None:
        """Have the function of the stack take the steps, and wait until all copies were started by it."""
        from botocore.exceptions import ClientError

        from msaspec.aws.lambdas import database_rotation as program

        client, pace, words = self._aws.client("secretsmanager"), self._aws.pace, self._chosen.words
        hint = f"Its log says why: aws logs tail {self._rotation_logs()} --since 1h. Then run the command again."
        if not client.describe_secret(SecretId=id).get("RotationEnabled"):
            self._refuse(NOT_DEPLOYED, f"The password `{words}` has no schedule yet.")
        try:
            token = client.rotate_secret(SecretId=id)["VersionId"]
        except ClientError as error:
            if "previous rotation" not in fault.message_of(error).lower():
                raise
            self._refuse(ROTATION_FAILED, f"An earlier rotation of `{words}` is not over.", hint)
        began = pace.now()

        def started() -> bool | None:
            labels = client.describe_secret(SecretId=id)["VersionIdsToStages"].get(token, [])
            if {"AWSCURRENT", str(program.STARTED)} <= set(labels):
                return True
            if pace.now() - began > min(pace.patience, 60 * MINUTES):
                self._refuse(ROTATION_FAILED, f"The rotation of `{words}` is not over.", hint)
            return None

        pace.until(f"the rotation of {words}", started)

    def _write_texts(self) -> None:
        client = self._aws.client("lambda")
        for each in self._texts:
            words = json.dumps({"Again": self._ids[each]})
            answer = client.invoke(FunctionName=self._ids[secret_texts.FUNCTION], Payload=words)
            if "FunctionError" in answer:
                said = on_one_line(str(json.load(answer["Payload"]).get("errorMessage", "")))
                message = f"The texts of {self._service(each)} were not written: {said}"
                self._refuse(NOT_UP, message, "Run the command again.")

    def _log_groups(self, name: str) -> list[str]:
        """Return the log groups of the entry of a resource."""
        entry = self._entry_of(name)
        return [
            self._ids[each]
            for each, body in self._resources.items()
            if body.get("Type") == "AWS::Logs::LogGroup" and each in self._ids and self._entry_of(each) == entry
        ]

    def _rotation_logs(self) -> str:
        """Return the log group of the function that takes the steps."""
        for body in self._resources.values():
            words = body.get("Properties", {})
            if body.get("Type") == _SCHEDULE and words.get("SecretId") == {"Ref": self._chosen.secret}:
                function = self._resources[words["RotationLambdaARN"]["Fn::GetAtt"][0]]["Properties"]
                return self._ids[function["LoggingConfig"]["LogGroup"]["Ref"]]
        return self._refuse(NOT_DEPLOYED, f"The password `{self._chosen.words}` has no schedule yet.")

    def _service(self, resource: str) -> str:
        entry = self._entry_of(resource)
        return str(entry[1]) if len(entry) > 1 else resource

    def _refuse(self, code: Code, message: str, hint: str | None = None) -> NoReturn:
        hint = hint or f"Run: {self._context.command('deploy')}"
        raise fault.Fault(self._context.placed(code.at(self._chosen.path, message, hint=hint, key=True)))


_SCHEDULE = "AWS::SecretsManager::RotationSchedule"
