"""Brings a PostgreSQL server to the roles and databases of a stack; speaks to nothing but that server."""

# A template carries this file, which is why it is short: no annotations, and PostgreSQL's protocol on one socket.
# The event is what the custom resource declares, with the master's "username" and "password", the certificates that
# vouch for the server ("ca"), and a SCRAM verifier for each service ("logins"). What is raised is the answer.

import hmac
import socket
import ssl
import time
from base64 import b64decode, b64encode
from hashlib import pbkdf2_hmac, sha256

# Seconds, for a server that refuses connections or is silent: more than a statement may take. When it is silent from
# the last moment on, this passes twice, which still is less than the function's own timeout.
PATIENCE = 45
# Only roles with this comment are managed.
MARK = "msaspec service: deployments set its password and memberships"
# Readers get the first of the rights. UPDATE is enough to draw from a sequence.
RIGHTS = {"SCHEMA": "USAGE", "TABLE": "SELECT, INSERT, UPDATE, DELETE", "SEQUENCE": "SELECT, UPDATE"}
# They outrank what an owner sets for its database, such as a search_path with functions of its own.
SETTINGS = {
    "client_encoding": "UTF8",
    "standard_conforming_strings": "on",
    "search_path": "pg_catalog",
    "default_transaction_read_only": "off",
    "statement_timeout": "30s",
    "lock_timeout": "20s",
    "idle_session_timeout": "150s",  # frees the lock of a run that was killed
}


class Failure(Exception): ...  # a sentence for whoever deploys


def quote(text, mark="'"):
    return mark + text.replace(mark, mark * 2) + mark


def ident(name):
    # PostgreSQL would cut a longer one, and two names could become one.
    if "\0" in name or not 0 < len(name.encode()) < 64:
        raise Failure(f'The name "{name}" does not have 1 to 63 bytes, none of them NUL.')
    return quote(name, '"')


def mac(key, text):
    return hmac.digest(key, text, "sha256")


def ask(session, task, kind, body, last=b"Z"):
    """Send a message; reads up to one of the kind `last`; returns data rows and requests for authentication."""
    # PostgreSQL's protocol 3. A session is over with its first error.
    session.write(kind + (len(body) + 4).to_bytes(4) + body)
    session.flush()
    answers, head = [], b""
    while head[:1] != last:
        head = session.read(5)
        if not head:
            raise OSError("connection closed")
        body = session.read(int.from_bytes(head[1:]) - 4)
        if head[:1] == b"E":
            fields = {part[:1]: part[1:] for part in body.decode(errors="replace").split("\0")}
            # 57P03: the server is starting up, so connecting is worth another try.
            error = OSError if fields["C"] == "57P03" else Failure
            raise error(f"PostgreSQL refused {task} ({fields['C']}: {fields['M']}).")
        if head[:1] in b"DR":
            answers.append(body)
    return answers


def run(session, sql, task=""):
    """Run statements as one transaction; returns the only column."""
    task = task or sql[:300]
    try:
        return [row[6:].decode() for row in ask(session, task, b"Q", sql.encode() + b"\0")]
    except OSError as error:
        raise Failure(f"PostgreSQL did not answer {task} ({error}).") from None


def encrypt(event):
    """Open a connection over TLS."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the certificate and the host name
    tls.load_verify_locations(cadata=event["ca"])
    with socket.create_connection((event["Host"], event["Port"]), PATIENCE) as plain:
        plain.sendall(b"\0\0\0\x08\x04\xd2\x16\x2f")
        # Whatever else a server says than yes or no is no TLS either, and fails as such.
        if plain.recv(1) == b"N":
            raise Failure("PostgreSQL offers no TLS.")
        with tls.wrap_socket(plain, server_hostname=event["Host"]) as encrypted:
            return encrypted.makefile("rwb")  # closes the connection when it is closed itself


def login(session, event, database):
    """Begins a session, with SCRAM in both directions."""
    task = f'to let "{event["username"]}" use database "{database}"'
    words = {"user": event["username"], "database": database, **SETTINGS}
    start = b"\0\3\0\0" + "".join(f"{key}\0{value}\0" for key, value in words.items()).encode() + b"\0"
    method = ask(session, task, b"", start, b"R")[0][3]
    if method != 10:
        raise Failure(f"PostgreSQL asks for authentication method {method} instead of SCRAM.")
    nonce = b64encode(ssl.RAND_bytes(18))
    first = b"n=,r=" + nonce
    # The four bytes in front of "n,," are the length of what follows them: 32.
    challenge = ask(session, task, b"p", b"SCRAM-SHA-256\0\0\0\0 n,," + first, b"R")[0][4:]
    given = dict(part.split(b"=", 1) for part in challenge.split(b","))
    salted = pbkdf2_hmac("sha256", event["password"].encode(), b64decode(given[b"s"]), int(given[b"i"]))
    final = b"c=biws,r=" + given[b"r"]
    text = b",".join((first, challenge, final))
    key = mac(salted, b"Client Key")
    proof = int.from_bytes(key) ^ int.from_bytes(mac(sha256(key).digest(), text))
    signature = b"\0\0\0\x0cv=" + b64encode(mac(mac(salted, b"Server Key"), text))
    answers = ask(session, task, b"p", final + b",p=" + b64encode(proof.to_bytes(32)))
    if signature not in answers or not given[b"r"].startswith(nonce):
        raise Failure("PostgreSQL could not prove that it knows the master password.")


def connect(event, database):
    """Log in as soon as the server is there."""
    patience = time.monotonic() + PATIENCE
    while True:
        try:
            session = encrypt(event)
            try:
                login(session, event, database)
                return session
            except BaseException:
                session.close()
                raise
        except OSError as error:
            if isinstance(error, ssl.SSLCertVerificationError) or time.monotonic() > patience:
                raise Failure(f"PostgreSQL at {event['Host']} could not be reached ({error}).") from None
            time.sleep(1)


def prepare(event, server, roles, wanted):
    """Make one database, or take it over, and lets in who is declared."""
    name = wanted["Name"]
    groups = [f"{name}__{level}" for level in ("read", "write", "owner")]
    read, write, owner = map(ident, groups)
    for group in groups:
        if group not in roles:
            run(server, f"CREATE ROLE {ident(group)}")

    # No row without the database; else the role whose rights the master needs to borrow, or nothing.
    strangers = run(
        server,
        "SELECT CASE WHEN NOT pg_has_role(datdba, 'USAGE') THEN datdba::regrole END FROM pg_database"
        f" WHERE datname = {quote(name)}",
    )
    database = f"DATABASE {ident(name)}"
    if not strangers:
        run(server, f"CREATE {database}")
    sql = f"GRANT {owner} TO CURRENT_USER; ALTER {database} OWNER TO {owner};"
    if stranger := "".join(strangers):
        sql = f"GRANT {stranger} TO CURRENT_USER; {sql} REVOKE {stranger} FROM CURRENT_USER;"
    sql += f"REVOKE ALL ON {database} FROM PUBLIC; GRANT CONNECT ON {database} TO {read}, {write}, {owner};"
    run(server, f"{sql} GRANT TEMPORARY ON {database} TO {write}, {owner}", f"to take over {database}")

    # Who is declared has a level, who was is out. What an owner creates is the group's, and so the next owner's.
    owners = [wanted["Owner"]] if wanted.get("Owner") else []
    accesses = wanted.get("ReadOnly", []), wanted.get("ReadWrite", []), owners
    for group, declared in zip(groups, accesses, strict=True):
        members = (
            f"SELECT pg_get_userbyid(member) FROM pg_auth_members WHERE pg_get_userbyid(roleid) = {quote(group)}"
            f" AND shobj_description(member, 'pg_authid') = '{MARK}'"
        )
        former = {*run(server, members)} - {*declared}
        sql = "".join(f"GRANT {ident(group)} TO {ident(role)};" for role in declared)
        for role in map(ident, former):
            sql += f"REVOKE {ident(group)} FROM {role}; ALTER ROLE {role} IN {database} RESET role;"
        run(server, sql)
        # PostgreSQL only warns of a grant that it leaves in place.
        for role in former.intersection(run(server, members)):
            raise Failure(f'The role "{role}" is still in "{group}", by a grant not made here.')
    for role in owners:
        run(server, f"ALTER ROLE {ident(role)} IN {database} SET role TO {owner}")

    with connect(event, name) as session:
        # One by one, as ON ALL TABLES fails at the first of another owner.
        things = run(
            session,
            f"SET ROLE {owner}; SELECT 'SCHEMA ' || oid::regnamespace FROM pg_namespace"
            " WHERE pg_has_role(nspowner, 'USAGE') UNION ALL"
            " SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END || oid::regclass FROM pg_class"
            " WHERE pg_has_role(relowner, 'USAGE') AND relkind ~ '[rpvmfS]' AND relpersistence <> 't'",
        )
        sql = ""
        for kind, rights in RIGHTS.items():
            for group, right in (read, rights.split(",")[0]), (write, rights):
                sql += f"ALTER DEFAULT PRIVILEGES GRANT {right} ON {kind}S TO {group};"
                sql += "".join(f"GRANT {right} ON {thing} TO {group};" for thing in things if thing.startswith(kind))
        run(session, sql)


def handler(event, context):
    with connect(event, "postgres") as server:
        run(server, "SELECT pg_advisory_lock(hashtext('msaspec'))", "to wait for another deployment")
        roles = run(server, "SELECT rolname FROM pg_roles")
        for role, verifier in event["logins"].items():
            if role == event["username"]:
                raise Failure(f'The role "{role}" of a service is the master user.')
            sql = f"{'ALTER' if role in roles else 'CREATE'} ROLE {ident(role)}"
            mark = f"COMMENT ON ROLE {ident(role)} IS '{MARK}'"
            run(server, f"{sql} LOGIN INHERIT NOCREATEDB NOCREATEROLE PASSWORD {quote(verifier)}; {mark}", sql)
        for wanted in event.get("Databases", []):
            prepare(event, server, roles, wanted)
