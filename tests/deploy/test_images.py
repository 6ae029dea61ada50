"""Whether images are in their repositories, and what puts them there: `msaspec.deploy.images`."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator
from dataclasses import replace

import pytest
from moto import mock_aws

from msaspec.deploy import images
from msaspec.deploy.aws.target import Aws
from msaspec.deploy.images import Place
from msaspec.deploy.invocation import Invocation
from msaspec.deploy.parameters import Source, Tag
from msaspec.deploy.recipe import Recipe
from tests.deploy.by_hand import ACCOUNT, REGION, Client, caller, fake, moto, refusal

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
CART = Tag("cart", "CartImageTag", "cart", "1.0", Source.MANIFEST, "1.0")
USER = Tag("user", "UserImageTag", "user", "2", Source.MANIFEST, "2")
WHERE = Place(REGISTRY, "shop/cart", "1.0")


@pytest.fixture
def aws() -> Iterator[Aws]:
    """An emulated account."""
    with mock_aws():
        yield moto()


def pushed(aws: Aws, repository: str, *tags: str) -> None:
    """A repository with an image under each tag."""
    aws.client("ecr").create_repository(repositoryName=repository)
    for tag in tags:
        digest = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
        config = {"mediaType": "application/vnd.docker.container.image.v1+json", "size": 1, "digest": digest}
        manifest = {"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}
        body = json.dumps({**manifest, "config": config, "layers": []})
        aws.client("ecr").put_image(repositoryName=repository, imageManifest=body, imageTag=tag)


def test_what_is_there_is_not_missing(aws: Aws) -> None:
    """An image is there under its tag; another tag of the repository does not count."""
    pushed(aws, "shop/cart", "1.0", "1.1")
    pushed(aws, "shop/user", "1")
    assert images.missing(aws, "shop", [CART, USER]) == [USER]


def test_without_a_repository_there_is_no_image(aws: Aws) -> None:
    """A repository that is missing is an image that is missing, not an error."""
    assert images.missing(aws, "shop", [CART, USER]) == [CART, USER]


def test_each_image_is_asked_for_once() -> None:
    """Services that share an image are one request, and are missing together."""
    worker = replace(CART, service="worker")
    ecr = Client(describe_images=refusal("ImageNotFoundException"))
    assert images.missing(fake(ecr=ecr), "shop", [CART, worker]) == [CART, worker]
    assert ecr.words("describe_images") == [{"repositoryName": "shop/cart", "imageIds": [{"imageTag": "1.0"}]}]


def test_two_tags_of_a_repository_are_two_images() -> None:
    """Services that run different tags of an image are asked for each."""
    ecr = Client(describe_images=[refusal("ImageNotFoundException"), {"imageDetails": [{}]}])
    worker = replace(CART, service="worker", value="2")
    assert images.missing(fake(ecr=ecr), "shop", [CART, worker]) == [CART]


def test_a_refusal_is_not_taken_for_an_absence() -> None:
    """Who may not look does not know that an image is missing."""
    error = refusal("AccessDeniedException")
    with pytest.raises(type(error)) as caught:
        images.missing(fake(ecr=Client(describe_images=error)), "shop", [CART])
    assert caught.value is error


def test_an_image_has_a_place() -> None:
    """The registry of the account and the Region, the repository of the system, the tag."""
    assert str(images.place(fake(), "shop", CART)) == f"{REGISTRY}/shop/cart:1.0"


@pytest.mark.parametrize(
    ("partition", "suffix"),
    [("aws-cn", "amazonaws.com.cn"), ("aws-us-gov", "amazonaws.com"), ("aws-eusc", "amazonaws.eu")],
)
def test_registries_of_other_partitions(partition: str, suffix: str) -> None:
    """The host of the registry ends as the partition's hosts do."""
    assert images.registry(fake("x-y-1", sts=caller(partition))) == f"{ACCOUNT}.dkr.ecr.x-y-1.{suffix}"


def test_a_missing_image_is_told_with_its_commands() -> None:
    """The message names the place, the hint both `msaspec push` and what docker would have to do."""
    said = images.told(CART, WHERE, "arm64", None)
    assert (said.code, said.path) == ("MSA522", ("services", "cart", "image"))
    assert said.message.endswith(str(WHERE))
    docker = f"docker tag cart:1.0 {WHERE} && docker push {WHERE}"
    assert said.hint == f"Run `msaspec push cart`, or: {docker}"


def test_the_command_leads_to_the_same_system() -> None:
    """`msaspec push` of the hint has the file, the environment and the target of the deployment."""
    said = images.told(CART, WHERE, "arm64", None, Invocation("a b/msa.yaml", "prod", " --region eu-west-1"))
    command = (said.hint or "").removeprefix("Run `").partition("`")[0]
    words = ["msaspec", "push", "--env", "prod", "cart", "--region", "eu-west-1", "--file", "a b/msa.yaml"]
    assert shlex.split(command) == words


@pytest.mark.parametrize("written", ["0.9", None])
def test_the_command_pushes_the_tag_that_is_missing(written: str | None) -> None:
    """A tag that is not the manifest's has to be said to `msaspec push` as well."""
    said = images.told(replace(CART, written=written, source=Source.WORD), WHERE, "arm64", None)
    assert (said.hint or "").startswith("Run `msaspec push cart --tag cart=1.0`, or: ")


@pytest.mark.parametrize("directory", ["./cart", "my cart", "it's", "$(touch x)", "a;b", "--push", "-"])
@pytest.mark.parametrize(("arch", "platform"), [("arm64", "linux/arm64"), ("x86_64", "linux/amd64")])
def test_commands_survive_a_shell(directory: str, arch: str, platform: str) -> None:
    """What is pasted into a shell arrives as it was meant, and no directory is taken for an option or for stdin."""
    said = images.told(CART, WHERE, arch, Recipe(directory))
    build, _, push = (said.hint or "").partition(", or: ")[2].partition(" && ")
    safe = directory if not directory.startswith("-") else f"./{directory}"
    assert shlex.split(build) == ["docker", "build", "--platform", platform, "--tag", str(WHERE), safe]
    assert shlex.split(push) == ["docker", "push", str(WHERE)]


def test_logging_in_takes_two_programs() -> None:
    """The password goes from the AWS CLI into docker, in the same Region and by the same profile."""
    docker = f"docker login --username AWS --password-stdin {REGISTRY}"
    assert images.login(fake()) == f"aws ecr get-login-password --region {REGION} | {docker}"
    chosen = fake(words=f" --region {REGION} --profile mine")
    assert images.login(chosen) == f"aws ecr get-login-password --region {REGION} --profile mine | {docker}"
    profile = fake(words=" --profile mine")
    assert images.login(profile) == f"aws ecr get-login-password --region {REGION} --profile mine | {docker}"
