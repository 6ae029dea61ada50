"""Volumes: what stands in an account, who may reach it, what becomes of the files, and how hosts mount them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws.user_data import Mounted
from msaspec.deploy import gate
from msaspec.language.value import Token
from msaspec.update import changes, losses, objections
from tests.aws import test_user_data as hosts
from tests.deploy.account import Account
from tests.template import compiled

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
SHOP = f"""{HEAD}
volumes:
  data: {{}}
  media: {{shared: true, backups: false}}
services:
  db: {{image: "docker.io/library/redis:8", runtime: fargate, uses: {{data: {{mount: /data, user: 999}}}}}}
  web: {{image: "docker.io/library/web:1", uses: {{media: {{mount: /in, access: read}}}}}}
  up: {{image: "docker.io/library/web:1", runtime: fargate, uses: {{media: {{mount: /out, user: "1000:2000"}}}}}}
"""


def test_what_is_declared_stands_in_efs(account: Account) -> None:
    """Encrypted file systems with a mount target in each zone, a way in for each user, their policies and backups."""
    result = account.deploy(SHOP)
    assert result.exit_code == 0, result.stderr
    ids, api = account.ids(), account.world.client("efs")
    (data,) = api.describe_file_systems(FileSystemId=ids["DataFileSystem"])["FileSystems"]
    assert (data["Encrypted"], data["ThroughputMode"], data["NumberOfMountTargets"]) == (True, "elastic", 2)
    assert api.describe_backup_policy(FileSystemId=ids["DataFileSystem"])["BackupPolicy"] == {"Status": "ENABLED"}
    policy = json.loads(api.describe_file_system_policy(FileSystemId=ids["DataFileSystem"])["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["TlsOnly", "AccessPointsOnly"]
    points = api.describe_access_points(FileSystemId=ids["MediaFileSystem"])["AccessPoints"]
    own = {each["AccessPointId"]: each for each in points}
    assert own[ids["UpToMediaAccessPoint"]]["PosixUser"] == {"Uid": 1000, "Gid": 2000}
    made = {"OwnerUid": 1000, "OwnerGid": 2000, "Permissions": "0755"}
    # Whoever comes first makes the folder, so the reader makes it for the writer.
    assert {json.dumps(each["RootDirectory"]["CreationInfo"]) for each in points} == {json.dumps(made)}
    assert "PosixUser" not in own[ids["WebToMediaAccessPoint"]]
    shown = " ".join(account.run("status").stdout.split())
    assert "volumes.data well available, backups" in shown
    assert "has no changes" in account.deploy().stderr


def test_backups_change_in_place(account: Account) -> None:
    """Another word about backups is an update of the file system that there is."""
    account.deploy(SHOP)
    before = account.ids()["MediaFileSystem"]
    result = account.deploy(SHOP.replace("backups: false", "backups: true"))
    assert result.exit_code == 0, result.stderr
    assert account.ids()["MediaFileSystem"] == before
    api = account.world.client("efs")
    assert api.describe_backup_policy(FileSystemId=before)["BackupPolicy"] == {"Status": "ENABLED"}


def test_files_stay_until_they_are_named(account: Account) -> None:
    """`destroy` keeps the file systems; one that comes again is told of the old; `--delete-data` removes by name."""
    account.deploy(SHOP)
    kept = account.ids()["DataFileSystem"]
    assert account.run("destroy", "--yes").exit_code == 0
    api = account.world.client("efs")
    assert len(api.describe_file_systems()["FileSystems"]) == 2
    again = account.deploy()
    assert again.exit_code == 0, again.stderr
    assert "MSA524" in again.stderr
    assert kept in again.stderr
    assert account.run("destroy", "--yes", "--delete-data", "data").exit_code == 0
    there = {each["FileSystemId"] for each in api.describe_file_systems()["FileSystems"]}
    assert kept in there
    assert len(there) == 3


def between(before: str, after: str) -> Any:
    """The changes between two systems."""
    old, new = (compiled(text).stack for text in (before, after))
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


def test_a_volume_is_guarded() -> None:
    """One that goes is a loss, and backups that end are told."""
    gone = between(SHOP, f'{HEAD}services: {{db: {{image: "docker.io/library/redis:8"}}}}')
    assert {change.logical_id for change, _ in losses.found(gone)} == {"DataFileSystem", "MediaFileSystem"}
    assert gate.judge(gone, (), lambda each: each).refused
    (told,) = objections.costs(between(SHOP, SHOP.replace("data: {}", "data: {backups: false}")))
    assert "would no longer be backed up" in told.message


def test_nobody_else_gets_in() -> None:
    """A role may use its own access point only, as much as its use says; root only where nobody else is named."""
    resources = compiled(SHOP).stack.template["Resources"]
    found = {}
    for role in ("DbTaskRole", "WebRole", "UpTaskRole"):
        for policy in resources[role]["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                if "elasticfilesystem" in str(statement["Action"]):
                    ((_, point),) = statement["Condition"]["StringEquals"].items()
                    actions = [each.rpartition(":Client")[2] for each in [statement["Action"]][0]]
                    found[role] = (point["Fn::GetAtt"][0], actions)
    assert found == {
        "DbTaskRole": ("DbToDataAccessPoint", ["Mount", "Write"]),
        "WebRole": ("WebToMediaAccessPoint", ["Mount", "RootAccess"]),
        "UpTaskRole": ("UpToMediaAccessPoint", ["Mount", "Write"]),
    }


def test_a_new_version_of_a_single_writer_waits_for_the_end_of_the_old(account: Account) -> None:
    """ECS stops the task before it starts another, and moves none between zones."""
    account.deploy(SHOP)
    (service,) = account.world.client("ecs").describe_services(
        cluster=account.ids()["Cluster"], services=[account.ids()["DbService"]]
    )["services"]
    said = service["deploymentConfiguration"]
    assert (said["minimumHealthyPercent"], said["maximumPercent"]) == (0, 100)
    properties = compiled(SHOP).stack.template["Resources"]["DbService"]["Properties"]
    assert properties["AvailabilityZoneRebalancing"] == "DISABLED"


@pytest.fixture
def machine(tmp_path: Path) -> Any:
    """A host."""
    with hosts.new_machine(tmp_path) as made:
        yield made


def test_a_host_mounts_volumes_before_its_container_starts(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """By TLS, with the role of the host, through the access point; at every boot, into memory."""
    monkeypatch.setitem(hosts.TOKENS, "Files", "fs-1")
    monkeypatch.setitem(hosts.TOKENS, "Point", "fsap-1")
    volumes = {"data": Mounted(Token("Files"), Token("Point")), "in": Mounted(Token("Files"), Token("Point"), ("ro",))}
    options = ("--mount=type=bind,src=/run/msaspec/volumes/data,dst=/data",)
    boot = replace(hosts.WORKER, volumes=volumes, options=options)
    assert machine.launch(boot).returncode == 0, machine.log
    own = ["mount", "-t", "efs", "-o"]
    wanted = [
        [*own, "tls,iam,accesspoint=fsap-1", "fs-1", "/run/msaspec/volumes/data"],
        [*own, "tls,iam,accesspoint=fsap-1,ro", "fs-1", "/run/msaspec/volumes/in"],
    ]
    order = [" ".join(call["argv"][:3]) for call in machine.calls]
    assert machine.called("mount") == wanted
    assert machine.called("dnf")[-1][-1] == "amazon-efs-utils"
    assert order.index("mount -t efs") < order.index("docker run -d")
    assert (machine.root / "run/msaspec/volumes/data").is_dir()
    assert machine.reboot().returncode == 0, machine.log
    assert machine.called("mount") == wanted


def test_a_volume_that_cannot_be_mounted_is_no_start(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its files a container does not run, and the deployment goes back with the reason."""
    monkeypatch.setitem(hosts.TOKENS, "Files", "fs-1")
    boot = replace(hosts.WORKER, volumes={"data": Mounted(Token("Files"), Token("Files"))})
    machine.behaviour["failures"] = [{"call": "dnf install -y amazon-efs-utils", "times": 99, "says": "No match"}]
    assert machine.launch(boot).returncode == 1
    machine.fails_with("efs: No match")
    assert not machine.called("docker", "run")
