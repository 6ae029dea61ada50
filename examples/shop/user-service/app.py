"""user-service: people and their profile images, which are in a bucket behind CloudFront."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import StringConstraints
from service import LOG, Body, Database, Id, Name, Row, create, give_up, run, setting, write_lines

write_lines("user-service")
BUCKET = setting("cloud.aws.s3.bucket", "MEDIA_BUCKET")
REGION = setting("cloud.aws.region.static", "AWS_REGION")
DOMAIN = setting("cloud.aws.cloud-front.domain-name", "MEDIA_CDN_DOMAIN")
DISTRIBUTION = setting("cloud.aws.cloud-front.distribution-id", "MEDIA_CDN_ID")

PREFIX = "/api/users"
IMAGE = 5 * 1024 * 1024
"""Bytes of an image at most."""

DATABASE = Database(
    "user-service",
    """
    CREATE TABLE IF NOT EXISTS users (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        email text NOT NULL UNIQUE,
        name text NOT NULL,
        image text,
        created timestamptz NOT NULL DEFAULT now()
    )
    """,
)
app = create(DATABASE, PREFIX, "SELECT FROM users LIMIT 1")

_PATIENCE = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
_SESSION = boto3.Session(region_name=REGION)
if _SESSION.get_credentials() is None:
    # A client that was made without them never looks again.
    give_up("There are no AWS credentials, or the endpoint that gives them did not answer.")
S3 = _SESSION.client("s3", config=_PATIENCE)
CLOUDFRONT = _SESSION.client("cloudfront", config=_PATIENCE)


class NewUser(Body):
    """Who registers."""

    email: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True,
            to_lower=True,
            max_length=254,
            pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+\.[^@\s\x00-\x1f\x7f]+$",
        ),
    ]
    name: Name


def told(user: Row) -> Row:
    """A user as the service returns it."""
    return {"id": user["id"], "email": user["email"], "name": user["name"], "image_url": url(user)}


def url(user: Row) -> str | None:
    """Where the image of a user is read."""
    return f"https://{DOMAIN}/{user['image']}" if user["image"] else None


def found(id: int) -> Row:
    """A user that is there, or the answer 404."""
    user = DATABASE.row("SELECT id, email, name, image FROM users WHERE id = %(id)s", id=id)
    if user is None:
        raise HTTPException(404, f"There is no user {id}.")
    return user


def kind(image: bytes) -> str:
    """The type of an image by its first bytes, whatever was said of it, or the answer 415."""
    if image.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if image.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return "image/webp"
    raise HTTPException(415, "The image is neither PNG nor JPEG nor WebP.")


def forget(key: str) -> None:
    """Has CloudFront forget an object, before the object changes."""
    paths = {"Quantity": 1, "Items": [f"/{key}"]}
    batch = {"Paths": paths, "CallerReference": str(uuid.uuid4())}
    CLOUDFRONT.create_invalidation(DistributionId=DISTRIBUTION, InvalidationBatch=batch)


def failed(task: str, error: Exception) -> HTTPException:
    """The answer where AWS refused or was silent."""
    LOG.error("The image could not be %s (%s).", task, error)
    return HTTPException(502, f"The image could not be {task}.")


@app.post(PREFIX, status_code=201)
def register(user: NewUser) -> Row:
    """Registers a person; an email address is registered once."""
    made = DATABASE.row(
        "INSERT INTO users (email, name) VALUES (%(email)s, %(name)s) ON CONFLICT (email) DO NOTHING"
        " RETURNING id, email, name, image",
        email=user.email,
        name=user.name,
    )
    if made is None:
        raise HTTPException(409, "The email address is registered already.")
    return told(made)


@app.get(PREFIX + "/{id}")
def read(id: Id) -> Row:
    """One person."""
    return told(found(id))


@app.put(PREFIX + "/{id}/image", max_body_size=IMAGE)
async def upload(id: Id, request: Request) -> Row:
    """Keeps the body as the profile image."""
    return await run_in_threadpool(keep, id, await request.body())


def keep(id: int, image: bytes) -> Row:
    """Invalidates what CloudFront has of the image, uploads the new one, and remembers where it is."""
    user, type, key = found(id), kind(image), f"users/{id}/profile"
    try:
        forget(key)
        # An edge that fetched the old one in between has it for five minutes at most.
        S3.put_object(Bucket=BUCKET, Key=key, Body=image, ContentType=type, CacheControl="max-age=300")
    except (BotoCoreError, ClientError) as error:
        raise failed("uploaded", error) from None
    DATABASE.row("UPDATE users SET image = %(key)s WHERE id = %(id)s RETURNING id", key=key, id=id)
    return {"url": url({**user, "image": key})}


@app.get(PREFIX + "/{id}/image")
def image(id: Id) -> dict[str, Any]:
    """Where the profile image is read."""
    if where := url(found(id)):
        return {"url": where}
    raise HTTPException(404, f"User {id} has no image.")


@app.delete(PREFIX + "/{id}/image", status_code=204)
def remove(id: Id) -> None:
    """Removes the profile image, if there is one."""
    user = found(id)
    if user["image"] is None:
        return
    try:
        forget(user["image"])
        S3.delete_object(Bucket=BUCKET, Key=user["image"])
    except (BotoCoreError, ClientError) as error:
        raise failed("removed", error) from None
    DATABASE.row("UPDATE users SET image = NULL WHERE id = %(id)s RETURNING id", id=id)


if __name__ == "__main__":
    run(app, DATABASE, 8002)
