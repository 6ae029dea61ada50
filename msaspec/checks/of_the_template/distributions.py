"""Names of CloudFront distributions, as a patch can leave them."""

from __future__ import annotations

from collections.abc import Iterator

from msaspec.diagnostics.diagnostic import Code, Diagnostic
from msaspec.template.resources import inner
from msaspec.template.stack import Stack

NO_CERTIFICATE = Code(
    "MSA444",
    "A distribution without a certificate for its names",
    """
    A distribution with `Aliases` needs a certificate that covers them. CloudFront accepts only ACM certificates in
    us-east-1. `hosts` and `certificate` under `cdn` of a bucket set both.
    """,
)


def check(stack: Stack) -> Iterator[Diagnostic]:
    """Distributions with names of their own have a certificate, of the one Region that counts."""
    for distribution in stack.resources.of("AWS::CloudFront::Distribution"):
        aliases, shown = distribution.at("DistributionConfig", "Aliases"), ("DistributionConfig", "ViewerCertificate")
        certificate = distribution.get(*shown)
        own = [inner(certificate, key) for key in ("AcmCertificateArn", "IamCertificateId", "Fn::If")]
        named = distribution.get("DistributionConfig", "Aliases")
        if isinstance(named, list) and named and all(each is None for each in own):
            message = f"The distribution `{distribution.name}` has aliases and no certificate for them."
            hint = (
                "Name a certificate in us-east-1 under `ViewerCertificate`, or `hosts` and `certificate` under `cdn`."
            )
            yield stack.fault(NO_CERTIFICATE, message, hint, aliases, distribution.at(*shown))
        parts = own[0].split(":") if isinstance(own[0], str) else []
        if len(parts) == 6 and parts[2] == "acm" and parts[3] != "us-east-1":
            message = f"The certificate of the distribution `{distribution.name}` is in {parts[3]}."
            path = distribution.at(*shown, "AcmCertificateArn")
            yield stack.fault(NO_CERTIFICATE, message, "Request one in us-east-1.", path)
