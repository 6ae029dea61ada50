"""Locks out the last users of a PostgreSQL server that no service uses any more. A template carries it."""

# The template carries it after the source of the runner, so it is short and has no annotations. The names that it
# imports from the runner are defined there.

from hashlib import sha256

from msaspec.aws.lambdas.database_runner import MARK, connect, handler, ident, quote, run

occupied = handler


def lock(server, claim):
    """Take the logins of all that deployments of this stack made; users of other systems keep theirs."""
    # Where others use a server too, each stack has a role of which all that it makes are members.
    holders = "SELECT pg_get_userbyid(roleid) FROM pg_auth_members WHERE member = r.oid"
    mine = f"NOT EXISTS ({holders} AND pg_get_userbyid(roleid) LIKE 'msaspec %')"
    if claim:
        mine = f"{quote(f'msaspec {sha256(claim.encode()).hexdigest()[:32]}')} IN ({holders})"
    marked = f"shobj_description(oid, 'pg_authid') = {quote(MARK)}"
    roles = run(server, f"SELECT rolname FROM pg_roles r WHERE {marked} AND {mine}")
    # Of two users that take turns, the second may have no comment.
    pairs = {*roles, *(f"{role}__b" for role in roles)}
    for role in pairs.intersection(run(server, "SELECT rolname FROM pg_roles WHERE rolcanlogin")):
        run(server, f"ALTER ROLE {ident(role)} NOLOGIN")


def handler(event, context):  # type: ignore[no-redef]
    occupied(event, context)
    if not event["logins"]:
        with connect(event, "postgres") as server:
            run(server, "SELECT pg_advisory_lock(hashtext('msaspec'))", "to wait for another deployment")
            lock(server, event.get("Claim"))
