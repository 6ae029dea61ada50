"""Container images in ECR: where they are, and who may pull them."""

from __future__ import annotations

from msaspec.aws import iam
from msaspec.language.image import TAG_PATTERN, Image
from msaspec.language.part import Statement
from msaspec.language.value import Text, Token
from msaspec.template import names

OWN_REGISTRY: Text = (Token("AWS::AccountId"), ".dkr.ecr.", Token("AWS::Region"), ".", Token("AWS::URLSuffix"))
"""The registry of this account and region."""

LATEST = "latest"
"""The tag that moves by its nature."""
# fact: ecs-tag-and-digest
PINNED_PATTERN = f"{TAG_PATTERN}(@sha256:[0-9a-f]{{64}})?"
"""What the parameter of a tag takes that can be pushed again: the tag, and the digest of the image that it means."""

_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")


def tag_parameter(service: str) -> str:
    """Logical id of the parameter that holds the image tag of a service with an owned repository."""
    return names.logical(service, names.IMAGE_TAG)


def moves(image: Image, *, mutable: bool) -> bool:
    """Return whether the tag of an image of the system can be pushed again."""
    return image.owned and (mutable or image.tag == LATEST)


def uri(image: Image, system: str, service: str) -> Text:
    """Return what to pull. The tag of an owned image is a parameter of the stack."""
    if image.host is not None:
        return (str(image),)
    return (*OWN_REGISTRY, f"/{names.repository(system, image.repository)}:", Token(tag_parameter(service)))


def pulling(image: Image, system: str) -> tuple[Statement, ...]:
    """Return the grant to pull the image, and no other. Every host is granted the login."""
    if image.host is None:
        repository = iam.arn("ecr", (f"repository/{names.repository(system, image.repository)}",))
    elif image.ecr:
        account, region, _ = image.ecr
        repository = ("arn:", Token("AWS::Partition"), f":ecr:{region}:{account}:repository/{image.repository}")
    else:
        return ()
    return (Statement(_PULL, (repository,)),)
