"""The files of a signed program: what runs is the bytes that were signed, and nothing else of its folder is imported.

Python would take the compiled form of a file from `__pycache__` where there is one, and that was signed by nobody: here
each file is compiled from its source, once the source is compared with its digest. That holds for an import at the top
of a file and for one inside a function, as long as the process lives.

What is installed, or lies elsewhere on the import path, is this party's own and not looked at.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from mpcnet.errors import JobRefused

__all__ = ["SignedFiles", "SignedLoader"]


class SignedLoader(SourceFileLoader):
    """Loads one file of a program, from source that has the digest that was signed.

    Args:
        module, path: of the file.
        digest: "sha256:" and 64 hexadecimal digits.
        job: the name of the job file, for messages.
    """

    def __init__(self, module: str, path: str, digest: str, job: str) -> None:
        super().__init__(module, path)
        self.digest, self._job = digest, job

    def get_code(self, fullname: str) -> CodeType:
        """The code of the source itself; never a compiled file.

        Raises:
            JobRefused: the source is another one than was signed.
        """
        path = self.get_filename(fullname)
        source = self.get_data(path)
        found = f"sha256:{hashlib.sha256(source).hexdigest()}"
        if found != self.digest:
            raise JobRefused(
                f"{path}: differs from what was signed ({found[:23]}... here, {self.digest[:23]}... in {self._job}); "
                "take back the file that was signed, or agree on a job for this one"
            )
        code: CodeType = self.source_to_code(source, path)
        return code


class SignedFiles(MetaPathFinder):
    """Finds the modules that a program has in its folder, and refuses those that the job does not list.

    Args:
        folder: of the program.
        files: digest of each signed file, by its name in the folder.
        job: the job file, for messages.

    Attributes:
        folder: symbolic links followed.
    """

    def __init__(self, folder: Path, files: Mapping[str, str], job: Path) -> None:
        self.folder, self._files, self._job = folder.resolve(), files, job

    def install(self) -> None:
        """Look at every import of this process from now on; the rules of an earlier job for the folder end."""
        finders = [f for f in sys.meta_path if not (isinstance(f, SignedFiles) and f.folder == self.folder)]
        at = finders.index(PathFinder) if PathFinder in finders else len(finders)
        sys.meta_path[:] = [*finders[:at], self, *finders[at:]]

    def loader(self, module: str, path: Path) -> SignedLoader:
        """For one file of the folder.

        Raises:
            JobRefused: the job does not list it.
        """
        name = self._name_of(str(path)) or path.name
        if name not in self._files:
            raise JobRefused(
                f"{self._job}: the program imports {name}, which the job does not list; "
                f"make the job anew with `mpcnet job new ... --with {name}`"
            )
        return SignedLoader(module, str(path), self._files[name], self._job.name)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Of a module in the folder; None for all others, which Python finds as ever."""
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is None or not spec.has_location or spec.origin is None or self._name_of(spec.origin) is None:
            return None
        spec.loader, spec.cached = self.loader(fullname, Path(spec.origin)), None
        return spec

    def check_known(self) -> None:
        """Raise JobRefused where a listed file was imported before, from other bytes than were signed."""
        for module in list(sys.modules.values()):
            origin = getattr(module, "__file__", None)
            name = self._name_of(origin) if isinstance(origin, str) else None
            loader = getattr(getattr(module, "__spec__", None), "loader", None)
            if name is not None and name in self._files and getattr(loader, "digest", None) != self._files[name]:
                raise JobRefused(
                    f"{self._job}: this process had imported {name} before the job was looked at; start the program "
                    "in a process of its own"
                )

    def _name_of(self, origin: str) -> str | None:
        """The name of a file in the folder, symbolic links not followed; None for a file that is not of the program."""
        path = Path(origin).absolute()
        if not path.is_relative_to(self.folder) or _is_installed(path):
            return None
        return path.relative_to(self.folder).as_posix()


def _is_installed(path: Path) -> bool:
    """Whether a file belongs to Python, an environment or this project, which may lie in the program's folder."""
    root = Path(__file__).resolve().parent.parent.parent
    ours = (root / name for name in ("circuits", "protocols", "mpcnet"))
    return any(path.is_relative_to(place) for place in (Path(sys.prefix), Path(sys.base_prefix), *ours))
