"""Runs a job before a deployment continues, and reports its result to CloudFormation."""

# A template carries this file, which is why it is short and has no annotations.

import json
import re
import time
from urllib.request import Request, urlopen

import boto3

LINES, LONGEST = 5, 1500
# What looks like a password in an address does not get into the events of the stack.
PASSWORD = re.compile(r"(://[^\s:/@]*:)[^\s@]+@")


def fetch(request):
    for wait in (1, 2, 4):
        try:
            return urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(wait)
    return urlopen(request, timeout=10).read()


def call(context, service, operation, **words):
    while True:
        try:
            return getattr(boto3.client(service), operation)(**words)
        except Exception as error:
            # fact: iam-propagation. What this update allows the role may take a minute until it counts.
            if "AccessDenied" not in str(error) or context.get_remaining_time_in_millis() < 30_000:
                raise
            time.sleep(5)


def begin(event, context):
    """Start the job. Return what to say where CloudFormation need not wait for it."""
    if event["RequestType"] == "Delete":
        return "There is nothing to undo."
    stacks = call(context, "cloudformation", "describe_stacks", StackName=event["StackId"])["Stacks"]
    # fact: custom-resource-rollback. The version before is not to run its job again.
    if "ROLLBACK" in stacks[0]["StackStatus"]:
        return "The update is rolled back, and the job does not run."
    wanted = event["ResourceProperties"]
    request = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId", "ResponseURL")}
    request |= {"PhysicalResourceId": physical(event), "Job": wanted["Job"], "LogGroup": wanted["LogGroup"]}
    words = {"name": event["RequestId"], "input": json.dumps({"request": request})}
    try:
        call(context, "stepfunctions", "start_execution", stateMachineArn=wanted["Machine"], **words)
    except Exception as error:
        # Lambda repeats a call that it lost sight of.
        if "ExecutionAlreadyExists" not in type(error).__name__ + str(error):
            raise
    return None


def physical(event):
    return event.get("PhysicalResourceId", "msaspec-gate-" + event["LogicalResourceId"])


def lines(context, request, task):
    """Return the last lines that a task wrote."""
    stream = f"{request['Job']}/{request['Job']}/{task.rpartition('/')[2]}"
    words = {"logGroupName": request["LogGroup"], "logStreamName": stream, "limit": LINES, "startFromHead": False}
    try:
        found = call(context, "logs", "get_log_events", **words)["events"]
    except Exception as error:
        return f"Its log could not be read ({type(error).__name__})."
    said = " | ".join(" ".join(event["message"].split()) for event in found)
    return f"The last lines of its log: {said}" if said else "It wrote nothing."


def told(context, request, failed):
    """Return why a job failed, with the end of its log."""
    if failed.get("Error") == "States.Timeout":
        return "It took longer than its timeout, and was stopped."
    if failed.get("Error") == "Aborted":
        return "Somebody stopped its execution."
    try:
        task = json.loads(failed.get("Cause") or "")
        codes = [each["ExitCode"] for each in task["Containers"] if "ExitCode" in each]
    except (ValueError, LookupError, TypeError):
        return str(failed.get("Cause") or failed.get("Error"))
    if not codes:
        return task.get("StoppedReason") or "It did not start."
    return f"Its container ended with exit code {codes[0]}. {lines(context, request, task['TaskArn'])}"


def stopped(event):
    """Return what the last state of an execution would have said that runs none, since somebody stopped it."""
    request = json.loads(event["detail"].get("input") or "{}").get("request")
    return {"request": request, "failed": {"Error": "Aborted"}} if request else None


def handler(event, context):
    if "detail" in event:
        event = stopped(event)
        if event is None:
            return
    request, status, reason = event.get("request", event), "SUCCESS", "The job ended well."
    try:
        if "RequestType" in event:
            reason = begin(event, context)
            if reason is None:
                return
        elif "failed" in event:
            status, reason = "FAILED", f"The job {request['Job']} failed. {told(context, request, event['failed'])}"
    except Exception as error:
        status, reason = "FAILED", f"The job could not be started ({type(error).__name__}: {error})."
    reason = PASSWORD.sub(r"\1***@", reason)[:LONGEST]
    print(reason)  # noqa: T201
    answer = {key: request[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": physical(request), "Status": status, "Reason": reason}
    body = json.dumps(answer).encode()
    fetch(Request(request["ResponseURL"], body, {"Content-Type": ""}, method="PUT"))
