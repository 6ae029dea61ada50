"""ECR: image repositories."""

from __future__ import annotations

from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, resource


@resource("AWS::ECR::Repository")
class Repository(Resource):
    """A repository of images."""

    imports = True

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        name = new.get("RepositoryName") or at.name(256, lower=True)
        encryption = new.get("EncryptionConfiguration")
        words: dict[str, Any] = {"encryptionConfiguration": _lower(encryption)} if encryption else {}
        at.api("ecr").create_repository(repositoryName=name, tags=new.get("Tags", []), **words)
        return self.update(at, name, {"Tags": new.get("Tags", [])}, new)

    def adopt(self, at: At, new: Properties) -> Made:
        """Give one that exists the settings of the template."""
        return self.update(at, new["RepositoryName"], {}, new)

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change its settings."""
        ecr = at.api("ecr")
        if scanning := new.get("ImageScanningConfiguration"):
            ecr.put_image_scanning_configuration(repositoryName=id, imageScanningConfiguration=_lower(scanning))
        if "ImageTagMutability" in new:
            words = {"imageTagMutability": new["ImageTagMutability"]}
            if filters := new.get("ImageTagMutabilityExclusionFilters"):
                words["imageTagMutabilityExclusionFilters"] = [
                    {
                        "filterType": each["ImageTagMutabilityExclusionFilterType"],
                        "filter": each["ImageTagMutabilityExclusionFilterValue"],
                    }
                    for each in filters
                ]
            ecr.put_image_tag_mutability(repositoryName=id, **words)
        if policy := new.get("LifecyclePolicy"):
            ecr.put_lifecycle_policy(repositoryName=id, lifecyclePolicyText=policy["LifecyclePolicyText"])
        elif old.get("LifecyclePolicy"):
            ecr.delete_lifecycle_policy(repositoryName=id)
        there = ecr.describe_repositories(repositoryNames=[id])["repositories"][0]
        before, after = ({tag["Key"]: tag["Value"] for tag in p.get("Tags", [])} for p in (old, new))
        if gone := sorted(before.keys() - after.keys()):
            ecr.untag_resource(resourceArn=there["repositoryArn"], tagKeys=gone)
        if after and after != before:
            ecr.tag_resource(resourceArn=there["repositoryArn"], tags=new["Tags"])
        return Made(id, {"Arn": there["repositoryArn"], "RepositoryUri": there["repositoryUri"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it, if it holds no image."""
        if at.api("ecr").list_images(repositoryName=id)["imageIds"]:
            raise Failed(f"The repository with name '{id}' cannot be deleted because it still contains images")
        at.api("ecr").delete_repository(repositoryName=id)


def _lower(properties: dict[str, Any]) -> dict[str, Any]:
    return {key[0].lower() + key[1:]: value for key, value in properties.items()}
