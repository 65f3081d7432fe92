"""Every command of ours that a message or a document names exists, with just those options and arguments."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer.main

from mpcnet.cli.app import COMMANDS, build

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(mpcnet [^`\n]+)`")
TYPED = re.compile(r"^(?:\$ )?(?:[\w/.]+ *= *)?(mpcnet [^\n]+)$", re.M)
FENCE = re.compile(r"^```(?:sh|text)\n(.*?)^```$", re.M | re.S)


def in_sources() -> set[str]:
    """What messages name: string literals, with a word in place of each part that is filled in."""
    found = set()
    for path in (ROOT / "mpcnet").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        inner = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                pieces = [str(v.value) if isinstance(v, ast.Constant) else "x" for v in node.values]
                found |= set(NAMED.findall("".join(pieces)))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
                found |= set(NAMED.findall(" ".join(node.value.split())))
    return found


def in_documents() -> set[str]:
    found = set()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]:
        text = path.read_text(encoding="utf-8")
        found |= set(NAMED.findall(text)) | set(re.findall(r"'(mpcnet [^'\n]+)'", text))
        for block in FENCE.findall(text):
            found |= set(TYPED.findall(block.replace("\\\n", "")))
    return found


def fault(command: str) -> str:
    """Why a command line is none; "" where it is."""
    command = re.split(r"(?:\s#\s|\s{2,}[a-z]|;| && )", command)[0]
    command = command.replace("...", "").replace("|", " ").replace("[", "").replace("]", "")
    words = shlex.split(command)[1:]
    if words in (["--help"], ["--version"]):
        return ""
    if not words or words[0] not in COMMANDS:
        return f"{command}: there is no such command"
    app: Any = typer.main.get_command(build(words[0]))
    found, words = app.commands[words[0]], words[1:]
    group = getattr(found, "commands", None)
    if group is not None and words:
        if words[0] not in group:
            return f"{command}: {words[0]} is no command of it"
        found, words = group[words[0]], [word for word in words if word not in group]
    known = {option for param in found.params for option in param.opts if option.startswith("-")} | {"--help", "-h"}
    return next((f"{command}: {word} is no option" for word in words if word.startswith("-") and word not in known), "")


@pytest.mark.parametrize("place", [in_sources, in_documents])
def test_commands_that_are_named_exist(place: object) -> None:
    assert callable(place)
    commands = place()
    assert len(commands) > 15
    assert sorted(filter(None, map(fault, commands))) == []


def test_a_command_that_does_not_exist_is_found() -> None:
    assert fault("mpcnet keygen bank --renewal") == "mpcnet keygen bank --renewal: --renewal is no option"
    assert fault("mpcnet rooster add x").endswith("there is no such command")
    assert fault("mpcnet roster adds x").endswith("adds is no command of it")
