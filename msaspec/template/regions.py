"""What Regions have in common, as far as templates depend on it."""

from __future__ import annotations

# fact: cloudfront-log-regions
DEFAULT_REGIONS = frozenset(
    (
        *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
        *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3"),
        *("sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
    )
)
"""Regions that an account has without asking. CloudFront's standard logs go into buckets of these only."""
OF_CLOUDFRONT = "us-east-1"  # fact: cloudfront-firewall-region
"""Where a list of rules for CloudFront has to be."""


def takes_cdn_logs(region: str | None) -> bool:
    """Whether buckets of a Region take CloudFront's standard logs; True where the Region is not known."""
    return region is None or region in DEFAULT_REGIONS
