"""`msaspec deploy` from end to end, against the emulated AWS."""

from __future__ import annotations

import json
import re

from tests import told
from tests.deploy.account import OWNING, SMALL, STORING, Account


def test_a_first_deployment(account: Account) -> None:
    """The stack comes to be, with its tags, its protection and its policy, and the outputs are told on stdout."""
    result = account.deploy(SMALL)
    assert result.exit_code == 0, result.stderr
    stack = account.stack()
    assert stack
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert stack["Tags"] == [{"Key": "team", "Value": "shop"}]
    assert stack["EnableTerminationProtection"] is True
    policy = json.loads(account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"])
    assert policy["Statement"][1]["Resource"] == ["LogicalResourceId/MediaBucket"]
    assert result.stdout.split()[:2] == ["MediaBucket", account.ids()["MediaBucket"]]
    assert "services.cart   msa.yaml:7" in result.stderr
    assert account.change_sets() == []


def test_a_second_deployment_changes_nothing(account: Account) -> None:
    """No changes is success, and nothing is left lying."""
    account.deploy(SMALL)
    result = account.deploy()
    assert (result.exit_code, account.change_sets()) == (0, [])
    assert "The stack shop has no changes." in result.stderr
    assert "MediaBucket" in result.stdout


UNPROTECTED = SMALL + "protect: false\n"
LIFTED = "The manifest says `protect: false`: the stack shop loses its termination protection."


def is_protected(account: Account) -> bool:
    """Whether termination protection is on."""
    stack = account.stack()
    assert stack
    return bool(stack["EnableTerminationProtection"])


def test_termination_protection_is_a_word(account: Account) -> None:
    """`protect: false` leaves it off, and takes it off a stack that has it, which is told, and kept by a dry run."""
    account.deploy(SMALL)
    account.write(UNPROTECTED)
    look = account.run("deploy", "--dry-run")
    assert (LIFTED in look.stderr, is_protected(account)) == (True, True)
    result = account.deploy()
    assert (LIFTED in result.stderr, is_protected(account)) == (True, False)
    assert LIFTED not in account.deploy().stderr


def test_termination_protection_goes_by_a_yes(account: Account) -> None:
    """Without changes it has a question of its own; the yes to an update is one to that too, told before it."""
    account.deploy(SMALL)
    account.write(UNPROTECTED)
    no = account.run("deploy", answer="n\n")
    assert (no.exit_code, is_protected(account)) == (0, True)
    assert "Turn off the termination protection of shop in us-east-1, account 123456789012? [y/N]" in no.stderr
    assert "The termination protection of the stack shop stays on." in no.stderr
    assert (account.run("deploy", answer="").exit_code, is_protected(account)) == (130, True)
    account.write(UNPROTECTED.replace("8000", "8001"))
    yes = account.run("deploy", answer="y\n")
    assert (yes.exit_code, is_protected(account)) == (0, False)
    assert yes.stderr.index(LIFTED) < yes.stderr.index("Update the stack shop in")
    assert "Turn off the termination protection" not in yes.stderr
    account.deploy(SMALL)
    account.write(UNPROTECTED)
    assert (account.run("deploy", answer="y\n").exit_code, is_protected(account)) == (0, False)


def test_images_come_first(account: Account) -> None:
    """The repositories are made; without the image nothing else is touched, and the commands of docker are told."""
    result = account.deploy(OWNING)
    assert result.exit_code == 1
    assert account.status("shop-registry") == "CREATE_COMPLETE"
    assert account.stack() is None
    place = "123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/cart:1.0"
    assert f"msa.yaml:7:17: error MSA522: The image of `cart` is not in its repository: {place}" in result.stderr
    assert f"docker tag cart:1.0 {place} && docker push {place}" in result.stderr
    account.push("cart", "1.0")
    assert account.deploy().exit_code == 0
    assert account.status() == "CREATE_COMPLETE"


def test_tags_by_word_by_edit_and_as_they_run(account: Account) -> None:
    """`--tag` wins; what it deployed stays until the manifest is edited; then the manifest wins."""
    account.deploy(OWNING)
    for tag in ("1.0", "abc", "2.0"):
        account.push("cart", tag)
    account.deploy()

    def running() -> str:
        stack = account.stack()
        assert stack
        (tag,) = (each for each in stack["Parameters"] if each["ParameterKey"] == "CartImageTag")
        return str(tag["ParameterValue"])

    first = account.ids()["CartInstance"]
    assert running() == "1.0"
    result = account.deploy(None, "--tag", "cart=abc")
    assert (result.exit_code, running()) == (0, "abc")
    assert re.search(r"± CartInstance +replaced", result.stderr)
    second = account.ids()["CartInstance"]
    assert second != first
    result = account.deploy()
    assert (running(), account.ids()["CartInstance"]) == ("abc", second)
    assert "cart keeps the running tag abc; the manifest says 1.0." in result.stderr
    account.deploy(OWNING.replace("cart:1.0", "cart:2.0"))
    assert running() == "2.0"


def test_a_tag_for_nothing_is_told(account: Account) -> None:
    """A service that there is not, one of another registry, a word of another form."""
    account.write(SMALL)
    assert account.run("deploy", "--yes", "--tag", "cart").exit_code == 2
    result = account.deploy(None, "--tag", "cart=1", "--tag", "card=2")
    assert result.exit_code == 1
    assert result.stderr.count("MSA521") == 2


def test_an_edit_of_tags_tags_and_does_no_more(account: Account) -> None:
    """Every resource stays, hosts too, and the changed tags are shown by `diff` and `deploy`."""
    account.deploy(SMALL)
    before = account.ids()
    account.write(SMALL.replace("team: shop", "team: web, cost: low"))
    assert "~ tag team   changes   value: shop -> web" in account.run("diff", "--against", "stack").stdout
    result = account.deploy()
    assert (result.exit_code, account.ids()) == (0, before)
    assert "+ tag cost" in result.stderr
    assert not re.search(r"\d (replaced|removed)", result.stderr)
    stack = account.stack()
    assert stack
    assert stack["Tags"] == [{"Key": "cost", "Value": "low"}, {"Key": "team", "Value": "web"}]
    assert account.run("diff", "--against", "stack").exit_code == 0


def test_an_edit_of_tags_warns_of_rules_whose_weights_ecs_sets(account: Account) -> None:
    """Once for each rule, by the code that is about tags."""
    shifting = SMALL.replace("uses: [media]", "paths: [/cart], runtime: {type: fargate, deploy: canary}")
    assert account.deploy(shifting).exit_code == 0
    result = account.deploy(shifting.replace("team: shop", "team: web"))
    assert result.exit_code == 0
    assert result.stderr.count("warning MSA531: The change of `tags` updates the rule `CartRuleCart`") == 1
    assert "MSA513" not in result.stderr


def test_lint_errors_stop_before_anything(account: Account) -> None:
    """A wrong manifest ends with 1, and AWS is not asked."""
    result = account.deploy(SMALL.replace("port: 8000", "port: no"))
    assert result.exit_code == 1
    assert not account.calls


def test_a_dry_run_leaves_nothing(account: Account) -> None:
    """The change set is shown and removed, and so is the empty stack that it made."""
    account.write(SMALL)
    result = account.run("deploy", "--dry-run")
    assert result.exit_code == 0
    assert re.search(r"MediaBucket +added +AWS::S3::Bucket", result.stderr)
    account.settled()
    assert account.stack() is None
    account.deploy()
    account.write(SMALL.replace("8000", "8001"))
    assert account.run("deploy", "--dry-run").exit_code == 0
    assert (account.status(), account.change_sets()) == ("CREATE_COMPLETE", [])


def test_nobody_to_ask_is_a_usage_error(account: Account) -> None:
    """Without a terminal, a deployment needs `--yes`, and AWS is not asked."""
    account.write(SMALL)
    result = account.run("deploy")
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert not account.calls


def test_nothing_goes_on_in_a_sandbox_that_is_gone(account: Account) -> None:
    """`--sandbox --no-wait` would begin what nobody could watch: a usage error."""
    account.write(SMALL)
    result = account.run("deploy", "--sandbox", "--no-wait")
    assert result.exit_code == 2
    assert "cannot be combined with --no-wait" in result.stderr


def test_data_is_not_removed_without_a_word(account: Account) -> None:
    """A bucket that leaves the manifest stops the deployment, names its line and the word; with it, it goes on."""
    account.deploy(SMALL)
    bucket = account.ids()["MediaBucket"]
    without = SMALL.replace("buckets: {media: }\n", "").replace(", uses: [media]", "")
    result = account.deploy(without)
    assert result.exit_code == 1
    assert "error MSA510: The bucket `MediaBucket` of `buckets.media` would be removed from the stack" in result.stderr
    assert "--allow-replace media" in result.stderr
    assert (account.ids()["MediaBucket"], account.change_sets()) == (bucket, [])
    assert account.run("deploy", "--dry-run").exit_code == 1
    result = account.deploy(None, "--allow-replace", "media")
    assert result.exit_code == 0, result.stderr
    assert "MediaBucket" not in account.ids()
    account.world.client("s3").head_bucket(Bucket=bucket)
    policy = json.loads(account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"])
    assert len(policy["Statement"]) == 1


REPLACING = "patches: [{op: add, path: /Resources/MainDatabase/Properties/MasterUsername, value: other}]\n"


def test_a_database_is_not_replaced_without_a_word(account: Account) -> None:
    """A property that it has for life stops the deployment and is named; with the word a snapshot stays."""
    account.deploy(STORING)
    before = account.ids()["MainDatabase"]
    result = account.deploy(STORING + REPLACING)
    assert result.exit_code == 1
    assert "MSA511" in result.stderr
    assert "since `MasterUsername` changes" in result.stderr
    assert account.ids()["MainDatabase"] == before
    account.world.client("rds").modify_db_instance(DBInstanceIdentifier=before, DeletionProtection=False)
    result = account.deploy(None, "--allow-replace", "main")
    assert result.exit_code == 0, result.stderr
    assert account.ids()["MainDatabase"] != before
    (snapshot,) = account.world.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    assert snapshot["DBInstanceIdentifier"] == before
    policy = json.loads(account.cloudformation.get_stack_policy(StackName="shop")["StackPolicyBody"])
    assert "LogicalResourceId/MainDatabase" in policy["Statement"][1]["Resource"]


def test_the_stack_policy_stands_behind_the_gate(account: Account) -> None:
    """Somebody else's update that would replace the database is refused by CloudFormation itself."""
    from msaspec import pipeline
    from msaspec.template import render

    account.deploy(STORING)
    before = account.ids()["MainDatabase"]
    stack = pipeline.compile_main(pipeline.load(STORING + REPLACING, "msa.yaml")).stack
    words = {"Capabilities": ["CAPABILITY_IAM"], "DisableRollback": False}
    account.cloudformation.update_stack(StackName="shop", TemplateBody=render.to_yaml(stack), **words)
    assert account.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert account.ids()["MainDatabase"] == before


MANY = "".join(f"  s{n}: {{image: docker.io/library/nginx:1, port: {8100 + n}}}\n" for n in range(20))
"""Services whose template is above 51,200 bytes."""


def test_large_templates_go_through_a_bucket(account: Account) -> None:
    """Above 51,200 bytes the template lies in a private bucket under its hash; the second time the bucket is there."""
    result = account.deploy(SMALL + MANY)
    assert result.exit_code == 0, result.stderr
    (bucket,) = re.findall(r"s3://(\S+?)/shop/[0-9a-f]{64}\.yaml, a new bucket", result.stderr)
    assert bucket == "msaspec-templates-123456789012-us-east-1"
    s3 = account.world.client("s3")
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    made = account.calls["CreateBucket"]
    result = account.deploy(SMALL + MANY.replace("8100", "8200"))
    assert (result.exit_code, account.calls["CreateBucket"]) == (0, made)
    assert "a new bucket" not in result.stderr


def test_a_look_makes_no_bucket(account: Account) -> None:
    """Where a large template has no bucket to go through, a dry run judges by the templates, and says so. Where there
    is the bucket, it says that it put the template there."""
    account.deploy(SMALL.replace("[media]", "[]").replace("media: ", "media: , old: "))
    account.write(SMALL + MANY)
    result = account.run("deploy", "--dry-run")
    assert result.exit_code == 1
    assert (
        "msa.yaml:5:1: error MSA510: The bucket `OldBucket` of `buckets.old` would be removed from the stack"
        in result.stderr
    )
    result = account.run("deploy", "--dry-run", "--allow-replace", "old")
    assert result.exit_code == 0, result.stderr
    bucket = "msaspec-templates-123456789012-us-east-1"
    assert (
        f"CloudFormation was not asked: the template of shop is above 51,200 bytes, and the bucket {bucket} for it"
        in (result.stderr)
    )
    assert "Nothing was changed: this was only a dry run for the stack shop." in result.stderr
    assert re.search(r"\+ \d+ added +.*Instance", result.stderr)
    s3 = account.world.client("s3")
    assert not [each for each in s3.list_buckets()["Buckets"] if each["Name"].startswith("msaspec")]
    assert (account.calls["CreateBucket"], account.calls["PutObject"], account.change_sets()) == (0, 0, [])
    s3.create_bucket(Bucket=bucket)
    result = account.run("deploy", "--dry-run", "--allow-replace", "old")
    assert result.exit_code == 0, result.stderr
    assert f"went to s3://{bucket}/shop/" in result.stderr
    assert (
        "Nothing was changed except for the upload of the template: this was only a dry run for the stack shop"
    ) in result.stderr


def test_programs_get_a_json_object_a_line(account: Account) -> None:
    """Each line is an object with its `event`: changes, resources, the end, outputs."""
    account.write(SMALL)
    result = account.run("deploy", "--yes", "--format", "json")
    rows = told.rows(result.stdout)
    kinds = [row["event"] for row in rows]
    shown = ["checking", "zones-chosen", "change", "begin", "stack", "resource", "end", "output"]
    assert list(dict.fromkeys(kinds)) == shown
    assert next(row for row in rows if row["event"] == "change")["place"] == "msa.yaml:4"
    (end,) = [row for row in rows if row["event"] == "end"]
    assert (end["stack"], end["status"]) == ("shop", "CREATE_COMPLETE")
    assert {row["entry"] for row in rows if row["event"] == "resource"} >= {"network", "buckets.media", "services.cart"}
    assert result.stderr == ""


def test_an_environment_is_a_stack_of_its_own(account: Account) -> None:
    """`--env` deploys beside the others, and the repositories are shared; what only it writes stands on its line."""
    text = OWNING + "environments:\n  prod:\n    bastion: true\n"
    account.deploy(text, "--env", "-")
    account.push("cart", "1.0")
    assert account.deploy(None, "--env", "-").exit_code == 0
    result = account.run("deploy", "--yes", "--env", "prod")
    assert result.exit_code == 0
    assert "bastion   msa.yaml:10" in result.stderr
    stacks = account.cloudformation.describe_stacks()["Stacks"]
    assert sorted(stack["StackName"] for stack in stacks) == ["shop", "shop-prod", "shop-registry"]


def test_environments_leave_the_repositories_alone(account: Account) -> None:
    """All environments share them, so they have the tags of the manifest without any, whoever deploys."""
    manifest = f"{OWNING}environments: {{dev: {{tags: {{stage: dev}}}}, prod: {{tags: {{stage: prod}}}}}}\n"
    account.deploy(manifest, "--env", "dev")
    account.push("cart", "1.0")
    for environment in ("dev", "prod", "dev", "-"):
        account.deploy(None, "--env", environment)
    tags = [{"Key": "team", "Value": "shop"}]
    registry, main = account.stack("shop-registry"), account.stack("shop-prod")
    assert registry
    assert main
    assert (registry["Tags"], registry["StackStatus"]) == (tags, "CREATE_COMPLETE")
    assert main["Tags"] == [{"Key": "stage", "Value": "prod"}, *tags]
    ecr = account.world.client("ecr")
    (repository,) = ecr.describe_repositories()["repositories"]
    assert ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"] == tags


def test_a_repository_comes_back(account: Account) -> None:
    """One that left the stack, and those of a stack that was deleted, stayed in the account: they are taken over, with
    their images, and the change set says so."""
    both = OWNING + "  user: {image: user:1.0, port: 8001}\n"
    account.deploy(both)
    for image in ("cart", "user"):
        account.push(image, "1.0")
    assert account.deploy().exit_code == 0
    assert account.deploy(OWNING, "--allow-replace", "user").exit_code == 0
    result = account.deploy(both)
    assert result.exit_code == 0, result.stderr
    assert re.search(r"\+ UserRepository +imported +AWS::ECR::Repository", result.stderr)
    assert "1 entry differs: 1 resource imported; 1 output added." in result.stderr
    assert account.run("destroy", "--stack", "registry", "--yes").exit_code == 0
    result = account.deploy()
    assert result.exit_code == 0, result.stderr
    assert "2 resources imported" in result.stderr
    assert account.status("shop-registry") == "CREATE_COMPLETE"


def test_the_main_stack_takes_nothing_over(account: Account) -> None:
    """What it makes has names of CloudFormation's, so that whatever has a name of its own there is somebody else's."""
    asked: list[bool] = []
    account.world.client("cloudformation").meta.events.register(
        "before-parameter-build.cloudformation.CreateChangeSet",
        lambda params, **ignored: asked.append(params.get("ImportExistingResources", False)),
        unique_id="imports",
    )
    account.deploy(OWNING)
    account.push("cart", "1.0")
    account.deploy()
    assert asked == [True, True, False]
