"""What a bucket says beside its objects: pages, ages, and who is told, as S3 has it."""

from __future__ import annotations

import json
from urllib.parse import unquote

from msaspec.update import changes, objections
from tests.deploy.account import Account
from tests.template import compiled

HEAD = "msaspec: 1\nname: shop\nnetwork: {placement: public}\n"
SHOP = f"""{HEAD}
topics: {{uploaded: }}
queues: {{resize: , every: {{from: [uploaded]}}}}
buckets:
  media:
    cors: ["https://shop.example.com"]
    expire: {{tmp/: 7 days}}
    notify: {{resize: {{prefix: in/}}, uploaded: {{prefix: out/}}}}
services:
  cart: {{image: "docker.io/library/cart:1", uses: {{media: {{access: write}}, resize: consume, every: consume}}}}
"""


def test_an_object_is_told_of_to_whom_it_concerns(account: Account) -> None:
    """What is written under a prefix reaches its queue, or all queues of its topic."""
    result = account.deploy(SHOP)
    assert result.exit_code == 0, result.stderr
    ids, s3, sqs = account.ids(), account.world.client("s3"), account.world.client("sqs")
    for key in ("in/1", "out/2", "other/3"):
        s3.put_object(Bucket=ids["MediaBucket"], Key=key, Body=b"1")

    def keys(queue: str) -> set[str]:
        found = sqs.receive_message(QueueUrl=ids[queue], MaxNumberOfMessages=10)
        events = [json.loads(message["Body"]) for message in found.get("Messages", [])]
        return {unquote(record["s3"]["object"]["key"]) for event in events for record in event.get("Records", [])}

    assert (keys("ResizeQueue"), keys("EveryQueue")) == ({"in/1"}, {"out/2"})
    (rule,) = s3.get_bucket_cors(Bucket=ids["MediaBucket"])["CORSRules"]
    assert (rule["AllowedOrigins"], rule["MaxAgeSeconds"]) == (["https://shop.example.com"], 3600)
    rules = s3.get_bucket_lifecycle_configuration(Bucket=ids["MediaBucket"])["Rules"]
    assert [rule["Expiration"]["Days"] for rule in rules if "Expiration" in rule] == [7]
    assert account.deploy(SHOP.replace('    cors: ["https://shop.example.com"]\n', "")).exit_code == 0
    assert "has no changes" in account.deploy().stderr


def test_an_age_that_begins_is_warned_of() -> None:
    """It deletes objects that are there."""
    text = f"{HEAD}buckets: {{media: {{}}}}\nservices: {{a1: {{image: a, uses: [media]}}}}\n"
    old, new = (compiled(each).stack for each in (text, text.replace("media: {}", "media: {expire: 7 days}")))
    found = changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)
    (told,) = objections.costs(found)
    assert "another rule by which S3 deletes objects" in told.message
