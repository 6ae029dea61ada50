"""The machines behind the sandbox: what its services say runs does run, and reaches what they say it may reach.

A loop looks at the sandbox as AWS's own control planes do: a host that is there is booted, one that is gone is stopped,
a task is started, a database instance and a load balancer answer at their addresses, and every interface has the rules
of its security groups before anything runs behind it.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from msaspec.sandbox.controls import Fate
from msaspec.sandbox.world import Runner, World
from tests.system import groups
from tests.system.account import Balancer, Box, Broker, Cache, Database, FargateTask, Instance, MountTarget, View
from tests.system.cache import Redis
from tests.system.gateway import Gateway
from tests.system.machine import Machine
from tests.system.metadata import ADDRESS, TASK_ADDRESS, Metadata, task_credentials
from tests.system.names import Resolver, registered
from tests.system.network import AWS, Namespace, Network, network
from tests.system.permissions import Permissions
from tests.system.proxy import Proxy
from tests.system.relay import Relay
from tests.system.serving import Serving
from tests.system.task import Task

INTERNET = "198.18.0.2"
"""Whoever calls from outside."""
EVERYWHERE = "0.0.0.0/0"
NFS = 2049
DRAIN, STOP = 5, 1.5
"""Seconds at most until a task that leaves has no connections any more, and until it ends when it is asked to."""
PATIENCE = 10
"""How many times in a row it may be impossible to see what the sandbox has, which changes meanwhile."""


@dataclass(frozen=True)
class Beside:
    """What stores need that the sandbox does not know of."""

    authority: Path = Path()
    """A folder with `ca.pem` and `ca.key`, which vouch for caches."""
    amqp: int = 0
    """The port of the server behind brokers."""


class Site:
    """All that runs."""

    def __init__(
        self, world: World, region: str, net: Network, directory: Path, images: Mapping[str, Any], stores: Beside
    ) -> None:
        self.world, self.region, self.network, self.directory, self.images = world, region, net, directory, images
        self._stores = stores
        self.permissions = Permissions(self.client("iam"))
        account = self.client("sts").get_caller_identity()["Account"]
        self.faults: list[str] = []
        gateway = Gateway(world.endpoint, account, self.permissions, self.client("ecr"), self.faults)
        self.boxes: dict[str, Box] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.machines: dict[str, Machine] = {}
        self.tasks: dict[str, Task] = {}
        self.gone: dict[str, float] = {}
        """When a box was removed, by its name and the monotonic clock."""
        self.internet = net.connect("internet", INTERNET, [EVERYWHERE])
        aws = net.connect("aws", AWS, [EVERYWHERE])
        self._proxies: dict[str, Proxy] = {}
        self._caches: dict[str, Redis] = {}
        self._ends: dict[str, list[Callable[[], object]]] = {}
        beside = socket.create_server(("127.0.0.1", 0))  # functions run on this machine's own network
        self._always = [gateway.serve(listener).end for listener in (aws.listen(AWS, 80), beside)]
        self._beside = f"http://127.0.0.1:{beside.getsockname()[1]}"
        world.assumed = self._assumed
        world.ran = self._ran
        world.runner = Runner(lambda arn: arn in self._up, self._let_go)
        self._up: frozenset[str] = frozenset()
        """The tasks whose checks pass, by their ARNs."""
        self._leaving: set[str] = set()
        """Tasks that are to end, by their names."""
        self._exits: dict[str, int] = {}
        self._loaded: dict[str, str] = {}
        self._ways: dict[str, str] = {}
        self._resolver = ""
        self._kept: dict[str, Any] = {}
        self._begun = self._followed = 0
        """Counts the looks at the sandbox: the last that began, and the last whose sight was brought about."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def client(self, service: str) -> Any:
        """A client of the sandbox, with all rights."""
        return self.world.client(service, self.region)

    def _assumed(self, role: str) -> dict[str, str]:
        """What a function is told of AWS: credentials of its role, and the door that knows them."""
        session = self.permissions.session(role.rpartition("/")[2])
        return {
            "AWS_ENDPOINT_URL": self._beside,
            "AWS_ACCESS_KEY_ID": session.key,
            "AWS_SECRET_ACCESS_KEY": session.secret,
            "AWS_SESSION_TOKEN": session.token,
        }

    def _ran(self, arn: str) -> Fate:
        """Waits for the end of a task that a state machine started."""
        self.world.controls.wait(lambda: arn in self._exits or self._ended.is_set(), time.monotonic() + 3600)
        return Fate("Essential container in task exited", exit_code=self._exits.get(arn, 137))

    def _let_go(self, arns: Sequence[str]) -> None:
        """Ends tasks that no load balancer sends anything to, as soon as they have no connections."""
        names = {arn.rpartition("/")[2] for arn in arns}
        tasks = [self.tasks[name] for name in names if name in self.tasks]
        self._leaving |= names
        begun, wait = self._begun, self.world.controls.wait
        wait(lambda: self._followed > begun, time.monotonic() + 60)
        wait(lambda: self._is_idle(names), time.monotonic() + DRAIN)
        for task in tasks:
            task.ask_to_end()
        wait(lambda: all(task.over for task in tasks), time.monotonic() + STOP)

    def _is_idle(self, names: Iterable[str]) -> bool:
        return all(proxy.is_idle(name) for proxy in list(self._proxies.values()) for name in names)

    # ---- the loop ----

    def _watch(self) -> None:
        blind = 0
        while not self._ended.wait(0.3):
            self._begun += 1
            begun = self._begun
            try:
                view = View(self.client, self._kept)
                seen = view.complete
            except Exception:
                blind += 1
                seen = False
                if blind == PATIENCE:
                    self.faults.append(traceback.format_exc())
            if seen:
                blind = 0
                try:
                    if self._follow(view):
                        self._followed = begun
                    if self._leaving:
                        self.world.controls.wake()
                except Exception:
                    self.faults.append(traceback.format_exc())

    def _follow(self, view: View) -> bool:
        """Brings about what is seen. Whether all of it is, since a load balancer takes a moment to start."""
        for name in self.boxes.keys() - view.boxes.keys():
            self._remove(name)
        fresh = [box for name, box in view.boxes.items() if name not in self.boxes]
        for box in fresh:
            self._place(box, view)
        self.boxes = dict(view.boxes)
        self._lead(view)
        self._guard(view)
        begin = {
            MountTarget: self._offer,
            Database: self._answer,
            Broker: self._pass_on,
            Cache: self._keep,
            Balancer: self._balance,
            Instance: self._boot,
            FargateTask: self._run,
        }
        for box in sorted(fresh, key=lambda box: list(begin).index(type(box))):
            begin[type(box)](box, view)
        for name, cache in self._caches.items():
            cache.admit(view.boxes[name].users)
        for name, task in self.tasks.items():
            box = view.boxes[name]
            if task.ended and box.awaited:
                self._exits[box.arn] = task.exit_code
                self.world.controls.wake()
            elif task.ended and name not in self._leaving:
                why = "Essential container in task exited"
                self.client("ecs").stop_task(cluster=box.cluster, task=box.arn, reason=why)
        followed = [proxy.follow(view.boxes[name].configuration) for name, proxy in self._proxies.items()]
        for name, proxy in self._proxies.items():
            if proxy.ended:
                self.faults.append(f"haproxy of {name} ended:\n{proxy.told()}")
        self._judge(view)
        return all(followed)

    def _judge(self, view: View) -> None:
        """Finds out which tasks are up, and tells the sandbox."""
        awaited: dict[str, bool] = {}
        for name, proxy in self._proxies.items():
            for group, found in view.boxes[name].configuration.groups.items():
                for target in found.targets:
                    awaited[target] = awaited.get(target, True) and (group, target) in proxy.up
        well = [
            name for name, task in self.tasks.items() if not task.ended and task.healthy and awaited.get(name, True)
        ]
        up = frozenset(view.boxes[name].arn for name in well)
        if up != self._up:
            self._up = up
            self.world.controls.wake()

    def _place(self, box: Box, view: View) -> None:
        """Connects an interface; the network's resolver comes with the first."""
        self._ends[box.name] = []
        self.namespaces[box.name] = self.network.connect(box.name, box.address)
        if not self._resolver:
            self._resolver = str(ipaddress.ip_network(view.subnets[box.subnet].network)[2])
            self.network.router.own(self._resolver)
            listener = self.network.router.datagrams(self._resolver, 53)
            self._always.append(Resolver(listener, self.lookup, self.faults).end)

    def _lead(self, view: View) -> None:
        """Brings the ways of every interface up to date: to its network, or to the world if its subnet's routes lead
        there."""
        for name, box in self.boxes.items():
            subnet = view.subnets[box.subnet]
            outward = subnet.way_out == "nat" or (subnet.way_out == "igw" and box.leaves)
            way = EVERYWHERE if outward else subnet.network
            if self._ways.get(name) != way:
                self.network.lead(self.namespaces[name], [way])
                self._ways[name] = way

    def _guard(self, view: View) -> None:
        """Brings every interface's rules up to what the security groups say now, and the public addresses."""
        members: dict[str, list[str]] = {}
        for box in self.boxes.values():
            for group in box.groups:
                members.setdefault(group, []).append(box.address)
        for name, box in self.boxes.items():
            own = [view.groups[group] for group in box.groups]
            self._load(name, self.namespaces[name], groups.rules(own, members, self._resolver))
        reached = [box for box in self.boxes.values() if box.public and view.subnets[box.subnet].way_out == "igw"]
        translation = [
            "table ip public",
            "delete table ip public",
            "table ip public {",
            "chain inward { type nat hook prerouting priority dstnat;",
            *sorted(f"ip daddr {box.public} dnat to {box.address}" for box in reached),
            "}",
            "}",
            "",
        ]
        self._load("", self.network.router, "\n".join(translation))

    def _load(self, name: str, namespace: Namespace, rules: str) -> None:
        if self._loaded.get(name) != rules:
            namespace.filter(rules)
            self._loaded[name] = rules

    def _boot(self, box: Instance, view: View) -> None:
        namespace, root = self.namespaces[box.name], self.directory / box.name
        if box.role:
            session = self.permissions.session(box.role)
            metadata = Metadata(box.name, box.zone, box.hops, session)
            namespace.own(ADDRESS)
            self._ends[box.name].append(Serving(namespace.listen(ADDRESS, 80), metadata.answer).end)
        root.mkdir()
        resolv = self._resolv(box, view)
        machine = Machine(root, namespace, box.name, box.user_data, resolv, f"http://{AWS}", self.images)
        self.machines[box.name] = machine
        self._ends[box.name].append(machine.stop)
        machine.start()

    def _answer(self, box: Database, view: View) -> None:
        settings = self.world.settings
        server = settings.postgres if "postgres" in box.engine else settings.mariadb
        assert server, box.engine
        listener = self.namespaces[box.name].listen(box.address, box.port)
        self._ends[box.name].append(Relay(listener, server.port).end)

    def _pass_on(self, box: Broker, view: View) -> None:
        """Has a broker answer: its API stays away, since functions are not in the network."""
        listener = self.namespaces[box.name].listen(box.address, box.port)
        self._ends[box.name].append(Relay(listener, self._stores.amqp).end)

    def _keep(self, box: Cache, view: View) -> None:
        tls = (box.endpoint, self._stores.authority) if box.tls else None
        cache = self._caches[box.name] = Redis(self.namespaces[box.name], self.directory / box.name, box.port, tls)
        self._ends[box.name].append(cache.end)

    def _offer(self, box: MountTarget, view: View) -> None:
        listener = self.namespaces[box.name].listen(box.address, NFS)
        self._ends[box.name].append(listener.close)

    def _reach(self, box: FargateTask, file_system: str) -> None:
        """Fails where a task does not reach the mount target of a file system in its zone."""
        (subnet,) = self.client("ec2").describe_subnets(SubnetIds=[box.subnet])["Subnets"]
        there = (file_system, subnet["AvailabilityZone"])
        targets = [each for each in self.boxes.values() if isinstance(each, MountTarget)]
        (target,) = [each for each in targets if (each.file_system, each.zone) == there]
        assert self.namespaces[box.name].reaches(target.address, NFS, 30), f"{box.name} does not reach {target.name}"

    def _balance(self, box: Balancer, view: View) -> None:
        proxy = Proxy(self.namespaces[box.name], self.directory / f"{box.name}.cfg")
        self._proxies[box.name] = proxy
        self._ends[box.name].append(proxy.end)

    def _run(self, box: FargateTask, view: View) -> None:
        resolv, namespace = self.directory / f"{box.name}.resolv", self.namespaces[box.name]
        resolv.write_text(self._resolv(box, view))
        session = self.permissions.session(box.definition["taskRoleArn"].rpartition("/")[2])
        namespace.own(TASK_ADDRESS)
        credentials = Serving(namespace.listen(TASK_ADDRESS, 80), partial(task_credentials, session))
        reach = partial(self._reach, box)
        task = Task(box.name, box.definition, namespace, resolv, self.client, self.permissions, self.faults, reach)
        self.tasks[box.name] = task
        self._ends[box.name] += [credentials.end, task.stop]
        task.start(self.images)

    def _resolv(self, box: Box, view: View) -> str:
        domain = view.subnets[box.subnet].domain
        return f"nameserver {self._resolver}\n" + (f"search {domain}\n" if domain else "")

    def _remove(self, name: str) -> None:
        for end in reversed(self._ends.pop(name)):
            end()
        self.network.disconnect(self.namespaces.pop(name))
        self.gone[name] = time.monotonic()
        for kept in (self._loaded, self._ways, self.machines, self.tasks, self._proxies, self._caches):
            kept.pop(name, None)
        self._leaving.discard(name)
        self.boxes = {other: box for other, box in self.boxes.items() if other != name}  # others look at it meanwhile

    # ---- names ----

    def lookup(self, name: str) -> list[str] | None:
        """What the resolver of the VPC answers."""
        for box in self.boxes.values():
            if isinstance(box, Database | Broker | Cache) and box.endpoint.lower() == name:
                return [box.address]
            if isinstance(box, Balancer) and box.domain.lower() == name:
                return [box.public or box.address]
        if name.endswith(".amazonaws.com"):
            owned = any(part in name.split(".") for part in ("cache", "elb", "rds"))
            return None if owned else [AWS]
        there = registered(self.client("servicediscovery"), name)
        return None if there is None else [found for attributes in there for found in self._registered(attributes)]

    def _registered(self, attributes: Mapping[str, str]) -> list[str]:
        if alias := attributes.get("AWS_ALIAS_DNS_NAME") or attributes.get("AWS_INSTANCE_CNAME"):
            return self.lookup(alias.lower()) or []
        return [attributes["AWS_INSTANCE_IPV4"]]

    # ---- for tests ----

    def catch_up(self) -> None:
        """Waits until the machines are as the sandbox has it now."""
        now = self._begun
        self.until(lambda: self._followed > now, "the machines follow the account")

    def until(self, holds: Callable[[], bool], what: str, seconds: float = 300) -> None:
        """Waits until something holds."""
        end = time.monotonic() + seconds
        while not holds():
            assert not self.faults, self.faults[0]
            assert time.monotonic() < end, f"{what}\n{self.told()}"
            time.sleep(0.1)

    def told(self) -> str:
        """All that the machines have to say."""
        denied = "\n".join(map(str, self.permissions.denied))
        machines = [machine.told() for machine in self.machines.values()]
        tasks = ["\n".join([f"== {name}", *task.lines]) for name, task in self.tasks.items()]
        proxies = [f"== haproxy of {name}\n{proxy.told()}" for name, proxy in self._proxies.items()]
        return "\n".join([*machines, *tasks, *proxies, "denied:", denied, *self.faults])

    @contextmanager
    def listening(self, namespace: Namespace, address: str, ports: Iterable[int]) -> Iterator[None]:
        """Something answers on some ports of a host, so that only rules can close them."""
        with ExitStack() as stack:
            for port in ports:
                stack.enter_context(namespace.listen(address, port))
            yield

    def end(self) -> None:
        """Stops everything."""
        self._ended.set()
        self.world.controls.wake()
        self._thread.join()
        with ExitStack() as stack:
            for end in self._always:
                stack.callback(end)
            for name in list(self.boxes):
                stack.callback(self._remove, name)


@contextmanager
def running(
    world: World, region: str, directory: Path, images: Mapping[str, Any], stores: Beside = Beside()
) -> Iterator[Site]:
    """The machines, for as long as the block lasts."""
    with network() as net:
        site = Site(world, region, net, directory, images, stores)
        try:
            yield site
        finally:
            site.end()
        assert not site.faults, site.faults[0]
