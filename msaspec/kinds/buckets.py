"""S3 buckets, each with a CloudFront distribution in front of it where asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal
from zlib import crc32

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Output, Ref, Select, Split, Sub, Tags, cloudfront, s3

from msaspec.aws import iam, ingress
from msaspec.aws.bucket_settings import Cors, Expire, Notification, cors, expiry, notifications, untold
from msaspec.aws.data import s3 as stored
from msaspec.aws.intrinsic import intrinsic
from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.diagnostics.place import Path
from msaspec.language.aws_type import AwsType
from msaspec.language.base import Items, Model, Name
from msaspec.language.kind import Kind
from msaspec.language.listed import Listed
from msaspec.language.part import Entry, Front, FrontDoor, Offer, Part, Place, Site, Statement, Use
from msaspec.language.paths import HostName
from msaspec.language.value import Text, Token, Value
from msaspec.template import names

NO_CDN = Code(
    "MSA320",
    "An invalidation without a distribution",
    "`invalidate: true` lets a service invalidate the CDN's cache; the bucket needs `cdn: true` for that.",
)

CACHING_OPTIMIZED = "658327ea-f89d-4fab-a63d-7e88639e58f6"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER = "216adef6-5c7f-47e4-b989-5492eafa07d3"
SECURITY_HEADERS = "67f7725c-6f97-4210-82d7-5512b31e9d03"
"""Ids of CloudFront's managed cache policies CachingOptimized and CachingDisabled, its origin request policy AllViewer
and its response headers policy SecurityHeadersPolicy (the same in every account; AWS CDK's constants)."""

SERVICES = "Services"
"""Id of the load balancer among a distribution's origins; that of a bucket is a name, which has no capitals."""


def _certificate(written: str) -> str:
    parts = written.split(":")
    if (
        len(parts) != 6
        or parts[2:4] != ["acm", "us-east-1"]
        or not parts[5].startswith("certificate/")
        or "{" in written
    ):
        raise PydanticCustomError("certificate", "CloudFront accepts only the ARN of an ACM certificate in us-east-1")
    return written


def _prefix(written: str) -> str:
    if not written.endswith("/") or written.startswith("/") or any(c in written for c in "*?${}\\\"'\n"):
        raise PydanticCustomError("prefix", "a prefix ends with `/`, does not begin with one, and holds no wildcard")
    return written


class Cdn(Model):
    """The CloudFront distribution in front of a bucket."""

    shorthand = "enabled"

    enabled: bool = Field(True, description="Whether to create it.")
    hosts: Items[HostName] = Field((), description="Its own host names, which need a certificate.")
    certificate: Annotated[str, AfterValidator(_certificate)] | None = Field(
        None,
        description="ARN of an ACM certificate in us-east-1 for `hosts`.",
        examples=["arn:aws:acm:us-east-1:123456789012:certificate/1b2c3d4e"],
    )

    @model_validator(mode="after")
    def _together(self) -> Cdn:
        if bool(self.hosts) != bool(self.certificate):
            raise PydanticCustomError("together", "`hosts` and `certificate` need each other")
        return self


class Bucket(Model):
    """An S3 bucket: private, encrypted, TLS only, kept when the stack is deleted."""

    cdn: Cdn | None = Field(
        None, description="A CloudFront distribution in front of the bucket, with origin access control."
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
    types = (
        AwsType(
            name="AWS::CloudFront::Distribution",
            noun="CloudFront distribution",
            slow={"create": "5 to 20 minutes", "update": "5 to 20 minutes", "delete": "5 to 20 minutes"},
        ),
        AwsType(name="AWS::CloudFront::OriginAccessControl", unique=(("OriginAccessControlConfig", "Name"),)),
        stored.BUCKET,
        stored.POLICY,
    )
    attributes: ClassVar[Mapping[str, str]] = {
        "name": "Name of the bucket.",
        "arn": "ARN of the bucket.",
        "region": "Region of the bucket.",
        "cdn_domain": "Domain of its distribution, if it has one.",
        "cdn_id": "ID of its distribution, if it has one.",
    }

    def linked(self, entry: Entry[Bucket]) -> Iterable[tuple[str, Path]]:
        """Yield the queues and topics that are told of its objects."""
        for name in sorted(entry.spec.notify):
            yield name, (*entry.path, "notify", name)

    def check(self, entry: Entry[Bucket], uses: Sequence[Use[BucketUse]]) -> Iterable[Diagnostic]:
        """Yield an invalidation needs a distribution, and whom S3 cannot tell."""
        yield from untold(entry.spec.notify, entry)
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
        return part + _distribution(entry, cdn, site) if cdn else part

    def front(self, entry: Entry[Bucket]) -> Front | None:
        """Its distribution, with `cdn`."""
        return Front(Token(f"{names.logical(entry.name, 'Distribution')}.DomainName")) if _cdn(entry) else None

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
    cdn = entry.spec.cdn
    return cdn if cdn and cdn.enabled else None


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
    return s3.BucketPolicy(
        names.logical(entry.name, "BucketPolicy"),
        Bucket=Ref(bucket),
        PolicyDocument={"Version": "2012-10-17", "Statement": statements},
    )


def _distribution(entry: Entry[Bucket], cdn: Cdn, site: Site) -> Part:
    bucket, distribution = names.logical(entry.name, "Bucket"), names.logical(entry.name, "Distribution")
    control = names.logical(entry.name, "OriginAccess")
    # The name must be unique in the account, so it contains the stack's own UUID.
    unique = Select(2, Split("/", Ref("AWS::StackId")))
    return Part(
        resources=(
            cloudfront.OriginAccessControl(
                control,
                OriginAccessControlConfig=cloudfront.OriginAccessControlConfig(
                    Name=Sub(f"{_brief(entry.name)}-${{Stack}}", Stack=unique),
                    OriginAccessControlOriginType="s3",
                    SigningBehavior="always",
                    SigningProtocol="sigv4",
                ),
            ),
            cloudfront.Distribution(
                distribution,
                DistributionConfig=cloudfront.DistributionConfig(
                    Enabled=True,
                    Comment=f"{site.stack}/{entry.name}",
                    HttpVersion="http2and3",
                    IPV6Enabled=True,
                    **_own_names(cdn),
                    Origins=[
                        cloudfront.Origin(
                            Id=entry.name,
                            DomainName=GetAtt(bucket, "RegionalDomainName"),
                            OriginAccessControlId=GetAtt(control, "Id"),
                            # Required beside origin access control, and empty.
                            S3OriginConfig=cloudfront.S3OriginConfig(OriginAccessIdentity=""),
                        ),
                        *([_balancer(site.front)] if site.front and site.front.cdn else []),
                    ],
                    DefaultCacheBehavior=cloudfront.DefaultCacheBehavior(
                        TargetOriginId=entry.name,
                        ViewerProtocolPolicy="redirect-to-https",
                        Compress=True,
                        CachePolicyId=CACHING_OPTIMIZED,
                        ResponseHeadersPolicyId=SECURITY_HEADERS,
                    ),
                    **_behaviours(site.front),
                ),
                Tags=Tags(Name=f"{site.stack}/{entry.name}"),
            ),
        ),
        outputs=(
            Output(
                names.logical(entry.name, "CdnDomain"),
                Description=f"Domain of the distribution in front of {entry.name}.",
                Value=GetAtt(distribution, "DomainName"),
            ),
            Output(
                names.logical(entry.name, "CdnId"),
                Description=f"Id of the distribution in front of {entry.name}.",
                Value=Ref(distribution),
            ),
        ),
    )


def _brief(name: str) -> str:
    """Return a bucket's name of at most 27 characters, which leave room for a UUID in 64; what is cut is replaced by a
    number."""
    return name if len(name) <= 24 else f"{name[:18]}-{crc32(name.encode()):08x}"


def _balancer(front: FrontDoor) -> Any:
    """Return the load balancer as an origin. It knows the distribution by a header that only it can send."""
    assert front.cdn is not None
    secure = front.listener == ingress.HTTPS
    return cloudfront.Origin(
        Id=SERVICES,
        DomainName=intrinsic(front.cdn.origin),
        CustomOriginConfig=cloudfront.CustomOriginConfig(
            OriginProtocolPolicy="https-only" if secure else "http-only", OriginSSLProtocols=["TLSv1.2"]
        ),
        OriginCustomHeaders=[
            cloudfront.OriginCustomHeader(HeaderName=ingress.HEADER, HeaderValue=intrinsic(front.cdn.secret))
        ],
    )


def _behaviours(front: FrontDoor | None) -> dict[str, Any]:
    """Return the services' paths: nothing is cached, and everything that the viewer sent is passed on."""
    if front is None or front.cdn is None:
        return {}
    return {
        "CacheBehaviors": [
            cloudfront.CacheBehavior(
                PathPattern=pattern,
                TargetOriginId=SERVICES,
                ViewerProtocolPolicy="redirect-to-https",
                AllowedMethods=["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
                Compress=True,
                CachePolicyId=CACHING_DISABLED,
                OriginRequestPolicyId=ALL_VIEWER,
            )
            for pattern in front.cdn.patterns
        ]
    }


def _own_names(cdn: Cdn) -> dict[str, Any]:
    """Names of its own. Only with a certificate of ours can the lowest TLS version be chosen."""
    if not cdn.certificate:
        return {}
    certificate = cloudfront.ViewerCertificate(
        AcmCertificateArn=cdn.certificate, SslSupportMethod="sni-only", MinimumProtocolVersion="TLSv1.2_2021"
    )
    return {"Aliases": list(cdn.hosts), "ViewerCertificate": certificate}


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
