"""Lambda functions with inline source; `functions` runs them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Failed, Made, Properties, Resource, fitted, only, resource

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
        """Make it."""
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
        """Change code and settings."""
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
        """Remove it."""
        at.api("lambda").delete_function(FunctionName=id)


@resource("AWS::Lambda::Permission")
class Permission(Resource):
    """A statement of a function's policy; every change is another one."""

    def create(self, at: At, new: Properties) -> Made:
        """Add it."""
        id = at.name(100)
        at.api("lambda").add_permission(StatementId=id, **new)
        return Made(id, {"Id": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Take it away."""
        at.api("lambda").remove_permission(FunctionName=old["FunctionName"], StatementId=id)


@resource("AWS::Lambda::Alias")
class Alias(Resource):
    """A name for a version of a function."""

    _SAID = "Description", "FunctionName", "FunctionVersion", "Name", "RoutingConfig"

    def create(self, at: At, new: Properties) -> Made:
        """Make it."""
        api = at.api("lambda")
        made = api.create_alias(**only(new, *self._SAID))
        return Made(made["AliasArn"], {"AliasArn": made["AliasArn"]})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Lead it to another version."""
        at.api("lambda").update_alias(**only(new, *self._SAID))
        return Made(id, {"AliasArn": id})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        at.api("lambda").delete_alias(**only(old, "FunctionName", "Name"))


@resource("AWS::Lambda::LayerVersion")
class LayerVersion(Resource):
    """A version of a layer, whose content comes from S3; every change is another one."""

    def create(self, at: At, new: Properties) -> Made:
        """Publish it."""
        content, api = new["Content"], at.api("lambda")
        words = only(content, "S3Bucket", "S3Key", "S3ObjectVersion")
        said = only(new, "CompatibleArchitectures", "CompatibleRuntimes", "Description", "LicenseInfo")
        made = api.publish_layer_version(LayerName=new.get("LayerName") or at.name(), Content=words, **said)
        return Made(made["LayerVersionArn"], {"LayerVersionArn": made["LayerVersionArn"]})

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        layer, _, version = id.rpartition(":")
        at.api("lambda").delete_layer_version(LayerName=layer.rpartition(":")[2], VersionNumber=int(version))


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
