"""Sidecars: further containers of each copy, with the same meaning on every runtime."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from msaspec.aws.service_hosts import boot
from msaspec.aws.user_data import BODY, script
from tests.aws.test_user_data import SECRET, WORKER, Machine, machine
from tests.template import compiled, template_of
from tests.test_files import RUNTIMES, told_by
from tests.test_ports import DOOR, resources, text

__all__ = ["machine"]

NGINX = "public.ecr.aws/nginx/nginx:1.29"
ALPINE = "public.ecr.aws/docker/library/alpine:3.22"
OWN = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/agent:1"
SIDECARS: dict[str, Any] = {
    "nginx": {
        "image": NGINX,
        "starts": "before",
        "health": {"command": ["nginx", "-t"], "grace": "20 s"},
        "env": {"PATH": "/own", "KEY": "${jwt.url}", "LINES": "a\nb"},
        "files": {"/etc/nginx/conf.d/default.conf": {"text": "server {}"}},
        "memory": "128 MiB",
        "cpu": "0.25 vCPU",
        "read_only": True,
        "user": 101,
        "entrypoint": ["sh", "-c"],
        "command": ["nginx"],
    },
    "seed": {"image": ALPINE, "starts": "first", "before": ["nginx"], "command": ["seed", "--all"]},
    "agent": {"image": OWN, "essential": False},
}


def manifest(**web: Any) -> str:
    """Return a system of one service with sidecars."""
    fields = {"image": "w:1", "port": 8080, "uses": ["jwt"], "sidecars": SIDECARS, "front": "nginx", **web}
    return text({"web": fields}, secrets={"jwt": {"from": SECRET, "keys": ["url"]}})


def test_a_host_starts_sidecars_in_their_order(machine: Machine) -> None:
    """What is first ends before the next is started, what is before is up before the service is started, all have the
    host's network, and each its own image, variables, files and limits."""
    machine.behaviour["secrets"] = {SECRET: '{"url": "the url"}'}
    machine.behaviour["sidecars"] = {"seed": [0], "nginx": [1, 1, 0]}
    result = compiled(manifest(paths=["/"]))
    ((_, workload),) = result.plan.workloads
    made = boot(workload, result.plan.site, "Service", {80: 8080, 8080: 8080})  # type: ignore[arg-type]
    assert made.health
    assert made.health.url == "http://127.0.0.1:8080/"
    wanted = replace(
        WORKER, options=made.options, files=made.files, sidecars=made.sidecars, front=made.front, environment={}
    )
    assert machine.launch(wanted).returncode == 0, machine.log
    steps = [
        call[3 if call[1] == "run" else 1] if call[1] != "run" else f"run {call[call.index('--name') + 1]}"
        for call in machine.called("docker")
        if call[1] in ("run", "exec")
    ]
    assert steps == ["run agent", "run seed", "run nginx", "exec", "exec", "exec", "run users", "exec"]
    runs = [json.loads(line) for line in (machine.state / "sidecars").read_text().splitlines()]
    (agent,), (seed,), (nginx,) = (run.values() for run in runs)
    assert [run["options"]["--restart"] for run in (agent, seed, nginx)] == [["no"], ["no"], ["unless-stopped"]]
    assert [run["detached"] for run in (agent, seed, nginx)] == [True, False, True]
    assert {run["options"]["--network"][0] for run in (agent, seed, nginx, machine.container)} == {"host"}
    assert (nginx["environment"], nginx["command"]) == (
        {"PATH": "/own", "KEY": "the url", "LINES": "a\nb"},
        ["-c", "nginx"],
    )
    assert (seed["environment"], seed["command"]) == ({}, ["seed", "--all"])
    options = {name: found for name, found in nginx["options"].items() if found}
    assert options["--memory"] == ["128m"]
    assert options["--cpu-shares"] == ["256"]
    assert options["--user"] == ["101"]
    assert options["--mount"] == ["type=bind,src=/var/lib/msaspec/0,dst=/etc/nginx/conf.d/default.conf,readonly"]
    assert (machine.root / "lib/msaspec/0").read_text() == "server {}"
    assert [each for each in options["--log-opt"] if "stream" in each] == ["awslogs-stream=i-0123456789abcdef0/nginx"]
    (login,) = machine.called("docker", "login")
    assert login[-1] == OWN.partition("/")[0]
    assert (machine.state / "rules").read_text() == "PREROUTING -p tcp --dport 80 -j REDIRECT --to-ports 8080"
    assert "the url" not in machine.log


def test_a_host_whose_first_sidecar_fails_says_so(machine: Machine) -> None:
    """The service is never started, and the reason is that of the sidecar."""
    machine.behaviour["sidecars"] = {"seed": [3]}
    sidecars = {"seed": SIDECARS["seed"] | {"before": []}}
    result = compiled(text({"web": {"image": "w:1", "sidecars": sidecars}}))
    ((_, workload),) = result.plan.workloads
    made = boot(workload, result.plan.site, "Service", {})  # type: ignore[arg-type]
    assert machine.launch(replace(WORKER, sidecars=made.sidecars)).returncode != 0
    machine.fails_with("sidecars: seed: exit 3")
    assert not [call for call in machine.called("docker", "run") if "users" in call]


def test_hosts_without_sidecars_keep_their_script() -> None:
    """The script grows only where the feature is used."""
    assert script(replace(WORKER, health=None)) == ("Boot", BODY)


def test_a_task_has_its_sidecars() -> None:
    """Each waits for what is before it; the front has the port and the target group; roles may pull each image."""
    found = resources(
        {"web": {"image": "w:1", "port": 8080, "paths": ["/"], "runtime": "fargate", "uses": ["jwt"], "front": "nginx",
                 "ports": {"metrics": 9100}, "sidecars": SIDECARS}},
        secrets={"jwt": {"from": SECRET, "keys": ["url"]}}, **DOOR,
    )  # fmt: skip
    containers = {each["Name"]: each for each in found["WebTask"]["Properties"]["ContainerDefinitions"]}
    assert [*containers] == ["web", "agent", "seed", "nginx", "nginx_files"]
    assert {name: each["Essential"] for name, each in containers.items()} == {
        "web": True, "agent": False, "seed": False, "nginx": True, "nginx_files": False,
    }  # fmt: skip
    waits = {
        name: {each["ContainerName"]: each["Condition"] for each in container.get("DependsOn", ())}
        for name, container in containers.items()
    }
    assert waits == {
        "web": {"seed": "SUCCESS", "nginx": "HEALTHY"},
        "nginx": {"nginx_files": "SUCCESS", "seed": "SUCCESS"},
        "agent": {}, "seed": {}, "nginx_files": {},
    }  # fmt: skip
    assert [each["ContainerPort"] for each in containers["nginx"]["PortMappings"]] == [8080]
    assert [each["ContainerPort"] for each in containers["web"]["PortMappings"]] == [9100]
    (balanced,) = found["WebService"]["Properties"]["LoadBalancers"]
    assert (balanced["ContainerName"], balanced["ContainerPort"]) == ("nginx", 8080)
    assert (containers["nginx"]["Memory"], containers["nginx"]["Cpu"]) == (128, 256)
    assert [each["Name"] for each in containers["nginx"]["Secrets"]] == ["KEY"]
    assert ":repository/agent" in str(found["WebExecutionRole"])


def test_a_secret_in_a_longer_text_of_a_sidecar_is_composed() -> None:
    """Also where the service has a variable of the same name."""
    sidecars = {
        "proxy": {"image": NGINX, "env": {"DSN": "b ${jwt.value}"}, "files": {"/srv/x": {"text": "c ${jwt.value}"}}}
    }
    web = {
        "image": "w:1",
        "runtime": "fargate",
        "uses": ["jwt"],
        "env": {"DSN": "a ${jwt.value}"},
        "sidecars": sidecars,
    }
    found = resources({"web": web}, secrets={"jwt": {}})
    texts = found["WebTexts"]["Properties"]["Texts"]
    assert sorted(pieces[0] for pieces in texts.values()) == ["a ", "b ", "c "]
    containers = found["WebTask"]["Properties"]["ContainerDefinitions"]
    places = [
        str(each["ValueFrom"]) for container in containers for each in container["Secrets"] if each["Name"] != "JWT"
    ]
    assert len(set(places)) == 3
    assert all("WebTextsSecret" in place for place in places)


@RUNTIMES
def test_what_no_sidecar_can_be_is_a_diagnostic(runtime: str) -> None:
    """Circles, unknown names, the name of the service, and a front that takes no requests."""

    def told(**web: Any) -> list[tuple[str, str]]:
        return told_by(text({"web": {"image": "w:1", "runtime": runtime, **web}}))

    one = {"image": NGINX}
    circle = {"aa": {**one, "before": ["bb"]}, "bb": {**one, "before": ["aa"]}}
    assert [code for code, _ in told(sidecars=circle)] == ["MSA476", "MSA476"]
    assert told(sidecars={"aa": {**one, "before": ["aa"]}}) == [("MSA476", "`aa` is to start before itself.")]
    assert [code for code, _ in told(sidecars={"aa": {**one, "before": ["web"]}})] == ["MSA477"]
    assert [code for code, _ in told(sidecars={"aa": {**one, "before": ["cc"]}})] == ["MSA477"]
    assert [code for code, _ in told(sidecars={"web": one})] == ["MSA477"]
    assert [code for code, _ in told(port=80, front="nginx")] == ["MSA477"]
    assert [code for code, _ in told(sidecars={"aa": one}, front="aa")] == ["MSA478"]
    assert [code for code, _ in told(port=80, sidecars={"aa": {**one, "starts": "first"}}, front="aa")] == ["MSA478"]


def test_what_does_not_fit_into_a_task_is_a_diagnostic() -> None:
    """Ten containers, those that write files among them, and the memory of the copy."""
    one = {"image": NGINX, "files": {"/srv/x": {"text": "hello"}}}
    assert resources({"web": {"image": "w:1", "runtime": "fargate", "sidecars": {f"side{n}": one for n in range(4)}}})
    assert [
        code
        for code, _ in told_by(
            text({"web": {"image": "w:1", "runtime": "fargate", "sidecars": {f"side{n}": one for n in range(5)}}})
        )
    ] == ["MSA479"]
    large = {"aa": {"image": NGINX, "memory": "1 GiB"}}
    assert [code for code, _ in told_by(text({"web": {"image": "w:1", "runtime": "fargate", "sidecars": large}}))] == [
        "MSA479"
    ]


@RUNTIMES
def test_an_image_of_a_sidecar_has_a_way_in(runtime: str) -> None:
    """Without a way out of the network, it comes from ECR."""
    found = told_by(
        text(
            {"web": {"image": "w:1", "runtime": runtime, "sidecars": {"aa": {"image": NGINX}}}}, network={"nat": "none"}
        )
    )
    assert [code for code, _ in found] == ["MSA307"]
    assert template_of(
        text({"web": {"image": "w:1", "runtime": runtime, "sidecars": {"aa": {"image": OWN}}}}, network={"nat": "none"})
    )


@RUNTIMES
def test_a_tag_of_a_sidecar_says_which_image_runs(runtime: str) -> None:
    """One that moves is warned of, as that of a service is."""
    sidecars = {"aa": {"image": "public.ecr.aws/nginx/nginx"}, "bb": {"image": f"{NGINX.partition(':')[0]}:latest"}}
    result = compiled(text({"web": {"image": "w:1", "runtime": runtime, "sidecars": sidecars}}))
    assert [(each.code, each.path[-2]) for each in result.warnings] == [("MSA347", "aa"), ("MSA347", "bb")]


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"starts": "first", "essential": True}, "it is not `essential`"),
        ({"starts": "first", "health": {"command": ["x"]}}, "no `health`"),
        ({"health": "/up"}, "is a `command`"),
        ({"port": 80}, "`front` names the sidecar"),
        ({"image": "nginx:1"}, "name an image with its registry"),
    ],
)
def test_a_sidecar_is_consistent(fields: dict[str, Any], says: str) -> None:
    """Its fields fit together, and the message says what to write."""
    (found,) = told_by(text({"web": {"image": "w:1", "sidecars": {"aa": {"image": NGINX, **fields}}}}))
    assert says in found[1]
