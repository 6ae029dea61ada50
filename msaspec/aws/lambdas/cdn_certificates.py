"""Requests certificates for CloudFront in us-east-1 and proves the domain in Route 53; answers CloudFormation."""

# A template carries this file, which is why it is short and has no annotations.

import hashlib
import json
import time
from urllib.request import Request, urlopen

import boto3

PAUSE = 5
LEAST = 30_000


class Slow(Exception):
    pass


def fetch(request):
    for wait in (1, 2, 4):
        try:
            return urlopen(request, timeout=10).read()
        except OSError:
            time.sleep(wait)
    return urlopen(request, timeout=10).read()


def until(context, done, what):
    """Return what `done` gives, asked again while that is nothing."""
    while True:
        try:
            found = done()
        except Exception as error:
            # fact: iam-propagation. What this update allows the role may take a minute until it counts.
            if "AccessDenied" not in str(error) or context.get_remaining_time_in_millis() < LEAST:
                raise
            found = None
        if found:
            return found
        if context.get_remaining_time_in_millis() < LEAST:
            raise Slow(what)
        time.sleep(PAUSE)


def request(acm, event, wanted, context):
    names = wanted["Names"]
    # Whoever asks again within an hour, such as a repeated call, gets the same certificate.
    token = hashlib.sha256(json.dumps([event["StackId"], event["LogicalResourceId"], names]).encode()).hexdigest()
    words = {"DomainName": names[0], "ValidationMethod": "DNS", "IdempotencyToken": token[:32]}
    words |= {"SubjectAlternativeNames": names[1:]} if names[1:] else {}
    tags = [{"Key": "msaspec:stack", "Value": wanted["Stack"]}]
    asked = until(context, lambda: acm.request_certificate(**words, Tags=tags), "ACM does not answer")
    return asked["CertificateArn"]


def records(acm, arn, names):
    options = acm.describe_certificate(CertificateArn=arn)["Certificate"].get("DomainValidationOptions", [])
    found = {each["DomainName"]: each["ResourceRecord"] for each in options if each.get("ResourceRecord")}
    return list(found.values()) if set(names) <= set(found) else None


def prove(route53, zone, found):
    unique = {each["Name"]: each for each in found}
    changes = [
        {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": each["Name"],
                "Type": each["Type"],
                "TTL": 300,
                "ResourceRecords": [{"Value": each["Value"]}],
            },
        }
        for each in unique.values()
    ]
    return route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def issued(acm, arn):
    certificate = acm.describe_certificate(CertificateArn=arn)["Certificate"]
    if certificate["Status"] not in ("ISSUED", "PENDING_VALIDATION"):
        raise RuntimeError(
            f"the certificate is {certificate['Status']}: {certificate.get('FailureReason', 'no reason')}"
        )
    return certificate["Status"] == "ISSUED"


def removed(acm, arn):
    try:
        acm.delete_certificate(CertificateArn=arn)
    except acm.exceptions.ResourceInUseException:
        return False  # CloudFront lets go of it late.
    except acm.exceptions.ResourceNotFoundException:
        pass
    return True


def handler(event, context):
    acm = boto3.client("acm", region_name="us-east-1")
    wanted, old = event["ResourceProperties"], event.get("OldResourceProperties", {})
    id, reason, said = event.get("PhysicalResourceId", "none"), "", "The certificate is issued."
    try:
        if event["RequestType"] == "Delete":
            if id.startswith("arn:"):
                until(context, lambda: removed(acm, id), "it is still in use")
        elif old.get("Names") != wanted["Names"] or not id.startswith("arn:"):
            id = request(acm, event, wanted, context)
            found = until(context, lambda: records(acm, id, wanted["Names"]), "ACM gives no records")
            route53 = boto3.client("route53")
            until(context, lambda: prove(route53, wanted["HostedZoneId"], found), "Route 53 does not answer")
            until(
                context,
                lambda: issued(acm, id),
                "ACM does not find its records: is the hosted zone public, and in use?",
            )
    except Slow as error:
        said = f"The certificate {id} was left: {error}."
        reason = "" if event["RequestType"] == "Delete" else f"The certificate was not issued in time: {error}"
    except Exception as error:
        reason = f"The certificate failed ({type(error).__name__}: {error})."[:1000]
    print(reason or said)  # noqa: T201
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": id, "Status": "FAILED" if reason else "SUCCESS", "Reason": reason or said}
    fetch(Request(event["ResponseURL"], json.dumps(answer).encode(), {"Content-Type": ""}, method="PUT"))
