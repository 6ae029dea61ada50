"""`msaspec push`, with a program that stands in for docker, and `msaspec.deploy.pushing`."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from moto import mock_aws

from msaspec import pipeline
from msaspec.deploy import pushing
from msaspec.deploy.aws.target import Target
from msaspec.deploy.recipe import Recipe
from msaspec.template import render, role
from tests.deploy.by_hand import ACCOUNT, MANIFEST, REGION, Commands, fake, moto, plan

REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
TEXT = """\
msaspec: 1
name: shop
region: ap-northeast-2
network: {placement: public}
services:
  cart: {image: 'cart:1.0', port: 8000, build: ./the cart}
  user: {image: 'the-user:2', port: 8001, arch: x86_64}
  late: {image: late, port: 8002, build: late}
  web: {image: 'public.ecr.aws/nginx/nginx:1.29', port: 8003}
environments:
  prod: {services: {cart: {image: 'cart:1.1'}}}
"""
DOCKER = f"""\
#!{sys.executable} -IS
import json, os, sys
given = sys.stdin.read() if "--password-stdin" in sys.argv else None
with open(os.environ["DOCKER_LOG"], "a") as log:
    print(json.dumps({{"argv": sys.argv[1:], "stdin": given}}), file=log)
sys.exit(7 if sys.argv[1] == os.environ.get("DOCKER_FAILS") else 0)
"""


class World:
    """A folder with a manifest, docker on the PATH, and repositories in an emulated account."""

    def __init__(self, folder: Path, there: Commands) -> None:
        self.folder, self.there = folder, there

    @property
    def log(self) -> list[dict[str, Any]]:
        """Arguments and input of every run of docker."""
        path = self.folder / "docker.log"
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    @property
    def commands(self) -> list[list[str]]:
        """The arguments of every run after logging in."""
        return [run["argv"] for run in self.log if run["argv"][0] != "login"]

    def push(self, *arguments: str) -> Result:
        """What the command says."""
        return self.there.run("push", *arguments)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """All of it."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "docker").write_text(DOCKER, "utf-8")
    (programs / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_LOG", str(tmp_path / "docker.log"))
    monkeypatch.delenv("DOCKER_FAILS", raising=False)
    monkeypatch.setenv("MSASPEC_ENV", "-")
    monkeypatch.chdir(tmp_path)
    Path("msa.yaml").write_text(TEXT, "utf-8")
    with mock_aws():
        aws = moto()
        (registry,) = pipeline.compile_system(pipeline.load(TEXT, "msa.yaml"), None, (role.REGISTRY,)).stacks
        make = aws.client("cloudformation").create_stack
        make(StackName=registry.name, TemplateBody=render.to_json(registry))
        yield World(tmp_path, Commands(aws))


def test_docker_logs_in_with_the_password_on_its_input(world: World) -> None:
    """The password of the registry is what ECR gave, and no argument of any command holds it."""
    assert world.push("cart").exit_code == 0
    first, *rest = world.log
    assert first["argv"] == ["login", "--username", "AWS", "--password-stdin", REGISTRY]
    assert first["stdin"] == f"{ACCOUNT}-auth-token"
    assert first["stdin"] not in json.dumps([first["argv"], *rest])
    assert all(run["argv"][0] != "login" for run in rest)


def test_an_image_isbuilt_for_its_architecture(world: World) -> None:
    """`build` of the manifest is built for the service's architecture, tagged with its place and pushed."""
    result = world.push("cart")
    where = f"{REGISTRY}/shop/cart:1.0"
    build = ["build", "--platform", "linux/arm64", "--tag", where, "the cart"]
    assert (result.exit_code, world.commands) == (0, [build, ["push", where]])
    said = f"Building {where} from the cart for linux/arm64\nPushed {where} in N s\n"
    assert re.sub(r"\d+ s$", "N s", result.stderr, flags=re.MULTILINE) == said


def test_build_is_relative_to_the_manifest(world: World) -> None:
    """A manifest in another folder has its directories beside it."""
    (world.folder / "sub").mkdir()
    (world.folder / "sub" / "my.yaml").write_text(TEXT, "utf-8")
    assert world.push("cart", "--file", "sub/my.yaml").exit_code == 0
    assert world.commands[0][-1] == os.path.join("sub", "the cart")


def test_a_local_image_is_tagged(world: World) -> None:
    """Without `build` the local image of the manifest's name gets the name of its place."""
    assert world.push("user").exit_code == 0
    where = f"{REGISTRY}/shop/the-user:2"
    assert world.commands == [["tag", "the-user:2", where], ["push", where]]


@pytest.mark.parametrize(("service", "platform"), [("user", "linux/amd64"), ("cart", "linux/arm64")])
def test_a_directory_of_the_command_line_wins(world: World, service: str, platform: str) -> None:
    """`--build DIR` is relative to where the command runs, and comes before the manifest's."""
    assert world.push(service, "--build", "a b/$(c)").exit_code == 0
    build = world.commands[0]
    assert (build[:3], build[-1]) == (["build", "--platform", platform], "a b/$(c)")


@pytest.mark.parametrize("services", [[], ["cart", "user"]])
def test_one_directory_is_for_one_service(world: World, services: list[str]) -> None:
    """`--build` for none or several is a usage error, before anything is done."""
    result = world.push(*services, "--build", "x")
    assert (result.exit_code, world.log) == (2, [])
    assert "--build needs exactly one service" in result.stderr


def test_without_names_everything_is_pushed(world: World) -> None:
    """Each image of the system's own is pushed, those of other registries are not."""
    assert world.push("--tag", "late=3").exit_code == 0
    pushed = [command[1] for command in world.commands if command[0] == "push"]
    assert pushed == [f"{REGISTRY}/shop/{image}" for image in ("cart:1.0", "late:3", "the-user:2")]
    assert len(world.log) == 1 + 2 * 3


def test_the_word_of_the_command_line_is_the_tag(world: World) -> None:
    """`--tag` names the tag that is pushed."""
    assert world.push("user", "--tag", "user=v9").exit_code == 0
    assert world.commands[0] == ["tag", "the-user:v9", f"{REGISTRY}/shop/the-user:v9"]


def test_only_what_is_pushed_needs_a_tag(world: World) -> None:
    """A service without a tag is no hindrance to others; pushed itself, it is MSA520."""
    assert world.push("cart").exit_code == 0
    result = world.push("cart", "late")
    assert (result.exit_code, len(world.log)) == (1, 3)
    assert "MSA520" in result.stderr
    assert "msa.yaml:8" in result.stderr


def test_a_malformed_tag_is_refused(world: World) -> None:
    """A tag that no registry takes is MSA521, and nothing is run."""
    result = world.push("cart", "--tag", "cart=a/b")
    assert (result.exit_code, "MSA521" in result.stderr, world.log) == (1, True, [])


@pytest.mark.parametrize("service", ["crat", "web"])
def test_what_is_no_image_of_the_system_is_a_usage_error(world: World, service: str) -> None:
    """An unknown service, or one with an image of another registry, ends with 2 and tells which there are."""
    result = world.push("cart", service)
    assert (result.exit_code, world.log) == (2, [])
    assert f"Not an image of the system: {service}. These have one: cart, late, user." in result.stderr


def test_a_system_without_images_has_nothing_to_push(world: World) -> None:
    """Where every image is another registry's nothing is to do: docker is not even logged in."""
    web = TEXT.splitlines(keepends=True)[8]
    head = "msaspec: 1\nname: shop\nnetwork: {placement: public}\nservices:\n"
    Path("msa.yaml").write_text(head + web, "utf-8")
    result = world.push()
    assert (result.exit_code, world.log) == (0, [])
    assert result.stderr == "No service has an image of the system, so there is nothing to push.\n"


def test_a_shared_image_is_pushed_once(world: World) -> None:
    """Services that run the same image are one push; the one that says how it is built speaks for the other."""
    shared = TEXT.replace("image: 'the-user:2', port: 8001, arch: x86_64", "image: 'cart:1.0', port: 8001")
    Path("msa.yaml").write_text(shared.replace("  cart:", "  zart:").replace("{cart: {image", "{zart: {image"), "utf-8")
    assert world.push("user", "zart").exit_code == 0
    where = f"{REGISTRY}/shop/cart:1.0"
    build = ["build", "--platform", "linux/arm64", "--tag", where, "the cart"]
    assert world.commands == [build, ["push", where]]


def test_without_docker_the_command_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No docker on the PATH is MSA624 and ends with 3."""
    (world.folder / "empty").mkdir()
    monkeypatch.setenv("PATH", str(world.folder / "empty"))
    result = world.push("cart")
    assert (result.exit_code, "MSA624" in result.stderr) == (3, True)
    assert "`docker` cannot be started: No such file or directory." in result.stderr
    assert "Install docker, podman or finch" in result.stderr


@pytest.mark.parametrize("name", ["podman", "finch"])
def test_another_program_takes_the_words_of_docker(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Where docker is not installed, podman or finch does all of it; MSASPEC_BUILDER names any program."""
    programs = world.folder / "bin"
    (programs / "docker").rename(programs / name)
    monkeypatch.setenv("PATH", str(programs))
    assert world.push("cart").exit_code == 0
    assert [run["argv"][0] for run in world.log] == ["login", "build", "push"]
    (programs / name).rename(programs / "mine")
    assert (world.push("cart").exit_code, len(world.log)) == (3, 3)
    monkeypatch.setenv("MSASPEC_BUILDER", "mine")
    assert (world.push("cart").exit_code, len(world.log)) == (0, 6)


@pytest.mark.parametrize(
    ("service", "fails", "after", "said"),
    [
        ("cart", "login", [], "docker login --username AWS --password-stdin"),
        ("cart", "build", ["build"], "'the cart'` ended with exit code 7"),
        (
            "user",
            "tag",
            ["tag"],
            "Check that the image exists. Build it with --build DIR, or with `build:` in the manifest.",
        ),
        ("cart", "push", ["build", "push"], "docker push"),
    ],
)
def test_a_failure_of_docker_ends_the_command(
    world: World, monkeypatch: pytest.MonkeyPatch, service: str, fails: str, after: list[str], said: str
) -> None:
    """What docker refuses is MSA625 with the command as a shell takes it, and nothing more is run."""
    monkeypatch.setenv("DOCKER_FAILS", fails)
    result = world.push(service)
    assert (result.exit_code, [command[0] for command in world.commands]) == (3, after)
    assert "MSA625" in result.stderr
    assert said in " ".join(result.stderr.split())
    assert "Pushed" not in result.stderr
    assert "auth-token" not in result.output


def test_a_missing_repository_is_told(world: World) -> None:
    """Before docker is run at all, a missing repository is MSA626, with the command that makes it."""
    world.there.aws.client("ecr").delete_repository(repositoryName="shop/the-user")
    Path("my.yaml").write_text(TEXT, "utf-8")
    result = world.push("cart", "user", "--file", "my.yaml", "--env", "prod")
    assert (result.exit_code, world.log) == (3, [])
    assert "MSA626" in result.stderr
    assert "msaspec deploy --env prod --repair my.yaml" in " ".join(result.stderr.split())


def image(world: World, repository: str, tag: str) -> None:
    """Put an image into a repository."""
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    words = {"imageManifest": json.dumps({"schemaVersion": 2, "layers": []}), "imageManifestMediaType": kind}
    world.there.aws.client("ecr").put_image(repositoryName=repository, imageTag=tag, **words)


def test_a_tag_is_pushed_once(world: World) -> None:
    """What was pushed stays what it is: before docker is run, a tag that is there is MSA639, with what to do."""
    image(world, "shop/cart", "1.0")
    result = world.push("cart", "user")
    assert (result.exit_code, world.log) == (3, [])
    said = " ".join(result.stderr.split())
    assert f"MSA639: These images were pushed before, and their tags are immutable: {REGISTRY}/shop/cart:1.0." in said
    assert "msaspec push --env - cart --tag cart=NEW" in said
    assert "`mutable: true` under `services.cart`" in said
    assert world.push("cart", "--tag", "cart=1.1").exit_code == 0


@pytest.mark.parametrize("words", ["mutable: true, image: 'cart:1.0'", "image: 'cart:latest'"])
def test_what_moves_is_pushed_again(world: World, words: str) -> None:
    """`mutable: true`, and the tag `latest` that a manifest names, can be pushed again."""
    text = TEXT.replace("image: 'cart:1.0'", words)
    (registry,) = pipeline.compile_system(pipeline.load(text, "msa.yaml"), None, (role.REGISTRY,)).stacks
    settings = registry.template["Resources"]["CartRepository"]["Properties"]
    filters = [
        {"filterType": each["ImageTagMutabilityExclusionFilterType"], "filter": "latest"}
        for each in settings.get("ImageTagMutabilityExclusionFilters", [])
    ]
    more = {"imageTagMutabilityExclusionFilters": filters} if filters else {}
    ecr = world.there.aws.client("ecr")
    ecr.put_image_tag_mutability(repositoryName="shop/cart", imageTagMutability=settings["ImageTagMutability"], **more)
    Path("my.yaml").write_text(text, "utf-8")
    tag = "1.0" if "mutable" in words else "latest"
    image(world, "shop/cart", tag)
    assert world.push("cart", "--file", "my.yaml").exit_code == 0
    assert world.commands[-1] == ["push", f"{REGISTRY}/shop/cart:{tag}"]


def test_other_refusals_of_ecr_are_faults(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who may not ask for repositories is told of the permission."""
    from tests.deploy.by_hand import Client, refusal

    ecr = Client(describe_repositories=refusal("AccessDeniedException", operation="DescribeRepositories"))
    world.there.aws = fake(ecr=ecr, cloudformation=world.there.aws.client("cloudformation"))
    result = world.push("cart")
    assert (result.exit_code, "MSA603" in result.stderr, world.log) == (3, True, [])


def test_the_environment_and_the_target_are_heeded(world: World) -> None:
    """`--env` changes the tag, and the Region of the manifest and the options go to whoever reaches AWS."""
    assert world.push("cart", "--env", "prod", "--profile", "mine").exit_code == 0
    assert world.commands[-1] == ["push", f"{REGISTRY}/shop/cart:1.1"]
    assert world.there.asked == [(Target(None, "mine", None), "ap-northeast-2")]


def test_a_manifest_on_standard_input_is_beside_the_command() -> None:
    """A manifest without a file has its directories where the command runs."""
    text = MANIFEST.replace("image: 'cart:1.0',", "image: 'cart:1.0', build: ./cart,")
    (wanted,) = pushing.wanted(plan(text), ["cart"], {}, "-", None)
    assert (wanted.build, wanted.arch) == (Recipe("cart"), "arm64")


WHOLE = """{
    context: ./shop, file: docker/prod.Dockerfile, target: prod, args: {NODE_VERSION: 24, WHO: "a b $(c), d"},
    secrets: {npmrc: ./.npmrc, token: {env: NPM_TOKEN}}}"""


def test_a_build_says_more_than_its_folder(world: World) -> None:
    """The Dockerfile is relative to the folder, a secret's file to the manifest, and values arrive as they are."""
    (world.folder / "sub").mkdir()
    (world.folder / "sub" / "my.yaml").write_text(TEXT.replace("build: ./the cart", f"build: {WHOLE}"), "utf-8")
    result = world.push("cart", "--file", "sub/my.yaml")
    where = f"{REGISTRY}/shop/cart:1.0"
    options = [
        "--file=sub/shop/docker/prod.Dockerfile",
        "--target=prod",
        "--build-arg=NODE_VERSION=24",
        "--build-arg=WHO=a b $(c), d",
        "--secret=id=npmrc,src=sub/.npmrc",
        "--secret=id=token,env=NPM_TOKEN",
    ]
    build = ["build", "--platform", "linux/arm64", "--tag", where, *options, "sub/shop"]
    assert (result.exit_code, world.commands) == (0, [build, ["push", where]])
    assert f"Building {where} from sub/shop for linux/arm64" in result.stderr
    assert world.push("cart", "--file", "sub/my.yaml", "--build", "other", "--tag", "cart=2").exit_code == 0
    assert world.commands[2][5:] == ["--file=other/docker/prod.Dockerfile", *options[1:], "other"]
