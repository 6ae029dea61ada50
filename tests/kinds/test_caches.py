"""Caches: what stands in an account, what users may do, and what an edit may do to one."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from msaspec.aws.cache_users import CacheUse, access_string
from msaspec.deploy import gate
from msaspec.update import changes, losses, objections
from tests.deploy.account import Account
from tests.template import compiled

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
SHOP = f"""{HEAD}
caches:
  sessions: {{replicas: 1, backups: 7 days}}
  red: {{engine: redis}}
  old: {{engine: redis, tls: false}}
  mem: {{engine: memcached, nodes: 2}}
services:
  cart: {{image: "docker.io/library/cart:1", uses: {{sessions: {{prefix: "cart:"}}, mem: }}}}
  web: {{image: "docker.io/library/web:1", runtime: fargate, uses: {{sessions: {{access: read-only}}, red: , old: }}}}
"""


def test_what_is_declared_stands_in_elasticache(account: Account) -> None:
    """The group with its copies, users with their rights, and in the secret all that a client needs."""
    result = account.deploy(SHOP)
    assert result.exit_code == 0, result.stderr
    ids, api = account.ids(), account.world.client("elasticache")
    (group,) = api.describe_replication_groups(ReplicationGroupId=ids["SessionsCache"])["ReplicationGroups"]
    assert len(group["MemberClusters"]) == 2
    assert group["TransitEncryptionEnabled"] is True
    assert group["AtRestEncryptionEnabled"] is True
    assert group["SnapshotRetentionLimit"] == 7
    assert group["UserGroupIds"] == [ids["SessionsCacheUsers"]]
    (old,) = api.describe_replication_groups(ReplicationGroupId=ids["OldCache"])["ReplicationGroups"]
    assert (old["TransitEncryptionEnabled"], old.get("UserGroupIds", [])) == (False, [])
    users = {user["UserId"]: user for user in api.describe_users()["Users"]}
    cart = users[ids["CartToSessionsUser"]]
    assert (cart["UserName"], cart["Engine"]) == ("cart", "valkey")
    assert cart["AccessString"].startswith("on ~cart:* &cart:* +@all -@admin")
    assert users[ids["RedCacheDefault"]]["UserName"] == "default"
    secrets = account.world.client("secretsmanager")
    said = json.loads(secrets.get_secret_value(SecretId=ids["CartToSessionsSecret"])["SecretString"])
    own = json.loads(secrets.get_secret_value(SecretId=ids["CartToSessionsUserPassword"])["SecretString"])["password"]
    assert said["password"] == own
    assert said["url"] == f"rediss://cart:{own}@{said['host']}:6379"
    assert own not in account.cloudformation.get_template(StackName="shop")["TemplateBody"]
    (nodes,) = api.describe_cache_clusters(CacheClusterId=ids["MemCache"])["CacheClusters"]
    assert (nodes["Engine"], nodes["NumCacheNodes"]) == ("memcached", 2)
    shown = " ".join(account.run("status").stdout.split())
    assert "caches.sessions well available, failover, snapshots 7 days" in shown
    assert "has no changes" in account.deploy().stderr


def test_a_cache_leaves_a_snapshot_and_goes_by_a_word(account: Account) -> None:
    """`destroy` leaves the last snapshot; with the name of the cache that goes too."""
    account.deploy(SHOP)
    assert account.run("destroy", "--yes").exit_code == 0
    api = account.world.client("elasticache")
    assert {group["Status"] for group in api.describe_replication_groups()["ReplicationGroups"]} <= {"deleting"}
    assert len(api.describe_snapshots()["Snapshots"]) == 3
    assert account.run("destroy", "--yes", "--delete-data", "sessions").exit_code == 0
    assert len(api.describe_snapshots()["Snapshots"]) == 2


def between(before: str, after: str) -> Any:
    """The changes between two caches."""
    texts = [
        f"{HEAD}caches: {{it: {{{each}}}}}\nservices: {{a1: {{image: a, uses: [it]}}}}\n" for each in (before, after)
    ]
    old, new = (compiled(text).stack for text in texts)
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("", "tls: false", "would cease to require TLS"),
        ("tls: false", "", "would begin to require TLS"),
        ("", "engine: redis", "would go back from valkey to redis"),
        ('version: "8.1"', 'version: "7.2"', "would go back from version 8.1 to 7.2"),
        ('version: "7.2"', 'version: "8.1"', ""),
        ("engine: redis", "", ""),
        ("", "replicas: 2", ""),
    ],
)
def test_what_elasticache_refuses_is_told_before(before: str, after: str, said: str) -> None:
    """Some changes of TLS, engine and version are refused by ElastiCache, so they are not begun."""
    found = [each.message for each in objections.refused(between(before, after))]
    assert len(found) == bool(said)
    assert all(said in each for each in found)


def test_a_cache_is_guarded() -> None:
    """One that goes, or becomes Memcached, is a loss."""
    for after in ("engine: memcached",):
        found = between("", after)
        assert losses.found(found)
        assert gate.judge(found, (), lambda each: each).refused
    (told,) = objections.costs(between("backups: 7 days", "backups: 1 day"))
    assert "would lose its automatic snapshots that are older than 1 day" in told.message


# ---- What the users may do, by a real server ----


class Connection:
    """Says lines to a server of Redis, and reads whether it takes them."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rb")

    def say(self, *words: str) -> str:
        """The first line of the answer."""
        data = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        self.socket.sendall(f"*{len(words)}\r\n{data}".encode())
        return self._answer()

    def _answer(self) -> str:
        line = self.file.readline().decode().strip()
        if line[:1] == "$" and int(line[1:]) >= 0:
            return self.file.read(int(line[1:]) + 2).decode().strip()
        if line[:1] in "*%~" and int(line[1:]) >= 0:
            for _ in range(int(line[1:]) * (2 if line[0] == "%" else 1)):
                self._answer()
        return line


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A server that listens on a socket in a folder."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("neither valkey-server nor redis-server is installed")
    folder = tmp_path_factory.mktemp("redis")
    path = folder / "s"
    words = ["--port", "0", "--unixsocket", str(path), "--dir", str(folder), "--save", "", "--daemonize", "no"]
    with subprocess.Popen([program, *words], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "eady to accept" in line:
                break
        yield path
        process.terminate()


def allowed(path: Path, use: CacheUse, *command: str) -> bool:
    """Whether a user with these rights may do something."""
    admin, user = Connection(path), Connection(path)
    with closing(admin.socket), closing(user.socket):
        rules = access_string(use).split()
        assert admin.say("ACL", "SETUSER", "cart", "reset", *rules, ">secret") == "+OK"
        assert user.say("AUTH", "cart", "secret") == "+OK"
        return not user.say(*command).startswith("-NOPERM")


EVERY = CacheUse()
PREFIXED = CacheUse(prefix="cart:")
READER = CacheUse(access="read-only")


@pytest.mark.parametrize(
    ("use", "yes", "no"),
    [
        (
            EVERY,
            ["SET a 1", "INFO", "KEYS *", "FLUSHDB", "EVAL return(1) 0", "SUBSCRIBE a", "SCAN 0", "HELLO 3"],
            ["ACL LIST", "CONFIG GET maxmemory", "SHUTDOWN", "REPLICAOF a 1", "MONITOR"],
        ),
        (
            PREFIXED,
            ["SET cart:1 1", "GET cart:1", "PUBLISH cart:x 1", "INFO", "PING"],
            ["SET a 1", "GET a", "PUBLISH x 1", "FLUSHALL", "FLUSHDB", "MGET cart:1 a", "ACL LIST"],
        ),
        (
            READER,
            ["GET a", "HGETALL h", "SCAN 0", "INFO", "PING", "SUBSCRIBE a", "HELLO 3", "MULTI"],
            ["SET a 1", "DEL a", "FLUSHDB", "PUBLISH a 1", "EVAL return(1) 0", "CONFIG GET maxmemory"],
        ),
    ],
    ids=["every", "prefixed", "reader"],
)
def test_the_rights_of_a_user(server: Path, use: CacheUse, yes: list[str], no: list[str]) -> None:
    """What clients and frameworks ask for is allowed; administration, and what another service has, is not."""
    assert {each for each in yes if not allowed(server, use, *each.split())} == set()
    assert {each for each in no if allowed(server, use, *each.split())} == set()


@pytest.mark.parametrize("framework", ["plain", "spring-boot"])
def test_the_names_of_the_framework(framework: str) -> None:
    """Spring finds its properties, and events of keys are on; others have a URL."""
    text = f"{HEAD}caches: {{main: }}\nservices: {{a1: {{image: a, framework: {framework}, uses: [main]}}}}\n"
    found = compiled(text)
    ((_, workload),) = found.plan.workloads
    parameters = found.stack.template["Resources"]["MainCacheParameters"]["Properties"].get("Properties")
    if framework == "plain":
        assert {"MAIN_URL", "MAIN_HOST", "MAIN_USERNAME", "MAIN_PASSWORD", "REDIS_URL"} <= set(workload.environment)
        assert parameters is None
    else:
        assert workload.environment["spring.data.redis.ssl.enabled"] == ("true",)
        assert workload.environment["spring.data.redis.username"] == ("a1",)
        assert parameters == {"notify-keyspace-events": "Egx"}


def test_a_group_of_users_is_read_back_and_follows(account: Account) -> None:
    """Who is in it, by ElastiCache's own API; a service less is a user less."""
    account.deploy(SHOP)
    ids, api = account.ids(), account.world.client("elasticache")
    (group,) = api.describe_user_groups(UserGroupId=ids["SessionsCacheUsers"])["UserGroups"]
    assert group["UserIds"] == [ids["CartToSessionsUser"], ids["WebToSessionsUser"]]
    assert account.deploy(SHOP.replace("sessions: {access: read-only}, ", "")).exit_code == 0
    (group,) = api.describe_user_groups(UserGroupId=ids["SessionsCacheUsers"])["UserGroups"]
    assert group["UserIds"] == [ids["CartToSessionsUser"]]
    there = {user["UserId"] for user in api.describe_users()["Users"] if user["Status"] != "deleting"}
    assert ids["WebToSessionsUser"] not in there
