"""Stand-ins for those modules of SyGra that tasks import from, for where SyGra isn't installed.

Tasks take base classes from there, a logger, and names; that much is here. What else they import isn't there.
"""

import importlib.util
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ("stand_ins",)


class _Base:
    """What SyGra's abstract classes come down to: classes here are told by what they can do."""


class _OutputGenerator:
    """SyGra's generators get the `output_config`, and bring methods that columns name as their `transform`."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = config
        self.output_map = config.get("output_map")


class _ChatMessage:
    """LangChain's messages, as far as tasks read and make them."""

    def __init__(self, content: Any, name: str | None = None, **further: Any) -> None:  # noqa: ANN401  # as LangChain's
        self.content = content
        self.name = name
        self.additional_kwargs = further


class _Message:
    """SyGra's wrapper around a message."""

    def __init__(self, message: Any) -> None:  # noqa: ANN401  # whatever a task wraps
        self.message = message


def _class(name: str, base: type = _Base) -> type:
    return type(name, (base,), {})


_MODULES: dict[str, dict[str, Any]] = {
    "sygra.core.graph.functions.lambda_function": {
        "LambdaFunction": _class("LambdaFunction"),
        "AsyncLambdaFunction": _class("AsyncLambdaFunction"),
    },
    "sygra.core.graph.functions.edge_condition": {"EdgeCondition": _class("EdgeCondition")},
    "sygra.core.graph.functions.node_processor": {
        "NodePreProcessor": _class("NodePreProcessor"),
        "NodePostProcessor": _class("NodePostProcessor"),
        "NodePostProcessorWithState": _class("NodePostProcessorWithState"),
    },
    "sygra.core.graph.sygra_state": {"SygraState": dict},
    "sygra.core.graph.sygra_message": {"SygraMessage": _Message},
    "sygra.core.base_task_executor": {"BaseTaskExecutor": _class("BaseTaskExecutor")},
    "sygra.processors.output_record_generator": {
        "BaseOutputGenerator": _class("BaseOutputGenerator", _OutputGenerator)
    },
    "sygra.processors.data_transform": {"DataTransform": _class("DataTransform")},
    "sygra.logger.logger_config": {"logger": logging.getLogger("imageway.task")},
    "langchain_core.messages": {
        name: _class(name, _ChatMessage) for name in ("AIMessage", "BaseMessage", "HumanMessage", "SystemMessage")
    },
    "langgraph.graph": {"START": "__start__", "END": "__end__"},
}


class _Finder:
    """Finds the stand-ins, and the packages that they lie in."""

    def __init__(self, modules: Mapping[str, Mapping[str, Any]]) -> None:
        self._modules = modules

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002  # importlib's protocol
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        within = any(module.startswith(f"{name}.") for module in self._modules)
        if name not in self._modules and not within:
            return None
        return ModuleSpec(name, self, is_package=within)  # type: ignore[arg-type]  # a loader by what it can do

    def create_module(self, spec: ModuleSpec) -> None:  # noqa: ARG002
        return None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(self._modules.get(module.__name__, {}))


@contextmanager
def stand_ins() -> Iterator[None]:
    """Within the block the stand-ins can be imported; a package that is installed is left as it is."""
    absent = {name for name in ("sygra", "langgraph", "langchain_core") if importlib.util.find_spec(name) is None}
    finder = _Finder({name: held for name, held in _MODULES.items() if name.partition(".")[0] in absent})
    sys.meta_path.append(finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.partition(".")[0] in absent]:
            del sys.modules[name]
