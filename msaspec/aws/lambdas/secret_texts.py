"""Writes texts that hold secrets into a secret of their service; answers CloudFormation."""

# A template carries this file, which is why it is short and has no annotations.

import json
import time
from urllib.request import Request, urlopen

import boto3


def fetch(request):
    for wait in (1, 2, 4):
        try:
            return urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(wait)
    return urlopen(request, timeout=10).read()


def call(context, arn, service, operation, **words):
    region = {"region_name": arn.split(":")[3]} if arn.startswith("arn:") else {}
    while True:
        try:
            return getattr(boto3.client(service, **region), operation)(**words)
        except Exception as error:
            # fact: iam-propagation. What this update allows the role may take a minute until it counts.
            if "AccessDenied" not in str(error) or context.get_remaining_time_in_millis() < 30_000:
                raise
            time.sleep(5)


def read(context, arn, key, store):
    if store == "ssm":
        return call(context, arn, store, "get_parameter", Name=arn, WithDecryption=True)["Parameter"]["Value"]
    text = call(context, arn, store, "get_secret_value", SecretId=arn)["SecretString"]
    found = json.loads(text)[key] if key else text
    return found if isinstance(found, str) else json.dumps(found)


def composed(texts, context):
    """Return the texts of a service by their keys. A piece is a text, or where a secret is, its key and its store."""
    return {
        name: "".join(piece if isinstance(piece, str) else read(context, *piece) for piece in pieces)
        for name, pieces in texts.items()
    }


def handler(event, context):
    reason = ""
    try:
        if event["RequestType"] != "Delete":
            wanted = event["ResourceProperties"]
            # Copies of the version before start with its keys until the update is over.
            before = event.get("OldResourceProperties", {}).get("Texts", {})
            kept = {name: pieces for name, pieces in before.items() if name not in wanted["Texts"]}
            texts = composed(wanted["Texts"], context)
            try:
                texts |= composed(kept, context)
            except Exception as error:
                print("A text of before is left out:", type(error).__name__)  # noqa: T201
            own = wanted["SecretArn"]
            call(context, own, "secretsmanager", "put_secret_value", SecretId=own, SecretString=json.dumps(texts))
    except Exception as error:
        # Neither a text nor a secret is in any message of these calls.
        reason = f"A text with a secret could not be written ({type(error).__name__}: {error})."[:1000]
        print(reason)  # noqa: T201
    new = "msaspec-texts-" + event["LogicalResourceId"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": event.get("PhysicalResourceId", new), "Status": "FAILED" if reason else "SUCCESS"}
    body = json.dumps({**answer, "Reason": reason or "The texts are written."}).encode()
    fetch(Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
