"""What an edit would lose, and what RDS refuses of it: `update.losses`, `update.objections`, the gate."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from msaspec import pipeline
from msaspec.deploy import gate
from msaspec.deploy.policy import stack_policy
from msaspec.update import changes, hazards, losses, objections
from msaspec.update.changes import Change
from tests.template import compiled

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
MAIN = HEAD + "databases: {main: {}, other: {}}\n"
CART = MAIN + "services:\n  cart: {image: cart, port: 80, uses: {main: {}}}\n"


def between(before: str, after: str) -> tuple[Change, ...]:
    """The changes between two manifests, as diff and deploy see them."""
    old, new = compiled(before).stack, compiled(after).stack
    return changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)


def told(before: str, after: str) -> list[tuple[str, int | None, str]]:
    """Code, line and sentence of everything that is said of an edit, but for names of places."""
    found, document = between(before, after), pipeline.load(after, "msa.yaml")
    sides = [compiled(each).stack.template for each in (before, after)]
    said = [*(each for _, each in losses.found(found)), *objections.refused(found), *hazards.found(*sides, found)]
    return [(each.code, each.span.line if each.span else None, each.message) for each in map(document.place, said)]


def database(**fields: Any) -> str:
    """A system of one database with some fields."""
    written = ", ".join(f"{key}: {value}" for key, value in fields.items())
    return f"{HEAD}databases:\n  main: {{{written}}}\nservices:\n  cart: {{image: cart, port: 80, uses: [main]}}\n"


@pytest.mark.parametrize(
    ("after", "line", "message"),
    [
        (
            CART.replace("main: {}}}", "main: {database: other_db}}}"),
            6,
            "`cart` would have the database `other_db` of `databases.main` instead of the database `cart` of"
            " `databases.main`, without its data.",
        ),
        (
            CART.replace("uses: {main: {}}", "uses: {other: {}}"),
            6,
            "`cart` would have the database `cart` of `databases.other` instead of the database `cart` of"
            " `databases.main`, without its data.",
        ),
        (
            CART.replace("  cart:", "  basket:"),
            4,
            "No service would use the database `cart` of `databases.main` any more. Its data stays, but no service"
            " can read it.",
        ),
        (
            CART.replace(", uses: {main: {}}", ""),
            4,
            "No service would use the database `cart` of `databases.main` any more. Its data stays, but no service"
            " can read it.",
        ),
    ],
    ids=["another database", "another instance", "another name", "no use"],
)
def test_a_service_that_would_meet_an_empty_database(after: str, line: int, message: str) -> None:
    """It is a loss, on the line of the use that causes it, and refused until its name is said."""
    assert told(CART, after) == [("MSA515", line, message)]
    found = between(CART, after)
    judged = gate.judge(found, (), lambda each: each)
    (refused,) = judged.refused
    assert "`uses: {main: {database: cart}}`" in str(refused.hint)
    assert "`msaspec deploy` refuses it without `--allow-replace main.cart`." in str(refused.hint)
    for word in ("main.cart", "main", "MainBootstrap"):
        free = gate.judge(found, (word,), lambda each: each)
        assert (free.refused, free.ids, free.unused) == ((), frozenset(), ())
    assert gate.judge(found, ("main.basket",), lambda each: each).unused == ("main.basket",)


def test_what_keeps_its_database_is_no_loss() -> None:
    """A service that is renamed and says the name, and one whose default is written out, keep their data; and so does a
    database that another service still uses."""
    assert told(CART, CART.replace("  cart:", "  basket:").replace("main: {}}}", "main: {database: cart}}}")) == []
    assert told(CART, CART.replace("main: {}}}", "main: {database: cart}}}")) == []
    shared = "  reader: {image: r, uses: {main: {database: cart, access: read-only}}}\n"
    owner = "  basket: {image: b, uses: {main: {database: cart}}}\n"
    assert told(CART + shared, MAIN + "services:\n" + owner + shared) == []


TWO = """\
services:
  cart: {image: cart, port: 80, uses: {main: {database: carts}}}
  user: {image: user, port: 80, uses: {main: {database: users}}}
"""


@pytest.mark.parametrize(
    ("edits", "lost"),
    [
        (
            [("database: carts", "database: swap"), ("database: users", "database: carts"), ("swap", "users")],
            [("cart", "users", "carts"), ("user", "carts", "users")],
        ),
        (
            [("database: carts", "database: fresh"), ("database: users", "database: carts")],
            [("cart", "fresh", "carts"), ("user", "carts", "users")],
        ),
        (
            [("{database: users}", "{database: carts, access: read-only}")],
            [("user", "carts", "users")],
        ),
    ],
    ids=["exchanged", "taken over", "a reader instead"],
)
def test_a_database_that_another_service_has_now(
    edits: list[tuple[str, str]], lost: list[tuple[str, str, str]]
) -> None:
    """A service that has another's database in place of its own meets none of its data, although no database is out of
    use: it is the same loss, told for each service, on its line."""
    after = TWO
    for one, other in edits:
        after = after.replace(one, other)
    expected = [
        (
            "MSA515",
            6 if service == "cart" else 7,
            f"`{service}` would have the database `{now}` of `databases.main` instead of the database `{before}` of"
            " `databases.main`, without its data.",
        )
        for service, now, before in lost
    ]
    assert told(MAIN + TWO, MAIN + after) == expected
    words = [f"main.{before}" for _, _, before in lost]
    found = between(MAIN + TWO, MAIN + after)
    assert gate.judge(found, words, lambda each: each).refused == ()
    assert len(gate.judge(found, words[:-1], lambda each: each).refused) == 1


def test_a_reader_that_leaves_is_no_loss() -> None:
    """A service that gives up its use of a database which others keep asked for just that, and whoever joins one loses
    nothing."""
    reader = TWO.replace("{database: users}", "{database: carts, access: read-only}")
    without = TWO.replace(", uses: {main: {database: users}}", "")
    assert told(MAIN + reader, MAIN + without) == []
    assert told(MAIN + without, MAIN + reader) == []


def test_what_goes_with_its_instance_is_told_once() -> None:
    """An instance that is removed takes its databases along: that is one loss."""
    after = HEAD + "databases: {other: {}}\nservices:\n  cart: {image: cart, port: 80}\n"
    assert [code for code, _, _ in told(CART, after)] == ["MSA510"]


REFUSED = [
    ({"version": '"17"'}, {"version": '"16"'}, "would go back from version 17 to 16, which RDS refuses"),
    ({"version": '"17.6"'}, {"version": '"17.5"'}, "would go back from version 17.6 to 17.5, which RDS refuses"),
    ({"version": '"17.6"'}, {"version": '"16"'}, "would go back from version 17.6 to 16, which RDS refuses"),
    ({"storage": "100 GiB"}, {"storage": "50 GiB"}, "would shrink from 100 to 50 GiB, which RDS refuses"),
    (
        {"storage": "100 GiB"},
        {"storage": "105 GiB"},
        "would grow from 100 to 105 GiB, and RDS refuses growth of less than 10 percent",
    ),
    (
        {"engine": "mysql", "version": '"8.4.10"'},
        {"engine": "mysql", "version": '"8.4.9"'},
        "would go back from version 8.4.10 to 8.4.9, which RDS refuses",
    ),
    (
        {"engine": "aurora-mysql", "version": '"8.0.mysql_aurora.3.10.0"'},
        {"engine": "aurora-mysql", "version": '"8.0.mysql_aurora.3.08.1"'},
        "would go back from version 8.0.mysql_aurora.3.10.0 to 8.0.mysql_aurora.3.08.1, which RDS refuses",
    ),
    (
        {"engine": "mariadb", "version": '"11.4"'},
        {"engine": "mariadb", "version": '"10.11"'},
        "would go back from version 11.4 to 10.11, which RDS refuses",
    ),
    (
        {"engine": "mysql"},
        {"engine": "mysql", "parameters": "{lower_case_table_names: 1}"},
        "would change `lower_case_table_names`, which MySQL refuses after its first start: it would not start",
    ),
    (
        {"storage": "25 GiB"},
        {"storage": "27 GiB"},
        "would grow from 25 to 27 GiB, and RDS refuses growth of less than 10 percent",
    ),
]


def test_the_support_of_an_old_engine_is_chosen_once() -> None:
    """RDS takes another word only when an instance is made, so a patch that changes it is refused before."""
    path = "/Resources/MainDatabase/Properties/EngineLifecycleSupport"
    patched = f"{database()}patches: [{{op: add, path: {path}, value: open-source-rds-extended-support}}]\n"
    reason = "would change `EngineLifecycleSupport` from open-source-rds-extended-support-disabled to"
    (found,) = told(database(), patched)
    assert found[0] == "MSA516"
    assert reason in found[2]


@pytest.mark.parametrize(("before", "after", "reason"), REFUSED)
def test_what_rds_refuses_is_an_error_before(before: dict[str, str], after: dict[str, str], reason: str) -> None:
    """The line of the field has it, `deploy` does not begin, and no word changes that."""
    one, other = database(**before), database(**after)
    assert told(one, other) == [("MSA516", 5, f"`databases.main` {reason}.")]
    (refused,) = gate.judge(between(one, other), ("main",), lambda each: each).refused
    assert (refused.severity, refused.path[:2]) == ("error", ("databases", "main"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"storage": "100 GiB"}, {"storage": "110 GiB"}),
        ({"storage": "25 GiB"}, {"storage": "28 GiB"}),
        ({"backups": "7 days"}, {"backups": "9 days"}),
        ({"protect": "false"}, {"protect": "true"}),
        ({}, {"max_storage": "100 GiB", "parameters": "{max_connections: 200}"}),
        ({}, {"multi_zone": "true", "replicas": "1"}),
    ],
)
def test_what_rds_takes_is_not_told(before: dict[str, str], after: dict[str, str]) -> None:
    """Growth, copies, more backups and more protection pass in silence."""
    assert told(database(**before), database(**after)) == []


def test_backups_go_by_a_word_only() -> None:
    """Without backups there is no way back to a point in time: that is lost for good, and has to be said. The instance
    itself stays guarded."""
    before, after = database(), database(backups="0 days")
    message = (
        "`databases.main` would lose all its automated backups at once, and with them recovery to a point in time."
    )
    assert told(before, after) == [("MSA517", 5, message)]
    found = between(before, after)
    (refused,) = gate.judge(found, (), lambda each: each).refused
    assert "--allow-replace main`" in str(refused.hint)
    free = gate.judge(found, ("main",), lambda each: each)
    assert (free.refused, free.ids, free.unused) == ((), frozenset(), ())
    assert "MainDatabase" in stack_policy(compiled(before).stack.template, free.ids)


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ({}, {"capacity": "{max: 8}", "replicas": "2"}, set()),
        ({"replicas": "2"}, {"replicas": "2", "size": "db.r6g.large"}, {"MSA518"}),
        ({"from_snapshot": "one"}, {}, {"MSA511"}),
        ({"backups": "7 days"}, {"backups": "1 day"}, {"MSA518"}),
        ({"version": '"17"'}, {"version": '"16"'}, {"MSA516"}),
    ],
)
def test_a_cluster_is_guarded_as_an_instance_is(before: dict[str, str], after: dict[str, str], codes: set[str]) -> None:
    """Its instances come and go, since the storage is the cluster's; its snapshot, version and backups are kept."""
    one, other = (database(engine="aurora-postgres", **fields) for fields in (before, after))
    assert {code for code, _, _ in told(one, other)} == codes


@pytest.mark.parametrize(
    ("before", "after", "codes"),
    [
        ({}, {"replicas": "2"}, set()),
        ({"replicas": "2"}, {"replicas": "2", "size": "db.r6g.large"}, {"MSA518"}),
        ({"version": '"5.0.0"'}, {"version": '"5.0.1"'}, {"MSA518"}),
        ({}, {"port": "5000"}, {"MSA518"}),
        ({"from_snapshot": "one"}, {}, {"MSA511"}),
        ({"backups": "7 days"}, {"backups": "1 day"}, {"MSA518"}),
        ({"version": '"5.0.1"'}, {"version": '"5.0.0"'}, {"MSA516"}),
        ({"version": '"5.0"'}, {"version": '"8.0"'}, {"MSA516"}),
        ({"version": '"8.0"'}, {"version": '"5.0"'}, {"MSA516"}),
        ({}, {"tls": "false"}, {"MSA518"}),
        ({"tls": "false"}, {}, {"MSA518"}),
        ({}, {"parameters": "{tls: tls1.3+}"}, set()),
    ],
)
def test_a_cluster_of_documents_is_guarded_too(before: dict[str, str], after: dict[str, str], codes: set[str]) -> None:
    """No major version goes up or down in place, and TLS changes only where somebody restarts the instances."""
    one, other = (database(engine="documentdb", **fields) for fields in (before, after))
    assert {code for code, _, _ in told(one, other)} == codes


@pytest.mark.parametrize("engine", ["postgres", "aurora-postgres"])
def test_documents_are_another_database_than_any(engine: str) -> None:
    """The data of the other engine goes, by a word only."""
    one, other = database(engine=engine), database(engine="documentdb")
    assert gate.judge(between(one, other), (), lambda each: each).refused
    assert {"MainDocuments"} & compiled(other).stack.template["Resources"].keys()


def test_another_engine_is_another_database() -> None:
    """A cluster in place of an instance: the data of the instance goes, by a word only, and nothing is left out."""
    one, other = database(), database(engine="aurora-postgres")
    assert "MSA511" in {code for code, _, _ in told(one, other)} or "MSA510" in {
        code for code, _, _ in told(one, other)
    }
    assert gate.judge(between(one, other), (), lambda each: each).refused


@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ({"from_snapshot": "one"}, {}, "MSA511"),
        ({"from_snapshot": "one"}, {"from_snapshot": "two"}, "MSA517"),
        ({}, {"from_snapshot": "two"}, "MSA511"),
    ],
)
def test_a_snapshot_stays_for_ever(before: dict[str, str], after: dict[str, str], code: str) -> None:
    """To take it away, change or add it makes another instance: what was written since is lost, by a word only."""
    one, other = database(**before), database(**after)
    found = told(one, other)
    assert (code, 5) in [(said, line) for said, line, _ in found]
    assert any("would be replaced by" in message for _, _, message in found)
    assert gate.judge(between(one, other), (), lambda each: each).refused


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (
            {},
            {"protect": "false"},
            "would lose its deletion protection and would lose its data when it is deleted, by"
            " `DeletionPolicy: Delete`",
        ),
        ({"backups": "14 days"}, {"backups": "1 day"}, "would lose its automated backups that are older than 1 day"),
        (
            {"version": '"17.6"'},
            {"version": '"17"'},
            "would be upgraded by RDS within version 17, and could not return to 17.6",
        ),
        (
            {"version": '"17"'},
            {"version": '"17.6"'},
            "would be held at version 17.6; RDS refuses that if it has already upgraded the instance beyond it",
        ),
        *(
            (
                {**engine, "version": f'"{old}"'},
                {**engine, "version": f'"{new}"'},
                f"would be upgraded from version {old} to {new}: nobody can connect for some minutes meanwhile, and"
                " there is no way back",
            )
            for engine, old, new in (
                ({}, "16", "17"),
                ({}, "17.5", "17.10"),
                ({}, "16.4", "17"),
                ({"engine": "mariadb"}, "10.11", "11.4"),
                ({"engine": "aurora-postgres"}, "16", "17"),
                ({"engine": "aurora-mysql"}, "8.0.mysql_aurora.3.08.0", "8.0.mysql_aurora.3.10.0"),
            )
        ),
        *(
            (
                {"engine": engine},
                {"engine": engine, "size": "db.r6g.large"},
                "restarts to get the class db.r6g.large: nobody can connect for some minutes",
            )
            for engine in ("postgres", "mysql", "aurora-mysql", "documentdb")
        ),
        (
            {"multi_zone": "true"},
            {"multi_zone": "true", "size": "db.m7g.large"},
            "restarts to get the class db.m7g.large: nobody can connect for about a minute, until its standby takes"
            " over",
        ),
        (
            {"replicas": "2"},
            {"replicas": "2", "size": "db.m7g.large"},
            "restarts to get the class db.m7g.large: nobody can connect for some minutes",
        ),
        *(
            (
                {"engine": engine},
                {"engine": engine, "port": "5555"},
                "restarts to listen at 5555: its users cannot connect until their new version runs",
            )
            for engine in ("postgres", "aurora-postgres", "documentdb")
        ),
        (
            {"backups": "0 days"},
            {"backups": "1 day"},
            "restarts to begin with backups: nobody can connect for about a minute",
        ),
    ],
)
def test_what_gives_something_up_is_a_warning(before: dict[str, str], after: dict[str, str], reason: str) -> None:
    """It can be done, and the user knows before."""
    assert told(database(**before), database(**after)) == [("MSA518", 5, f"`databases.main` {reason}.")]
    assert gate.judge(between(database(**before), database(**after)), (), lambda each: each).refused == ()


@pytest.mark.parametrize("engine", ["mysql", "mariadb"])
def test_replicas_of_mysql_are_upgraded_first(engine: str) -> None:
    """RDS refuses the upgrade of a source before that of its replicas; PostgreSQL's go along."""
    versions = {"mysql": ("8.4.8", "8.4.10"), "mariadb": ("10.11", "11.4")}[engine]
    sides = [database(engine=engine, version=f'"{each}"', replicas="1") for each in versions]
    said = [message for _, _, message in told(*sides)]
    assert (
        f"`databases.main` has read replicas, and RDS refuses its upgrade until they have version {versions[1]}."
        in said
    )
    alone = [database(version=f'"{each}"', replicas="1") for each in ("16", "17")]
    assert not [message for _, _, message in told(*alone) if "read replicas" in message]


CACHE = "caches:\n  main: {FIELDS}\nservices:\n  cart: {image: cart, port: 80, uses: [main]}\n"


@pytest.mark.parametrize(
    ("before", "after", "code", "reason"),
    [
        (
            "engine: memcached",
            "engine: memcached, size: cache.m7g.large",
            "MSA516",
            "would change its nodes to cache.m7g.large, which CloudFormation refuses of Memcached",
        ),
        (
            "engine: memcached",
            "engine: memcached, tls: true",
            "MSA516",
            "would have another word for TLS, which ElastiCache takes only when a cluster of Memcached is made",
        ),
        (
            "engine: memcached",
            "engine: memcached, nodes: 2",
            "MSA518",
            "would have another number of nodes: it may be made again, empty, and clients spread their keys anew",
        ),
        (
            'engine: memcached, version: "1.6.17"',
            "engine: memcached",
            "MSA518",
            "would be changed to version 1.6.22, which empties it",
        ),
        (
            'version: "8.0"',
            'version: "8.1"',
            "MSA518",
            "would be upgraded from version 8.0 to 8.1: connections break meanwhile, and there is no way back",
        ),
        (
            "engine: redis",
            "engine: valkey",
            "MSA518",
            "would be upgraded from version 7.1 to 8.1: connections break meanwhile, and there is no way back",
        ),
        (
            "auth: false, tls: false, engine: valkey",
            "engine: memcached",
            "MSA516",
            "would make its resource `MainCache` one of AWS::ElastiCache::CacheCluster instead of"
            " AWS::ElastiCache::ReplicationGroup, which CloudFormation refuses",
        ),
    ],
)
def test_what_a_cache_cannot_become(before: str, after: str, code: str, reason: str) -> None:
    """What ElastiCache or CloudFormation refuses is an error before, and what empties or interrupts it a warning. No
    password stands in the way of a change that no program needs it for."""
    sides = [HEAD + CACHE.replace("FIELDS", each) for each in (before, after)]
    assert told(*sides) == [(code, 5, f"`caches.main` {reason}.")]


def test_another_type_under_one_name_is_refused() -> None:
    """Hosts and tasks that follow a load have policies of one name: CloudFormation changes no type."""
    text = HEAD + "services:\n  cart: {image: cart, port: 80, runtime: RUNTIME, scale: SCALE}\n"

    def system(runtime: str, scale: str) -> str:
        return text.replace("RUNTIME", runtime).replace("SCALE", scale)

    moving = between(system("autoscaling", "{min: 1, max: 3}"), system("fargate", "{min: 1, max: 3}"))
    (said,) = objections.refused(moving)
    assert said.path == ("services", "cart", "scale")
    assert "`scale: 2`" in str(said.hint)
    assert said.message == (
        "`services.cart` would make its resource `CartScaleOnCpu` one of"
        " AWS::ApplicationAutoScaling::ScalingPolicy instead of AWS::AutoScaling::ScalingPolicy, which CloudFormation"
        " refuses."
    )
    assert list(objections.refused(between(system("autoscaling", "2"), system("fargate", "{min: 1, max: 3}")))) == []


def test_a_topic_that_is_made_again_loses_who_subscribed() -> None:
    """E-mail addresses and the like are in no template."""
    sides = [
        f"{HEAD}topics:\n  news: {{fifo: {each}}}\nservices:\n  cart: {{image: cart, port: 80}}\n"
        for each in ("false", "true")
    ]
    assert told(*sides) == [
        (
            "MSA518",
            5,
            "`topics.news` would be another topic: who subscribed by other means, such as an e-mail address, is not on"
            " it.",
        )
    ]


PATCH = """\
patches:
  - {op: OP, path: /Resources/PLACE, value: VALUE}
"""


@pytest.mark.parametrize(
    ("place", "value", "code", "reason"),
    [
        ("MainDatabase/DeletionPolicy", "Delete", "MSA518", "would lose its data when it is deleted"),
        ("MainDatabase/Properties/DeletionProtection", "false", "MSA518", "would lose its deletion protection"),
        ("MainDatabase/Properties/AllocatedStorage", "21", "MSA516", "would grow from 20 to 21 GiB"),
    ],
)
def test_a_patch_is_judged_like_the_manifest(place: str, value: str, code: str, reason: str) -> None:
    """What a patch writes is found in the template all the same."""
    patch = PATCH.replace("OP", "replace").replace("PLACE", place).replace("VALUE", value)
    found = between(database(), database() + patch)
    said = [*objections.refused(found), *objections.costs(found)]
    assert [(each.code, reason in each.message) for each in said] == [(code, True)]


def test_a_bucket_that_is_kept_less_is_told() -> None:
    """A policy that deletes where another kept is a warning for every type with data."""
    bucket = HEAD + "buckets: {media: {}}\nservices:\n  cart: {image: cart, port: 80}\n"
    patch = PATCH.replace("OP", "replace").replace("PLACE", "MediaBucket/DeletionPolicy").replace("VALUE", "Delete")
    (said,) = objections.costs(between(bucket, bucket + patch))
    assert said.message == "`buckets.media` would lose its data when it is deleted, by `DeletionPolicy: Delete`."


BUCKET = HEAD + "buckets: {media: {versioned: true}}\nservices:\n  cart: {image: cart, port: 80}\n"
RULES = "patches:\n  - {op: add, path: /Resources/MediaBucket/Properties/LifecycleConfiguration/Rules/-, value: RULE}\n"


def test_a_bucket_that_keeps_no_versions_is_told() -> None:
    """What is overwritten from then on is gone; the line of the field says so."""
    (said,) = told(BUCKET, BUCKET.replace("true", "false"))
    assert said[:2] == ("MSA518", 4)
    assert "`buckets.media` would no longer keep the objects that are overwritten or deleted" in said[2]
    assert told(BUCKET.replace("true", "false"), BUCKET) == []


@pytest.mark.parametrize(
    ("rule", "deletes"),
    [
        ("{Id: old, Status: Enabled, ExpirationInDays: 30}", True),
        ("{Id: old, Status: Enabled, NoncurrentVersionExpiration: {NoncurrentDays: 3}}", True),
        ("{Id: old, Status: Disabled, ExpirationInDays: 30}", False),
        ("{Id: cold, Status: Enabled, Transitions: [{StorageClass: GLACIER, TransitionInDays: 30}]}", False),
    ],
)
def test_a_rule_that_deletes_objects_is_told(rule: str, deletes: bool) -> None:
    """A lifecycle rule of a patch deletes what is there already; one that stays as it was is not told again."""
    after = BUCKET + RULES.replace("RULE", rule)
    assert [code for code, _, _ in told(BUCKET, after)] == ["MSA518"] * deletes
    assert told(after, after.replace("image: cart", "image: cart2")) == []
    if "30}" in rule and deletes:
        assert [code for code, _, _ in told(after, after.replace("30}", "3}"))] == ["MSA518"]


def test_another_engine_is_refused() -> None:
    """RDS converts no engine into another, and the data does not move."""
    template = compiled(database()).stack.template
    other = deepcopy(dict(template))
    other["Resources"]["MainDatabase"]["Properties"] |= {"Engine": "mysql", "EngineVersion": "8.4"}
    (said,) = objections.refused(changes.between(template, other))
    assert said.message.startswith("`databases.main` would change from postgres to mysql, which RDS refuses")


NETWORK = (
    "msaspec: 1\nname: shop\nnetwork:\n  FIELD\ndatabases: {main: {}}\nservices:\n  cart: {image: c, uses: [main]}\n"
)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{}", "zones: 3"),
        ("placement: public", "placement: private"),
        ("placement: private", "placement: public"),
        ("nat: single", "nat: per-zone"),
        ("nat: per-zone", "nat: single"),
        ("nat: none", "nat: single"),
        ("nat: single", "nat: none"),
    ],
)
def test_what_a_network_can_do_in_place_is_not_told(before: str, after: str) -> None:
    """Other zones, other subnets for services and other gateways are updates like any other, and no endpoint is said to
    want its own place."""
    one, other = (NETWORK.replace("network:\n  FIELD", f"network: {{{each.strip('{}')}}}") for each in (before, after))
    assert told(one, other) == []


def test_another_block_is_refused() -> None:
    """A VPC keeps its block for life, so the update would fail half way: it is not begun, and its line says the way."""
    found = told(NETWORK.replace("FIELD", "zones: 2"), NETWORK.replace("FIELD", "cidr: 10.9.0.0/16"))
    assert [(code, line) for code, line, _ in found] == [("MSA516", 4)]
    assert "would need another VPC" in found[0][2]


def test_a_zone_less_is_told_at_the_database() -> None:
    """RDS gives a subnet up only if no instance stands in it, which nobody knows offline."""
    (said,) = told(NETWORK.replace("FIELD", "zones: 3"), NETWORK.replace("FIELD", "zones: 2"))
    assert (said[0], said[1]) == ("MSA518", 5)
    assert "would lose 1 of its 3 subnets" in said[2]
