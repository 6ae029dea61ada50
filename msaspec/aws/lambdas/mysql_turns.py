"""Changes passwords of MySQL by turns, between two users of a service. A template carries it behind the runner."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the runner stands in
# front of it there.

from msaspec.aws.lambdas.mysql_runner import SETTINGS, USERS, Failure, connect, handler, quote, run, user_of

# No name of a service ends like this.
SECOND = "__b"
declare = handler


def rights(server, user):
    held = run(
        server,
        "SELECT CONCAT(table_schema, '/', privilege_type) FROM information_schema.schema_privileges"
        f" WHERE grantee = {quote(user_of(user))} AND privilege_type <> 'USAGE'",
    )
    return {tuple(each.rsplit("/", 1)) for each in held}


def follow(server, user):
    """Have the second user of a service do what the first may."""
    wanted, held = rights(server, user.removesuffix(SECOND)), rights(server, user)
    for schema, right in sorted(wanted - held):
        run(server, f"GRANT {right} ON {quote(schema, '`')}.* TO {user_of(user)}")
    for schema, right in sorted(held - wanted):
        run(server, f"REVOKE {right} ON {quote(schema, '`')}.* FROM {user_of(user)}")


def begin(event):
    """Return a session, alone at work on the server."""
    server = connect(event)
    run(server, SETTINGS)
    if run(server, "SELECT IFNULL(GET_LOCK('msaspec', 20), 0)") != ["1"]:
        server.close()
        raise Failure("Another deployment is at work on the server.")
    return server


def change(event, user, kept):
    """Give a user whose turn it is a password. Return how many sessions it has: where any, nothing is changed."""
    with begin(event) as server:
        busy = int(run(server, f"SELECT COUNT(*) FROM information_schema.processlist WHERE user = {quote(user)}")[0])
        if busy:
            return busy
        native, sha2 = kept.split()
        maria = "MariaDB" in run(server, "SELECT VERSION()")[0]
        how = f"mysql_native_password AS {quote(native)}" if maria else f"caching_sha2_password AS {sha2}"
        for verb in "CREATE USER IF NOT EXISTS", "ALTER USER":
            task = f"{verb} {user_of(user)}"
            run(server, f"{task} IDENTIFIED WITH {how} PASSWORD EXPIRE NEVER ACCOUNT UNLOCK", task)
        if user.endswith(SECOND):
            follow(server, user)
    return 0


def handler(event, context):  # type: ignore[no-redef]
    if "Login" in event:
        return change(event, *event["Login"])
    if "Database" in event:
        with connect(event) as session:
            run(session, f"USE {quote(event['Database'], '`')}")
        return 0
    logins = {**event["logins"], **event.get("Former", {})}
    declare({**event, "logins": logins}, context)
    with begin(event) as server:
        for user in logins:
            if user.endswith(SECOND):
                follow(server, user)
                # It is no service: what makes deployments lock the users of former ones does not know it.
                run(server, f"DELETE FROM {USERS} WHERE name = {quote(user)}")
        for user in {*run(server, f"SELECT name FROM {USERS}")} - {*logins}:
            if user + SECOND not in logins:
                run(server, f"ALTER USER IF EXISTS {user_of(user + SECOND)} ACCOUNT LOCK")
    return 0
