"""Answers CloudFormation for the users of a broker. No service's password leaves this function."""

# A template carries this file, which is why it is short and has no annotations.

import json
import os
import time
from base64 import b64encode
from hashlib import sha256
from urllib.parse import quote
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

# After idle weeks, calls fail until the function has a network interface again.
ASLEEP = "ENINotReadyException", "ResourceConflictException", "ResourceNotReadyException"


def fetch(request):
    for wait in (1, 2, 4):
        try:
            return urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(wait)
    return urlopen(request, timeout=10).read()


def call(context, service, operation, **words):
    while True:
        left = context.get_remaining_time_in_millis() / 1000 - 15
        # A repeated call of the runner would run beside the first.
        config = Config(read_timeout=left, retries={"total_max_attempts": 1 if service == "lambda" else 5})
        try:
            return getattr(boto3.client(service, config=config), operation)(**words)
        except Exception as error:
            # fact: iam-propagation. What this update allows the role may take a minute until it counts.
            denied = "AccessDenied" in str(error)
            if left < (150 if denied else 30) or not (denied or type(error).__name__ in ASLEEP):
                raise
            time.sleep(5)


def read_secret(context, arn):
    return json.loads(call(context, "secretsmanager", "get_secret_value", SecretId=arn)["SecretString"])


def kept(password):
    """Return what RabbitMQ keeps of a password, by its algorithm `rabbit_password_hashing_sha256`."""
    salt = os.urandom(4)
    return b64encode(salt + sha256(salt + password.encode()).digest()).decode()


def steps(wanted, host, port, gone, context, secrets):
    """Yield what to say should the next step fail, and at last what the runner says, nothing if it succeeded."""
    # What is put into `secrets` will be in no message.
    yield "The secret of the administrator could not be read"
    administrator = read_secret(context, wanted["AdministratorSecretArn"])
    secrets.append(administrator["password"])
    hashes = {}
    for user in wanted["Users"]:
        name, arn = user["Name"], user["SecretArn"]
        yield f'The secret of user "{name}" could not be read'
        secret = read_secret(context, arn)
        password = secret["password"]
        hashes[name] = kept(password)
        secrets.append(password)
        yield f'The secret of user "{name}" could not be written'
        # Not all that runs a service can put a password into an address itself.
        url = f"amqps://{name}:{password}@{host}:{port}/{quote(user['Vhost'], safe='')}"
        full = {**secret, "host": host, "port": int(port), "vhost": user["Vhost"], "url": url}
        if secret != full:
            call(context, "secretsmanager", "put_secret_value", SecretId=arn, SecretString=json.dumps(full))
    secrets += hashes.values()
    yield "The broker runner could not be called"
    payload = json.dumps({**wanted, **administrator, "Host": host, "Gone": gone, "hashes": hashes})
    answer = call(context, "lambda", "invoke", FunctionName=os.environ["RUNNER"], Payload=payload)
    result = json.load(answer["Payload"])
    yield f"The broker runner failed: {result['errorMessage']}" if "FunctionError" in answer else ""


def handler(event, context):
    reason, secrets, data = "", [], {}
    try:
        # What was yielded last stays: what failed, or what the runner says.
        if event["RequestType"] != "Delete":  # messages outlive the resource
            wanted = event["ResourceProperties"]
            # As Amazon MQ writes it: amqps://HOST:5671
            host, _, port = wanted["Endpoint"].partition("://")[2].partition(":")
            data = {"Host": host, "Port": port}
            before = event.get("OldResourceProperties", {}).get("Users", [])
            gone = sorted({each["Name"] for each in before} - {each["Name"] for each in wanted["Users"]})
            for reason in steps(wanted, host, port, gone, context, secrets):  # noqa: B007
                pass
    except Exception as error:
        reason += f" ({type(error).__name__}: {error})."
    for secret in secrets:
        reason = reason.replace(secret, "***")
    print(reason)  # noqa: T201
    new = "msaspec-broker-" + event["LogicalResourceId"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": event.get("PhysicalResourceId", new), "Status": "FAILED" if reason else "SUCCESS"}
    answer |= {"Data": data}
    while len(body := json.dumps({**answer, "Reason": reason or "The users are as declared."}).encode()) > 4096:
        reason = reason[:-99]
    fetch(Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
