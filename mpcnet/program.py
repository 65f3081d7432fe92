"""Find the function or circuit that a command line names: `file.py`, `file.py:name`, `module:name`, a Bristol file."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Awaitable, Callable
from importlib.abc import Loader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits.errors import CircuitError
from mpcnet.errors import ConfigError, MPCNetError
from protocols.errors import ProtocolError

if TYPE_CHECKING:
    from circuits import Circuit

__all__ = ["Main", "call_program", "load_circuit", "load_program", "name_program", "trace_of_program"]

Main = Callable[..., Awaitable[Any]]


def load_program(name: str, *, loader: Callable[[str, Path], Loader] | None = None) -> Main:
    """Import the async function that `name` means.

    A file is run as a module of its own, with its folder first on the import path, as `python FILE` would; without a
    function's name, `main` is meant. Exceptions of the program's own code pass through as they are.

    Args:
        loader: of the file's module, by name and path; by default Python's own.
    Raises:
        ConfigError: no such file, module or function, or it is not an async function.
    """
    place, function = _split(name)
    if place.endswith(".py") or "/" in place or "\\" in place:
        module = _load_file(Path(place), "program", loader)
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


def load_circuit(source: str) -> Circuit:
    """The circuit that `MODULE:NAME`, `FILE.py:NAME` or the path of a Bristol file stands for.

    Raises:
        ConfigError: there is no such file, module or name, or it is no circuit.
        BristolError: the file is malformed.
    """
    from circuits import Circuit, bristol

    if Path(source).is_file():
        if source.endswith(".py"):
            raise ConfigError(f"{source}: say which circuit of it: {source}:NAME")
        return bristol.load(source)
    place, colon, name = source.rpartition(":")
    if not colon or not name:
        raise ConfigError(f"{source}: no such file; give a Bristol file, MODULE:NAME or FILE.py:NAME")
    found: Any = _load_file(Path(place), "file") if place.endswith(".py") else _import_module(place)
    for part in name.split("."):
        if not hasattr(found, part):
            circuits = sorted(
                key for key, value in getattr(found, "__dict__", {}).items() if isinstance(value, Circuit)
            )
            raise ConfigError(f"{place} has no {part!r}; its circuits are: {', '.join(circuits) or 'none'}")
        found = getattr(found, part)
    if not isinstance(found, Circuit):
        raise ConfigError(f"{source} is no circuit but {type(found).__name__}; is @circuit missing above it?")
    return found


async def call_program(main: Main, *args: Any, **kwargs: Any) -> Any:
    """Await `main(*args, **kwargs)`; the frames of the program are those below this one."""
    return await main(*args, **kwargs)


def trace_of_program(error: BaseException) -> str | None:
    """The traceback of an error from the first frame of the program on; None where it did not come out of a program.

    Errors of this package and of the circuits are meant to be told in one line, and give None too.
    """
    if isinstance(error, MPCNetError | ProtocolError | CircuitError):
        return None
    ours = {call_program.__code__, load_program.__code__, _load_file.__code__}
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    found = [depth for depth, frame in enumerate(frames, 1) if frame.f_code in ours]
    if not found:
        return None
    start = error.__traceback__
    for depth, frame in enumerate(frames):
        if start is None or (depth >= found[-1] and not _imports(frame.f_code.co_filename)):
            break
        start = start.tb_next
    return "".join(traceback.format_exception(type(error), error, start)).rstrip()


def _imports(file: str) -> bool:
    """Whether a frame belongs to Python's import, which stands between a program and its loading."""
    return file.startswith("<frozen importlib") or file == importlib.__file__


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


def _import_module(name: str) -> object:
    if str(Path.cwd()) not in sys.path:  # as python -m does
        sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigError(f"there is no module {error.name!r} here or among the installed ones") from None
        raise


def _load_file(path: Path, what: str, loader: Callable[[str, Path], Loader] | None = None) -> Any:
    if not path.is_file():
        raise ConfigError(f"{path}: there is no such {what}")
    path = path.resolve()
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    name = f"mpcnet_program_{path.stem}"
    made = loader(name, path) if loader is not None else None
    spec = importlib.util.spec_from_file_location(name, path, loader=made)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path}: this is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
