"""Leaves alone what others have on a MySQL or MariaDB server that exists. A template carries it behind the runner."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the runner stands in
# front of it there.

from hashlib import sha256

from msaspec.aws.lambdas.mysql_runner import SETTINGS, USERS, Failure, connect, handler, quote, run

EVERYBODY = USERS
admitted = handler


def admit(server, event):
    """Refuse users and databases of others; note those that are made here in tables of their own."""
    claim = event["Claim"]
    mark = sha256(claim.encode()).hexdigest()[:32]
    run(server, "CREATE DATABASE IF NOT EXISTS msaspec")
    users = {*run(server, "SELECT user FROM mysql.user")}
    databases = {*run(server, "SELECT schema_name FROM information_schema.schemata")}
    wanted = [each["Name"] for each in event.get("Databases", [])]
    noted = (
        ("database", f"msaspec.databases_{mark}", wanted, databases),
        ("user", f"msaspec.users_{mark}", [*event["logins"]], users),
    )
    for noun, table, names, there in noted:
        run(server, f"CREATE TABLE IF NOT EXISTS {table} (name VARBINARY(320) PRIMARY KEY) COMMENT {quote(claim)}")
        for name in {*names} & there - {*run(server, f"SELECT name FROM {table}")}:
            raise Failure(f'The {noun} "{name}" is there, and {claim} did not make it. Name another one.')
    for _, table, names, _ in noted:
        for name in names:
            run(server, f"INSERT IGNORE INTO {table} VALUES ({quote(name)})")
    return noted[1][1]


def handler(event, context):  # type: ignore[no-redef]
    # The users whom a deployment locks, where they are no longer declared, are those of its own system.
    globals()["USERS"] = EVERYBODY
    if "Claim" in event:
        with connect(event) as server:
            run(server, SETTINGS)
            if run(server, "SELECT IFNULL(GET_LOCK('msaspec', 20), 0)") != ["1"]:
                raise Failure("Another deployment is at work on the server.")
            globals()["USERS"] = admit(server, event)
    admitted(event, context)
