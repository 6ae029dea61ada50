"""Brings an Amazon DocumentDB cluster to the users of a stack; speaks to nothing but that cluster."""

# A template carries this file, which is why it is short: no annotations, and MongoDB's protocol on one socket.
# The event is what the custom resource declares, with the master's "username" and "password", the certificates that
# vouch for the server ("ca"), and the password of each service ("logins"). What is raised is the answer.

import hmac
import socket
import ssl
import time
from base64 import b64decode, b64encode
from hashlib import md5, new, pbkdf2_hmac
from struct import pack, unpack_from

# Seconds, for a server that refuses connections or is silent: more than a command may take.
PATIENCE = 45
# fact: documentdb-roles
ROLES = {"Owner": "dbOwner", "ReadWrite": "readWrite", "ReadOnly": "read"}
# AuthenticationFailed, also for the minute in which a restored cluster takes its new password.
DENIED = 18
# Bytes of the values that have one length: double, ObjectId, boolean, date, null, int32, timestamp, int64, decimal.
SIZES = {1: 8, 7: 12, 8: 1, 9: 8, 10: 0, 16: 4, 17: 8, 18: 8, 19: 16}


class Failure(Exception): ...  # a sentence for whoever deploys


class Refusal(Exception): ...  # what the server says, with its code in front


def encode(thing):
    """Return a document of BSON: of texts, bytes, numbers, truths, documents and lists."""
    body = b""
    for key, value in thing.items():
        if isinstance(value, str):
            text = value.encode() + b"\0"
            kind, data = 2, pack("<i", len(text)) + text
        elif isinstance(value, bytes):
            kind, data = 5, pack("<iB", len(value), 0) + value
        elif isinstance(value, bool):
            kind, data = 8, pack("<?", value)
        elif isinstance(value, int):
            kind, data = 16, pack("<i", value)
        elif isinstance(value, list):
            kind, data = 4, encode({str(at): each for at, each in enumerate(value)})
        else:
            kind, data = 3, encode(value)
        body += bytes([kind]) + key.encode() + b"\0" + data
    return pack("<i", len(body) + 5) + body + b"\0"


def decode(data, at=0):
    """Return what a document of BSON holds, as far as it is needed here."""
    end, found = at + unpack_from("<i", data, at)[0] - 1, {}
    at += 4
    while at < end:
        kind, (key, _, _) = data[at], data[at + 1 : end].partition(b"\0")
        at += len(key) + 2
        if kind in SIZES:
            size, value = SIZES[kind], None
            if kind in (1, 16, 18):
                (value,) = unpack_from({1: "<d", 16: "<i", 18: "<q"}[kind], data, at)
            elif kind == 8:
                value = data[at] == 1
        else:
            (size,) = unpack_from("<i", data, at)
            if kind in (3, 4):
                value = decode(data, at)
                value = [*value.values()] if kind == 4 else value
            elif kind == 5:
                value, size = data[at + 5 : at + 5 + size], size + 5
            elif kind == 2:
                value, size = data[at + 4 : at + 3 + size].decode(), size + 4
            else:
                raise Failure(f"The server sent something unknown ({kind}).")
        found[key.decode()] = value
        at += size
    return found


def ask(session, command, code=2013):
    """Send a command; return its answer. The first one is of an older form, by which all clients begin."""
    head = b"\0\0\0\0\0" if code == 2013 else pack("<i", 0) + b"admin.$cmd\0" + pack("<ii", 0, -1)
    body = head + encode(command)
    session.write(pack("<iiii", len(body) + 16, 1, 0, code) + body)
    session.flush()
    start = session.read(16)
    size = unpack_from("<i", start)[0] - 16 if len(start) == 16 else 0
    body = session.read(size)
    if size < 5 or len(body) < size:
        raise OSError("connection closed")
    answer = decode(body, 20 if unpack_from("<i", start, 12)[0] == 1 else 5)
    if answer.get("ok") != 1:
        raise Refusal(answer.get("code"), answer.get("errmsg", ""))
    return answer


def run(session, task, database="admin", **command):
    """Run a command; what fails is said without it, since it may hold a password."""
    try:
        return ask(session, {**command, "$db": database})
    except Refusal as error:
        raise Failure(f"The server refused {task} ({error.args[0]}: {error.args[1]}).") from None
    except OSError as error:
        raise Failure(f"The server did not answer {task} ({error}).") from None


def encrypt(event):
    """Open a connection, over TLS unless the cluster takes none."""
    plain = socket.create_connection((event["Host"], event["Port"]), PATIENCE)
    with plain:
        if event.get("Tls") == "false":
            return plain.makefile("rwb")  # closes the connection when it is closed itself
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies the certificate and the host name
        tls.load_verify_locations(cadata=event["ca"])
        with tls.wrap_socket(plain, server_hostname=event["Host"]) as encrypted:
            return encrypted.makefile("rwb")


def login(session, event):
    """Begin a session, with SCRAM in both directions, by SHA-256 where the user has it."""
    user, password = event["username"], event["password"]
    hello = ask(session, {"ismaster": 1, "saslSupportedMechs": f"admin.{user}"}, 2004)
    if hello.get("ismaster") is False:
        raise OSError("it is not the instance that writes")
    name = "sha256" if "SCRAM-SHA-256" in hello.get("saslSupportedMechs", ()) else "sha1"
    if name == "sha1":
        password = md5(f"{user}:mongo:{password}".encode(), usedforsecurity=False).hexdigest()
    nonce = b64encode(ssl.RAND_bytes(18)).decode()
    first = f"n={user},r={nonce}"
    mechanism = "SCRAM-" + name.upper().replace("SHA", "SHA-")
    said = ask(session, {"saslStart": 1, "mechanism": mechanism, "payload": f"n,,{first}".encode(), "$db": "admin"})
    number, challenge = said["conversationId"], said["payload"].decode()
    given = dict(part.split("=", 1) for part in challenge.split(","))
    final = f"c=biws,r={given['r']}"
    text = ",".join((first, challenge, final)).encode()
    salted = pbkdf2_hmac(name, password.encode(), b64decode(given["s"]), int(given["i"]))
    key, server = (hmac.digest(salted, word, name) for word in (b"Client Key", b"Server Key"))
    mask = hmac.digest(new(name, key).digest(), text, name)
    proof = b64encode(bytes(a ^ b for a, b in zip(key, mask, strict=True))).decode()
    payload, signature = f"{final},p={proof}".encode(), b"v=" + b64encode(hmac.digest(server, text, name))
    proved = False
    while not said.get("done"):
        said = ask(session, {"saslContinue": 1, "conversationId": number, "payload": payload, "$db": "admin"})
        # MongoDB says nothing more in a last exchange of its own.
        payload, proved = b"", proved or said["payload"] == signature
    if not proved or not given["r"].startswith(nonce):
        raise Failure("The server could not prove that it knows the master password.")


def connect(event):
    """Log in as soon as the server is there; a restored one takes its new password only after a while."""
    began = time.monotonic()
    while True:
        try:
            session = encrypt(event)
            try:
                login(session, event)
                return session
            except BaseException:
                session.close()
                raise
        except OSError as error:
            if isinstance(error, ssl.SSLCertVerificationError) or time.monotonic() > began + PATIENCE:
                raise Failure(f"The server at {event['Host']} could not be reached ({error}).") from None
        except Refusal as error:
            code, text = error.args
            if code != DENIED or not event.get("Restored") or time.monotonic() > began + PATIENCE * 2:
                raise Failure(f'The server refused to let "{event["username"]}" in ({code}: {text}).') from None
        time.sleep(1)


def handler(event, context):
    with connect(event) as server:
        there = {each["user"] for each in run(server, "to tell its users", usersInfo=1)["users"]}
        # Which users are managed: those that a deployment made or took over.
        known = run(server, "to tell which users are managed", "msaspec", distinct="users", key="_id")["values"]
        held = {role: [] for role in event["logins"]}
        for wanted in event.get("Databases", []):
            users = {**wanted, "Owner": [wanted["Owner"]] if wanted.get("Owner") else []}
            for level, right in ROLES.items():
                for role in users.get(level, []):
                    held[role].append({"role": right, "db": wanted["Name"]})
        for role, password in event["logins"].items():
            if role == event["username"]:
                raise Failure(f'The user "{role}" of a service is the master user.')
            noted = [{"q": {"_id": role}, "u": {"_id": role}, "upsert": True}]
            run(server, "to note a user", "msaspec", update="users", updates=noted)
            verb = "updateUser" if role in there else "createUser"
            run(server, f'{verb} "{role}"', **{verb: role}, pwd=password, roles=held[role])
        # Nothing belongs to a user: whatever one wrote is still there for the next.
        for role in {*known} - {*event["logins"]}:
            if role in there:
                run(server, f'dropUser "{role}"', dropUser=role)
            run(server, "to forget a user", "msaspec", delete="users", deletes=[{"q": {"_id": role}, "limit": 1}])
