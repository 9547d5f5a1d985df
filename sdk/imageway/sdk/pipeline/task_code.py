"""Python that a task brings along, found by dotted paths.

While a task is loaded its folder can be imported from; nothing of that stays behind, so that two tasks with a
`task_executor.py` each don't meet.
"""

import importlib
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from imageway.contract.strict import did_you_mean
from imageway.sdk.pipeline.plan import Hook
from imageway.sdk.pipeline.sygra_modules import stand_ins

__all__ = ("CodeError", "TaskCode", "accepts", "hook")


class CodeError(Exception):
    """The path doesn't lead to code that can be called; the sentence says why, `hint` what may have been meant."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class TaskCode:
    """The code that a task in *folder* refers to; modules are sought there, in folders above, in *working_directory*.

    Modules are its own: another one's of the same name are others. Find things within `importing`.
    """

    def __init__(self, folder: Path, working_directory: Path) -> None:
        self._folder = folder.resolve()
        self._working_directory = working_directory.resolve()
        self._modules: dict[str, ModuleType] = {}

    @staticmethod
    @contextmanager
    def importing() -> Iterator[None]:
        """The block in which things are found, by this or another one; what their modules print goes to stderr."""
        bytecode = sys.dont_write_bytecode
        sys.dont_write_bytecode = True
        try:
            with stand_ins(), redirect_stdout(sys.stderr):
                yield
        finally:
            sys.dont_write_bytecode = bytecode

    def function(self, path: str, *, arguments: int) -> Hook:
        """What *path* leads to: a function, or the `apply` of a class, to be called with *arguments* or fewer.

        Raises `CodeError`.
        """
        found = self.find(path)
        if inspect.isclass(found):
            return hook(path, _method(found, "apply", path, arguments))
        if not callable(found):
            raise CodeError(f"{path} is neither a function nor a class")
        return hook(path, found)

    def find(self, path: str) -> Any:  # noqa: ANN401  # whatever a task's module holds
        """What *path* leads to, of whatever kind. Raises `CodeError`."""
        names = path.split(".")
        if len(names) < 2 or not all(name.isidentifier() for name in names):
            raise CodeError(f"{path} is no dotted path; it looks like task_executor.MyClass")
        with self._reachable(names[0]):
            found, rest = self._module(names)
        for name in rest:
            if not hasattr(found, name):
                owner = found.__name__ if isinstance(found, ModuleType) else type(found).__name__
                raise CodeError(f"{owner} has no {name}", did_you_mean(name, _public(found)))
            found = getattr(found, name)
        return found

    def _module(self, names: list[str]) -> tuple[Any, list[str]]:
        for end in range(len(names) - 1, 0, -1):
            name = ".".join(names[:end])
            try:
                return importlib.import_module(name), names[end:]
            except ModuleNotFoundError as error:
                if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                    continue
                raise CodeError(f"{name} can't be imported: there is no module {error.name}") from error
            except Exception as error:  # it is the task's code that runs here
                raise CodeError(f"{name} can't be imported: {_told(error)}") from error
        raise CodeError(f"there is no module {names[0]} in the task's folder, nor elsewhere")

    @contextmanager
    def _reachable(self, first: str) -> Iterator[None]:
        """Have modules of the task's folders be found, those of packages called *first* in folders above included."""
        above = [folder for folder in self._folder.parents[:-1] if _holds(folder, first)]
        folders = [*dict.fromkeys((self._folder, *above, self._working_directory))]
        entries, path = [str(folder) for folder in folders], [*sys.path]
        sys.path[:] = [*entries, *(entry for entry in path if entry not in entries)]
        importlib.invalidate_caches()
        hidden = {name: sys.modules[name] for name in self._modules if name in sys.modules}
        sys.modules.update(self._modules)
        before = set(sys.modules) - set(self._modules)
        try:
            yield
        finally:
            sys.path[:] = path
            new = {name: sys.modules[name] for name in set(sys.modules) - before}
            self._modules |= {name: module for name, module in new.items() if _is_of(folders, name, module)}
            for name in self._modules:
                sys.modules.pop(name, None)
            sys.modules.update(hidden)


def hook(path: str, call: Callable[..., Any]) -> Hook:
    """A hook whose version changes with the file that *call* is written in."""
    try:
        file = inspect.getsourcefile(inspect.unwrap(getattr(call, "__func__", call)))
        version = sha256(Path(file).read_bytes()).hexdigest()[:16] if file else ""
    except (TypeError, OSError):
        version = ""
    return Hook(path=path, call=call, version=version)


def accepts(function: Callable[..., Any], arguments: int) -> bool:
    """Whether *function* can be called with so many arguments by position."""
    try:
        inspect.signature(function).bind(*[None] * arguments)
    except TypeError:
        return False
    except ValueError:
        return True
    return True


def _is_of(folders: Iterable[Path], name: str, module: ModuleType) -> bool:
    """Whether *module* was found through one of *folders*."""
    within = Path(*name.split("."))
    file = getattr(module, "__file__", None)
    places = [Path(file)] if file else [Path(place) for place in getattr(module, "__path__", ())]
    return any(
        place in (folder / within, folder / within / "__init__.py", (folder / within).with_suffix(".py"))
        for place in places
        for folder in folders
    )


def _method(class_: type, name: str, path: str, arguments: int) -> Callable[..., Any]:
    """The method *name*, of the class itself where it takes no instance, as SyGra's own are written."""
    method = getattr(class_, name, None)
    if method is None:
        raise CodeError(f"the class {path} has no {name}()", did_you_mean(name, _public(class_)))
    if isinstance(inspect.getattr_static(class_, name), staticmethod | classmethod):
        return _checked(method)
    if accepts(method, arguments) and not accepts(method, arguments + 1):
        first = next(iter(inspect.signature(method).parameters), "")
        if first != "self":
            return _checked(method)
    try:
        return _checked(getattr(class_(), name))
    except TypeError as error:
        raise CodeError(f"the class {path} can't be made without arguments: {error}") from error


def _checked(method: Any) -> Callable[..., Any]:  # noqa: ANN401  # what getattr gives
    if not callable(method):
        raise CodeError("apply is no method")
    return method  # type: ignore[no-any-return]  # callable, as was asked


def _holds(folder: Path, name: str) -> bool:
    return (folder / name).is_dir() or (folder / f"{name}.py").is_file()


def _public(found: object) -> list[str]:
    return [name for name in dir(found) if not name.startswith("_")]


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
