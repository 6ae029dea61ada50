"""Brings a MySQL or MariaDB server to the users and databases of a stack; speaks to nothing but that server."""

# A template carries this file, which is why it is short: no annotations, and MySQL's protocol on one socket.
# The event is what the custom resource declares, with the master's "username" and "password", the certificates that
# vouch for the server ("ca"), and for each service what two plugins keep of its password ("logins"). What is raised is
# the answer.

import socket
import ssl
import time
from hashlib import sha1, sha256

# Seconds, for a server that refuses connections or is silent: more than a statement may take.
PATIENCE = 45
# What the server says when another try is worth it: too many connections, a shutdown.
LATER = 1040, 1053
# fact: mysql-master
# All that RDS lets the master pass on. ALL PRIVILEGES fails on MariaDB, where it includes what the master lacks.
ROWS = "SELECT, INSERT, UPDATE, DELETE, EXECUTE, CREATE TEMPORARY TABLES, LOCK TABLES"
RIGHTS = {
    "Owner": f"{ROWS}, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE,"
    " EVENT, TRIGGER",
    "ReadWrite": ROWS,
    "ReadOnly": "SELECT, SHOW VIEW",
}
# Which users are managed: those that a deployment made or took over.
USERS = "msaspec.users"
# A backslash is a letter in a text then.
SETTINGS = "SET sql_mode = 'NO_BACKSLASH_ESCAPES', lock_wait_timeout = 20, wait_timeout = 150, autocommit = 1"


class Failure(Exception): ...  # a sentence for whoever deploys


def quote(text, mark="'"):
    return mark + text.replace(mark, mark * 2) + mark


def ident(name):
    if "\0" in name or not 0 < len(name) < 65 or name[-1] == " ":
        raise Failure(f'The name "{name}" does not have 1 to 64 characters, none of them NUL and the last no blank.')
    return quote(name, "`")


def receive(session, task):
    """Return the number of the next packet that is sent, and what has come."""
    head = session.read(4)
    body = session.read(int.from_bytes(head[:3], "little"))
    if len(head) < 4 or not body:
        raise OSError("connection closed")
    if body[0] == 255:
        code = int.from_bytes(body[1:3], "little")
        # A syntax error repeats the statement, and that may be a secret.
        text = "" if code == 1064 else ": " + body[9 if body[3:4] == b"#" else 3 :].decode(errors="replace")
        raise (OSError if code in LATER else Failure)(f"The server refused {task} ({code}{text}).")
    return head[3] + 1, body


def send(session, number, body):
    session.write(len(body).to_bytes(3, "little") + bytes([number]) + body)
    session.flush()


def run(session, sql, task=""):
    """Run one statement; returns the only column."""
    task, rows = task or sql[:300], []
    try:
        send(session, 0, b"\3" + sql.encode())
        body = receive(session, task)[1]
        # Of rows: descriptions of columns up to a mark, then the rows up to another. A text has its length in front.
        for part in (0, 1) if body[0] else ():
            while (body := receive(session, task)[1])[0] != 254 or len(body) > 8:
                if part:
                    rows.append(body[{252: 3, 253: 4}.get(body[0], 1) :].decode())
    except OSError as error:
        raise Failure(f"The server did not answer {task} ({error}).") from None
    return rows


def proof(plugin, password, nonce):
    """Return what shows that the password is known, without it."""
    if plugin == b"mysql_native_password":
        once, digest = sha1(password).digest(), lambda text: sha1(text).digest()
        mask = digest(nonce + digest(once))
    elif plugin == b"caching_sha2_password":
        once, digest = sha256(password).digest(), lambda text: sha256(text).digest()
        mask = digest(digest(digest(password)) + nonce)
    else:
        raise Failure(f"The server asks for the authentication plugin {plugin.decode(errors='replace')}.")
    return bytes(a ^ b for a, b in zip(once, mask, strict=True))


def encrypt(event, task):
    """Open a connection over TLS; returns it and the server's greeting."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the certificate and the host name
    tls.load_verify_locations(cadata=event["ca"])
    with socket.create_connection((event["Host"], event["Port"]), PATIENCE) as plain:
        # Only the greeting comes in clear text; what somebody put behind it is dropped with this file.
        with plain.makefile("rwb") as early:
            greeting = receive(early, task)[1].partition(b"\0")[2]
            if not greeting[14] & 8:
                raise Failure("The server offers no TLS.")
            send(early, 1, HELLO)
        with tls.wrap_socket(plain, server_hostname=event["Host"]) as encrypted:
            return encrypted.makefile("rwb"), greeting  # closes the connection when it is closed itself


# Protocol 4.1 with TLS, plugins and no statement after another; packets of 16 MiB; utf8mb4.
HELLO = (0x8AA01).to_bytes(4, "little") + (1 << 24).to_bytes(4, "little") + bytes([45]) + bytes(23)


def login(session, greeting, event, task):
    """Begin a session. The password itself is sent only where caching_sha2_password asks for it, inside TLS."""
    password, plugin, nonce = event["password"].encode(), b"mysql_native_password", greeting[4:12] + greeting[31:43]
    answer = proof(plugin, password, nonce)
    user = event["username"].encode() + b"\0"
    send(session, 2, HELLO + user + bytes([len(answer)]) + answer + plugin + b"\0")
    number, body = receive(session, task)
    while body[0]:
        if body[0] == 254:
            plugin, _, nonce = body[1:].partition(b"\0")
            send(session, number, proof(plugin, password, nonce[:20]))
        elif body == b"\1\4" and plugin == b"caching_sha2_password":
            send(session, number, password + b"\0")
        elif body != b"\1\3":
            raise Failure("The server asks for something unknown instead of a password.")
        number, body = receive(session, task)


def connect(event):
    """Log in as soon as the server is there."""
    patience, task = time.monotonic() + PATIENCE, f'to let "{event["username"]}" in'
    while True:
        try:
            session, greeting = encrypt(event, task)
            try:
                login(session, greeting, event, task)
                return session
            except BaseException:
                session.close()
                raise
        except OSError as error:
            if isinstance(error, ssl.SSLCertVerificationError) or time.monotonic() > patience:
                raise Failure(f"The server at {event['Host']} could not be reached ({error}).") from None
            time.sleep(1)


def user_of(role):
    return f"{quote(role)}@'%'"


def prepare(server, role, rights, place):
    """Give a user these rights, in that database only."""
    user, wanted = user_of(role), {(place, right) for right in rights.split(", ")}
    run(server, f"GRANT {rights} ON {quote(place, '`')}.* TO {user}")
    held = run(
        server,
        "SELECT CONCAT(table_schema, '/', privilege_type) FROM information_schema.schema_privileges"
        f" WHERE grantee = {quote(user)} AND privilege_type <> 'USAGE'",
    )
    for schema, right in {tuple(each.rsplit("/", 1)) for each in held} - wanted:
        run(server, f"REVOKE {right} ON {quote(schema, '`')}.* FROM {user}")


def handler(event, context):
    with connect(event) as server:
        run(server, SETTINGS)
        if run(server, "SELECT IFNULL(GET_LOCK('msaspec', 20), 0)") != ["1"]:
            raise Failure("Another deployment is at work on the server.")
        maria = "MariaDB" in run(server, "SELECT VERSION()")[0]
        # In the name of a database, GRANT takes _ for any letter, unless rights can be revoked in part.
        asked = "SELECT variable_value FROM performance_schema.global_variables WHERE variable_name = 'partial_revokes'"
        exact = not maria and run(server, asked) == ["ON"]
        run(server, "CREATE DATABASE IF NOT EXISTS msaspec")
        run(server, f"CREATE TABLE IF NOT EXISTS {USERS} (name VARBINARY(320) PRIMARY KEY)")
        known = run(server, f"SELECT name FROM {USERS}")
        for role, kept in event["logins"].items():
            if role == event["username"]:
                raise Failure(f'The user "{role}" of a service is the master user.')
            run(server, f"INSERT IGNORE INTO {USERS} VALUES ({quote(role)})")
            native, sha2 = kept.split()
            how = f"mysql_native_password AS {quote(native)}" if maria else f"caching_sha2_password AS {sha2}"
            for verb in "CREATE USER IF NOT EXISTS", "ALTER USER":
                task = f"{verb} {user_of(role)}"
                run(server, f"{task} IDENTIFIED WITH {how} PASSWORD EXPIRE NEVER ACCOUNT UNLOCK", task)
        for wanted in event.get("Databases", []):
            name = wanted["Name"]
            run(server, f"CREATE DATABASE IF NOT EXISTS {ident(name)} CHARACTER SET utf8mb4")
            place = name if exact else name.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
            users = {**wanted, "Owner": [wanted["Owner"]] if wanted.get("Owner") else []}
            for level, rights in RIGHTS.items():
                for role in users.get(level, []):
                    prepare(server, role, rights, place)
        # Views and triggers that a former user defined keep running in its name.
        for role in {*known} - {*event["logins"]}:
            run(server, f"ALTER USER IF EXISTS {user_of(role)} ACCOUNT LOCK")
