"""Brings a RabbitMQ broker to the users and virtual hosts of a stack; speaks to nothing but that broker."""

# A template carries this file, which is why it is short and has no annotations.
# The event is what the custom resource declares, with the administrator's "username" and "password", and what RabbitMQ
# keeps of the password of each user ("hashes"). What is raised is the answer.

import http.client
import json
import ssl
import time
from base64 import b64encode
from urllib.parse import quote

# Seconds, for a broker that refuses connections or is silent. When it is silent from the last moment on, this passes
# twice, which still is less than the function's own timeout.
PATIENCE = 45
# fact: broker-rights. What a user may do with exchanges and queues, as patterns of their names.
RIGHTS = {
    "configure": {"configure": ".*", "write": ".*", "read": ".*"},
    "both": {"configure": "", "write": ".*", "read": ".*"},
    "send": {"configure": "", "write": ".*", "read": ""},
    "consume": {"configure": "", "write": "", "read": ".*"},
}


class Failure(Exception): ...  # a sentence for whoever deploys


def send(event, method, path, body):
    """Send a request; returns the status and the text of the answer."""
    # Those of the system, but for tests. Verifies the certificate and the host name.
    tls = ssl.create_default_context(cadata=event.get("ca"))
    login = b64encode(f"{event['username']}:{event['password']}".encode()).decode()
    connection = http.client.HTTPSConnection(event["Host"], int(event.get("Api", 443)), timeout=PATIENCE, context=tls)
    try:
        connection.request(method, path, body and json.dumps(body), {"Authorization": f"Basic {login}"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


def ask(event, task, method, *path, body=None, missing=None):
    """Send a request as soon as the broker is there; returns what it says, `missing` where there is no such thing."""
    # Every request can be repeated.
    patience = time.monotonic() + PATIENCE
    where = "/api/" + "/".join(quote(each, safe="") for each in path)
    while True:
        try:
            status, text = send(event, method, where, body)
            # While a broker starts, or its nodes agree.
            if status < 500:
                break
            reason = f"status {status}"
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, ssl.SSLCertVerificationError):
                raise Failure(f"The broker at {event['Host']} could not be reached ({error}).") from None
            reason = str(error) or type(error).__name__
        if time.monotonic() > patience:
            raise Failure(f"The broker at {event['Host']} did not answer {task} ({reason}).")
        time.sleep(1)
    if status == 404 and missing is not None:
        return missing
    if status >= 300:
        try:
            reason = json.loads(text)["reason"]
        except (KeyError, TypeError, ValueError):
            reason = "no reason"
        raise Failure(f"The broker refused {task} ({status}: {reason}).")
    return json.loads(text) if text else {}


def handler(event, context):
    wanted = event.get("Users", [])
    for name in dict.fromkeys(user["Vhost"] for user in wanted):
        task = f'to make the virtual host "{name}"'
        # One that is there keeps its settings.
        if ask(event, task, "GET", "vhosts", name, missing={}) == {}:
            ask(event, task, "PUT", "vhosts", name, body={"description": "Of msaspec"})
    for user in wanted:
        name, vhost = user["Name"], user["Vhost"]
        if name == event["username"]:
            raise Failure(f'The user "{name}" of a service is the administrator.')
        kept = {"password_hash": event["hashes"][name], "hashing_algorithm": "rabbit_password_hashing_sha256"}
        ask(event, f'to set the user "{name}"', "PUT", "users", name, body={**kept, "tags": ""})
        task = f'to give the user "{name}" its rights'
        ask(event, task, "PUT", "permissions", vhost, name, body=RIGHTS[user["Access"]])
        for held in ask(event, task, "GET", "users", name, "permissions"):
            if held["vhost"] != vhost:
                ask(event, task, "DELETE", "permissions", held["vhost"], name, missing={})
    for name in event.get("Gone", []):
        if name != event["username"]:
            ask(event, f'to remove the user "{name}"', "DELETE", "users", name, missing={})
