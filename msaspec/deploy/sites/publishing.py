"""The files of sites into their buckets: uploaded, deleted, forgotten by CloudFront."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import groupby, islice
from typing import Any

from msaspec.compile.plan import Plan
from msaspec.deploy.aws import fault, state
from msaspec.deploy.aws.state import Deployed
from msaspec.deploy.aws.target import THREADS, Aws
from msaspec.deploy.aws.token import new
from msaspec.deploy.context import Context
from msaspec.deploy.options import DeployContext
from msaspec.deploy.reporter import Declined
from msaspec.deploy.sites import difference, folder, headers, local, record
from msaspec.deploy.sites.difference import Difference
from msaspec.deploy.sites.folder import File, Folder
from msaspec.diagnostics.diagnostic import Invalid, Severity
from msaspec.messages import publishing as said
from msaspec.messages.others import Unseen
from msaspec.messages.publishing import SiteChanges

AT_ONCE = 8
"""Files that are uploaded at a time, each in parts."""
_BATCH = 256
"""Files that wait for their turn."""
_DELETED_AT_ONCE = 1000
"""Objects that S3 deletes in one request."""


def folders(context: Context, plan: Plan) -> tuple[Folder, ...]:
    """Read the files of all sites. Raises Invalid with what is missing of them or cannot be uploaded."""
    found, wrong = local.read(plan, context.invocation.file)
    if wrong:
        raise Invalid(replace(each, severity=Severity.ERROR) for each in wrong)
    for its in found:
        if its.hidden:
            context.reporter.say(said.SiteHidden(its.uploads.entry, its.hidden))
    return tuple(found)


def compared(aws: Aws, deployed: Deployed | None, its: Folder, *, repair: bool = False) -> Difference:
    """Compare a folder with what its bucket has; with nothing where there is no bucket yet."""
    bucket = _ids(aws, deployed).get(its.uploads.bucket)
    if bucket is None:
        return difference.between(its, record.Record())
    s3 = aws.client("s3")
    known = record.read(s3, bucket)
    return difference.between(its, known, _lost(s3, bucket, known.files) if repair else ())


def publish(context: DeployContext, sites: Sequence[Folder], deployed: Deployed, *, agreed: bool) -> None:
    """Upload what changed, then delete what went, then have CloudFront forget it.

    Raises Declined where the user does not want it, Invalid where a file cannot be read any more.
    """
    aws, options = context.aws, context.options
    for its in sites:
        found, site = compared(aws, deployed, its, repair=options.repair), its.uploads.entry
        if not found.any:
            context.reporter.say(said.SiteUnchanged(site, len(its.files)))
            continue
        question = said.MayPublish(site, len(found.upload), len(found.delete), aws.region, aws.account)
        if not (agreed or options.yes or context.reporter.asks(question)):
            raise Declined
        ids = _ids(aws, deployed)
        _bring(context, found, ids[its.uploads.bucket], ids.get(its.uploads.distribution))
        numbers = len(found.upload), len(found.delete), found.unchanged, len(found.leaving)
        context.reporter.say(said.SitePublished(site, its.path, *numbers, found.paths))


def rehearse(context: DeployContext, sites: Sequence[Folder], deployed: Deployed | None) -> None:
    """Say what `publish` would do."""
    for its in sites:
        found = compared(context.aws, deployed, its, repair=context.options.repair)
        context.reporter.say(found.told if found.any else said.SiteUnchanged(its.uploads.entry, len(its.files)))


def changes(aws: Aws, stack: str, sites: Sequence[Folder]) -> tuple[list[SiteChanges], Unseen | None]:
    """Return what a deployment would do to the files of the sites of a stack, as far as they change; and why that is
    not known, for somebody who may not read their buckets."""
    from botocore.exceptions import ClientError

    try:
        deployed = state.describe(aws, stack) if sites else None
        found = [compared(aws, deployed, its) for its in sites]
    except ClientError as error:
        if fault.code_of(error) not in fault.FORBIDDEN_CODES:
            raise
        return [], Unseen("compare", fault.message_of(error))
    return [each.told for each in found if each.any], None


def _ids(aws: Aws, deployed: Deployed | None) -> Mapping[str, str]:
    if deployed is None:
        return {}
    return {each.logical_id: each.id for each in state.resources(aws, deployed.id) if each.id and each.made}


def _lost(s3: Any, bucket: str, files: Iterable[str]) -> set[str]:
    """Return the files that are not in the bucket any more."""
    lost = set(files)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        lost.difference_update(each["Key"] for each in page.get("Contents", []))
    return lost


def _bring(context: DeployContext, found: Difference, bucket: str, distribution: str | None) -> None:
    s3 = context.aws.client("s3")
    record.write(s3, bucket, found.begun)
    for _, group in groupby(found.upload, key=lambda each: difference.rank(each)):
        _upload(context, bucket, found, list(group))
    delete(s3, bucket, found.delete)
    if found.paths and distribution:
        paths = {"Quantity": len(found.paths), "Items": list(found.paths)}
        batch = {"Paths": paths, "CallerReference": new()}
        context.aws.client("cloudfront").create_invalidation(DistributionId=distribution, InvalidationBatch=batch)
    record.write(s3, bucket, found.done)


def delete(s3: Any, bucket: str, files: Sequence[str]) -> None:
    """Delete files of a site. Raises ClientError at the first that stays: the record still has it, so the next
    deployment tries again."""
    from botocore.exceptions import ClientError

    for first in range(0, len(files), _DELETED_AT_ONCE):
        keys = [{"Key": key} for key in files[first : first + _DELETED_AT_ONCE]]
        # S3 answers with success, and lists what it did not delete.
        said = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        for error in said.get("Errors", []):
            message = f"{error['Key']}: {error.get('Message', 'it stays')}"
            raise ClientError({"Error": {"Code": error.get("Code", ""), "Message": message}}, "DeleteObjects")


def _upload(context: Context, bucket: str, found: Difference, files: Sequence[File]) -> None:
    """Upload some files, several at a time, none of them read as a whole."""
    from boto3.s3.transfer import TransferConfig

    s3, config = context.aws.client("s3"), TransferConfig(use_threads=False)
    site = found.folder.uploads

    def one(file: File) -> None:
        words = {
            "ContentType": headers.content_type(file.key),
            "CacheControl": headers.cache_control(file.key, site.immutable),
        }
        try:
            with open(file.path, "rb") as stream:
                s3.upload_fileobj(stream, bucket, file.key, ExtraArgs=words, Config=config)
        except OSError as error:
            message = f"`{file.key}` in the folder of the site `{site.entry}` cannot be read: {error.strerror}."
            gone = folder.UNFIT.at((*site.path, "files"), message, hint=f"Then: {context.command('deploy')}")
            raise Invalid([context.placed(gone)]) from None

    waiting = iter(files)
    pool = ThreadPoolExecutor(AT_ONCE, THREADS)
    try:
        while batch := list(islice(waiting, _BATCH)):
            for _ in pool.map(one, batch):
                pass
    finally:
        pool.shutdown(cancel_futures=True)
