"""Web sites: what `deploy` uploads, deletes and has CloudFront forget; what other commands say of it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws import web_site
from msaspec.aws.web_site import RECORD, WebSite
from msaspec.deploy.sites import headers, publishing
from msaspec.deploy.sites.difference import MOST_PATHS, between
from msaspec.deploy.sites.folder import File, Folder
from msaspec.deploy.sites.record import Record
from msaspec.language.part import Uploads
from tests import told
from tests.deploy.account import Account

SITE = "msaspec: 1\nname: shop\nbuckets:\n  web: {site: ./dist}\n"


def files(account: Account, **contents: str | bytes) -> None:
    """Write files of the site; `__` in a name stands for a slash, `_dot_` for a dot."""
    for name, content in {"index_dot_html": "<html>", **contents}.items():
        path = account.folder / "dist" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def bucket(account: Account) -> str:
    """The bucket of the site."""
    return account.ids()["WebBucket"]


def objects(account: Account) -> set[str]:
    """The keys in the bucket, without the record."""
    found = account.world.client("s3").list_objects_v2(Bucket=bucket(account)).get("Contents", [])
    return {each["Key"] for each in found} - {RECORD}


def head(account: Account, key: str) -> dict[str, Any]:
    """What an object is served with."""
    found: dict[str, Any] = account.world.client("s3").head_object(Bucket=bucket(account), Key=key)
    return found


def forgotten(account: Account) -> list[list[str]]:
    """The paths of each invalidation, the oldest first."""
    cloudfront, id = account.world.client("cloudfront"), account.ids()["WebDistribution"]
    listed = cloudfront.list_invalidations(DistributionId=id)["InvalidationList"].get("Items", [])
    found = [cloudfront.get_invalidation(DistributionId=id, Id=each["Id"])["Invalidation"] for each in listed]
    return [each["InvalidationBatch"]["Paths"]["Items"] for each in found]


def said(text: str) -> str:
    """What was printed, on one line."""
    return " ".join(text.split())


def test_a_site_alone_is_deployed(account: Account) -> None:
    """Without services there is no network. Files have types and cache headers; hidden ones stay here."""
    files(account, assets__app_dot_3f2a1b9c_dot_js="1", about__index_dot_html="<p>", _dot_env="SECRET=1")
    (account.folder / "dist/.well-known").mkdir()
    (account.folder / "dist/.well-known/security.txt").write_text("x")
    result = account.deploy(SITE)
    assert result.exit_code == 0, result.stderr
    assert objects(account) == {
        "index.html",
        "about/index.html",
        "assets/app.3f2a1b9c.js",
        ".well-known/security.txt",
    }
    assert not any(name.startswith(("Vpc", "Public", "Nat")) for name in account.ids())
    page, script = head(account, "index.html"), head(account, "assets/app.3f2a1b9c.js")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", headers.SHORT)
    assert (script["ContentType"], script["CacheControl"]) == ("text/javascript; charset=utf-8", headers.FOREVER)
    assert "4 files uploaded" in said(result.stderr)
    assert "leaves out hidden files: .env" in said(result.stderr)
    assert "WebUrl" in result.stdout


def test_only_what_changed_is_uploaded_and_forgotten(account: Account) -> None:
    """The second time nothing happens; then a changed page, a new file, and one that went."""
    files(account, a_dot_txt="a", b_dot_txt="b")
    assert account.deploy(SITE).exit_code == 0
    before = forgotten(account)
    again = account.deploy()
    assert "has no changes: its 3 files are uploaded" in said(again.stderr)
    assert forgotten(account) == before
    account.world.client("s3").put_object(Bucket=bucket(account), Key="uploads/mine.txt", Body=b"of a service")
    files(account, index_dot_html="<html>new", c_dot_txt="c")
    (account.folder / "dist/b.txt").unlink()
    result = account.deploy()
    assert "2 files uploaded, 1 deleted, 1 unchanged" in said(result.stderr)
    assert objects(account) == {"index.html", "a.txt", "c.txt", "uploads/mine.txt"}
    assert sorted(forgotten(account)[-1]) == ["/b.txt", "/index.html"]


def test_hashed_files_stay_for_open_pages_until_the_next_change(account: Account) -> None:
    """A page that was loaded before a deployment still finds its parts after it."""
    files(account, app_dot_3f2a1b9c_dot_js="1")
    assert account.deploy(SITE).exit_code == 0
    (account.folder / "dist/app.3f2a1b9c.js").unlink()
    files(account, index_dot_html="2", app_dot_aaaa1111_dot_js="2")
    assert "1 kept for open pages" in said(account.deploy().stderr)
    assert objects(account) == {"index.html", "app.3f2a1b9c.js", "app.aaaa1111.js"}
    account.deploy()
    assert "app.3f2a1b9c.js" in objects(account)
    files(account, index_dot_html="3")
    account.deploy()
    assert objects(account) == {"index.html", "app.aaaa1111.js"}


def test_what_was_begun_is_completed(account: Account) -> None:
    """After a stop in the middle, the next deployment uploads what may be half done, and CloudFront forgets it."""
    files(account, a_dot_txt="a")
    assert account.deploy(SITE).exit_code == 0
    files(account, index_dot_html="2")

    def stop() -> None:
        raise KeyboardInterrupt

    account.at("CreateInvalidation", stop)
    assert account.deploy().exit_code != 0
    result = account.deploy()
    assert "1 file uploaded, 1 unchanged" in said(result.stderr)
    assert forgotten(account)[-1] == ["/index.html"]


@pytest.mark.parametrize("gone", [None, "index.html"])
def test_nothing_begins_without_the_files(account: Account, gone: str | None) -> None:
    """`lint` warns, `deploy` refuses before it changes anything, on the line."""
    if gone:
        files(account, other_dot_html="")
        (account.folder / "dist" / gone).unlink()
    account.write(SITE)
    lint = account.run("lint")
    assert (lint.exit_code, "warning MSA533" in lint.stdout) == (0, True)
    assert "msa.yaml:4:" in lint.stdout
    refused = account.deploy()
    assert (refused.exit_code, "error MSA533" in refused.stderr) == (1, True)
    assert account.stack() is None
    files(account)
    assert account.run("lint").stdout == "1 file, 1 stack: no findings.\n"  # no verdict was kept


def test_nothing_outside_the_folder_is_published(account: Account) -> None:
    """A link out of it, a name that is too long, what cannot be read: each is named, and nothing is changed."""
    files(account, **{"x" * 200 + "__" + "y" * 200 + "__" + "z" * 250 + "__" + "w" * 250 + "__" + "v" * 200: ""})
    (account.folder / "secret.txt").write_text("secret")
    os.symlink(account.folder / "secret.txt", account.folder / "dist/secret.txt")
    os.symlink(account.folder / "dist", account.folder / "dist/again")
    os.symlink(account.folder / "dist/index.html", account.folder / "dist/home.html")
    refused = account.deploy(SITE)
    assert refused.exit_code == 1
    assert refused.stderr.count("error MSA535") == 3, refused.stderr
    assert account.stack() is None
    for name in ("secret.txt", "again", "x" * 200):
        path = account.folder / "dist" / name
        path.unlink() if path.is_symlink() else path.rename(account.folder / "away")
    assert account.deploy().exit_code == 0
    assert objects(account) == {"index.html", "home.html"}


def test_it_is_said_and_asked_beforehand(account: Account) -> None:
    """A dry run, `diff` with what is deployed, and the question where only files change."""
    files(account)
    dry = account.deploy(SITE, "--dry-run")
    assert "The site web: 1 file to upload (index.html)." in said(dry.stderr)
    assert account.deploy().exit_code == 0
    assert account.run("diff", "--against", "stack").exit_code == 0
    files(account, index_dot_html="2")
    diff = account.run("diff", "--against", "stack", "--format", "json")
    assert diff.exit_code == 1
    [row] = told.rows(diff.stdout, "site-changes")
    assert (row["uploaded"], row["deleted"], row["examples"]) == (1, 0, ["index.html"])
    assert "1 file to upload" in said(account.deploy(None, "--dry-run").stderr)
    no = account.run("deploy", answer="n\n")
    assert "Upload 1 file of the site web" in said(no.output)
    assert account.run("diff", "--against", "stack").exit_code == 1
    assert account.run("deploy", answer="y\n").exit_code == 0
    assert account.run("diff", "--against", "stack").exit_code == 0


def test_repair_uploads_what_somebody_deleted(account: Account) -> None:
    """Without it the record of the last upload counts."""
    files(account)
    assert account.deploy(SITE).exit_code == 0
    account.world.client("s3").delete_object(Bucket=bucket(account), Key="index.html")
    assert "no changes" in said(account.deploy().stderr)
    assert account.deploy(None, "--repair").exit_code == 0
    assert objects(account) == {"index.html"}


def test_status_knows_whether_files_were_uploaded(account: Account) -> None:
    """A site without any is not well."""
    files(account)
    assert account.deploy(SITE).exit_code == 0
    well = account.run("status")
    assert well.exit_code == 0, well.stdout
    assert "https://" in well.stdout
    account.world.client("s3").delete_object(Bucket=bucket(account), Key=RECORD)
    assert "no files were uploaded" in said(account.run("status").stdout)


def test_the_bucket_stays_and_can_be_deleted(account: Account) -> None:
    """As every bucket."""
    files(account)
    assert account.deploy(SITE).exit_code == 0
    name = bucket(account)
    assert account.run("destroy", "--yes").exit_code == 0
    s3 = account.world.client("s3")
    assert name in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert account.deploy(SITE).exit_code == 0
    assert account.run("destroy", "--yes", "--delete-data", "web").exit_code == 0
    assert [each["Name"] for each in s3.list_buckets()["Buckets"]] == [name]


def test_nobody_waits(account: Account) -> None:
    """With `--no-wait` the files come with the next deployment, which is said."""
    files(account)
    account.write(SITE)
    result = account.run("deploy", "--yes", "--no-wait")
    assert result.exit_code == 0, result.stderr
    assert "are not uploaded yet" in said(result.stderr)
    account.settled()
    assert account.deploy().exit_code == 0
    assert objects(account) == {"index.html"}


def difference(now: Iterable[str], before: Record) -> Any:
    """Compare files of some names with a record."""
    uploads = Uploads("web", (), "dist", {}, (), "WebBucket", "WebDistribution")
    listed = {key: File(key, key, "new", headers.is_immutable(key)) for key in now}
    return between(Folder(uploads, "dist", listed, ()), before)


def test_a_file_that_s3_does_not_delete_is_no_success(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 answers a deletion with success and lists what stays, such as by a policy of the bucket. It would stay public
    if the list of files forgot it."""
    files(account, a_dot_txt="a")
    assert account.deploy(SITE).exit_code == 0
    (account.folder / "dist/a.txt").unlink()
    refused = {"Errors": [{"Key": "a.txt", "Code": "AccessDenied", "Message": "Access Denied"}]}

    class Refusing:
        """An S3 that deletes nothing."""

        def delete_objects(self, **words: Any) -> dict[str, Any]:
            """Refuses one."""
            return refused

    real = publishing.delete
    with monkeypatch.context() as patch:
        patch.setattr(publishing, "delete", lambda s3, bucket, keys: real(Refusing(), bucket, keys))
        result = account.deploy()
    assert (result.exit_code, "a.txt: Access Denied" in said(result.stderr)) == (3, True)
    assert account.deploy().exit_code == 0
    assert objects(account) == {"index.html"}


def test_many_changes_are_forgotten_as_a_whole() -> None:
    """CloudFront counts paths; new files and hashed ones need none."""
    many = [f"{number}.txt" for number in range(MOST_PATHS + 1)]
    before = Record(dict.fromkeys(many, "old"), known=True)
    assert difference(many, before).paths == ("/*",)
    assert len(difference(many[1:], Record(dict.fromkeys(many[1:], "old"), known=True)).paths) == MOST_PATHS
    assert difference(["new.txt"], Record({}, known=True)).paths == ()
    assert difference(["a b&.txt"], Record({"a b&.txt": "old"}, known=True)).paths == ("/a%20b%26.txt",)


def test_pages_are_uploaded_last() -> None:
    """What they need is there before them."""
    found = difference(["index.html", "app.3f2a1b9c.js", "robots.txt", "about.html"], Record())
    assert [each.key for each in found.upload] == ["app.3f2a1b9c.js", "robots.txt", "about.html", "index.html"]


def answered(site: WebSite, uri: str, query: dict[str, Any] | None = None) -> Any:
    """What the function makes of a request, in Node.js; CloudFront has another engine of the same language."""
    event = {"request": {"uri": uri, "querystring": query or {}, "headers": {"host": {"value": "shop.example.com"}}}}
    program = f"{web_site.code(site)}\nconsole.log(JSON.stringify(handler({json.dumps(event)})));"
    try:
        done = subprocess.run(["node", "-"], input=program, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("There is no Node.js.")
    return json.loads(done.stdout)


PAGES, APPLICATION = WebSite(files="dist"), WebSite(files="dist", fallback='a"pp.html')


@pytest.mark.parametrize(
    ("site", "uri", "led"),
    [
        (PAGES, "/", "/index.html"),
        (PAGES, "/docs/", "/docs/index.html"),
        (PAGES, "/docs/a.png", "/docs/a.png"),
        (PAGES, "/.well-known/apple-app-site-association", "/.well-known/apple-app-site-association"),
        (APPLICATION, "/", "/index.html"),
        (APPLICATION, "/v1.2/users", "/a%22pp.html"),
        (APPLICATION, "/orders/7/", "/a%22pp.html"),
        (APPLICATION, "/main.js", "/main.js"),
    ],
)
def test_paths_lead_to_files(site: WebSite, uri: str, led: str) -> None:
    """A last part with a dot is a file; anything else is a page."""
    assert answered(site, uri)["uri"] == led


def test_a_folder_is_asked_for_with_a_slash() -> None:
    """So that relative links work. The address stays on the host, with its query."""
    query = {"q": {"value": "a%20b"}, "tag": {"value": "1", "multiValue": [{"value": "1"}, {"value": "2"}]}}
    found = answered(PAGES, "/docs", query)
    assert found["statusCode"] == 301
    assert found["headers"]["location"]["value"] == "https://shop.example.com/docs/?q=a%20b&tag=1&tag=2"
    elsewhere = answered(PAGES, "//evil")["headers"]["location"]["value"]
    assert elsewhere == "https://shop.example.com//evil/"


def test_a_site_needs_no_more_permissions_than_its_policy_has(account: Account) -> None:
    """To deploy it, update it, compare it, look at it."""
    from msaspec.sandbox.account import Account as Allowed
    from tests.deploy.test_permissions import actions

    manifest = SITE + "encryption: {key: own}\n"
    files(account)
    account.write(manifest)
    for words in (("deploy", "--yes"), ("diff", "--against", "stack"), ("status",)):
        account.world.account = Allowed()
        account.world.account = Allowed(allowed=actions(account, "--for", words[0]))
        result = account.run(*words)
        assert result.exit_code == 0, result.stderr
        assert "MSA603" not in result.stderr
    files(account, index_dot_html="2", old_dot_txt="")
    Path("msa.yaml").write_text(manifest.replace("./dist", "{files: ./dist, fallback: index.html}"))
    account.world.account = Allowed(allowed=actions(account, "--for", "deploy"))
    result = account.run("deploy", "--yes")
    assert (result.exit_code, "MSA603" in result.stderr) == (0, False), result.stderr


def test_names_of_a_site_get_certificate_and_records(account: Account) -> None:
    """In us-east-1 wherever the stack is, by one deployment; other names are another certificate; all goes at last."""
    route53, acm = account.world.client("route53"), account.world.client("acm", "us-east-1")
    zone = "Z0123456789ABC"
    named = f"{{hosts: [shop.example.com, www.example.com], hosted_zone: {zone}}}"
    manifest = SITE.replace("{site: ./dist}", f"{{site: ./dist, cdn: {named}}}")
    files(account)
    account.write(manifest)
    from msaspec.sandbox.account import Account as Allowed
    from tests.deploy.test_permissions import actions

    account.world.account = Allowed(allowed=actions(account, "--for", "deploy"))
    result = account.run("deploy", "--yes")
    assert result.exit_code == 0, result.stderr
    assert "https://shop.example.com" in result.stdout
    account.world.account = Allowed()

    def names() -> list[list[str]]:
        arns = [each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]]
        found = [acm.describe_certificate(CertificateArn=arn)["Certificate"] for arn in arns]
        assert all(each["Status"] == "ISSUED" for each in found)
        return [sorted({each["DomainName"], *each["SubjectAlternativeNames"]}) for each in found]

    def records() -> set[tuple[str, str]]:
        listed = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {(each["Name"], each["Type"]) for each in listed if each["Type"] in ("A", "AAAA")}

    assert names() == [["shop.example.com", "www.example.com"]]
    wanted = {("shop.example.com.", "A"), ("shop.example.com.", "AAAA")}
    assert records() == wanted | {("www.example.com.", "A"), ("www.example.com.", "AAAA")}
    id = account.ids()["WebDistribution"]
    config = account.world.client("cloudfront").get_distribution_config(Id=id)["DistributionConfig"]
    assert config["Aliases"]["Items"] == ["shop.example.com", "www.example.com"]
    assert config["ViewerCertificate"]["ACMCertificateArn"] == account.ids()["WebCertificate"]
    assert account.deploy(manifest.replace(", www.example.com", "")).exit_code == 0
    assert (names(), records()) == ([["shop.example.com"]], wanted)
    assert account.run("destroy", "--yes").exit_code == 0
    assert (names(), records()) == ([], set())
