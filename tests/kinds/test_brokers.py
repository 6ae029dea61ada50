"""Brokers: what stands in an account, what an edit may do to one, and from a manifest to a login on a real RabbitMQ."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import pytest

from msaspec import sandbox
from msaspec.deploy import gate
from msaspec.template import render
from msaspec.update import changes, hazards, losses, objections
from tests.deploy.account import Account
from tests.lambdas import postgres, rabbitmq
from tests.sandbox.deploying import Deployer
from tests.template import compiled

HEAD = "msaspec: 1\nname: shop\nregion: us-east-1\nnetwork: {placement: public}\n"
SHOP = f"""{HEAD}
brokers:
  bus: {{}}
  wide: {{version: "3.13", size: mq.m5.large, cluster: true}}
services:
  cart: {{image: "docker.io/library/cart:1", uses: {{bus: , wide: {{access: send, vhost: orders}}}}}}
  web: {{image: "docker.io/library/web:1", runtime: fargate, framework: spring-boot, uses: {{bus: consume}}}}
"""


def test_what_is_declared_stands_in_amazon_mq(account: Account) -> None:
    """The broker with its class and its network, in the secret of a service all that a client needs, and the call of
    the function that makes the users."""
    result = account.deploy(SHOP)
    assert result.exit_code == 0, result.stderr
    ids, api = account.ids(), account.world.client("mq")
    bus, wide = (api.describe_broker(BrokerId=ids[name]) for name in ("BusBroker", "WideBroker"))
    told = ("EngineType", "EngineVersion", "HostInstanceType", "DeploymentMode", "PubliclyAccessible")
    assert [bus[key] for key in told] == ["RABBITMQ", "4.2", "mq.m7g.medium", "SINGLE_INSTANCE", False]
    assert [wide[key] for key in told] == ["RABBITMQ", "3.13", "mq.m5.large", "CLUSTER_MULTI_AZ", False]
    assert bus["SubnetIds"] == [ids["IsolatedSubnet1"]]
    assert wide["SubnetIds"] == [ids["IsolatedSubnet1"], ids["IsolatedSubnet2"]]
    assert bus["SecurityGroups"] == [ids["BusBrokerSecurityGroup"]]
    assert bus["Logs"]["General"] is True
    assert bus["Tags"]["Name"] == "shop/bus"
    assert [user["Username"] for user in bus["Users"]] == ["msaspec_admin"]
    host = bus["BrokerInstances"][0]["Endpoints"][0].removeprefix("amqps://").removesuffix(":5671")
    secrets = account.world.client("secretsmanager")
    said = json.loads(secrets.get_secret_value(SecretId=ids["CartToBusSecret"])["SecretString"])
    assert said["url"] == f"amqps://cart:{said['password']}@{host}:5671/%2F"
    assert said["password"] not in account.cloudformation.get_template(StackName="shop")["TemplateBody"]
    by_host = {call["Host"]: call for call in account.world.broker_calls}
    rights = [(user["Name"], user["Vhost"], user["Access"]) for user in by_host[host]["Users"]]
    assert rights == [("cart", "/", "configure"), ("web", "/", "consume")]
    assert said["password"] not in str(by_host[host])
    definitions = account.world.client("ecs").list_task_definitions()["taskDefinitionArns"]
    task = account.world.client("ecs").describe_task_definition(taskDefinition=definitions[-1])["taskDefinition"]
    variables = {each["name"]: each["value"] for each in task["containerDefinitions"][0]["environment"]}
    assert variables["spring.rabbitmq.host"] == host
    assert variables["spring.rabbitmq.ssl.enabled"] == "true"
    shown = " ".join(account.run("status").stdout.split())
    assert "brokers.bus well running" in shown
    assert "brokers.wide well running, cluster" in shown
    assert "has no changes" in account.deploy().stderr


def test_users_come_and_go(account: Account) -> None:
    """A service less is a user less; the services that stay are not touched, since the address does not move."""
    account.deploy(SHOP)
    before = account.ids()
    account.world.broker_calls.clear()
    result = account.deploy(SHOP.replace("uses: {bus: consume}", "uses: {}"))
    assert result.exit_code == 0, result.stderr
    (call,) = (each for each in account.world.broker_calls if each["Gone"])
    assert call["Gone"] == ["web"]
    after = account.ids()
    assert after["CartInstance"] == before["CartInstance"]


def test_a_broker_goes_by_a_word_only(account: Account) -> None:
    """Nothing of it can be kept, so `destroy` and an update that would take it away refuse without its name."""
    account.deploy(SHOP)
    without = SHOP.replace("  bus: {}\n", "").replace("bus: , ", "").replace("uses: {bus: consume}", "uses: {}")
    assert account.deploy(without).exit_code != 0
    api = account.world.client("mq")
    assert len(api.list_brokers()["BrokerSummaries"]) == 2
    refused = account.run("destroy", "--yes")
    assert refused.exit_code != 0
    assert "bus" in refused.stderr
    assert account.run("destroy", "--yes", "--delete-data", "bus", "--delete-data", "wide").exit_code == 0
    assert api.list_brokers()["BrokerSummaries"] == []


def test_people_reach_the_console_by_the_bastion() -> None:
    """It has a rule for each port of a broker; services have that of AMQP only."""
    text = f"{HEAD}bastion: true\nbrokers: {{bus: {{}}}}\nservices: {{a1: {{image: a, uses: [bus]}}}}\n"
    resources = compiled(text).stack.template["Resources"]
    rules = {
        name: each["Properties"]["FromPort"] for name, each in resources.items() if name.endswith(("Bus", "Console"))
    }
    assert rules == {
        "A1ToBus": 5671,
        "BastionToBus": 5671,
        "BastionToBusConsole": 443,
        "BrokerBootstrapRunnerToBus": 443,
    }


def between(before: str, after: str, head: str = HEAD) -> tuple[Any, Any, Any]:
    """The changes between two brokers, and the templates."""
    texts = [
        f"{head}brokers: {{it: {{{each}}}}}\nservices: {{a1: {{image: a, uses: [it]}}}}\n" for each in (before, after)
    ]
    old, new = (compiled(text).stack for text in texts)
    found = changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)
    return found, old.template, new.template


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('version: "3.13"', "", "would change from RabbitMQ 3.13 to 4.2"),
        ("", 'version: "3.13"', "would change from RabbitMQ 4.2 to 3.13"),
        ('version: "3.13"', 'version: "3.13", size: mq.t3.micro', "would go back from mq.m7g.medium to mq.t3.micro"),
        ('version: "3.13", size: mq.t3.micro', 'version: "3.13"', ""),
        ("", "size: mq.m7g.large", ""),
        ("", "cluster: true", ""),
    ],
)
def test_what_amazon_mq_refuses_is_told_before(before: str, after: str, said: str) -> None:
    """Some changes of version and class are refused, so they are not begun."""
    found = [each.message for each in objections.refused(between(before, after)[0])]
    assert len(found) == bool(said)
    assert all(said in each for each in found)


def test_another_class_restarts_one_node() -> None:
    """Of a single broker, which is away meanwhile; a cluster goes on."""
    (told,) = objections.costs(between("", "size: mq.m7g.large")[0])
    assert "takes no messages for some minutes" in told.message
    assert not [*objections.costs(between("cluster: true", "cluster: true, size: mq.m7g.large")[0])]


@pytest.mark.parametrize(
    ("before", "after", "head"),
    [
        ("", "cluster: true", HEAD),
        ("cluster: true", "", HEAD),
    ],
)
def test_what_a_broker_cannot_change_makes_another_one(before: str, after: str, head: str) -> None:
    """Another name with it, since the new one is made while the old one is there; and a loss that is guarded."""
    found, old, new = between(before, after, head)
    told = {each.logical_id: each for each in found}
    assert told["ItBroker"].action is changes.Action.REPLACE
    assert losses.found(found)
    assert gate.judge(found, (), lambda each: each).refused
    assert not [each for each in hazards.found(old, new, found) if each.code == "MSA512"]


def test_the_own_key_makes_another_broker() -> None:
    """The key of a broker is chosen when it is made, and the name says so."""
    old, new = (
        compiled(f"{HEAD}{audit}brokers: {{bus: {{}}}}\nservices: {{a1: {{image: a, uses: [bus]}}}}\n").stack.template
        for audit in ("", "encryption: own\n")
    )
    before, after = (each["Resources"]["BusBroker"]["Properties"] for each in (old, new))
    assert after["EncryptionOptions"]["UseAwsOwnedKey"] is False
    assert before["BrokerName"] != after["BrokerName"]


def test_a_virtual_host_that_nobody_uses_any_more_is_a_loss() -> None:
    """Its messages stay, and nobody reads them."""
    text = f"{HEAD}brokers: {{bus: {{}}}}\nservices: {{a1: {{image: a, uses: {{bus: {{vhost: orders}}}}}}}}\n"
    old, new = (compiled(each).stack for each in (text, text.replace("orders", "other")))
    found = changes.between(old.template, new.template, origins=new.origins, origins_before=old.origins)
    (told,) = (diagnostic for _, diagnostic in losses.found(found))
    assert (
        "`a1` would have the virtual host `other` of `brokers.bus` instead of the virtual host `orders`" in told.message
    )
    assert "Write `uses: {bus: {vhost: orders}}`" in str(told.hint)


REAL = f"""{HEAD}
brokers: {{bus: {{}}}}
services:
  cart: {{image: "docker.io/library/cart:1", uses: {{bus: {{vhost: orders}}}}}}
  mail: {{image: "docker.io/library/mail:1", uses: {{bus: {{access: consume, vhost: orders}}}}}}
"""


def test_the_urls_of_the_secrets_log_in() -> None:
    """From a manifest to messages: the deployed functions make the users on a real RabbitMQ."""
    pika: Any = pytest.importorskip("pika")
    with ExitStack() as stack:
        try:
            server = stack.enter_context(rabbitmq.serve())
        except postgres.Unavailable as reason:
            pytest.skip(str(reason))
        here = sandbox.RabbitMq(postgres.HOST, server.api, server.ca, server.administrator, server.password)
        world = stack.enter_context(sandbox.start(rabbitmq=here))
        deployer = Deployer(world.client("cloudformation"))
        assert deployer.deploy(render.to_yaml(compiled(REAL).stack)) == "CREATE_COMPLETE", deployer.events()
        assert world.broker_calls == []
        secrets, ids, channels = world.client("secretsmanager"), deployer.ids(), {}
        for name in ("Cart", "Mail"):
            secret = json.loads(secrets.get_secret_value(SecretId=ids[f"{name}ToBusSecret"])["SecretString"])
            words = pika.URLParameters(secret["url"])
            words.host, words.port = postgres.HOST, server.port
            words.ssl_options.context.load_verify_locations(server.ca)
            words.ssl_options.server_hostname = postgres.HOST
            channels[name] = stack.enter_context(pika.BlockingConnection(words)).channel()
        channels["Cart"].queue_declare("mails", durable=True)
        channels["Cart"].confirm_delivery()
        channels["Cart"].basic_publish("", "mails", b"hello", mandatory=True)
        assert channels["Mail"].basic_get("mails", auto_ack=True)[2] == b"hello"
        with pytest.raises(pika.exceptions.ChannelClosedByBroker):
            channels["Mail"].queue_declare("others", durable=True)


def test_what_the_broker_refuses_fails_the_deployment() -> None:
    """A wrong password of the administrator: the reason of the runner stands in the events, and the stack goes back."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(rabbitmq.serve())
        except postgres.Unavailable as reason:
            pytest.skip(str(reason))
        here = sandbox.RabbitMq(postgres.HOST, server.api, server.ca, server.administrator, "wrong")
        world = stack.enter_context(sandbox.start(rabbitmq=here))
        deployer = Deployer(world.client("cloudformation"))
        assert deployer.deploy(render.to_yaml(compiled(REAL).stack)) == "ROLLBACK_COMPLETE", deployer.events()[-5:]
        assert 'The broker refused to make the virtual host "orders" (401: ' in deployer.reason("BusBootstrap")
