"""The situations in which something goes wrong: an account, a command, and what was asked by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from msaspec.sandbox.controls import Verb
from tests.chaos.account import SETTLED, Account

SYSTEM = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: }
databases: {main: }
services:
  cart: {image: docker.io/library/nginx:1, port: 8000, uses: [media, main]}
"""
"""A bucket, a database, and a service with an image of somebody else's."""
MOVED = SYSTEM.replace("port: 8000", "port: 8001")
"""The same with a change that replaces the service's host."""
RENAMED = SYSTEM.replace("main", "primary")
"""The same with another database in place of the first."""
OWNING = """\
msaspec: 1
name: shop
network: {placement: public}
buckets: {media: }
services:
  cart: {image: 'cart:1.0', port: 8000, uses: [media]}
"""
"""A service with an image of the system's own, and so a stack of repositories."""
GROWN = OWNING.replace("cart:1.0", "cart:1.1") + "  user: {image: 'user:1.0', port: 8001}\n"
"""The same with a new tag, and a service whose repository is still to be made."""
PLAIN = SYSTEM.replace("databases: {main: }\n", "").replace("[media, main]", "[media]")
"""The first without its database."""
_ENV = "{" + ", ".join(f"A{number}: {'x' * 900}" for number in range(12)) + "}"
LARGE = PLAIN + "".join(
    f"  large-{name}: {{image: docker.io/library/nginx:1, port: 8000, env: {_ENV}}}\n" for name in "abcd"
)
"""A system whose template is so large that it goes through a bucket."""
IMAGES = (("shop/cart", "1.0"), ("shop/cart", "1.1"), ("shop/user", "1.0"))
"""What is pushed as soon as its repository is there."""
REASON = "The quota of your account for instances is used up."
"""Why a resource fails, where it has to."""

DEPLOY = ("deploy", "--yes")


class Asked(StrEnum):
    """What a command is to bring about."""

    DEPLOYED = "deployed"
    """The stacks are what the manifest says."""
    GONE = "gone"
    """The stack is deleted."""
    BACK = "back"
    """The stack is as it was before an update."""
    PUSHED = "pushed"
    """The repositories have the images."""
    TOLD = "told"
    """Nothing is changed, and the command says what is so."""


def _nothing(account: Account) -> None:
    pass


@dataclass(frozen=True)
class Scenario:
    """A situation and a command in it."""

    name: str
    base: str
    """The account as it was prepared: a name in `worlds.BASES`."""
    words: tuple[str, ...]
    asked: Asked
    manifest: str = SYSTEM
    stacks: tuple[str, ...] = ("shop",)
    tags: Mapping[str, str] = field(default_factory=dict)
    """Parameters that the stack `shop` has in the end."""
    images: tuple[tuple[str, str], ...] = ()
    """Repositories with a tag that each has in the end."""
    arrange: Callable[[Account], None] = _nothing
    """What happens in the account just before."""
    mend: Callable[[Account], None] = _nothing
    """What somebody mends before the command is run again."""
    fails: bool = False
    """Whether it cannot be brought about before something is mended."""
    gives_up: tuple[str, ...] = ()
    """How the names of data begin that are to be gone in the end."""


def _updating(account: Account) -> None:
    """An update that goes on, and stops at the service's host until something is done about it."""
    held = account.hold("CartInstance")
    account.write(MOVED)
    begun = account.run((*DEPLOY, "--no-wait"))
    assert begun.done.code == 0, begun.done.stderr
    assert held.reached.wait(SETTLED)


def _ending(account: Account) -> None:
    """The same, which goes on by itself a little later."""
    _updating(account)
    account.later(0.5, account.release)


def _with_images(account: Account) -> None:
    account.world.images = IMAGES


def _with_new_images(account: Account) -> None:
    account.world.images = IMAGES
    account.push("shop/cart", "1.1")


def _failing(verb: Verb) -> Callable[[Account], None]:
    return lambda account: account.world.refuse("CartInstance", REASON, verb, times=99)


def _unprotected(account: Account) -> None:
    client = account.client("cloudformation")
    client.update_termination_protection(StackName="shop", EnableTerminationProtection=False)
    client.set_stack_policy(
        StackName="shop",
        StackPolicyBody='{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}',
    )


def _talking(account: Account) -> None:
    account.talk("shop")


def _mended(account: Account) -> None:
    account.world.accept("CartInstance")


_ALL = (
    Scenario("create", "empty", DEPLOY, Asked.DEPLOYED),
    Scenario(
        "create-owning",
        "empty",
        DEPLOY,
        Asked.DEPLOYED,
        OWNING,
        ("shop-registry", "shop"),
        {"CartImageTag": "1.0"},
        arrange=_with_images,
    ),
    Scenario("create-large", "empty", DEPLOY, Asked.DEPLOYED, LARGE),
    Scenario(
        "create-failing", "empty", DEPLOY, Asked.DEPLOYED, PLAIN, arrange=_failing("CREATE"), mend=_mended, fails=True
    ),
    Scenario(
        "create-undone",
        "empty",
        (*DEPLOY, "--rollback"),
        Asked.DEPLOYED,
        PLAIN,
        arrange=_failing("CREATE"),
        mend=_mended,
        fails=True,
    ),
    Scenario("update", "system", DEPLOY, Asked.DEPLOYED, MOVED),
    Scenario(
        "update-owning",
        "owning",
        DEPLOY,
        Asked.DEPLOYED,
        GROWN,
        ("shop-registry", "shop"),
        {"CartImageTag": "1.1", "UserImageTag": "1.0"},
        arrange=_with_new_images,
    ),
    Scenario(
        "update-failing", "system", DEPLOY, Asked.DEPLOYED, MOVED, arrange=_failing("UPDATE"), mend=_mended, fails=True
    ),
    Scenario("replace", "system", (*DEPLOY, "--allow-replace", "main"), Asked.DEPLOYED, RENAMED),
    Scenario("unchanged", "system", DEPLOY, Asked.DEPLOYED, arrange=_unprotected),
    Scenario("wait", "system", (*DEPLOY, "--wait"), Asked.DEPLOYED, arrange=_ending),
    Scenario("destroy", "system", ("destroy", "--yes"), Asked.GONE, gives_up=("database",)),
    Scenario(
        "destroy-failing",
        "system",
        ("destroy", "--yes"),
        Asked.GONE,
        arrange=_failing("DELETE"),
        mend=_mended,
        fails=True,
        gives_up=("database",),
    ),
    Scenario(
        "destroy-data",
        "system",
        ("destroy", "--yes", "--delete-data", "main", "--delete-data", "media"),
        Asked.GONE,
        gives_up=("database", "object"),
    ),
    Scenario(
        "destroy-registry",
        "owning",
        ("destroy", "--yes", "--stack", "registry", "--delete-data", "cart"),
        Asked.GONE,
        OWNING,
        ("shop-registry",),
        gives_up=("image",),
    ),
    Scenario("cancel", "system", ("cancel",), Asked.BACK, MOVED, arrange=_updating),
    Scenario("continue-rollback", "stuck", ("continue-rollback",), Asked.BACK, MOVED),
    Scenario("push", "owning", ("push", "--tag", "cart=1.2"), Asked.PUSHED, OWNING, images=(("shop/cart", "1.2"),)),
    Scenario("dry-run", "system", ("deploy", "--dry-run"), Asked.TOLD, MOVED),
    Scenario("status", "owning", ("status",), Asked.TOLD, OWNING),
    Scenario("follow", "system", ("status", "--follow"), Asked.TOLD, MOVED, arrange=_ending),
    Scenario("outputs", "system", ("outputs", "--format", "json"), Asked.TOLD),
    Scenario("logs", "system", ("logs", "cart"), Asked.TOLD, arrange=_talking),
    Scenario("diff", "owning", ("diff", "--against", "stack"), Asked.TOLD, GROWN),
)
SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
"""Every situation by its name."""
