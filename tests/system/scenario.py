"""What a person does in the shop, over HTTP."""

from __future__ import annotations

import itertools
from functools import partial
from typing import Any

import httpx

from tests.proofs.test_permissions import SESSIONS
from tests.shop.programs import made
from tests.system.shop import Shop

PNG = b"\x89PNG\r\n\x1a\n and so on"
_NUMBERS = itertools.count(1)


def healthy(service: httpx.Client) -> bool:
    """Whether a service answers that it is well; one that cannot be reached is not."""
    try:
        return service.get("/health_check").status_code == 200
    except httpx.TransportError:
        return False


def walk(shop: Shop) -> None:
    """Registers, uploads a portrait, offers a product and fills a cart; what is not there is refused."""
    users, products, carts = (shop.http(name) for name in ("user-service", "product-service", "cart-service"))
    for service in (users, products, carts):
        shop.site.until(partial(healthy, service), service.root)
    person = made(users.post("", json={"email": f"ada.{next(_NUMBERS)}@example.com", "name": "Ada"}))
    assert users.get(f"/{person['id']}").json() == person

    uploaded = users.put(f"/{person['id']}/image", content=PNG)
    assert uploaded.status_code == 200, f"{uploaded.text}\n{shop.site.told()}"
    url = uploaded.json()["url"]
    bucket, distribution = _bucket(shop), _distribution(shop)
    assert url == f"https://{distribution['DomainName']}/users/{person['id']}/profile"
    kept = shop.client("s3").get_object(Bucket=bucket, Key=url.split("/", 3)[3])
    assert (kept["Body"].read(), kept["ContentType"]) == (PNG, "image/png")
    told = shop.client("cloudfront").list_invalidations(DistributionId=distribution["Id"])["InvalidationList"]
    assert told["Quantity"] >= 1

    product = made(products.post("", json={"name": "Kettle", "price": 3900}))
    made(carts.post(f"/{person['id']}/items", json={"product_id": product["id"], "quantity": 2}))
    items = [{"product_id": product["id"], "quantity": 2, "name": "Kettle"}]
    assert carts.get(f"/{person['id']}").json() == {"user_id": person["id"], "items": items}

    refused = carts.post(f"/{person['id']}/items", json={"product_id": 10**9})
    assert (refused.status_code, refused.json()) == (404, {"detail": f"There is no product {10**9}."})
    assert carts.get(f"/{10**9}").status_code == 404
    assert users.delete(f"/{person['id']}/image").status_code == 204
    assert "Contents" not in shop.client("s3").list_objects_v2(Bucket=bucket)


def idle(shop: Shop, *entries: str) -> dict[str, set[str]]:
    """The actions that the roles of some services, or of the bastion, are allowed and never used, but for those of
    Session Manager. Nothing that any role asked for was refused."""
    permissions = shop.site.permissions
    assert permissions.denied == []
    roles = [role["RoleName"] for role in shop.client("iam").list_roles()["Roles"]]
    found = {}
    for entry in entries:
        (role,) = [role for role in roles if role.startswith(f"shop-{entry.title().replace('-', '')}Role-")]
        unused = permissions.granted(role) - permissions.used[role]
        assert unused >= SESSIONS
        found[entry] = {action for action, _ in unused - SESSIONS}
    return found


def _bucket(shop: Shop) -> str:
    (bucket,) = [b["Name"] for b in shop.client("s3").list_buckets()["Buckets"] if "mediabucket" in b["Name"]]
    return str(bucket)


def _distribution(shop: Shop) -> dict[str, Any]:
    (found,) = shop.client("cloudfront").list_distributions()["DistributionList"]["Items"]
    return dict(found)
