"""Find the function that a command line or a harness names: `file.py`, `file.py:function` or `module:function`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from mpcnet.errors import ConfigError

__all__ = ["Main", "load_program", "name_program"]

Main = Callable[..., Awaitable[Any]]


def load_program(name: str) -> Main:
    """Import the async function that `name` means.

    A file is run as a module of its own, with its folder first on the import path, as `python FILE` would; without a
    function's name, `main` is meant. Exceptions of the program's own code pass through as they are.

    Raises:
        ConfigError: no such file, module or function, or it is not an async function.
    """
    place, function = _split(name)
    if place.endswith(".py") or "/" in place or "\\" in place:
        module = _load_file(Path(place))
    else:
        if "" not in sys.path and str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        try:
            module = importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is not None and (place == error.name or place.startswith(f"{error.name}.")):
                raise ConfigError(
                    f"{name}: there is no module {place!r}; name a file as in program.py, or module:function"
                ) from None
            raise
    found: Any = module
    for part in function.split("."):
        found = getattr(found, part, None)
    if found is None:
        raise ConfigError(f"{name}: {place} has no function {function!r}; define `async def {function}(session)`")
    if not inspect.iscoroutinefunction(found):
        raise ConfigError(f"{name}: {function!r} is not an async function; define `async def {function}(session)`")
    main: Main = found
    return main


def name_program(function: Main | str) -> str:
    """A name under which another process can load a function that stands at the top of a file.

    Raises:
        ConfigError: it is a lambda, a method or defined inside a function.
    """
    if isinstance(function, str):
        place, attribute = _split(function)
        if place.endswith(".py") or "/" in place:
            return f"{Path(place).absolute()}:{attribute}"
        return function
    qualified = getattr(function, "__qualname__", "")
    try:
        file = inspect.getsourcefile(function) if inspect.iscoroutinefunction(function) else None
    except TypeError:  # wrapped in something that has no source
        file = None
    if file is None or not all(part.isidentifier() for part in qualified.split(".")):
        raise ConfigError("give an async function that stands at the top of a file, or its name as module:function")
    return f"{Path(file).absolute()}:{qualified}"


def _split(name: str) -> tuple[str, str]:
    place, colon, function = name.rpartition(":")
    if colon and function.replace(".", "").isidentifier():
        return place, function
    return name, "main"


def _load_file(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such program")
    path = path.resolve()
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = f"mpcnet_program_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: this is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
