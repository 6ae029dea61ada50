"""S3 buckets, each with a CloudFront distribution in front of it where asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Output, Ref, Sub, Tags, s3

from msaspec.aws import cdn as cdns
from msaspec.aws import cdn_certificates, iam, web_site
from msaspec.aws.bucket_settings import EVERYTHING, Cors, Expire, Notification, cors, expiry, notifications, untold
from msaspec.aws.cdn import Cdn
from msaspec.aws.data import s3 as stored
from msaspec.aws.web_site import WebSite
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Model, Name
from msaspec.language.kind import Kind
from msaspec.language.lending import By, Lent
from msaspec.language.listed import Listed
from msaspec.language.part import Entry, Front, Offer, Part, Place, Site, Statement, Uploads, Use
from msaspec.language.value import Text, Token, Value
from msaspec.template import names

NO_CDN = Code(
    "MSA320",
    "An invalidation without a distribution",
    "`invalidate: true` lets a service invalidate the CDN's cache; the bucket needs `cdn: true` for that.",
)


UNCERTIFIED = Code(
    "MSA538",
    "Hosts that a certificate does not take",
    """
    With `hosted_zone` and without `certificate`, msaspec requests one certificate for the hosts of a CDN. Its first
    name has at most 64 characters, and it has ten names unless the quota of the account is raised.
    """,
)


def _prefix(written: str) -> str:
    if not written.endswith("/") or written.startswith("/") or any(c in written for c in "*?${}\\\"'\n"):
        raise PydanticCustomError("prefix", "a prefix ends with `/`, does not begin with one, and holds no wildcard")
    return written


class Bucket(Model):
    """An S3 bucket: private, encrypted, TLS only, kept when the stack is deleted."""

    cdn: Cdn | None = Field(
        None, description="A CloudFront distribution in front of the bucket, with origin access control."
    )
    site: WebSite | None = Field(
        None,
        description="Files that are served as a web site. The bucket then has a distribution by itself.",
        examples=["./dist", {"files": "./dist", "fallback": "index.html"}],
    )
    versioned: bool = Field(False, description="Keep every version of every object.")
    cors: Cors | None = Field(None, description="Web pages that may read or write the bucket from a browser.")
    expire: Expire = Field(
        {},
        description="After how long S3 deletes objects: all, or those of a prefix.",
        examples=["30 days", {"tmp/": "7 days"}],
    )
    notify: Annotated[dict[Name, Notification], Listed()] = Field(
        {},
        description="Queues and topics that S3 tells of new or deleted objects.",
        examples=[["uploads"], {"uploads": {"events": ["created"], "prefix": "in/"}}],
    )


class BucketUse(Model):
    """What a service may do with a bucket."""

    access: Literal["read", "write", "read-write"] = Field("read", description="What the service can do with objects.")
    prefix: Annotated[str, AfterValidator(_prefix)] | None = Field(
        None, description="Limit the access to objects whose key begins with this prefix.", examples=["profiles/"]
    )
    invalidate: bool = Field(
        False, description="Allow the service to invalidate the cache of the bucket's distribution."
    )


class Buckets(Kind[Bucket, BucketUse]):
    """The section `buckets`."""

    section = "buckets"
    noun = "bucket"
    links = ("queues", "topics")
    lent = Lent(By.ROLES, "read-write")
    types = (
        AwsType(
            name="AWS::CloudFront::Distribution",
            noun="CloudFront distribution",
            slow={"create": "5 to 20 minutes", "update": "5 to 20 minutes", "delete": "5 to 20 minutes"},
        ),
        AwsType(name="AWS::CloudFront::Function", unique=(("Name",),)),
        AwsType(name="AWS::CloudFront::OriginAccessControl", unique=(("OriginAccessControlConfig", "Name"),)),
        stored.BUCKET,
        stored.POLICY,
        *cdn_certificates.TYPES,
    )
    attributes: ClassVar[Mapping[str, str]] = {
        "name": "Name of the bucket.",
        "arn": "ARN of the bucket.",
        "region": "Region of the bucket.",
        "cdn_domain": "Domain of its distribution, if it has one.",
        "cdn_id": "ID of its distribution, if it has one.",
    }

    def named(self, entry: Entry[Bucket]) -> Mapping[str, str]:
        """Return the attributes, those of a distribution where there is one."""
        there = _cdn(entry) is not None
        return {name: about for name, about in self.attributes.items() if there or not name.startswith("cdn_")}

    def linked(self, entry: Entry[Bucket]) -> Iterable[tuple[str, Path]]:
        """Yield the queues and topics that are told of its objects."""
        for name in sorted(entry.spec.notify):
            yield name, (*entry.path, "notify", name)

    def check(self, entry: Entry[Bucket], uses: Sequence[Use[BucketUse]]) -> Iterable[Diagnostic]:
        """Yield an invalidation or a site without a distribution, a site that expires, and whom S3 cannot tell."""
        yield from untold(entry.spec.notify, entry)
        yield from _siteless(entry)
        yield from _uncertified(entry)
        if not _cdn(entry):
            for use in uses:
                if use.options.invalidate:
                    message = f"`{use.service}` invalidates `{entry.name}`, which has no distribution."
                    hint = f"Add `cdn: true` to `buckets.{entry.name}`."
                    yield NO_CDN.at((*use.path, "invalidate"), message, hint=hint)

    def build(self, entry: Entry[Bucket], uses: Sequence[Use[BucketUse]], site: Site) -> Part:
        """Return the bucket with its policy, and its distribution."""
        bucket = names.logical(entry.name, "Bucket")
        part = Part(
            resources=(_bucket(entry, site), _bucket_policy(entry)),
            outputs=(Output(bucket, Description=f"Name of the bucket {entry.name}.", Value=Ref(bucket)),),
        )
        cdn = _cdn(entry)
        return part + cdns.build(entry.name, cdn, entry.spec.site, site) if cdn else part

    def common(self, entries: Sequence[tuple[Entry[Bucket], Sequence[Use[BucketUse]]]], site: Site) -> Part:
        """Return the function that makes certificates for CloudFront, where one is needed."""
        cdns_of = [cdn for entry, _ in entries if (cdn := _cdn(entry)) and cdn.certified]
        zones = sorted({cdn.hosted_zone for cdn in cdns_of if cdn.hosted_zone})
        return cdn_certificates.common(zones, site) if zones else Part()

    def front(self, entry: Entry[Bucket]) -> Front | None:
        """Its distribution, with `cdn`; by its first name, where msaspec leads that there."""
        cdn = _cdn(entry)
        if cdn is None:
            return None
        if cdn.hosted_zone:
            return Front((cdn.hosts[0],))
        return Front((Token(f"{names.logical(entry.name, 'Distribution')}.DomainName"),))

    def uploads(self, entry: Entry[Bucket]) -> Uploads | None:
        """Return its site's files."""
        site = entry.spec.site
        if site is None:
            return None
        return Uploads(
            entry=entry.name,
            path=(*entry.path, "site"),
            folder=site.files,
            pages={"index": site.index} | ({"fallback": site.fallback} if site.fallback else {}),
            immutable=site.immutable,
            bucket=names.logical(entry.name, "Bucket"),
            distribution=names.logical(entry.name, "Distribution"),
        )

    def offer(self, entry: Entry[Bucket], use: Use[BucketUse], place: Place) -> Offer:
        """Names, and access by the words under `uses`."""
        bucket = names.logical(entry.name, "Bucket")
        name: Value = (Token(bucket),)
        attributes: dict[str, Value] = {
            "name": name,
            "arn": (Token(f"{bucket}.Arn"),),
            "region": (Token("AWS::Region"),),
        }
        prefix = names.variable(entry.name)
        plain: dict[str, Value] = {f"{prefix}_BUCKET": name}
        spring: dict[str, Value] = {"cloud.aws.s3.bucket": name, "cloud.aws.region.static": (Token("AWS::Region"),)}
        if _cdn(entry):
            distribution = names.logical(entry.name, "Distribution")
            domain: Value = (Token(f"{distribution}.DomainName"),)
            attributes |= {"cdn_domain": domain, "cdn_id": (Token(distribution),)}
            plain |= {f"{prefix}_CDN_DOMAIN": domain, f"{prefix}_CDN_ID": (Token(distribution),)}
            spring |= {
                "cloud.aws.cloud-front.domain-name": domain,
                "cloud.aws.cloud-front.distribution-id": (Token(distribution),),
            }
        return Offer(
            attributes=attributes,
            variables=spring if use.framework == "spring-boot" else plain,
            statements=tuple(_statements(entry, use.options)),
            beyond={"invalidate": "CloudFront"} if use.options.invalidate else {},
        )


def _cdn(entry: Entry[Bucket]) -> Cdn | None:
    cdn = entry.spec.cdn or (Cdn() if entry.spec.site else None)
    return cdn if cdn and cdn.enabled else None


def _uncertified(entry: Entry[Bucket]) -> Iterable[Diagnostic]:
    """Yield names that a certificate does not take."""
    cdn = _cdn(entry)
    if cdn is None or not cdn.certified:
        return
    most, longest = cdn_certificates.MOST_NAMES, cdn_certificates.LONGEST_NAME
    if len(cdn.hosts) > most:
        message = f"The certificate of `{entry.name}` would have {len(cdn.hosts)} names; it has {most} by default."
        hint = "Name fewer hosts, or a `certificate` of your own."
        yield UNCERTIFIED.at((*entry.path, "cdn", "hosts"), message, hint=hint, key=True)
    if len(cdn.hosts[0]) > longest:
        message = f"The first host has {len(cdn.hosts[0])} characters; the first name of a certificate has {longest}."
        yield UNCERTIFIED.at((*entry.path, "cdn", "hosts", 0), message, hint="Put a shorter one first.")


def _siteless(entry: Entry[Bucket]) -> Iterable[Diagnostic]:
    """Yield what is wrong with a site beside its files."""
    if entry.spec.site is None:
        return
    if not _cdn(entry):
        message = f"`{entry.name}` is a site, and `cdn: false` leaves nothing that serves it."
        yield web_site.NO_CDN.at((*entry.path, "cdn"), message, hint="Remove the line.", key=True)
    if EVERYTHING in entry.spec.expire:
        message = f"S3 would delete the files of the site `{entry.name}`."
        hint = "Name a prefix that the site does not use: `expire: {uploads/: 30 days}`."
        yield web_site.EXPIRES.at((*entry.path, "expire"), message, hint=hint, key=True)


def _bucket(entry: Entry[Bucket], site: Site) -> Any:
    versioned = entry.spec.versioned
    return s3.Bucket(
        names.logical(entry.name, "Bucket"),
        BucketEncryption=s3.BucketEncryption(
            ServerSideEncryptionConfiguration=[
                s3.ServerSideEncryptionRule(
                    ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(SSEAlgorithm="AES256")
                )
            ]
        ),
        PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
        OwnershipControls=s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        LifecycleConfiguration=s3.LifecycleConfiguration(
            Rules=[
                s3.LifecycleRule(
                    Id="abandoned-uploads",
                    Status="Enabled",
                    AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=7),
                ),
                *expiry(entry.spec.expire, versioned=versioned),
            ]
        ),
        **cors(entry.spec.cors),
        **notifications(entry.spec.notify, entry.to),
        **({"VersioningConfiguration": s3.VersioningConfiguration(Status="Enabled")} if versioned else {}),
        Tags=Tags(Name=f"{site.stack}/{entry.name}"),
        DeletionPolicy="RetainExceptOnCreate",
        UpdateReplacePolicy="Retain",
    )


def _bucket_policy(entry: Entry[Bucket]) -> Any:
    bucket = names.logical(entry.name, "Bucket")
    statements: list[dict[str, Any]] = [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [GetAtt(bucket, "Arn"), Sub(f"${{{bucket}.Arn}}/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]
    if _cdn(entry):
        distribution = names.logical(entry.name, "Distribution")
        source = f"arn:${{AWS::Partition}}:cloudfront::${{AWS::AccountId}}:distribution/${{{distribution}}}"
        statements.append(
            {
                "Sid": "Distribution",
                "Effect": "Allow",
                "Principal": {"Service": "cloudfront.amazonaws.com"},
                "Action": "s3:GetObject",
                "Resource": Sub(f"${{{bucket}.Arn}}/*"),
                "Condition": {"StringEquals": {"AWS:SourceArn": Sub(source)}},
            }
        )
        if entry.spec.site:
            statements += _site_statements(bucket, Sub(source))
    return s3.BucketPolicy(
        names.logical(entry.name, "BucketPolicy"),
        Bucket=Ref(bucket),
        PolicyDocument={"Version": "2012-10-17", "Statement": statements},
    )


def _site_statements(bucket: str, source: Any) -> Iterable[dict[str, Any]]:
    """Yield what has S3 answer 404 for what is not there, and keeps the list of the files from viewers."""
    # fact: missing-objects
    viewer = {"Principal": {"Service": "cloudfront.amazonaws.com"}}
    yield {
        "Sid": "NotFound",
        "Effect": "Allow",
        **viewer,
        "Action": "s3:ListBucket",
        "Resource": GetAtt(bucket, "Arn"),
        "Condition": {"StringEquals": {"AWS:SourceArn": source}},
    }
    yield {
        "Sid": "Record",
        "Effect": "Deny",
        **viewer,
        "Action": "s3:GetObject",
        "Resource": Sub(f"${{{bucket}.Arn}}/{web_site.RECORD}"),
    }


def _statements(entry: Entry[Bucket], use: BucketUse) -> Iterable[Statement]:
    bucket = names.logical(entry.name, "Bucket")
    objects: Text = (Token(f"{bucket}.Arn"), f"/{use.prefix or ''}*")
    actions: list[str] = []
    if use.access in ("read", "read-write"):
        condition = {"StringLike": {"s3:prefix": f"{use.prefix}*"}} if use.prefix else None
        yield Statement(("s3:ListBucket",), ((Token(f"{bucket}.Arn"),),), condition)
        actions.append("s3:GetObject")
    if use.access in ("write", "read-write"):
        actions += ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    yield Statement(tuple(actions), (objects,))
    if use.invalidate:
        distribution: Text = ("distribution/", Token(names.logical(entry.name, "Distribution")))
        yield Statement(("cloudfront:CreateInvalidation",), (iam.arn("cloudfront", distribution, region=False),))
