"""API Gateway: REST APIs with resources, methods, models, deployments, stages, keys and usage plans."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from msaspec.sandbox.cloudformation.resource import At, Made, Properties, Resource, add, resource
from msaspec.sandbox.cloudformation.shapes import shaped
from msaspec.sandbox.types.plain import Plain


@dataclass(frozen=True)
class Patched(Plain):
    """A part of API Gateway: changed by a list of patches, named in letters and digits only."""

    def _words(self, at: At, new: Properties) -> dict[str, Any]:
        names = {} if not self.named or self.named in new else {self.named: at.name(128).replace("-", "")}
        schema = {"Schema": json.dumps(new["Schema"])} if isinstance(new.get("Schema"), Mapping) else {}
        return super()._words(at, {**new, **names, **schema})

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Change what differs, one patch for each value."""
        words, (first, *others) = self._words(at, new), self.removed_by
        patches = list(_patches(self._patchable(old), self._patchable(new)))
        if not self.change:
            return super().update(at, id, old, new) if patches else self._made(id, {}, words)
        where = {first: id, **{key: words[key] for key in others}}
        return self._made(id, self._call(at, self.change, {**where, "patchOperations": patches}), words)

    def _patchable(self, properties: Properties) -> dict[str, Any]:
        """Return the properties by the names that patches have for them."""
        left_out = {"tags", *(key.lower() for key in self.removed_by)}
        spelled = {self.spelled.get(key, key): value for key, value in properties.items()}
        return {key: value for key, value in spelled.items() if key.lower() not in left_out}


class RestApi(Patched):
    """An API, which has two models from the beginning."""

    def create(self, at: At, new: Properties) -> Made:
        """Make it with its models."""
        made = super().create(at, new)
        for name, schema in _MODELS.items():
            words = {"name": name, "schema": json.dumps(schema), "contentType": "application/json"}
            at.api(self.service).create_model(restApiId=made.id, **words)
        return made


_SCHEMA = "http://json-schema.org/draft-04/schema#"
_MODELS: dict[str, dict[str, Any]] = {
    "Empty": {"$schema": _SCHEMA, "title": "Empty Schema", "type": "object"},
    "Error": {
        "$schema": _SCHEMA,
        "title": "Error Schema",
        "type": "object",
        "properties": {"message": {"type": "string"}},
    },
}


def _patches(old: Mapping[str, Any], new: Mapping[str, Any], path: str = "") -> Iterator[dict[str, str]]:
    for key in sorted({*old, *new}):
        before, after = old.get(key), new.get(key)
        here = f"{path}/{_spelled(key)}"
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _patches(before, after, here)
        elif after is None:
            yield {"op": "remove", "path": here}
        elif before != after and not isinstance(after, (Mapping, list)):
            yield {"op": "replace", "path": here, "value": str(after)}


def _spelled(key: str) -> str:
    """Return a property as patches spell it, with escaped slashes."""
    return (key[:1].lower() + key[1:]).replace("~", "~0").replace("/", "~1")


def _part(
    kind: str, id: str, removed_by: tuple[str, ...], of: type[Patched] = Patched, **more: Any
) -> tuple[str, Patched]:
    name = f"AWS::ApiGateway::{kind}"
    return name, of("apigateway", f"Create{kind}", f"Delete{kind}", id, removed_by, **more)


OF_AN_API = ("restApiId",)
for _name, _kind in (
    _part(
        "RestApi",
        "id",
        OF_AN_API,
        RestApi,
        spelled={"Name": "name"},
        change="UpdateRestApi",
        attributes={"RestApiId": "id", "RootResourceId": "rootResourceId"},
    ),
    _part("Resource", "id", ("resourceId", *OF_AN_API), attributes={"ResourceId": "id"}),
    _part("Model", "name", ("modelName", *OF_AN_API), named="Name"),
    _part(
        "RequestValidator",
        "id",
        ("requestValidatorId", *OF_AN_API),
        change="UpdateRequestValidator",
        attributes={"RequestValidatorId": "id"},
    ),
    _part(
        "Deployment",
        "id",
        ("deploymentId", *OF_AN_API),
        spelled={"DeploymentCanarySettings": "canarySettings"},
        attributes={"DeploymentId": "id"},
    ),
    _part("Stage", "stageName", ("stageName", *OF_AN_API), named="StageName", change="UpdateStage"),
    _part("ApiKey", "id", ("apiKey",), named="Name", change="UpdateApiKey", attributes={"APIKeyId": "id"}),
    _part(
        "UsagePlan",
        "id",
        ("usagePlanId",),
        named="UsagePlanName",
        spelled={"UsagePlanName": "name"},
        change="UpdateUsagePlan",
        attributes={"Id": "id"},
    ),
    _part("UsagePlanKey", "id", ("keyId", "usagePlanId"), attributes={"Id": "id"}),
):
    add(_name, _kind)


@resource("AWS::ApiGateway::Method")
class Method(Resource):
    """A method of a resource, with what it hands requests to and what it answers."""

    def create(self, at: At, new: Properties) -> Made:
        """Put it together."""
        self._put(at, new)
        return Made(at.name(128))

    def _put(self, at: At, new: Properties) -> None:
        api = at.api("apigateway")
        where = {key: new[key] for key in ("RestApiId", "ResourceId", "HttpMethod")}
        of_method = {key: new[key] for key in _METHOD if key in new}
        api.put_method(**shaped(api, "PutMethod", {**where, **of_method}))
        for each in new.get("MethodResponses", []):
            api.put_method_response(**shaped(api, "PutMethodResponse", {**where, **each}))
        integration = dict(new.get("Integration", {}))
        if not integration:
            return
        answers = integration.pop("IntegrationResponses", [])
        api.put_integration(**shaped(api, "PutIntegration", {**where, **integration}))
        for each in answers:
            api.put_integration_response(**shaped(api, "PutIntegrationResponse", {**where, **each}))

    def update(self, at: At, id: str, old: Properties, new: Properties) -> Made:
        """Put it together anew."""
        self.delete(at, id, old)
        self._put(at, new)
        return Made(id)

    def delete(self, at: At, id: str, old: Properties) -> None:
        """Remove it."""
        api = at.api("apigateway")
        words = {key: old[key] for key in ("RestApiId", "ResourceId", "HttpMethod")}
        api.delete_method(**shaped(api, "DeleteMethod", words))


_METHOD = (
    "ApiKeyRequired",
    "AuthorizationScopes",
    "AuthorizationType",
    "AuthorizerId",
    "OperationName",
    "RequestModels",
    "RequestParameters",
    "RequestValidatorId",
)
