"""Leaves alone what others have on a PostgreSQL server that exists. A template carries it behind the runner."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the runner stands in
# front of it there.

from hashlib import sha256

from msaspec.aws.lambdas.database_runner import Failure, connect, handler, ident, quote, run

admitted = handler


def admit(server, event):
    """Refuse roles and databases of others; mark those that are made here by a role that has them all as members."""
    claim = event["Claim"]
    mark = f"msaspec {sha256(claim.encode()).hexdigest()[:32]}"
    roles = run(server, "SELECT rolname FROM pg_roles")
    if mark not in roles:
        run(server, f"CREATE ROLE {ident(mark)}; COMMENT ON ROLE {ident(mark)} IS {quote(f'made by {claim}')}")
    members = f"SELECT pg_get_userbyid(member) FROM pg_auth_members WHERE pg_get_userbyid(roleid) = {quote(mark)}"
    ours, databases = run(server, members), run(server, "SELECT datname FROM pg_database")
    wanted = [each["Name"] for each in event.get("Databases", [])]
    groups = {f"{name}__{level}": name for name in wanted for level in ("read", "write", "owner")}
    for name in wanted:
        if name in databases and f"{name}__owner" not in ours:
            raise Failure(f'The database "{name}" is there, and {claim} did not make it. Name another one.')
    for role in (*groups, *event["logins"]):
        if role in roles and role not in ours:
            raise Failure(f'The role "{role}" is there, and {claim} did not make it. Name another database or service.')
        if role not in roles:
            run(server, f"CREATE ROLE {ident(role)}; GRANT {ident(mark)} TO {ident(role)}")


def handler(event, context):  # type: ignore[no-redef]
    if "Claim" in event:
        with connect(event, "postgres") as server:
            run(server, "SELECT pg_advisory_lock(hashtext('msaspec'))", "to wait for another deployment")
            admit(server, event)
    admitted(event, context)
