"""Runs the first SQL of a database of MySQL or MariaDB. A template carries it behind the runner."""

# A template carries this file, which is why it is short and has no annotations. What it imports of the runner stands in
# front of it there.

import ssl
from hashlib import sha1, sha256

from msaspec.aws.lambdas.mysql_runner import SETTINGS, Failure, connect, handler, quote, receive, run, send, user_of

# In which databases the first SQL has run.
DONE = "msaspec.inits"
bring = handler


def play(session, text, task):
    """Run the statements of a text; the server itself sees where one ends."""
    number, more = 1, True
    try:
        send(session, 0, b"\x1b\0\0")  # several statements from now on
        receive(session, task)
        send(session, 0, b"\3" + text.encode())
        while more:
            body = receive(session, f"statement {number} of {task}")[1]
            at = 1
            if body[0]:
                for _ in range(2):
                    while (body := receive(session, task)[1])[0] != 254 or len(body) > 8:
                        pass
                at = 3
            else:
                for _ in range(2):
                    at += {252: 3, 253: 4, 254: 9}.get(body[at], 1)
            number, more = number + 1, body[at] & 8
    except OSError as error:
        raise Failure(f"The server did not answer {task} ({error}).") from None


def begin(event, server, wanted, maria):
    """Run the first SQL of a database as its owner, which logs in with a password that is thrown away."""
    role, name, text = wanted["Owner"], wanted["Name"], wanted["Init"]
    native, sha2 = event["logins"][role].split()
    key = ssl.RAND_bytes(16).hex()
    once = "*" + sha1(sha1(key.encode()).digest()).hexdigest().upper()
    task = f"ALTER USER {user_of(role)}"
    how = f"mysql_native_password AS {quote(once)}" if maria else f"caching_sha2_password BY {quote(key)}"
    kept = f"mysql_native_password AS {quote(native)}" if maria else f"caching_sha2_password AS {sha2}"
    run(server, f"{task} IDENTIFIED WITH {how}", task)
    try:
        with connect({**event, "username": role, "password": key}) as session:
            run(session, f"USE {quote(name, '`')}")
            play(session, text, f'the `init` of database "{name}"')
    finally:
        run(server, f"{task} IDENTIFIED WITH {kept}", task)
    done = f"{quote(name)}, '{sha256(text.encode()).hexdigest()}'"
    run(server, f"INSERT INTO {DONE} VALUES ({done})")


def handler(event, context):  # type: ignore[no-redef]
    bring(event, context)
    with connect(event) as server:
        run(server, SETTINGS)
        if run(server, "SELECT IFNULL(GET_LOCK('msaspec', 20), 0)") != ["1"]:
            raise Failure("Another deployment is at work on the server.")
        maria = "MariaDB" in run(server, "SELECT VERSION()")[0]
        run(server, f"CREATE TABLE IF NOT EXISTS {DONE} (name VARBINARY(256) PRIMARY KEY, digest CHAR(64))")
        known = run(server, f"SELECT name FROM {DONE}")
        for wanted in event.get("Databases", []):
            if wanted.get("Init") and wanted["Name"] not in known:
                begin(event, server, wanted, maria)
