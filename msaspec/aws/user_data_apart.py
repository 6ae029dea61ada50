"""What the user data of `user_data` says, read back: for differences between two templates."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from msaspec.aws.user_data import HEREDOC


def taken_apart(text: str) -> Mapping[str, object] | None:
    """Return what user data of `user_data` says: its image, its settings, and the script. None for any other text."""
    image = re.search(r"^IMAGE='(.*?)' LOG_GROUP=", text, re.MULTILINE)
    settings = re.search(rf"<<'{HEREDOC}'\n(.*?)\n{HEREDOC}\n", text, re.DOTALL)
    if not image or not settings:
        return None
    try:
        told = json.loads(settings[1])
    except ValueError:
        return None
    parts: dict[str, object] = {"image": image[1]}
    for name, content in told.get("environment", {}).items():
        # A list has secrets in it: where they are, and never what they are.
        parts[f"env {name}"] = content if isinstance(content, str) else json.dumps(content)
    for path, (mode, owner, group, content) in told.get("files", {}).get("files", {}).items():
        written = content if isinstance(content, str) else json.dumps(content)
        parts[f"file {path}"] = f"{mode} {owner}:{group} {written}"
    for name, (container, options, command, variables, *_) in told.get("sidecars", {}).get("each", {}).items():
        parts[f"sidecar {name}"] = " ".join(map(str, (container, *options, *command)))
        for variable, content in variables.items():
            parts[f"env {name} {variable}"] = content if isinstance(content, str) else json.dumps(content)
    for name, words in told.get("volumes", {}).get("each", {}).items():
        parts[f"volume {name}"] = json.dumps(words)
    for name, words in told.get("docker", {}).items():
        parts[name] = " ".join(map(str, words))
    for name, setting in told.get("health", {}).items():
        parts[f"health {name}"] = json.dumps(setting) if isinstance(setting, list) else str(setting)
    return {**parts, "script": text[settings.end() :]}


def label(path: tuple[str | int, ...]) -> str | None:
    """Return what people call a value in the user data of a launch template."""
    if path[:2] == ("LaunchTemplateData", "UserData") and len(path) == 3:
        return str(path[2])
    return None
