"""What moto lacks of CloudFront's functions: updates, publishing, and the behaviours that they are on."""

from __future__ import annotations

from typing import Any

from moto.cloudfront import urls
from moto.cloudfront.exceptions import CloudFrontException, InvalidIfMatchVersion
from moto.cloudfront.models import CloudFrontBackend, DefaultCacheBehaviour
from moto.cloudfront.responses import CloudFrontResponse
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.moto_api._internal import mock_random

_plain_init = DefaultCacheBehaviour.__init__
_delete = CloudFrontBackend.delete_function


class FunctionInUse(CloudFrontException):  # type: ignore[misc]
    """A function that a distribution uses."""

    def __init__(self) -> None:
        super().__init__("FunctionInUse", "Cannot delete function, it is in use by a distribution.")


def _init(self: Any, config: dict[str, Any]) -> None:
    _plain_init(self, config)
    items = (config.get("FunctionAssociations") or {}).get("Items", [])  # which moto forgets
    self.function_associations = {"Quantity": len(items), "Items": items} if items else {"Quantity": 0}


def _matching(self: Any) -> Any:
    function = self.backend.describe_function(self._get_param("Name"))
    if self._get_param("IfMatch") != function.etag:
        raise InvalidIfMatchVersion
    return function


def update_function(self: Any) -> ActionResult:
    """CloudFront's UpdateFunction."""
    function = _matching(self)
    function.config, function.code = self._get_param("FunctionConfig", {}), self._get_param("FunctionCode")
    function.status, function.last_modified_time = "UNPUBLISHED", utcnow()
    function.etag = mock_random.get_random_string(14)
    return ActionResult({"FunctionSummary": function.function_summary, "ETag": function.etag})


def publish_function(self: Any) -> ActionResult:
    """CloudFront's PublishFunction."""
    function = _matching(self)
    function.status, function.stage = "UNASSOCIATED", "LIVE"
    return ActionResult({"FunctionSummary": function.function_summary})


def _remove(self: Any, name: str, if_match: Any) -> None:
    arn = self.describe_function(name).arn
    for distribution in self.distributions.values():
        config = distribution.distribution_config
        for behaviour in (config.default_cache_behavior, *config.cache_behaviors):
            if any(each["FunctionARN"] == arn for each in behaviour.function_associations.get("Items", [])):
                raise FunctionInUse
    _delete(self, name, if_match)


_PUBLISH = r"{0}/2020-05-31/function/(?P<function_name>[^/]+)/publish$"
PATCHED = (
    (CloudFrontBackend, "delete_function", _remove),
    (DefaultCacheBehaviour, "__init__", _init),
    (urls, "url_paths", {**urls.url_paths, _PUBLISH: CloudFrontResponse.dispatch}),
)
ADDED = (
    (CloudFrontResponse, "update_function", update_function),
    (CloudFrontResponse, "publish_function", publish_function),
)
