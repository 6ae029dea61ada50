"""Lambda functions with inline source; `functions` runs them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from msaspec.sandbox.resource import At, Failed, Made, Properties, Resource, fitted, only, resource

_SETTINGS = (
    "Description",
    "Environment",
    "Handler",
    "LoggingConfig",
    "MemorySize",
    "Role",
    "Runtime",
    "Timeout",
    "VpcConfig",
)


@resource("AWS::Lambda::Function")
class Function(Resource):
    """A function."""

    def create(self, at: At, new: Properties) -> Made:
        """Makes it."""
        name = new.get("FunctionName") or at.name()
        api = at.api("lambda")
        made = api.create_function(
            FunctionName=name,
            Code={"ZipFile": _zipped(new["Code"], new["Handler"])},
            **fitted(api, "CreateFunction", only(new, "Architectures", *_SETTINGS)),
            Tags={tag["Key"]: tag["Value"] for tag in new.get("Tags", [])},
        )
        return Made(name, {"Arn": made["FunctionArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Changes code and settings."""
        api = at.api("lambda")
        if any(old.get(key) != new.get(key) for key in ("Code", "Architectures")):
            code = _zipped(new["Code"], new["Handler"])
            api.update_function_code(FunctionName=id, ZipFile=code, **only(new, "Architectures"))
        api.update_function_configuration(FunctionName=id, **fitted(api, "CreateFunction", only(new, *_SETTINGS)))
        arn = api.get_function(FunctionName=id)["Configuration"]["FunctionArn"]
        if new.get("Tags"):
            api.tag_resource(Resource=arn, Tags={tag["Key"]: tag["Value"] for tag in new["Tags"]})
        return Made(id, {"Arn": arn})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Removes it."""
        at.api("lambda").delete_function(FunctionName=id)


def _zipped(code: Mapping[str, Any], handler: str) -> bytes:
    """Inline source as CloudFormation packs it."""
    if "ZipFile" not in code:
        raise Failed("The sandbox has only Lambda functions with inline source.")
    if len(code["ZipFile"]) > 4 * 1024 * 1024:
        raise Failed("The inline source is longer than 4 MiB.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        # A fixed time, so that the same source has the same hash.
        file.writestr(zipfile.ZipInfo(f"{handler.rpartition('.')[0]}.py"), code["ZipFile"])
    return buffer.getvalue()
