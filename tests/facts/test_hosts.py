"""Hosts: their disks and credits, what they wait for, and the bastion's client, run by a real bash."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from msaspec.aws.bastion import USER_DATA
from tests import template
from tests.aws.test_user_data import UNSHARE

SYSTEM: dict[str, Any] = {"msaspec": 1, "name": "shop", "services": {"web": {"image": "web:1", "port": 8080}}}


def text(runtime: Any = "instance", **sections: Any) -> str:
    """Return a manifest of one service."""
    return yaml.safe_dump({**SYSTEM, "defaults": {"runtime": runtime}, **sections})


def resources(runtime: Any = "instance", **sections: Any) -> dict[str, Any]:
    """Return the resources of a manifest of one service."""
    found: dict[str, Any] = template.template_of(text(runtime, **sections))["Resources"]
    return found


def launched(compiled: dict[str, Any], name: str = "WebLaunchTemplate") -> dict[str, Any]:
    """Return what a launch template says."""
    found: dict[str, Any] = compiled[name]["Properties"]["LaunchTemplateData"]
    return found


def volume(data: dict[str, Any]) -> dict[str, Any]:
    """Return the root volume of a host."""
    (mapping,) = data["BlockDeviceMappings"]
    assert mapping["DeviceName"] == "/dev/xvda"
    found: dict[str, Any] = mapping["Ebs"]
    return found


@pytest.mark.parametrize("type", ["instance", "autoscaling"])
def test_a_host_has_room_for_its_image(type: str) -> None:
    """The image of the host itself has 8 GiB; the disk is larger, and a field."""
    assert volume(launched(resources(type)))["VolumeSize"] == 20
    assert volume(launched(resources({"type": type, "disk": "100 GiB"})))["VolumeSize"] == 100


@pytest.mark.parametrize("type", ["instance", "autoscaling"])
def test_credits_are_written_where_there_are_any(type: str) -> None:
    """The default of an account can be changed, and bursts cost money, so a burstable host says which it has."""
    assert launched(resources(type))["CreditSpecification"] == {"CpuCredits": "unlimited"}
    standard = launched(resources({"type": type, "credits": "standard"}))
    assert standard["CreditSpecification"] == {"CpuCredits": "standard"}
    assert "CreditSpecification" not in launched(resources({"type": type, "instance_type": "m7g.medium"}))


def test_credits_of_a_type_without_any_are_told() -> None:
    """A word that does nothing is a warning on its line."""
    runtime = {"type": "instance", "instance_type": "m7g.medium", "credits": "standard"}
    written = text(services={"web": {**SYSTEM["services"]["web"], "runtime": runtime}})
    (found,) = template.compiled(written).warnings
    assert found.path == ("services", "web", "runtime", "credits")
    assert "no CPU credits" in found.message


def test_a_group_gives_its_hosts_the_time_that_they_have_to_signal() -> None:
    """A host that is judged before its time is replaced while it boots, and its signal never comes."""
    group = resources("autoscaling", services={"web": {**SYSTEM["services"]["web"], "paths": ["/"]}})["WebGroup"]
    minutes = int(group["CreationPolicy"]["ResourceSignal"]["Timeout"].strip("PTM"))
    assert group["Properties"]["HealthCheckGracePeriod"] == minutes * 60


@pytest.mark.parametrize(
    ("network", "ways"),
    [
        ({"nat": "single"}, [{"PrivateRoute1", "S3Endpoint"}] * 2),
        ({"nat": "per-zone"}, [{"PrivateRoute1", "S3Endpoint"}, {"PrivateRoute2", "S3Endpoint"}]),
        ({"nat": "none"}, [{"S3Endpoint"}] * 2),
    ],
)
def test_a_subnet_moves_to_a_table_that_leads_somewhere(network: dict[str, str], ways: list[set[str]]) -> None:
    """An association is changed by removal and creation, so whatever leads out is on the new table before; otherwise
    hosts would stand without a way out while a NAT gateway is made."""
    compiled = resources(network=network)
    for zone, way in enumerate(ways, 1):
        assert set(compiled[f"PrivateSubnet{zone}Routes"]["DependsOn"]) == way


@pytest.mark.parametrize("placement", ["public", "private"])
def test_a_host_waits_for_the_route_table_of_its_subnet(placement: str) -> None:
    """A route that is there helps only hosts whose subnet is on its table."""
    compiled = resources(network={"placement": placement}, bastion=True)
    tier = placement.capitalize()
    for name in ("WebInstance", "BastionInstance"):
        assert {f"{tier}Subnet1Routes", f"{tier}Subnet2Routes"} <= set(compiled[name]["DependsOn"])


# ---- The bastion ----


def boot_bastion(root: Path, dnf: str, user_data: str = USER_DATA) -> str:
    """Run the bastion's user data with a `dnf` of a test; return what it leaves on the console."""
    if not UNSHARE:
        pytest.skip("no right to a mount namespace of its own (unshare --mount)")
    tools, local = root / "tools", root / "local"
    tools.mkdir()
    local.mkdir()
    for tool in ("bash", "install"):
        (tools / tool).symlink_to(os.path.realpath(str(shutil.which(tool))))
    for name, script in (("dnf", dnf), ("sleep", f'echo "$1" >>{root}/pauses')):
        (tools / name).write_text(f"#!/bin/bash\n{script}\n")
        (tools / name).chmod(0o755)
    console, script = root / "console", root / "user-data"
    console.touch()
    script.write_text(user_data)
    mounts = f"mount --bind {local} /usr/local/bin && touch /dev/console && mount --bind {console} /dev/console"
    command = [*UNSHARE, "bash", "-c", f'{mounts} && PATH={tools} exec bash "$0"', str(script)]
    subprocess.run(command, check=False, capture_output=True, timeout=60)
    return console.read_text()


def test_the_bastion_takes_the_newest_client_there_is(tmp_path: Path) -> None:
    """Versions that the distribution has not are passed over, and nothing is tried after the first that installs."""
    calls = tmp_path / "calls"
    assert boot_bastion(tmp_path, f'echo "$@" >>{calls}; [ "${{@: -1}}" = postgresql16 ]') == ""
    assert [line.split()[-1] for line in calls.read_text().splitlines()] == [
        "postgresql18",
        "postgresql17",
        "postgresql16",
    ]
    assert not (tmp_path / "pauses").exists()
    assert not list((tmp_path / "local").iterdir())


def test_a_bastion_without_a_client_says_so(tmp_path: Path) -> None:
    """It tries for minutes, then says on the console, and to whoever calls psql, what to do."""
    console = boot_bastion(tmp_path, "exit 1")
    assert "psql could not be installed. Try: sudo dnf install" in console
    assert (tmp_path / "pauses").read_text().split() == ["5", "15", "45", "135"]
    said = subprocess.run([tmp_path / "local" / "psql"], capture_output=True, text=True, check=False)
    assert said.returncode == 1
    assert said.stdout == console


def test_a_bastion_of_mysql_has_its_client_too(tmp_path: Path) -> None:
    """One of the two packages, before psql, and only where a database needs it."""
    mysql = resources(databases={"main": {"engine": "mysql"}}, bastion={})["BastionLaunchTemplate"]
    user_data = mysql["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    calls = tmp_path / "calls"
    assert boot_bastion(tmp_path, f'echo "$@" >>{calls}; [ "${{@: -1}}" != mariadb1011-client-utils ]', user_data) == ""
    installed = [line.split()[-1] for line in calls.read_text().splitlines()]
    assert installed == ["mariadb1011-client-utils", "mariadb105", "postgresql18"]
    plain = resources(databases={"main": {}}, bastion={})["BastionLaunchTemplate"]
    assert plain["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"] == USER_DATA
