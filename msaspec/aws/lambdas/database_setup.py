"""Makes extensions of PostgreSQL and runs the first SQL of a database. A template carries it behind the runner."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the runner stands in
# front of it there.

from hashlib import sha256

from msaspec.aws.lambdas.database_runner import connect, handler, ident, quote, run

# The comment on the role that owns a database, once its first SQL has run.
DONE = "msaspec init "
bring = handler


def begin(event, server, wanted):
    """Run the first SQL of a database as its owner, once. It and the note of it are one transaction."""
    group, text = f"{wanted['Name']}__owner", wanted.get("Init")
    note = f"SELECT 1 FROM pg_roles WHERE rolname = {quote(group)}"
    if not text or run(server, f"{note} AND shobj_description(oid, 'pg_authid') LIKE '{DONE}%'"):
        return
    with connect(event, wanted["Name"]) as session:
        run(session, f'SET ROLE {ident(group)}; SET search_path TO "$user", public')
        done = quote(DONE + sha256(text.encode()).hexdigest())
        sql = f"{text}\n;RESET ROLE; COMMENT ON ROLE {ident(group)} IS {done}"
        run(session, sql, f'the `init` of database "{wanted["Name"]}"')


def handler(event, context):  # type: ignore[no-redef]
    bring(event, context)
    with connect(event, "postgres") as server:
        run(server, "SELECT pg_advisory_lock(hashtext('msaspec'))", "to wait for another deployment")
        for wanted in event.get("Databases", []):
            with connect(event, wanted["Name"]) as session:
                for extension in event.get("Extensions", []):
                    sql = f"CREATE EXTENSION IF NOT EXISTS {ident(extension)} CASCADE"
                    run(session, f"SET search_path TO public; {sql}", sql)
            begin(event, server, wanted)
