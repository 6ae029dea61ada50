"""A web site in a bucket: what the manifest says of it, and the function that leads paths to files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from troposphere import GetAtt, cloudfront

from msaspec.diagnostics.diagnostic import Code
from msaspec.language.base import Items, Model

NO_CDN = Code(
    "MSA532",
    "A site without a distribution",
    """
    The bucket of a site is private: browsers reach it through CloudFront only. `site` has a distribution by itself, so
    `cdn: false` beside it leaves nothing that answers. Remove `cdn`.
    """,
)
EXPIRES = Code(
    "MSA534",
    "A site whose files S3 deletes",
    """
    `expire` without a prefix deletes every object some time after it was written, and those of the site with them.
    `msaspec deploy` uploads only files that changed, so the others would be gone. Name a prefix that the site does not
    use.

    Wrong: `buckets: {web: {site: ./dist, expire: 30 days}}`
    Right: `buckets: {web: {site: ./dist, expire: {uploads/: 30 days}}}`
    """,
)
RECORD = ".msaspec/site.json"
"""The key of the object that lists the files of the site; CloudFront cannot read it."""


def _folder(written: str) -> str:
    steps = written.split("/")
    if not written or written.startswith("/") or ".." in steps or "\\" in written or not written.isprintable():
        raise PydanticCustomError(
            "folder", "a folder is a path below that of the manifest, such as `./dist`, without `..`"
        )
    return written


def _page(written: str) -> str:
    steps = written.split("/")
    if "" in steps or any(step.startswith(".") for step in steps) or not written.isprintable() or "\\" in written:
        raise PydanticCustomError("page", "a page is the path of a file in the folder, such as `index.html`")
    return written


def _name(written: str) -> str:
    if "/" in written:
        raise PydanticCustomError("page", "`index` is the name of a file, without a folder: each folder may have one")
    return _page(written)


class WebSite(Model):
    """A folder of files that CloudFront serves as a web site."""

    shorthand = "files"

    files: Annotated[str, AfterValidator(_folder), Field(max_length=512)] = Field(
        description="Folder of the files, relative to the manifest. `msaspec deploy` uploads what changed in it.",
        examples=["./dist"],
    )
    index: Annotated[str, AfterValidator(_name), Field(max_length=255)] = Field(
        "index.html", description="The file that answers for `/`; without `fallback`, for every folder."
    )
    fallback: Annotated[str, AfterValidator(_page), Field(max_length=512)] | None = Field(
        None,
        description="The file that answers for every path whose last part has no dot: for an application that routes"
        " in the browser.",
        examples=["index.html"],
    )
    immutable: Items[Annotated[str, Field(min_length=1, max_length=512)]] = Field(
        (),
        description="Files that never change under one name, as patterns of their paths: browsers keep them for a"
        " year. Names with a hash of their contents are known without it.",
        examples=[["assets/*"]],
    )


def function(site: WebSite, logical_id: str, name: Any, about: str) -> Any:
    """Return the CloudFront function that leads the path of a page to its file. It is on the site's own behaviour: what
    services answer stays as it is, also a 404."""
    return cloudfront.Function(
        logical_id,
        Name=name,
        AutoPublish=True,
        FunctionCode=code(site),
        FunctionConfig=cloudfront.FunctionConfig(Comment=about, Runtime="cloudfront-js-2.0"),
    )


def associations(logical_id: str) -> list[Any]:
    """Return what puts the function on a behaviour."""
    arn = GetAtt(logical_id, "FunctionARN")
    return [cloudfront.FunctionAssociation(EventType="viewer-request", FunctionARN=arn)]


def code(site: WebSite) -> str:
    """Return the program of the function, with the names as constants."""
    words = f"var INDEX = {json.dumps(site.index)};\nvar FALLBACK = {json.dumps(site.fallback)};\n"
    return words + _program()


@cache
def _program() -> str:
    return Path(__file__).with_name("web_site.js").read_text("utf-8")
