"""What a request to AWS asks for: the actions that IAM would look up, and the resources that they are for.

From the service authorization reference; only what hosts and tasks of msaspec's systems call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote


@dataclass(frozen=True)
class Request:
    """A request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    """With names in lower case."""
    body: bytes

    @property
    def credential(self) -> tuple[str, str, str]:
        """Access key, region and service of the signature; nothing where it has none."""
        found = re.search(r"Credential=(\w+)/\d+/([\w-]+)/([\w-]+)/", self.headers.get("authorization", ""))
        return found.groups() if found else ("", "", "")


class Unknown(Exception):
    """A call that is not in the list below: whoever adds one to a system says here what it takes."""


def asked(request: Request, account: str) -> tuple[str, str]:
    """The action of a request and the resource that it is for, as an ARN or `*`."""
    _, region, service = request.credential
    target = request.headers.get("x-amz-target", "").rpartition(".")[2]
    if target:
        return f"{service}:{target}", _named(service, target, json.loads(request.body), region, account)
    if service == "s3":
        return _s3(request)
    if service == "cloudfront":
        found = re.fullmatch(r"/[\d-]+/distribution/(\w+)/invalidation/?", request.path)
        if found and request.method == "POST":
            return "cloudfront:CreateInvalidation", f"arn:aws:cloudfront::{account}:distribution/{found[1]}"
    if service == "lambda":
        found = re.fullmatch(r"/2015-03-31/functions/(.+)/invocations", unquote(request.path))
        if found:
            name = found[1].rpartition(":")[2]
            return "lambda:InvokeFunction", f"arn:aws:lambda:{region}:{account}:function:{name}"
    form = parse_qs(request.body.decode())
    if service == "cloudformation" and form["Action"][0] in ("DescribeStacks", "SignalResource"):
        return f"cloudformation:{form['Action'][0]}", form["StackName"][0]
    raise Unknown(f"{service} {request.method} {request.path} {form.get('Action', '')}")


def _named(service: str, target: str, words: Mapping[str, Any], region: str, account: str) -> str:
    match service, target:
        case "ecr", "GetAuthorizationToken":
            return "*"
        case "secretsmanager", "GetSecretValue" | "PutSecretValue":
            return str(words["SecretId"])
        case "states", "StartExecution":
            return str(words["stateMachineArn"])
        case "ssm", "GetParameter":
            return f"arn:aws:ssm:{region}:{account}:parameter{words['Name']}"
        case "logs", "CreateLogStream" | "GetLogEvents" | "PutLogEvents":
            group = f"arn:aws:logs:{region}:{account}:log-group:{words['logGroupName']}"
            return f"{group}:log-stream:{words['logStreamName']}"
    raise Unknown(f"{service}:{target}")


def _s3(request: Request) -> tuple[str, str]:
    bucket, _, key = unquote(request.path.partition("?")[0]).lstrip("/").partition("/")
    verbs = {"PUT": "PutObject", "GET": "GetObject", "HEAD": "GetObject", "DELETE": "DeleteObject"}
    if key and request.method in verbs:
        return f"s3:{verbs[request.method]}", f"arn:aws:s3:::{bucket}/{key}"
    if request.method == "GET":
        return "s3:ListBucket", f"arn:aws:s3:::{bucket}"
    raise Unknown(f"s3 {request.method} {request.path}")
