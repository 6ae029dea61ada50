"""Records of Route 53."""

from __future__ import annotations

from msaspec.language.aws_type import AwsType

RECORD_SET = AwsType(name="AWS::Route53::RecordSet", unique=(("HostedZoneId", "Name", "Type"),))
