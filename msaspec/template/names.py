"""From manifest names to the names things have in AWS. Pure, and frozen by a golden list in the tests.

A logical id is a function of manifest names only. Changing one replaces the resource, and its data with it.
"""

from __future__ import annotations


def camel(name: str) -> str:
    """Return a manifest name as the beginning of a logical id.

    >>> camel("user-service")
    'UserService'
    """
    words = "".join(character if character.isalnum() else " " for character in name).split()
    return "".join(word[:1].upper() + word[1:] for word in words)


def logical(name: str, suffix: str = "") -> str:
    """Return the logical id of what belongs to one manifest entry: ``UserServiceRole``."""
    return camel(name) + suffix


def edge(caller: str, callee: str, suffix: str = "") -> str:
    """Return the logical id of what belongs to one edge: ``CartServiceToProductService``."""
    return f"{camel(caller)}To{camel(callee)}{suffix}"


def snake(name: str) -> str:
    """Return a manifest name as a PostgreSQL name: a service's role and the default name of its database.

    >>> snake("user-service")
    'user_service'
    """
    return name.replace("-", "_")


def variable(name: str) -> str:
    """Return a manifest name as the beginning of an environment variable.

    >>> variable("product-service")
    'PRODUCT_SERVICE'
    """
    return snake(name).upper()


def normal(name: str) -> str:
    """Return what two names must differ in, beyond dashes: ``a-b`` and ``ab`` would be confused."""
    return name.replace("-", "").replace("_", "").lower()


IMAGE_TAG = "ImageTag"
"""How the parameters of image tags end."""


def stack(system: str, environment: str | None) -> str:
    """Return the stack of a system in an environment: ``shop`` or ``shop-prod``."""
    return f"{system}-{environment}" if environment else system


def domain(stack_name: str) -> str:
    """Return the private DNS domain of a system: ``shop.internal``."""
    return f"{stack_name}.internal"


def repository(system: str, image: str) -> str:
    """Return the ECR repository of a bare image name: ``shop/user-service``."""
    return f"{system}/{image}"
