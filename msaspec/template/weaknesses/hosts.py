"""How far programs are apart from their host, and from the credentials on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msaspec.template.weakness import Entry, Group, Kind, Template, Weakness, as_map, inner

IMDS_V1 = Kind(Group.APART, checkov=("CKV_AWS_79",))
PRIVILEGED = Kind(Group.APART)
ON_THE_HOST = Kind(Group.APART, guard=("ECS_TASK_DEFINITION_USER_FOR_HOST_MODE_CHECK",))
WRITABLE = Kind(Group.APART)
SHELL = Kind(Group.APART)
KEY = Kind(Group.APART, guard=("EC2_INSTANCE_KEYPAIR",))
UNLOGGED = Kind(Group.LOGS, ("AwsSolutions-ECS7",))
PLAIN_VOLUME = Kind(Group.PLAIN, checkov=("CKV_AWS_97",))
WITHOUT_ROLE = Kind(Group.OPEN)
MUTABLE = Kind(Group.APART, checkov=("CKV_AWS_51",))
UNSCANNED = Kind(Group.APART, checkov=("CKV_AWS_163",), guard=("ECR_REPO_SCAN_ON_PUSH",))
PLAIN_DISK = Kind(Group.PLAIN, ("AwsSolutions-EC26",), ("CKV_AWS_8", "CKV_AWS_3"), ("ENCRYPTED_VOLUMES",))

MOST_HOPS = 2
"""Between the service of metadata and a container on its host."""
_CAPABILITIES = ("ALL", "SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "SYS_MODULE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF")


def find(view: Template) -> Iterator[Weakness]:
    """Yield the weaknesses of hosts and containers."""
    for entry in view.of("AWS::EC2::LaunchTemplate"):
        yield from _host(view, entry, ("LaunchTemplateData",), as_map(entry.properties.get("LaunchTemplateData")))
    for entry in view.of("AWS::EC2::Instance", "AWS::AutoScaling::LaunchConfiguration"):
        if "LaunchTemplate" not in entry.properties:
            yield from _host(view, entry, (), entry.properties)
    for entry in view.of("AWS::ECS::TaskDefinition"):
        yield from _task(view, entry)
    for entry in view.of("AWS::ECS::Service"):
        if view.is_true(entry.properties.get("EnableExecuteCommand")):
            what = f"Commands can be run in the containers of {entry.noun}"
            yield Weakness(SHELL, entry.name, what, entry.at("EnableExecuteCommand"))
    for entry in view.of("AWS::ECR::Repository"):
        mutability = entry.properties.get("ImageTagMutability")
        if any(each in (None, "MUTABLE") for each in view.values(mutability)):
            what = f"Image tags of {entry.noun} are mutable"
            yield Weakness(MUTABLE, entry.name, what, entry.at("ImageTagMutability"), mutability is None)
        if view.is_false(inner(entry.properties, "ImageScanningConfiguration", "ScanOnPush"), absent=True):
            what = f"Images of {entry.noun} are not scanned"
            yield Weakness(UNSCANNED, entry.name, what, entry.at("ImageScanningConfiguration"), True)


def _host(view: Template, entry: Entry, base: tuple[str, ...], data: Mapping[str, Any]) -> Iterator[Weakness]:
    tokens = inner(data, "MetadataOptions", "HttpTokens")
    if any(each in (None, "optional") for each in view.values(tokens)):
        what = f"Programs on {entry.noun} can read its credentials through IMDSv1"
        yield Weakness(IMDS_V1, entry.name, what, entry.at(*base, "MetadataOptions", "HttpTokens"))
    hops = inner(data, "MetadataOptions", "HttpPutResponseHopLimit")
    if any(str(each).isdecimal() and int(each) > MOST_HOPS for each in view.values(hops)):
        what = f"The credentials of {entry.noun} can be read from afar"
        yield Weakness(IMDS_V1, entry.name, what, entry.at(*base, "MetadataOptions", "HttpPutResponseHopLimit"))
    if any(each is not None for each in view.values(data.get("KeyName"))):
        what = f"A key for SSH opens {entry.noun}"
        yield Weakness(KEY, entry.name, what, entry.at(*base, "KeyName"))
    for at, device in view.maps(data.get("BlockDeviceMappings")):
        if "Ebs" in device and view.is_false(inner(device, "Ebs", "Encrypted"), absent=True):
            what = f"A disk of {entry.noun} is stored without encryption"
            path = entry.at(*base, "BlockDeviceMappings", *at)
            yield Weakness(PLAIN_DISK, entry.name, what, path, by_default=inner(device, "Ebs", "Encrypted") is None)


def _volumes(view: Template, entry: Entry) -> Iterator[Weakness]:
    for at, volume in view.maps(entry.properties.get("Volumes")):
        for folder in view.texts(inner(volume, "Host", "SourcePath")):
            what = f"The containers of {entry.noun} have the folder {folder} of the host"
            yield Weakness(ON_THE_HOST, entry.name, what, entry.at("Volumes", *at, "Host"))
        shared = as_map(volume.get("EFSVolumeConfiguration"))
        path = entry.at("Volumes", *at, "EFSVolumeConfiguration")
        if shared and any(each in (None, "DISABLED") for each in view.values(shared.get("TransitEncryption"))):
            what = f"The containers of {entry.noun} read a volume without TLS"
            yield Weakness(PLAIN_VOLUME, entry.name, what, path)
        if shared and any(
            each in (None, "DISABLED") for each in view.values(inner(shared, "AuthorizationConfig", "IAM"))
        ):
            what = f"The containers of {entry.noun} use a volume without their role"
            yield Weakness(WITHOUT_ROLE, entry.name, what, path)


def _task(view: Template, entry: Entry) -> Iterator[Weakness]:
    yield from _volumes(view, entry)
    for name in ("PidMode", "IpcMode", "NetworkMode"):
        if "host" in view.texts(entry.properties.get(name)):
            what = f"The containers of {entry.noun} share the host's {name.removesuffix('Mode').lower()}"
            yield Weakness(ON_THE_HOST, entry.name, what, entry.at(name))
    for at, container in view.maps(entry.properties.get("ContainerDefinitions")):
        path = ("ContainerDefinitions", *at)
        named = f"The container `{next(iter(view.texts(container.get('Name'))), at[0] if at else 0)}` of {entry.noun}"
        for each in view.texts(container.get("DockerSecurityOptions")):
            if each.endswith(("unconfined", "label:disable", "no-new-privileges:false")):
                yield Weakness(PRIVILEGED, entry.name, f"{named} has {each}", entry.at(*path, "DockerSecurityOptions"))
        if any(each.partition(":")[0] in ("root", "0") for each in view.texts(container.get("User"))):
            yield Weakness(PRIVILEGED, entry.name, f"{named} runs as root", entry.at(*path, "User"))
        if "none" in view.texts(inner(container, "LogConfiguration", "LogDriver")):
            what = f"The output of {named[0].lower()}{named[1:]} is not logged"
            yield Weakness(UNLOGGED, entry.name, what, entry.at(*path, "LogConfiguration"))
        if view.is_true(container.get("Privileged")):
            yield Weakness(PRIVILEGED, entry.name, f"{named} is privileged", entry.at(*path, "Privileged"))
        added = set(view.texts(inner(container, "LinuxParameters", "Capabilities", "Add"))) & set(_CAPABILITIES)
        for each in sorted(added):
            yield Weakness(PRIVILEGED, entry.name, f"{named} may do {each}", entry.at(*path, "LinuxParameters"))
        if view.is_false(container.get("ReadonlyRootFilesystem"), absent=True):
            path_of = entry.at(*path, "ReadonlyRootFilesystem")
            yield Weakness(WRITABLE, entry.name, f"{named} can change its own files", path_of, True)
