"""CloudFront in front of a bucket: the distribution, its own names, its way to the services and to the bucket."""

from __future__ import annotations

from typing import Annotated, Any
from zlib import crc32

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, Output, Ref, Select, Split, Sub, Tags, cloudfront

from msaspec.aws import cdn_certificates, ingress, web_site
from msaspec.aws.intrinsic import intrinsic
from msaspec.aws.web_site import WebSite
from msaspec.language.base import Items, Model
from msaspec.language.part import FrontDoor, Part, Site
from msaspec.language.paths import HostedZone, HostName
from msaspec.template import names

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


class Cdn(Model):
    """The CloudFront distribution in front of a bucket."""

    shorthand = "enabled"

    enabled: bool = Field(True, description="Whether to create it.")
    hosts: Items[HostName] = Field(
        (),
        description="Host names of the distribution, under which it serves the bucket, and with `ingress: {cdn: true}`"
        " the services too. They need a certificate.",
    )
    certificate: Annotated[str, AfterValidator(_certificate)] | None = Field(
        None,
        description="ARN of an ACM certificate in us-east-1 for `hosts`.",
        examples=["arn:aws:acm:us-east-1:123456789012:certificate/1b2c3d4e"],
    )

    hosted_zone: HostedZone | None = Field(
        None,
        description="Route 53 zone of `hosts`: msaspec creates their records there, and without `certificate` a"
        " certificate in us-east-1.",
        examples=["Z0123456789ABC"],
    )

    @model_validator(mode="after")
    def _together(self) -> Cdn:
        if bool(self.hosts) != bool(self.certificate or self.hosted_zone):
            raise PydanticCustomError("together", "`hosts` need `hosted_zone` or `certificate`, and these need `hosts`")
        return self

    @property
    def certified(self) -> bool:
        """Whether its certificate is to be made."""
        return bool(self.hosted_zone and not self.certificate)


def build(name: str, cdn: Cdn, pages: WebSite | None, site: Site) -> Part:
    """Return the distribution in front of a bucket, and what it needs: access to the bucket, the paths of its site."""
    bucket, distribution = names.logical(name, "Bucket"), names.logical(name, "Distribution")
    control = names.logical(name, "OriginAccess")
    # The name must be unique in the account, so it contains the stack's own UUID.
    unique = Select(2, Split("/", Ref("AWS::StackId")))
    own_name = Sub(f"{_brief(name)}-${{Stack}}", Stack=unique)
    function = names.logical(name, "Paths")
    named = Part()
    if cdn.hosted_zone and cdn.certified:
        named = cdn_certificates.build(name, cdn.hosts, cdn.hosted_zone, distribution, site)
    elif cdn.hosted_zone:
        named = Part(tuple(cdn_certificates.records(name, cdn.hosts, cdn.hosted_zone, distribution)))
    return named + Part(
        resources=(
            cloudfront.OriginAccessControl(
                control,
                OriginAccessControlConfig=cloudfront.OriginAccessControlConfig(
                    Name=own_name,
                    OriginAccessControlOriginType="s3",
                    SigningBehavior="always",
                    SigningProtocol="sigv4",
                ),
            ),
            *([web_site.function(pages, function, own_name, f"{site.stack}/{name}")] if pages else []),
            cloudfront.Distribution(
                distribution,
                DistributionConfig=cloudfront.DistributionConfig(
                    Enabled=True,
                    Comment=f"{site.stack}/{name}",
                    HttpVersion="http2and3",
                    IPV6Enabled=True,
                    **_own_names(name, cdn),
                    Origins=[
                        cloudfront.Origin(
                            Id=name,
                            DomainName=GetAtt(bucket, "RegionalDomainName"),
                            OriginAccessControlId=GetAtt(control, "Id"),
                            # Required beside origin access control, and empty.
                            S3OriginConfig=cloudfront.S3OriginConfig(OriginAccessIdentity=""),
                        ),
                        *([_balancer(site.front)] if site.front and site.front.cdn else []),
                    ],
                    DefaultCacheBehavior=cloudfront.DefaultCacheBehavior(
                        TargetOriginId=name,
                        ViewerProtocolPolicy="redirect-to-https",
                        Compress=True,
                        CachePolicyId=CACHING_OPTIMIZED,
                        ResponseHeadersPolicyId=SECURITY_HEADERS,
                        **({"FunctionAssociations": web_site.associations(function)} if pages else {}),
                    ),
                    **_behaviours(site.front),
                ),
                Tags=Tags(Name=f"{site.stack}/{name}"),
            ),
        ),
        outputs=(
            Output(
                names.logical(name, "CdnDomain"),
                Description=f"Domain of the distribution in front of {name}.",
                Value=GetAtt(distribution, "DomainName"),
            ),
            Output(
                names.logical(name, "CdnId"),
                Description=f"Id of the distribution in front of {name}.",
                Value=Ref(distribution),
            ),
            *([_address(name, distribution, cdn)] if pages else []),
        ),
    )


def _address(name: str, distribution: str, cdn: Cdn) -> Output:
    host = f"https://{cdn.hosts[0]}" if cdn.hosts else Sub(f"https://${{{distribution}.DomainName}}")
    return Output(names.logical(name, "Url"), Description=f"Where the site {name} answers.", Value=host)


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


def _own_names(name: str, cdn: Cdn) -> dict[str, Any]:
    """Names of its own. Only with a certificate of ours can the lowest TLS version be chosen."""
    if not cdn.hosts:
        return {}
    certificate = cloudfront.ViewerCertificate(
        AcmCertificateArn=cdn.certificate or Ref(cdn_certificates.certificate(name)),
        SslSupportMethod="sni-only",
        MinimumProtocolVersion="TLSv1.2_2021",
    )
    return {"Aliases": list(cdn.hosts), "ViewerCertificate": certificate}
