"""Changes passwords of PostgreSQL by turns, between two users of a service. A template carries it behind the runner."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the runner stands in
# front of it there.

from msaspec.aws.lambdas.database_runner import connect, handler, ident, quote, run

# No name of a service ends like this.
SECOND = "__b"
# Settings whose value is a list, and is written as it is kept.
LISTS = "'search_path', 'temp_tablespaces', 'local_preload_libraries', 'session_preload_libraries'"
WAIT = "SELECT pg_advisory_lock(hashtext('msaspec'))", "to wait for another deployment"
declare = handler


def follow(server, user):
    """Have the second user of a service act as the first, with its settings in each database."""
    first, second = ident(user.removesuffix(SECOND)), ident(user)
    place = "CASE WHEN setdatabase <> 0 THEN format(' IN DATABASE %I', datname) END"
    kept = "pg_db_role_setting LEFT JOIN pg_database d ON d.oid = setdatabase"
    alter = quote(f"ALTER ROLE {second}".replace("%", "%%") + "%s ")[:-1]
    mine = f"FROM {kept} WHERE setrole = {quote(second)}::regrole"
    reset = run(server, f"SELECT format({alter}RESET ALL;', {place}) {mine}")
    copied = run(
        server,
        f"SELECT format({alter}SET %s TO %s;', {place}, name, CASE WHEN name IN ({LISTS}) AND value <> '' THEN value"
        f" ELSE quote_literal(value) END) FROM {kept}, unnest(setconfig) AS one,"
        " LATERAL (SELECT split_part(one, '=', 1) AS name, substr(one, strpos(one, '=') + 1) AS value) AS parts"
        f" WHERE setrole = {quote(first)}::regrole",
    )
    sql = [f"GRANT {first} TO {second};", *reset, f"ALTER ROLE {second} SET role TO {first};", *copied]
    run(server, "".join(sql), f"to have {second} act as {first}")


def change(event, user, verifier):
    """Give a user whose turn it is a password. Return how many sessions it has: where any, nothing is changed."""
    with connect(event, "postgres") as server:
        run(server, *WAIT)
        busy = int(run(server, f"SELECT count(*) FROM pg_stat_activity WHERE usename = {quote(user)}")[0])
        if busy:
            return busy
        there = run(server, f"SELECT 1 FROM pg_roles WHERE rolname = {quote(user)}")
        sql = f"{'ALTER' if there else 'CREATE'} ROLE {ident(user)}"
        run(server, f"{sql} LOGIN INHERIT NOCREATEDB NOCREATEROLE PASSWORD {quote(verifier)}", sql)
        if user.endswith(SECOND):
            follow(server, user)
    return 0


def handler(event, context):  # type: ignore[no-redef]
    if "Login" in event:
        return change(event, *event["Login"])
    if "Database" in event:
        with connect(event, event["Database"]) as session:
            run(session, "SELECT 1")
        return 0
    event = {**event, "logins": {**event["logins"], **event.get("Former", {})}}
    declare(event, context)
    with connect(event, "postgres") as server:
        run(server, *WAIT)
        for user in event["logins"]:
            if user.endswith(SECOND):
                follow(server, user)
    return 0
