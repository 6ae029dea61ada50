"""Texts that hold a secret among other words, for a runtime that injects only whole secrets.

A custom resource composes them and writes them into a secret of the service, each under a key. The key changes with the
variables of the service, so that a new text is a new task definition, and the tasks of the version before keep theirs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, ClassVar, TypeVar

from troposphere import GetAtt, Ref, secretsmanager
from troposphere.cloudformation import AWSCustomObject

from msaspec.aws import functions, iam, logs
from msaspec.aws.data import secretsmanager as secrets
from msaspec.aws.intrinsic import intrinsic
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model
from msaspec.language.files import Placed
from msaspec.language.part import Part, Site, Statement
from msaspec.language.runtime import Workload
from msaspec.language.value import Secret, Text, Token, Value, is_secret
from msaspec.template import names, scripts

Options = TypeVar("Options", bound=Model)

FUNCTION, ROLE, LOGS = "SecretTexts", "SecretTextsRole", "SecretTextsLogs"
HANDLER_SECONDS, ANSWER_SECONDS = 120, 180
"""The function gives up first, then CloudFormation stops waiting."""
_PROPERTIES = ("ServiceToken", "ServiceTimeout", "SecretArn", "Texts")


class SecretTexts(AWSCustomObject):  # type: ignore[misc]
    """The custom resource: the texts of one service."""

    resource_type = "Custom::SecretTexts"
    props: ClassVar[dict[str, tuple[type, bool]]] = dict.fromkeys(_PROPERTIES, (object, True))


TYPES = (functions.FUNCTION, AwsType(name=SecretTexts.resource_type), secrets.SECRET, iam.ROLE, logs.GROUP)


def composed(environment: Mapping[str, Value]) -> dict[str, Value]:
    """Return the variables in which a secret is only a part, those that carry files among them."""
    return {name: content for name, content in environment.items() if is_secret(content) and len(content) > 1}


def injected(workload: Workload[Options]) -> Workload[Options]:
    """Return a service whose composed variables are keys of its own secret, which it waits for and may read."""
    texts = composed(workload.texts)
    if not texts:
        return workload
    secret = (Token(_secret(workload.name)),)
    keys = _keys(workload)
    kept = {name: (Secret(secret, key),) for name, key in keys.items()}
    return replace(
        workload,
        environment=_variables(workload.environment, kept),
        files=_files(workload.files, kept),
        sidecars=tuple(
            replace(
                each,
                environment=_variables(each.environment, kept, each.key),
                files=_files(each.files, kept, each.key),
            )
            for each in workload.sidecars
        ),
        statements=(*workload.statements, Statement(("secretsmanager:GetSecretValue",), (secret,))),
        after=(*workload.after, _resource(workload.name)),
    )


def _variables(
    environment: Mapping[str, Value], kept: Mapping[str, Value], key: Callable[[str], str] = str
) -> dict[str, Value]:
    return {name: kept.get(key(name), content) for name, content in environment.items()}


def _files(files: Sequence[Placed], kept: Mapping[str, Value], key: Callable[[str], str] = str) -> tuple[Placed, ...]:
    return tuple(replace(each, content=kept.get(key(each.variable), each.content)) for each in files)


def build(workload: Workload[Options], site: Site) -> Part:
    """Return the secret of a service and what writes it; nothing where no variable has a secret among other words."""
    texts, keys = composed(workload.texts), _keys(workload)
    if not texts:
        return Part()
    return Part(
        (
            secretsmanager.Secret(
                _secret(workload.name), Description=f"Variables of {workload.name} of {site.stack} that hold secrets"
            ),
            SecretTexts(
                _resource(workload.name),
                ServiceToken=GetAtt(FUNCTION, "Arn"),
                ServiceTimeout=ANSWER_SECONDS,
                SecretArn=Ref(_secret(workload.name)),
                Texts={keys[name]: [*_pieces(content)] for name, content in texts.items()},
                # What it reads has to be there, and its role has to know of it.
                DependsOn=sorted({*workload.after, ROLE} - set(_named(texts))),
            ),
        )
    )


def common(workloads: Sequence[Workload[Any]], site: Site) -> Part:
    """Return the function that all services share, if any needs it."""
    needed = {workload.name: texts for workload in workloads if (texts := composed(workload.texts))}
    if not needed:
        return Part()
    own: list[Text] = [(Token(_secret(name)),) for name in sorted(needed)]
    return Part(
        (
            logs.group(LOGS, 30),
            iam.role(
                ROLE,
                "lambda.amazonaws.com",
                [
                    logs.writing(LOGS),
                    *_reading(workloads),
                    Statement(("secretsmanager:PutSecretValue",), tuple(own)),
                    *([Statement(("secretsmanager:GetSecretValue",), tuple(own))] if site.rotates else []),
                ],
            ),
            functions.function(FUNCTION, LOGS, HANDLER_SECONDS),
        ),
        scripts={FUNCTION: source(again=site.rotates)},
    )


def source(*, again: bool) -> str:
    """Return the source of the function; `again` where it writes texts anew after a rotation."""
    plain = functions.source("secret_texts")
    return scripts.followed(plain, functions.source("secret_texts_again")) if again else plain


def _reading(workloads: Sequence[Workload[Any]]) -> Iterator[Statement]:
    """Yield what the function needs to read the secrets of the texts, and the keys of those who use them."""
    named: dict[str, set[Text]] = {"secretsmanager": set(), "ssm": set()}
    keys: list[Statement] = []
    for workload in workloads:
        texts = composed(workload.texts)
        for piece in (piece for content in texts.values() for piece in content):
            if isinstance(piece, Secret):
                named[piece.store].add(_granted(piece))
        keys += [each for each in workload.statements if texts and each.actions == ("kms:Decrypt",)]
    for store, action in (("secretsmanager", "secretsmanager:GetSecretValue"), ("ssm", "ssm:GetParameter")):
        if named[store]:
            yield Statement((action,), tuple(sorted(named[store], key=repr)))
    yield from (each for number, each in enumerate(keys) if each not in keys[:number])


def _granted(secret: Secret) -> Text:
    """Return the ARN of a secret for a grant; a parameter may be named by its path."""
    first = secret.arn[0] if secret.arn else ""
    if secret.store == "ssm" and isinstance(first, str) and first.startswith("/"):
        return iam.arn("ssm", (f"parameter{first}", *secret.arn[1:]))
    return secret.arn


def _keys(workload: Workload[Any]) -> dict[str, str]:
    """Return the key of each text in the secret."""
    digest = sha256(repr(sorted(workload.texts.items())).encode()).hexdigest()[:12]
    return {name: f"{re.sub('[^A-Za-z0-9]', '_', name)}_{digest}" for name in composed(workload.texts)}


def _named(texts: Mapping[str, Value]) -> Iterator[str]:
    """Yield the resources that the texts name, which CloudFormation waits for by itself."""
    for piece in (piece for content in texts.values() for piece in content):
        tokens = piece.arn if isinstance(piece, Secret) else (piece,)
        yield from (each.target.partition(".")[0] for each in tokens if isinstance(each, Token))


def _pieces(content: Value) -> Iterator[Any]:
    """Yield the pieces as the function takes them: texts, and for each secret its ARN and its key."""
    run: list[str | Token] = []
    for piece in content:
        if not isinstance(piece, Secret):
            run.append(piece)
            continue
        if run:
            yield intrinsic(tuple(run))
        run = []
        yield [intrinsic(piece.arn), piece.key or "", piece.store]
    if run:
        yield intrinsic(tuple(run))


def _secret(service: str) -> str:
    return names.logical(service, "TextsSecret")


def _resource(service: str) -> str:
    return names.logical(service, "Texts")
