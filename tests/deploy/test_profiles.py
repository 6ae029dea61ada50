"""Credentials that are not there or not taken, as processes: exit code 3, the cause, and the command that mends it."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests import sampling

MANIFEST = """\
msaspec: 1
name: shop
region: us-east-1
services: {web: {image: 'docker.io/library/nginx:1', port: 8080, paths: [/web]}}
"""
CONFIG = """\
[profile keys]
aws_access_key_id = a
aws_secret_access_key = b
[profile half]
aws_access_key_id = a
[profile empty]
region = us-east-1
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Admin
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.com/start
[profile old-sso]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.com/start
sso_account_id = 123456789012
sso_role_name = Admin
[profile sso-without-session]
sso_session = gone
sso_account_id = 123456789012
sso_role_name = Admin
[profile over-sso]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = sso
[profile loop]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = back
[profile back]
role_arn = arn:aws:iam::123456789012:role/y
source_profile = loop
[profile without-source]
role_arn = arn:aws:iam::123456789012:role/x
[profile unknown-source]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = nobody
[profile empty-source]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = empty
[profile forbidden]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = keys
[profile mfa]
role_arn = arn:aws:iam::123456789012:role/x
source_profile = keys
mfa_serial = arn:aws:iam::123456789012:mfa/me
[profile web]
role_arn = arn:aws:iam::123456789012:role/x
web_identity_token_file = {folder}/token
[profile web-without-file]
role_arn = arn:aws:iam::123456789012:role/x
web_identity_token_file = {folder}/none
[profile web-folder]
role_arn = arn:aws:iam::123456789012:role/x
web_identity_token_file = {folder}
[profile login]
login_session = arn:aws:iam::123456789012:user/me
[profile fails]
credential_process = sh -c "echo not logged in >&2; exit 3"
[profile prints]
credential_process = echo hello
[profile expired]
credential_process = cat {folder}/expired.json
[profile gone]
credential_process = /nowhere/program
[profile unclosed]
credential_process = "program
[profile bundle]
aws_access_key_id = a
aws_secret_access_key = b
ca_bundle = {folder}/none.pem
[profile nowhere]
aws_access_key_id = a
aws_secret_access_key = b
region = not a region
"""
EXPIRED = '{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b", "Expiration": "2020-01-01T00:00:00Z"}'
REFUSALS = {
    "AssumeRole": (
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/me is not authorized to perform: sts:AssumeRole on resource: x",
    ),
    "AssumeRoleWithWebIdentity": ("InvalidIdentityToken", "No OpenIDConnect provider found in your account"),
    "DescribeStacks": ("SignatureDoesNotMatch", "Signature expired: 20200101T000000Z is now earlier than 20260101"),
}
CHECK = "Then check: aws sts get-caller-identity --profile"
PROGRAM = "Correct `credential_process` in the shared files of the AWS CLI"
CASES = {
    "keys": ("MSA602", "(SignatureDoesNotMatch): Signature expired", "Correct the clock of this machine"),
    "half": ("MSA601", "missing: aws_secret_access_key.", "Write `aws_secret_access_key` into the profile `half`"),
    "empty": ("MSA601", "no AWS credentials in the profile `empty`", "`aws configure sso --profile empty`"),
    "sso": ("MSA602", "Token for corp does not exist", "aws sso login --profile sso\n"),
    "old-sso": ("MSA602", "Token for https://corp.awsapps.com/start does not", "aws sso login --profile old-sso\n"),
    "sso-without-session": ("MSA602", 'sso-session does not exist: "gone"', f"{CHECK} sso-without-session"),
    "over-sso": ("MSA602", "Token for corp does not exist", "aws sso login --profile sso\n"),
    "loop": ("MSA602", "Infinite loop in credential configuration", f"{CHECK} loop"),
    "without-source": ("MSA601", "missing: source_profile or credential_source", "profile `without-source`"),
    "unknown-source": ("MSA602", '"nobody" referenced in the profile "unknown-source"', f"{CHECK} unknown-source"),
    "empty-source": ("MSA602", 'The source profile "empty" must have credentials', f"{CHECK} empty-source"),
    "forbidden": ("MSA603", "The permission `sts:AssumeRole` is missing in us-east-1", "the trust policy of the role"),
    "mfa": ("MSA602", "MFA device arn:aws:iam::123456789012:mfa/me", "export-credentials --profile mfa --format env"),
    "web": ("MSA602", "AWS refuses AssumeRoleWithWebIdentity (InvalidIdentityToken)", "its identity provider"),
    "web-without-file": ("MSA602", "/none with the web identity token", "profile `web-without-file`"),
    "web-folder": ("MSA602", "cannot be read: Is a directory", "profile `web-folder`"),
    "login": ("MSA602", "for which botocore[crt] is not installed", "-m pip install 'botocore[crt]'"),
    "fails": ("MSA602", "custom-process: not logged in", PROGRAM),
    "prints": ("MSA602", "is not the JSON that it should be", PROGRAM),
    "expired": ("MSA602", "gives expired ones", "Log in again to what `credential_process` of the profile `expired`"),
    "gone": ("MSA602", "/nowhere/program: No such file or directory", PROGRAM),
    "unclosed": ("MSA602", "`credential_process` cannot be run: No closing quotation", PROGRAM),
    "nowhere": ("MSA606", "Provided region_name 'not a region'", "a line in the shared files of the AWS CLI"),
    "emty": ("MSA608", "profile (emty) could not be found", "Did you mean `empty`?"),
    "quite other": ("MSA608", "(quite other)", "Choose one with --profile: back, bundle, empty"),
}


class Refusing(BaseHTTPRequestHandler):
    """Services of AWS that refuse everything; as a source of credentials a web page."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"])).decode()
        operation = asked.partition("Action=")[2].partition("&")[0]
        code, said = REFUSALS[operation]
        self._answer(403, f"<ErrorResponse><Error><Code>{code}</Code><Message>{said}</Message></Error></ErrorResponse>")

    def do_GET(self) -> None:
        self._answer(200, "<html>Please log in</html>")

    def _answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *ignored: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of AWS as it refuses."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the manifest and the shared files."""
    (tmp_path / "msa.yaml").write_text(MANIFEST, "utf-8")
    (tmp_path / "token").write_text("t" * 40, "utf-8")
    (tmp_path / "expired.json").write_text(EXPIRED, "utf-8")
    (tmp_path / "config").write_text(CONFIG.format(folder=tmp_path), "utf-8")
    return tmp_path


def around(folder: Path, address: str) -> dict[str, str]:
    """The environment of a command."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name != "CI"},
        "HOME": str(folder),
        "AWS_CONFIG_FILE": str(folder / "config"),
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9",
        "AWS_ENDPOINT_URL_STS": address,
        "AWS_ENDPOINT_URL_CLOUDFORMATION": address,
    }


def said(folder: Path, address: str, *words: str, **variables: str) -> str:
    """What a command says of credentials, which ends with 3."""
    environment = around(folder, address) | variables
    command = [sys.executable, "-m", "msaspec", "status", *words]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("error MSA") == 1, done.stderr
    assert "   = hint: " in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("profile", sampling.one_of(2, list(CASES)))
def test_a_profile_that_gives_none(folder: Path, aws: str, profile: str) -> None:
    """Each has its code, its cause, and what mends it."""
    if profile == "login" and _has_crt():
        pytest.skip("botocore can use the sessions of `aws login` here")
    found = said(folder, aws, "--profile", profile)
    code, cause, hint = CASES[profile]
    assert f"error {code}: " in found
    assert cause in found
    assert hint in found


@pytest.mark.parametrize(("typed", "code", "shown"), [(b"123456\n", 3, "MSA603"), (b"\x03", 130, "")])
def test_a_code_that_is_asked_for(folder: Path, aws: str, typed: bytes, code: int, shown: str) -> None:
    """On a terminal the MFA device's code is asked for, without showing it; Ctrl-C ends with 130."""
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "msaspec", "status", "--profile", "mfa"]
    attached = {"stdin": inner, "stdout": inner, "stderr": inner}
    with subprocess.Popen(command, cwd=folder, env=around(folder, aws), start_new_session=True, **attached) as running:
        os.close(inner)
        seen = _seen(outer, "MFA code for arn:aws:iam::123456789012:mfa/me:")
        if typed == b"\x03":
            running.send_signal(signal.SIGINT)
        else:
            os.write(outer, typed)
        seen += _seen(outer)
    os.close(outer)
    assert running.returncode == code, seen
    assert shown in seen
    assert "123456\r" not in seen
    assert "Traceback" not in seen


def _seen(terminal: int, until: str | None = None) -> str:
    """What stands on a terminal, to the end or until it has a text."""
    seen = ""
    while until is None or until not in seen:
        try:
            read = os.read(terminal, 4096)
        except OSError:  # Nobody has the other end any more.
            break
        if not read:
            break
        seen += read.decode()
    return seen


def _has_crt() -> bool:
    from importlib.util import find_spec

    return find_spec("awscrt") is not None


def test_none_at_all(folder: Path, aws: str) -> None:
    """Without a profile and without IMDS: the profiles that there are, and never `aws login` where it cannot work."""
    found = said(folder, aws)
    assert "error MSA601: There are no AWS credentials here." in found
    assert "Name a profile with --profile: back, bundle, empty, empty-source, " in found
    assert _has_crt() or "`aws login`" not in found
    assert "error MSA601" in said(folder, aws, AWS_EC2_METADATA_SERVICE_ENDPOINT=aws)


def test_keys_of_the_environment(folder: Path, aws: str) -> None:
    """Half of them, and a profile that the environment names."""
    assert "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY together." in said(folder, aws, AWS_ACCESS_KEY_ID="a")
    assert "aws sso login --profile sso\n" in said(folder, aws, AWS_PROFILE="over-sso")
    assert "Did you mean `empty`?" in said(folder, aws, AWS_PROFILE="emty")


@pytest.mark.parametrize(
    ("path", "cause"), [("none", "No such file or directory"), ("", "Is a directory"), ("empty", "holds no token")]
)
def test_a_token_of_the_environment(folder: Path, aws: str, path: str, cause: str) -> None:
    """The file and its variable are named, as CI systems and EKS set it."""
    (folder / "empty").touch()
    named = str(folder / path)
    found = said(folder, aws, AWS_WEB_IDENTITY_TOKEN_FILE=named, AWS_ROLE_ARN="arn:aws:iam::123456789012:role/x")
    assert f"the file {named} with the web identity token, which AWS_WEB_IDENTITY_TOKEN_FILE names" in found
    assert cause in found


def test_a_container_without_its_service(folder: Path, aws: str) -> None:
    """The variables that ECS and EKS set are named; so is the file of the token."""
    for address in (f"{aws}/", "http://example.com/"):
        found = said(folder, aws, AWS_CONTAINER_CREDENTIALS_FULL_URI=address)
        assert "Correct AWS_CONTAINER_CREDENTIALS_FULL_URI" in found
    lost = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": aws, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/nowhere/token"}
    found = said(folder, aws, **lost)
    assert "the file /nowhere/token with the container's token" in found


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
@pytest.mark.parametrize(
    ("written", "cause"),
    [
        (b"[x]\na = 1\naws_secret_access_key SECRET\n", "line 3 of "),
        (b"aws_secret_access_key = SECRET\n", "line 1 of "),
        (b"[x]\nregion = \xff\xfe SECRET\n", "is not UTF-8."),
    ],
)
def test_a_shared_file_that_is_malformed(folder: Path, aws: str, variable: str, written: bytes, cause: str) -> None:
    """The file and the line are named; what the line says is not shown."""
    (folder / "malformed").write_bytes(written)
    found = said(folder, aws, **{variable: str(folder / "malformed")})
    assert str(folder / "malformed") in found
    assert cause in found
    assert "SECRET" not in found


@pytest.mark.parametrize("variable", ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"])
def test_a_shared_file_that_is_none(folder: Path, aws: str, variable: str) -> None:
    """A folder in its place is named."""
    assert f"{variable} names {folder}, which is not a file" in said(folder, aws, **{variable: str(folder)})


def test_certificates(folder: Path, aws: str) -> None:
    """A bundle that is not there, a folder, or none in the PEM form: the file and its setting are named."""
    secure = {"AWS_ENDPOINT_URL_CLOUDFORMATION": "https://127.0.0.1:9", "AWS_ENDPOINT_URL_STS": "https://127.0.0.1:9"}
    found = said(folder, aws, "--profile", "bundle", **secure)
    assert f"error MSA627: The file of certificates {folder}/none.pem" in found
    assert "Correct `ca_bundle` of the profile `bundle`" in found
    for path, cause in {str(folder): "Is a directory", str(folder / "config"): "holds no certificate"}.items():
        found = said(folder, aws, "--profile", "keys", AWS_CA_BUNDLE=path, **secure)
        assert f"{path}, which AWS_CA_BUNDLE names, " in found
        assert cause in found
    found = said(folder, aws, "--profile", "keys", REQUESTS_CA_BUNDLE="/nowhere.pem", **secure)
    assert "/nowhere.pem, which REQUESTS_CA_BUNDLE names, cannot be read: No such file or directory" in found
