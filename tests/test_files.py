"""Files in containers: what is read beside a manifest, and that it arrives byte for byte on every runtime."""

from __future__ import annotations

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.aws.service_hosts import boot
from msaspec.diagnostics.diagnostic import Invalid
from msaspec.source.beside import LARGEST, reader
from tests.aws.test_user_data import NASTY, SECRET, UNSHARE, WORKER, Machine, machine
from tests.hostile import run
from tests.template import Filled, compiled, template_of
from tests.test_ports import RUNTIMES, text

__all__ = ["machine"]

CONTENT = "".join(content for name, content in NASTY.items() if name != "SEPARATORS") + "\n\n"
"""What shells, JSON, CloudFormation and Docker read something into."""


def service(**fields: Any) -> str:
    """Return a manifest of one service."""
    return text({"web": {"image": "w:1", **fields}})


def told(manifest: str, folder: Path) -> list[tuple[str, str]]:
    """Return the codes and messages that a manifest with files of a folder yields."""
    with pytest.raises(Invalid) as caught:
        pipeline.compile_main(pipeline.load(manifest, "msa.yaml", reader(str(folder))))
    return [(each.code, each.message) for each in caught.value.diagnostics]


def told_by(manifest: str) -> list[tuple[str, str]]:
    """Return the codes and messages of a manifest that names no files."""
    with pytest.raises(Invalid) as caught:
        compiled(manifest)
    return [(each.code, each.message) for each in caught.value.diagnostics]


@RUNTIMES
@pytest.mark.parametrize(
    ("written", "code", "says"),
    [
        ("./none.conf", "MSA470", "is not there"),
        ("./conf.d", "MSA470", "is a folder"),
        ("pipe", "MSA470", "is no regular file"),
        ("file.conf/x", "MSA470", "is not there"),
        ("../outside.conf", "MSA471", "is outside"),
        ("conf.d/../../outside.conf", "MSA471", "is outside"),
        ("/etc/hostname", "MSA471", "is outside"),
        ("link.conf", "MSA471", "is a link that leads out"),
        ("linked/outside.conf", "MSA471", "is a link that leads out"),
        ("binary", "MSA472", "is no text"),
        ("latin", "MSA472", "is no text"),
        ("large", "MSA472", "has more than 32 KiB"),
        ("x\0y", "MSA470", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_had_is_a_diagnostic(
    tmp_path: Path, runtime: str, written: str, code: str, says: str
) -> None:
    """Whatever is wrong with a file is said on its line, and nothing outside of the folder is read."""
    folder = tmp_path / "system"
    (folder / "conf.d").mkdir(parents=True)
    (folder / "file.conf").write_text("x")
    (tmp_path / "outside.conf").write_text("secret of somebody")
    (folder / "link.conf").symlink_to(tmp_path / "outside.conf")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "binary").write_bytes(b"\x7fELF\0\0")
    (folder / "latin").write_bytes("Grüße".encode("latin-1"))
    (folder / "large").write_text("x" * (LARGEST + 1))
    os.mkfifo(folder / "pipe")
    ((found, message),) = told(service(runtime=runtime, files={"/srv/app/x": written}), folder)
    assert (found, says in message) == (code, True)


def test_a_file_is_read_once_and_through_links_inside_the_folder(tmp_path: Path) -> None:
    """A link to a neighbour is followed, and the text is the file's, with its line ends."""
    (tmp_path / "real.conf").write_bytes(b"a\r\nb\n\n")
    (tmp_path / "link.conf").symlink_to("real.conf")
    manifest = service(files={"/srv/x": "link.conf", "/srv/y": {"file": "./real.conf"}})
    result = pipeline.compile_main(pipeline.load(manifest, "msa.yaml", reader(str(tmp_path))))
    ((_, workload),) = result.plan.workloads
    assert [each.content for each in workload.files] == [("a\r\nb\n\n",)] * 2


def test_every_command_reads_the_files_beside_the_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the folder of the manifest wherever the command runs; from the current one for standard input."""
    home = tmp_path / "system"
    home.mkdir()
    (home / "app.conf").write_text("wanted")
    manifest = service(runtime="fargate", files={"/srv/app/x": "app.conf"})
    (home / "msa.yaml").write_text(manifest)
    done = run("compile", str(home / "msa.yaml"))
    assert (done.exit_code, "Value: wanted" in done.output) == (0, True), done.output
    monkeypatch.chdir(home)
    done = run("compile", "-", stdin=manifest)
    assert (done.exit_code, "Value: wanted" in done.output) == (0, True), done.output


def test_diff_compares_files_with_those_of_the_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changed is a change of its service, shown with both contents."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "msa.yaml").write_text(service(runtime="fargate", files={"/srv/app/x": "conf/app.conf"}))
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/app.conf").write_text("before")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    assert run("diff").exit_code == 0
    (tmp_path / "conf/app.conf").write_text("after")
    done = run("diff")
    assert done.exit_code == 1
    assert "before -> after" in " ".join(done.output.split())


def test_a_host_has_the_files_of_its_service(machine: Machine) -> None:
    """Content, mode and owner are as written, secrets and references are filled in, and each is mounted for reading."""
    machine.behaviour["secrets"] = {SECRET: '{"url": "postgres://a:b@c/d\\n"}'}
    manifest = text(
        {"web": {"image": "w:1", "uses": ["jwt"], "files": {
            "/srv/app/nasty": {"text": CONTENT},
            "/srv/app/jwt": {"secret": "jwt", "mode": "0400", "owner": "7:8"},
            "/srv/app/empty": {"text": ""},
        }}},
        secrets={"jwt": {"from": SECRET, "keys": ["url"]}},
    )  # fmt: skip
    result = compiled(manifest)
    ((_, workload),) = result.plan.workloads
    made = boot(workload, result.plan.site, "Service", {})  # type: ignore[arg-type]
    kept = machine.root / "lib/msaspec"
    for start in (lambda: machine.launch(replace(WORKER, options=made.options, files=made.files)), machine.reboot):
        assert start().returncode == 0, machine.log
        assert machine.container["options"]["--mount"] == [
            "type=bind,src=/var/lib/msaspec/0,dst=/srv/app/empty,readonly",
            "type=bind,src=/var/lib/msaspec/1,dst=/srv/app/jwt,readonly",
            "type=bind,src=/var/lib/msaspec/2,dst=/srv/app/nasty,readonly",
        ]
        assert [(kept / name).read_bytes().decode() for name in ("0", "1", "2")] == [
            "",
            '{"url": "postgres://a:b@c/d\\n"}',
            CONTENT,
        ]
        assert [oct(stat.S_IMODE((kept / name).stat().st_mode)) for name in ("1", "2")] == ["0o400", "0o444"]
        if os.geteuid() == 0:
            assert ((kept / "1").stat().st_uid, (kept / "1").stat().st_gid) == (7, 8)
    assert "postgres://" not in machine.log


def test_a_host_writes_a_new_file_beside_the_one_that_is_mounted(machine: Machine) -> None:
    """A container that runs keeps the file that it was started with."""
    made = compiled(service(files={"/srv/x": {"text": "first"}}))
    ((_, workload),) = made.plan.workloads
    words = boot(workload, made.plan.site, "Service", {})  # type: ignore[arg-type]
    assert machine.launch(replace(WORKER, options=words.options, files=words.files)).returncode == 0, machine.log
    with (machine.root / "lib/msaspec/0").open() as before:
        assert machine.reboot().returncode == 0, machine.log
        assert os.fstat(before.fileno()).st_ino != (machine.root / "lib/msaspec/0").stat().st_ino
        assert before.read() == "first"


def writer(manifest: str, secrets: dict[str, str], root: Path) -> subprocess.CompletedProcess[str]:
    """Run the container that writes the files of a task, with its volumes under a folder, and return what it did."""
    template = template_of(manifest)
    task = Filled(template).value(template["Resources"]["WebTask"]["Properties"])
    main, files = task["ContainerDefinitions"]
    assert (files["Essential"], files["User"]) == (False, "0")
    assert main["DependsOn"] == [{"ContainerName": files["Name"], "Condition": "SUCCESS"}]
    assert {mount["SourceVolume"] for mount in main["MountPoints"]} == {volume["Name"] for volume in task["Volumes"]}
    environment = {each["Name"]: each["Value"] for each in files.get("Environment", [])}
    environment |= {each["Name"]: secrets[each["ValueFrom"]] for each in files.get("Secrets", [])}
    lines = ["set -e", "mount -t tmpfs x /srv", f"cp -a {root}/image /srv/app", "mount -t tmpfs x /mnt"]
    for mount in files["MountPoints"]:
        (root / mount["SourceVolume"]).mkdir()
        place = mount["ContainerPath"]
        lines += [f"mkdir {place}", f"mount --bind {root / mount['SourceVolume']} {place}"]
    return subprocess.run(
        [*UNSHARE, "bash", "-c", "\n".join([*lines, 'exec "$@"']), "x", *files["EntryPoint"], *files["Command"]],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(not UNSHARE, reason="needs mount namespaces")
def test_a_task_has_the_files_of_its_service(tmp_path: Path) -> None:
    """The writer is run for real: what the image has in the folder stays, with its owners and modes, and each file has
    its content, mode and owner, also where the image had a link."""
    image = tmp_path / "image"
    (image / "inner").mkdir(parents=True)
    (image / "inner/kept").write_text("of the image")
    (image / "inner/kept").chmod(0o600)
    (image / "app.conf").symlink_to("/dev/full")
    files = {
        "/srv/app/app.conf": {"text": CONTENT},
        "/srv/app/inner/key": {"secret": "jwt", "mode": "440", "owner": "7:8"},
        "/srv/app/new/empty": {"text": ""},
    }
    manifest = text(
        {"web": {"image": "w:1", "runtime": "fargate", "uses": ["jwt"], "files": files}}, secrets={"jwt": {}}
    )
    done = writer(manifest, {"<JwtSharedSecret>": "-n \\c $HOME\n\n"}, tmp_path)
    assert done.returncode == 0, done.stderr
    volume = tmp_path / "web-files-0"
    assert (volume / "inner/kept").read_text() == "of the image"
    assert (volume / "app.conf").read_bytes().decode() == CONTENT
    assert (volume / "inner/key").read_bytes() == b"-n \\c $HOME\n\n"
    assert (volume / "new/empty").read_bytes() == b""
    modes = {name: stat.S_IMODE((volume / name).stat().st_mode) for name in ("inner/kept", "app.conf", "inner/key")}
    assert modes == {"inner/kept": 0o600, "app.conf": 0o444, "inner/key": 0o440}
    if os.geteuid() == 0:
        assert ((volume / "inner/key").stat().st_uid, (volume / "inner/key").stat().st_gid) == (7, 8)


def test_another_image_may_write_the_files_of_a_task() -> None:
    """It takes nothing over from its own folders, and the execution role may pull it where it is in ECR."""
    shell = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/busybox:1.37"
    manifest = service(runtime={"type": "fargate", "files_image": shell}, files={"/srv/app/x": {"text": "hello"}})
    found = template_of(manifest)["Resources"]
    files = found["WebTask"]["Properties"]["ContainerDefinitions"][1]
    assert files["Image"] == shell
    assert "copy" not in files["Command"]
    assert ":repository/busybox" in str(found["WebExecutionRole"])
    with pytest.raises(Invalid, match="name an image with its registry"):
        compiled(service(runtime={"type": "fargate", "files_image": "busybox:1"}))


@RUNTIMES
def test_no_secret_is_in_a_template(runtime: str) -> None:
    """A file of a secret, or of a text with one, names where it is; only who starts the service may read it."""
    files = {"/srv/a": {"secret": "jwt"}, "/srv/b": {"text": "key=${jwt.value};"}}
    manifest = text({"web": {"image": "w:1", "runtime": runtime, "uses": ["jwt"], "files": files}}, secrets={"jwt": {}})
    template = template_of(manifest)
    assert "{{resolve:" not in str(template)
    role = template["Resources"]["WebExecutionRole" if runtime == "fargate" else "WebRole"]
    assert "JwtSharedSecret" in str(role)


def test_a_private_key_beside_the_manifest_is_no_file(tmp_path: Path) -> None:
    """Its content would be in the template and in user data. It is never shown."""
    (tmp_path / "key.pem").write_text(
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\n"
    )
    manifest = service(files={"/srv/app/key.pem": "./key.pem"})
    with pytest.raises(Invalid) as caught:
        pipeline.compile_main(pipeline.load(manifest, "msa.yaml", reader(str(tmp_path))))
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "MSA304"
    assert "{secret: NAME}" in (diagnostic.hint or "")
    assert "MIIE" not in str(diagnostic)


@RUNTIMES
def test_a_file_of_a_secret_that_is_not_used_says_which_line_to_add(runtime: str) -> None:
    """The line under `uses` is what grants the reading."""
    manifest = text(
        {"web": {"image": "w:1", "runtime": runtime, "files": {"/srv/a": {"secret": "jwt"}}}}, secrets={"jwt": {}}
    )
    with pytest.raises(Invalid) as caught:
        compiled(manifest)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.hint) == ("MSA221", "Add `jwt:` under `services.web.uses`.")


def test_files_that_fit_nowhere_are_refused() -> None:
    """Everything that a copy starts with has a limit, which is told by the field that reaches it."""
    large = {"/srv/x": {"text": "x" * 20_000}}
    with pytest.raises(Invalid) as caught:
        compiled(service(files=large))
    assert [(each.code, each.path[-1]) for each in caught.value.diagnostics] == [("MSA332", "files")]
    compiled(service(runtime="fargate", files=large))
    several = {f"/srv/{number}": {"text": "x" * 30_000} for number in range(3)}
    with pytest.raises(Invalid) as caught:
        compiled(service(runtime="fargate", files=several))
    assert [(each.code, each.path[-1]) for each in caught.value.diagnostics] == [("MSA377", "files")]
