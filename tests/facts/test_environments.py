"""Environments of one manifest that want what AWS has once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner

from msaspec.cli import main

SYSTEM: dict[str, Any] = {
    "msaspec": 1,
    "name": "shop",
    "defaults": {"runtime": "fargate"},
    "services": {"web": {"image": "docker.io/library/nginx:1", "port": 80, "paths": ["/a"]}},
}
INGRESS = {"domain": "example.com", "hosted_zone": "Z0123456789ABC"}
CDN = {
    "hosts": ["img.example.com"],
    "certificate": "arn:aws:acm:us-east-1:123456789012:certificate/1b2c3d4e",
}


def linted(folder: Path, *words: str, **sections: Any) -> tuple[int, list[str]]:
    """Return the exit code of `msaspec lint`, and its lines that have a code."""
    file = folder / "msa.yaml"
    file.write_text(yaml.safe_dump({**SYSTEM, **sections}, sort_keys=False))
    result = CliRunner().invoke(main, ["lint", str(file), *words], catch_exceptions=False)
    return result.exit_code, [line.partition(": ")[2] for line in result.stdout.splitlines() if " MSA3" in line]


def test_one_record_for_two_environments_is_an_error(tmp_path: Path) -> None:
    """The second deployment would fail after minutes of building its database."""
    code, told = linted(tmp_path, ingress=INGRESS, environments={"dev": {}, "prod": {}})
    assert code == 1
    assert (
        "error MSA388: The environments `dev` and `prod` both claim the record example.com (A) in the zone"
        " Z0123456789ABC." in told
    )


def test_each_host_is_a_record(tmp_path: Path) -> None:
    """Names of services meet as the domain itself does."""
    services = {"web": {**SYSTEM["services"]["web"], "hosts": ["web.example.com"]}}
    environments = {"dev": {"ingress": {"domain": "dev.example.com"}}, "prod": {}, "test": {}}
    _, told = linted(tmp_path, ingress=INGRESS, services=services, environments=environments)
    assert any("`prod` and `test` both claim the record web.example.com (A)" in line for line in told)


def test_a_name_of_a_distribution_is_had_once(tmp_path: Path) -> None:
    """CloudFront refuses a name that another distribution has, in any account."""
    code, told = linted(tmp_path, buckets={"media": {"cdn": CDN}}, environments={"dev": {}, "prod": {}})
    assert code == 1
    assert any("`dev` and `prod` both claim the name img.example.com of a distribution" in line for line in told)


def test_the_file_itself_is_not_deployed_beside_environments(tmp_path: Path) -> None:
    """A name that one environment takes from it meets nothing."""
    assert linted(tmp_path, ingress=INGRESS, environments={"prod": {}}) == (0, [])


def test_names_of_their_own_meet_nowhere(tmp_path: Path) -> None:
    """As the hint says to write them; and whoever lints one environment is told of that one."""
    environments = {
        "dev": {"ingress": {"domain": "dev.example.com", "hosted_zone": "Z0123456789ABC"}},
        "prod": {"ingress": INGRESS},
    }
    assert linted(tmp_path, environments=environments)[0] == 0
    met = {"dev": {"ingress": INGRESS}, "prod": {"ingress": INGRESS}}
    assert linted(tmp_path, "--env", "prod", environments=met) == (0, [])
