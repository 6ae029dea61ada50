"""Makes a list of rules for CloudFront in us-east-1, which a stack elsewhere cannot; answers CloudFormation."""

# A template carries this file, which is why it is short and has no annotations.

import json
import time
from urllib.request import Request, urlopen

import boto3

PAUSE = 5
LEAST = 30_000
SCOPE = "CLOUDFRONT"
# What passes by itself: somebody else changes the list, WAF does not know it everywhere yet, CloudFront lets go late.
AGAIN = "WAFOptimisticLockException", "WAFUnavailableEntityException", "WAFAssociatedItemException"


class Slow(Exception):
    pass


def fetch(request):
    for wait in (1, 2, 4):
        try:
            return urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(wait)
    return urlopen(request, timeout=10).read()


def until(context, work):
    """Return what `work` returns, tried again while it is refused for a moment."""
    while True:
        try:
            return work()
        except Exception as error:
            # fact: iam-propagation. What this update allows the role may take a minute until it counts.
            if "AccessDenied" not in str(error) and type(error).__name__ not in AGAIN:
                raise
            if context.get_remaining_time_in_millis() < LEAST:
                raise Slow(f"{type(error).__name__}: {error}") from None
            time.sleep(PAUSE)


def place(arn):
    name, id = arn.split("/")[-2:]
    return {"Name": name, "Id": id, "Scope": SCOPE}


def lock(waf, arn):
    return {**place(arn), "LockToken": waf.get_web_acl(**place(arn))["LockToken"]}


def named(waf, name):
    """Return the list with a name: that of a call before this one, whose answer was lost."""
    marker = {}
    while True:
        page = waf.list_web_acls(Scope=SCOPE, Limit=100, **marker)
        for each in page["WebACLs"]:
            if each["Name"] == name:
                return each["ARN"]
        marker = {"NextMarker": page["NextMarker"]}


def change(waf, arn, words):
    waf.update_web_acl(**lock(waf, arn), **words)
    return arn


def make(waf, name, words, stack):
    tags = [{"Key": "msaspec:stack", "Value": stack}]
    try:
        return waf.create_web_acl(Name=name, Scope=SCOPE, Tags=tags, **words)["Summary"]["ARN"]
    except Exception as error:
        if type(error).__name__ != "WAFDuplicateItemException":
            raise
    return change(waf, named(waf, name), words)


def bring(waf, arn, event):
    """Return the ARN of the list, which is then as it is declared."""
    wanted = event["ResourceProperties"]
    seen = {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": event["LogicalResourceId"]}
    words = {"DefaultAction": {"Allow": {}}, "Rules": json.loads(wanted["Rules"]), "VisibilityConfig": seen}
    words["Description"] = f"Distributions of the stack {wanted['Stack']}"
    if arn.startswith("arn:"):
        try:
            return change(waf, arn, words)
        except Exception as error:
            # Somebody deleted it.
            if type(error).__name__ != "WAFNonexistentItemException":
                raise
    # The id of a stack is no other stack's, also of one with the same name.
    return make(waf, f"{wanted['Stack'][:90]}-{event['StackId'].rpartition('/')[2]}", words, wanted["Stack"])


def remove(waf, arn):
    try:
        waf.delete_web_acl(**lock(waf, arn))
    except Exception as error:
        if type(error).__name__ != "WAFNonexistentItemException":
            raise


def handler(event, context):
    waf = boto3.client("wafv2", region_name="us-east-1")
    id, reason, said = event.get("PhysicalResourceId", "none"), "", "The rules are as declared."
    try:
        if event["RequestType"] != "Delete":
            id = until(context, lambda: bring(waf, id, event))
        elif id.startswith("arn:"):
            until(context, lambda: remove(waf, id))
    except Slow as error:
        said = f"The rules {id} were left ({error})."
        reason = "" if event["RequestType"] == "Delete" else f"The rules were not set in time ({error})."
    except Exception as error:
        reason = f"The rules failed ({type(error).__name__}: {error})."[:1000]
    print(reason or said)  # noqa: T201
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": id, "Status": "FAILED" if reason else "SUCCESS", "Reason": reason or said}
    fetch(Request(event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"))
