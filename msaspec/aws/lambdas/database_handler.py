"""Answers CloudFormation for the databases of a stack. No service's password leaves this function."""

# A template carries this file, which is why it is short and has no annotations.

import hmac
import json
import os
import time
from base64 import b64encode
from hashlib import pbkdf2_hmac, sha256
from urllib.request import Request, urlopen

import boto3
from botocore.config import Config

# After idle weeks, calls fail until the function has a network interface again.
ASLEEP = "ENINotReadyException", "ResourceConflictException", "ResourceNotReadyException"
# fact: rds-authorities. Where they are not at the usual place; those of all Regions are in one file.
TRUSTSTORES = {
    "cn": "rds-truststore.s3.cn-north-1.amazonaws.com.cn",
    "gov": "truststore.pki.us-gov-west-1.rds.amazonaws.com",
}


def fetch(request):
    for wait in (1, 2, 4):
        try:
            return urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(wait)
    return urlopen(request, timeout=10).read()


def authorities():
    host = TRUSTSTORES.get(os.environ["AWS_REGION"].split("-")[-3], "truststore.pki.rds.amazonaws.com")
    return os.environ.get("CA_BUNDLE_URL", f"https://{host}/global/global-bundle.pem")


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
    secret = json.loads(call(context, "secretsmanager", "get_secret_value", SecretId=arn)["SecretString"])
    # Other letters would have to be normalised as SASLprep does.
    if not secret["password"].isascii():
        raise ValueError("the password is not ASCII")
    return secret


def verifier(password):
    salt = os.urandom(16)
    salted = pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    client, server = (hmac.digest(salted, key, "sha256") for key in (b"Client Key", b"Server Key"))
    parts = map(b64encode, (salt, sha256(client).digest(), server))
    return (b"SCRAM-SHA-256$4096:%b$%b:%b" % tuple(parts)).decode()


def steps(wanted, context, secrets):
    """Yield what to say should the next step fail, and at last what the runner says, nothing if it succeeded."""
    # What is put into `secrets` will be in no message.
    yield "The secret of the master user could not be read"
    master = read_secret(context, wanted["MasterSecretArn"])
    secrets.append(master["password"])
    logins = {}
    for role in wanted.get("Roles", []):
        yield f'The secret of role "{role["Name"]}" could not be read'
        secret = read_secret(context, role["SecretArn"])
        logins[role["Name"]] = verifier(secret["password"])
        secrets.append(secret["password"])
        yield f'The secret of role "{role["Name"]}" could not be written'
        # Not all that runs a service can put a password into an address itself.
        url = secret["password"].join(role["Url"])
        if secret.get("url") != url:
            text = json.dumps({**secret, "url": url})
            call(context, "secretsmanager", "put_secret_value", SecretId=role["SecretArn"], SecretString=text)
    secrets += logins.values()
    url = authorities()
    yield f"The certificates at {url} could not be read"
    if not url.startswith(("https:", "file:")):
        raise ValueError("it is not https")
    payload = json.dumps({**wanted, **master, "logins": logins, "ca": fetch(url).decode()})
    yield "The database runner could not be called"
    answer = call(context, "lambda", "invoke", FunctionName=os.environ["RUNNER"], Payload=payload)
    result = json.load(answer["Payload"])
    yield f"The database runner failed: {result['errorMessage']}" if "FunctionError" in answer else ""


def handler(event, context):
    reason, secrets = "", []
    try:
        # What was yielded last stays: what failed, or what the runner says.
        if event["RequestType"] != "Delete":  # data outlives the stack
            for reason in steps(event["ResourceProperties"], context, secrets):  # noqa: B007
                pass
    except Exception as error:
        reason += f" ({type(error).__name__}: {error})."
    for secret in secrets:
        reason = reason.replace(secret, "***")
    print(reason)  # noqa: T201
    new = "msaspec-databases-" + event["LogicalResourceId"]
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": event.get("PhysicalResourceId", new), "Status": "FAILED" if reason else "SUCCESS"}
    while len(body := json.dumps({**answer, "Reason": reason or "The databases are as declared."}).encode()) > 4096:
        reason = reason[:-99]
    fetch(Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
