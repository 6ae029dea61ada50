"""A tag that is pushed again: what runs is pinned, the difference is told, and rolled out by its word."""

from __future__ import annotations

import pytest
from moto.ecr.models import ecr_backends

from msaspec.deploy import pins
from tests.deploy.account import SMALL, Account

REPOSITORIES = "docker.io/library/nginx:1"
RUNTIMES = {
    "fargate": "runtime: fargate",
    "autoscaling": "runtime: autoscaling",
    "instance": "runtime: instance",
}


def moving(runtime: str = "fargate", image: str = "cart:latest", **more: str) -> str:
    """A system whose service runs a tag that can be pushed again."""
    words = ", ".join([RUNTIMES[runtime], *(f"{key}: {value}" for key, value in more.items())])
    return SMALL.replace(REPOSITORIES, f"'{image}', {words}")


def running(account: Account) -> str:
    """The value of the parameter of the deployed stack."""
    stack = account.stack()
    assert stack
    return next(str(each["ParameterValue"]) for each in stack["Parameters"] if each["ParameterKey"] == "CartImageTag")


def digest(account: Account, tag: str = "latest") -> str:
    """What a tag points to."""
    answer = account.world.client("ecr").describe_images(repositoryName="shop/cart", imageIds=[{"imageTag": tag}])
    return str(answer["imageDetails"][0]["imageDigest"])


def pushed_again(account: Account, tag: str = "latest") -> str:
    """Another image under the tag."""
    ecr = account.world.client("ecr")
    manifest = ecr.batch_get_image(repositoryName="shop/cart", imageIds=[{"imageTag": tag}])["images"][0]
    text = manifest["imageManifest"].rstrip()
    ecr.put_image(repositoryName="shop/cart", imageManifest=text + " " * (1 + len(text) % 7), imageTag=tag)
    return digest(account, tag)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_moved_tag_is_told_and_rolled_out_by_its_word(account: Account, runtime: str) -> None:
    """On every runtime. A deployment pins what the tag points to; pushed again, the next deployment changes nothing and
    says so; `--redeploy` is a change as a new tag is."""
    account.world.images = (("shop/cart", "latest"),)
    assert account.deploy(moving(runtime)).exit_code == 0
    first = digest(account)
    assert running(account) == f"latest@{first}"
    quiet = account.deploy()
    assert (quiet.exit_code, "MSA680" in quiet.stderr, "has no changes" in quiet.stderr) == (0, False, True)

    second = pushed_again(account)
    assert second != first
    told = account.deploy()
    assert (told.exit_code, running(account)) == (0, f"latest@{first}")
    assert "warning MSA680: The tag `latest` of `cart` points to another image" in told.stderr
    assert "msaspec deploy --redeploy cart" in told.stderr
    assert "has no changes" in told.stderr

    rolled = account.deploy(None, "--redeploy", "cart")
    assert (rolled.exit_code, running(account)) == (0, f"latest@{second}"), rolled.stderr
    assert "MSA680" not in rolled.stderr
    assert f"latest@{first[:20]}" in rolled.stderr, "the change is shown with its values"
    again = account.deploy(None, "--redeploy", "cart")
    assert "`--redeploy cart` has no effect" in again.stderr
    assert "has no changes" in again.stderr


def test_what_was_deployed_without_a_digest(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """By an msaspec before: the same template and tag change nothing, and a push after the last deployment is told."""
    account.world.images = (("shop/cart", "latest"),)
    with monkeypatch.context() as before:
        before.setattr(pins, "pinned", lambda context, looked, described: [tag for tag, _ in described])
        assert account.deploy(moving()).exit_code == 0
    assert running(account) == "latest"
    result = account.deploy()
    assert ("MSA680" in result.stderr, running(account)) == (False, "latest")
    pushed_again(account)
    for image in ecr_backends["123456789012"]["us-east-1"].repositories["shop/cart"].images:
        image.image_pushed_at += 60  # ECR tells whole seconds, and the deployment was in this one.
    result = account.deploy()
    assert "after the last deployment of the service" in result.stderr
    account.deploy(None, "--redeploy", "cart")
    assert running(account) == f"latest@{digest(account)}"


def test_the_words_of_redeploy(account: Account) -> None:
    """A service of another registry, or of no manifest, is said; a tag that cannot move has nothing to roll out."""
    account.write(SMALL)
    for word, said in (("cart", "the image of `cart` is in another registry"), ("crat", "which is not a service")):
        result = account.deploy(None, "--redeploy", word)
        assert (result.exit_code, "MSA681" in result.stderr, said in result.stderr) == (1, True, True), result.stderr
    account.world.images = (("shop/cart", "1.0"),)
    assert account.deploy(moving(image="cart:1.0")).exit_code == 0
    result = account.deploy(None, "--redeploy", "cart")
    assert ("has no effect" in result.stderr, running(account)) == (True, "1.0")


def test_a_tag_that_moves_no_more(account: Account) -> None:
    """A manifest without `mutable` deploys the tag alone again, which its parameter takes."""
    account.world.images = (("shop/cart", "1.0"),)
    assert account.deploy(moving(image="cart:1.0", mutable="true")).exit_code == 0
    assert running(account) == f"1.0@{digest(account, '1.0')}"
    assert "shop/cart:1.0@sha256:" in account.run("status").stdout
    assert account.deploy(moving(image="cart:1.0")).exit_code == 0
    assert running(account) == "1.0"
