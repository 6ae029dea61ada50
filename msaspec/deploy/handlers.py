"""What CloudFormation does with resources of a type that its registry schema does not say, as actions of IAM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_TAGS = ("rds:AddTagsToResource", "rds:ListTagsForResource", "rds:RemoveTagsFromResource")
# fact: handlers-beyond-the-registry
BEYOND: Mapping[str, Sequence[str]] = {
    "AWS::AutoScaling::AutoScalingGroup": (
        "autoscaling:DescribeScalingActivities",
        "autoscaling:ResumeProcesses",
        "autoscaling:SuspendProcesses",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
    ),
    "AWS::CloudFront::Distribution": ("cloudfront:UpdateDistribution",),  # It is turned off before it is deleted.
    # DocumentDB has the actions of RDS, and its schemas name none.
    "AWS::DocDB::DBCluster": (
        "rds:CreateDBCluster",
        "rds:CreateDBClusterSnapshot",
        "rds:DeleteDBCluster",
        "rds:DescribeDBClusterSnapshots",
        "rds:DescribeDBClusters",
        "rds:ModifyDBCluster",
        "rds:RestoreDBClusterFromSnapshot",
        *_TAGS,
    ),
    "AWS::DocDB::DBInstance": (
        "rds:CreateDBInstance",
        "rds:DeleteDBInstance",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        *_TAGS,
    ),
    "AWS::Lambda::Function": ("ec2:DescribeNetworkInterfaces",),
}
