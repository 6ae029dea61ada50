"""Takes Secrets Manager's steps for passwords of services. A template carries it behind the handler, TABLE at last."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the handler stands
# in front of it there.

import json
import os
import secrets
import string

import boto3

from msaspec.aws.lambdas.database_handler import authorities, call, fetch, read_secret, verifier

# No name of a service ends like this.
SECOND = "__b"
# The label of the version with which all copies were started.
STARTED = "MSASPEC_STARTED"
STORE = "secretsmanager"


def version(context, arn, token):
    """Return the version of a rotation; nothing where it has no value yet."""
    try:
        text = call(context, STORE, "get_secret_value", SecretId=arn, VersionId=token, VersionStage="AWSPENDING")
        return json.loads(text["SecretString"])
    except Exception as error:
        if "ResourceNotFound" not in type(error).__name__ + str(error):
            raise
        return None


def invoke(context, function, event, hidden=()):
    answer = call(context, "lambda", "invoke", FunctionName=function, Payload=json.dumps(event))
    result = json.load(answer["Payload"])
    if "FunctionError" in answer:
        said = result["errorMessage"]
        for secret in hidden:
            said = said.replace(secret, "***")
        raise RuntimeError(said)
    return result


def ask(context, secret, login, **more):
    """Invoke the runner, which logs in and takes a step."""
    event = {"Host": secret["host"], "Port": str(secret["port"]), "ca": fetch(authorities()).decode(), **more}
    event |= {"username": login["username"], "password": login["password"]}
    return invoke(context, os.environ["RUNNER"], event, (login["password"], *more.get("Login", ())[1:]))


def start(context, arn, token, versions):
    """Start all copies anew, and note it. Texts that hold the password are written before."""
    for function, own in TABLE[arn]["texts"]:  # noqa: F821
        invoke(context, function, {"Again": own})
    for service, operation, words in TABLE[arn]["start"]:  # noqa: F821
        getattr(boto3.client(service), operation)(**words)
    holder = [id for id, labels in versions.items() if STARTED in labels]
    words = {"RemoveFromVersionId": holder[0]} if holder else {}
    if holder != [token]:
        stage = {"SecretId": arn, "VersionStage": STARTED, "MoveToVersionId": token}
        call(context, STORE, "update_secret_version_stage", **stage, **words)


def create(context, arn, token, current, versions):
    if version(context, arn, token):
        return
    now = read_secret(context, arn)
    user, started = now["username"], [id for id, labels in versions.items() if STARTED in labels]
    # Copies with the password that would change now may run since before the last rotation.
    if started != [current] and (started or user.endswith(SECOND)):
        start(context, arn, current, versions)
        raise RuntimeError("The last rotation did not start the copies anew. They are started now: rotate again later.")
    user = user.removesuffix(SECOND) if user.endswith(SECOND) else user + SECOND
    password = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(32))
    scheme, _, rest = now["url"].partition("://")
    url = f"{scheme}://{user}:{password}@{rest.partition('@')[2]}"
    text = json.dumps({**now, "username": user, "password": password, "url": url})
    words = {"ClientRequestToken": token, "VersionStages": ["AWSPENDING"]}
    call(context, STORE, "put_secret_value", SecretId=arn, SecretString=text, **words)


def change(context, arn, token):
    new, master = version(context, arn, token), read_secret(context, TABLE[arn]["master"])  # noqa: F821
    busy = ask(context, new, master, Login=[new["username"], verifier(new["password"])])
    if busy:
        said = f'The user "{new["username"]}" still has {busy} sessions: of copies that the last rotation did not start'
        raise RuntimeError(f"{said} anew, or of people. End them, and rotate again.")


def handler(event, context):
    step, token = event["Step"], event["ClientRequestToken"]
    found = call(context, STORE, "describe_secret", SecretId=event["SecretId"])
    arn, versions = found["ARN"], found["VersionIdsToStages"]
    current = next(id for id, labels in versions.items() if "AWSCURRENT" in labels)
    # fact: rotation-steps. A repeated rotation may have come further than this step.
    if step == "createSecret" and token != current:
        create(context, arn, token, current, versions)
    elif step == "setSecret" and token != current:
        change(context, arn, token)
    elif step == "testSecret":
        secret = version(context, arn, token) or read_secret(context, arn)
        ask(context, secret, secret, Database=secret["name"])
    elif step == "finishSecret":
        if token != current:
            stage = {"VersionStage": "AWSCURRENT", "MoveToVersionId": token, "RemoveFromVersionId": current}
            call(context, STORE, "update_secret_version_stage", SecretId=arn, **stage)
        start(context, arn, token, versions)
    print(step, "is done.")  # noqa: T201
