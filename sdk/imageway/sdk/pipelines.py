"""Pipelines from Python: of a YAML task, or built in code; planned, run, or streamed record by record."""

import asyncio
import re
import threading
from collections.abc import AsyncIterable, AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from imageway.contract.cost import Estimate
from imageway.contract.request import ImageRequest, JsonValue
from imageway.sdk.client import AsyncClient
from imageway.sdk.connecting import GatewayChoice, connected, drawer_of
from imageway.sdk.errors import ConfigError
from imageway.sdk.pipeline.checking.check import check_capabilities
from imageway.sdk.pipeline.checking.forecast import Forecast, forecast
from imageway.sdk.pipeline.checking.model_names import with_known_models
from imageway.sdk.pipeline.data.kinds import Blank, DataFile, Selection
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.events import Listener, RecordFinished, RunEvent
from imageway.sdk.pipeline.files.json_text import json_bytes
from imageway.sdk.pipeline.files.sink import atomic_file
from imageway.sdk.pipeline.loading.loaded import LoadedTask
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.plan import ImageNode, ImagePart, MaskPart, OutputColumn, Part, Plan, TextPart
from imageway.sdk.pipeline.run import Bounds, run_plan
from imageway.sdk.pipeline.sending.sharing import shared_folder
from imageway.sdk.pipeline.sending.tariff import Tariff
from imageway.sdk.runs import Run

__all__ = ("Gateway", "Pipeline", "RunOptions")

T = TypeVar("T")
Row: TypeAlias = Mapping[str, JsonValue]
Records: TypeAlias = str | Path | Iterable[Row] | AsyncIterable[Row]
"""A file of records, or records: objects of JSON values, in which pictures are paths or data URLs."""
Concurrency: TypeAlias = int | Literal["auto"]

_MOST = 64
_FIELD = re.compile(r"[^\W\d][\w-]*")


@dataclass(frozen=True)
class Gateway:
    """Which gateway draws: see `GatewayChoice`."""

    url: str | None = None
    config: Path | None = None
    provider: Literal["openai", "azure"] | None = None

    @property
    def choice(self) -> GatewayChoice:
        return GatewayChoice(url=self.url, config=self.config, provider=self.provider)


class RunOptions(Struct, frozen=True, kw_only=True):
    """How a run goes: the first `limit` records, within a budget in USD and a time, and how many calls at a time.

    The budget counts all that the run has spent, in earlier passes too. What was refused is asked again with
    `retry_failed`; `fresh` begins a new run beside what is there. With `share_identical` equal requests are answered
    once, this run's and earlier ones'.
    """

    limit: int | None = None
    budget_usd: Decimal | float | None = None
    max_time_s: float | None = None
    concurrency: Concurrency = "auto"
    retry_failed: bool = False
    fresh: bool = False
    share_identical: bool = False

    @property
    def bounds(self) -> Bounds:
        adaptive = self.concurrency == "auto"
        return Bounds(
            concurrency=_MOST if isinstance(self.concurrency, str) else self.concurrency,
            adaptive=adaptive,
            budget_usd=None if self.budget_usd is None else Decimal(str(self.budget_usd)),
            max_time_s=self.max_time_s,
        )


_ANY = Gateway()
_PLAIN = RunOptions()


def _ignore(_: RunEvent) -> None:
    pass


class Pipeline:
    """A task: `Pipeline.from_yaml(...)`, or `Pipeline.new().image(...).edit(...).output(...)`.

    Nothing is printed. The methods that wait have twins that are awaited: `aplan`, `arun`. All of them draw with the
    gateway that `gateway` names; without a word and without IMAGEWAY_GATEWAY_URL that is sketch, offline and free.
    """

    def __init__(self, plan: Plan, task: LoadedTask | None = None) -> None:
        self._plan = plan
        self._task = task

    @classmethod
    def from_yaml(cls, task: str | Path, *, models: str | Path | None = None) -> "Pipeline":
        """The task of a YAML file or folder; Python that it names is imported. Raises `ConfigError`: every fault."""
        loaded, issues = load_task(Path(task), models_file=None if models is None else Path(models))
        if loaded is None:
            raise ConfigError(issue for issue in issues if issue.severity == "error")
        return cls(loaded.plan, loaded)

    @classmethod
    def new(cls, *, id_column: str | None = None) -> "Pipeline":
        """An empty one, to be built. Records are told apart by *id_column*, else by `id`, else by their places."""
        return cls(Plan(name="pipeline", folder=Path(), data=Blank(), nodes=(), id_column=id_column))

    def image(self, name: str, prompt: str, *, model: str, **params: JsonValue) -> "Pipeline":
        """This pipeline with a picture more, drawn of *prompt*, in which `{field}` is a record's value.

        The field *name* gets it: a path, or a list of paths for several.
        """
        return self._with(name, (TextPart(template=prompt),), model, params)

    def edit(
        self,
        name: str,
        images: str | Sequence[str],
        prompt: str,
        *,
        model: str,
        mask: str | None = None,
        **params: JsonValue,
    ) -> "Pipeline":
        """This pipeline with an edit more, of the pictures in the fields *images*: columns, or earlier pictures.

        The field *mask* holds a picture that says where the first of them may change.
        """
        fields = [images] if isinstance(images, str) else [*images]
        pictures = tuple(ImagePart(template=f"{{{_checked(field)}}}") for field in fields)
        masks = () if mask is None else (MaskPart(template=f"{{{_checked(mask)}}}"),)
        return self._with(name, (*pictures, TextPart(template=prompt), *masks), model, params)

    def output(self, *fields: str) -> "Pipeline":
        """This pipeline, which writes these fields alone; all there are otherwise."""
        columns = tuple(OutputColumn(name=field, source=field) for field in fields)
        return Pipeline(replace(self._plan, columns=columns), self._task)

    def _with(self, name: str, parts: tuple[Part, ...], model: str, params: dict[str, JsonValue]) -> "Pipeline":
        node = ImageNode(name=_checked(name), model=model, params=params, parts=parts, output_key=name)
        if any(other.name == name for other in self._plan.nodes):
            raise ValueError(f"there is a node '{name}' already")
        return Pipeline(replace(self._plan, nodes=(*self._plan.nodes, node)), self._task)

    def plan(self, records: Records | None = None, *, limit: int | None = None, gateway: Gateway = _ANY) -> Forecast:
        """What a run would come to; nothing is spent. *records* are the task's own where they are left out.

        Raises `ConfigError`, `SourceError`, and `ImageError` where the gateway can't be asked.
        """
        return _waited(lambda _: self.aplan(records, limit=limit, gateway=gateway))

    async def aplan(
        self, records: Records | None = None, *, limit: int | None = None, gateway: Gateway = _ANY
    ) -> Forecast:
        """See `plan`."""
        with TemporaryDirectory() as folder:
            async with connected(gateway.choice) as client:
                plan = await self._checked(client, await _given(self._plan, records, Path(folder)))
                with open_source(plan.data, id_column=plan.id_column, selection=Selection(last=limit)) as source:
                    folders = (*source.folders, plan.folder, Path.cwd())
                    return await forecast(plan, source, _Pricing(client), specs=await client.models(), folders=folders)

    def run(
        self,
        records: Records | None = None,
        *,
        output: str | Path,
        gateway: Gateway = _ANY,
        options: RunOptions = _PLAIN,
        on_event: Listener = _ignore,
    ) -> Run:
        """Run it into the folder *output*, and wait. The same call again does what is missing; see `imageway run`.

        An interruption (Ctrl+C) finishes what is in flight. Raises `ConfigError`, `SourceError`, `TargetError`,
        `JournalError`, `RunLockedError`, `OSError`, `GatewaySetupError` and, where the gateway doesn't tell its models,
        `ImageError`; a record that fails raises nothing.
        """
        return _waited(
            lambda stop: self.arun(
                records, output=output, gateway=gateway, options=options, on_event=on_event, stop=stop
            )
        )

    async def arun(
        self,
        records: Records | None = None,
        *,
        output: str | Path,
        gateway: Gateway = _ANY,
        options: RunOptions = _PLAIN,
        on_event: Listener = _ignore,
        stop: asyncio.Event | None = None,
    ) -> Run:
        """See `run`. When *stop* is set, what is in flight is finished; cancelling gives it up."""
        folder, choice = Path(output), gateway.choice
        async with connected(choice) as client:
            plan = await self._checked(client, await _given(self._plan, records, folder / ".imageway"))
            summary = await run_plan(
                plan,
                client,
                output=folder,
                on_event=on_event,
                bounds=options.bounds,
                limit=options.limit,
                stop=stop,
                drawer=drawer_of(choice),
                fresh=options.fresh,
                retry_failed=options.retry_failed,
                shared=shared_folder() if options.share_identical else None,
            )
        return Run(summary=summary)

    async def stream(
        self,
        records: Records | None = None,
        *,
        output: str | Path,
        gateway: Gateway = _ANY,
        options: RunOptions = _PLAIN,
    ) -> AsyncIterator[RecordFinished]:
        """Run it, and give each record when it is done, in whatever order; leaving early finishes what is in flight."""
        heard: asyncio.Queue[RecordFinished | None] = asyncio.Queue()
        stop = asyncio.Event()

        def listen(event: RunEvent) -> None:
            if isinstance(event, RecordFinished):
                heard.put_nowait(event)

        running = asyncio.ensure_future(
            self.arun(records, output=output, gateway=gateway, options=options, on_event=listen, stop=stop)
        )
        running.add_done_callback(lambda _: heard.put_nowait(None))
        try:
            while (event := await heard.get()) is not None:
                yield event
        finally:
            stop.set()
            await running

    async def _checked(self, client: AsyncClient, plan: Plan) -> Plan:
        """*plan* with the names of the gateway's models. Raises `ConfigError` for what they can't do."""
        specs = await client.models()
        if self._task is None or not specs:
            return plan
        known, issues = with_known_models(self._task, specs)
        found = check_capabilities(
            known or self._task, specs, today=datetime.now(tz=UTC).date(), validations=await client.validations()
        )
        faults = [issue for issue in (*issues, *found) if issue.severity == "error"]
        if known is None or faults:
            raise ConfigError(faults)
        return replace(known.plan, data=plan.data)


class _Pricing:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._tariff = Tariff(client)

    async def check(self, request: ImageRequest) -> None:
        await self._client.check(request)

    async def estimate(self, request: ImageRequest) -> Estimate | None:
        return await self._tariff.estimate(request)


async def _given(plan: Plan, records: Records | None, folder: Path) -> Plan:
    """*plan* over *records*; those that aren't in a file are written into *folder* first."""
    if records is None:
        return plan
    if isinstance(records, (str, Path)):
        return replace(plan, data=DataFile(path=Path(records)))
    if isinstance(records, AsyncIterable):
        records = [record async for record in records]
    path = folder / "records.jsonl"
    await asyncio.to_thread(_write, path, records)
    return replace(plan, data=DataFile(path=path))


def _write(path: Path, records: Iterable[Row]) -> None:
    with atomic_file(path) as file:
        for record in records:
            file.write(json_bytes(dict(record)) + b"\n")


def _checked(name: str) -> str:
    if not _FIELD.fullmatch(name):
        raise ValueError(f"'{name}' can't be a field: letters, digits, _ and -, and no digit first")
    return name


def _waited(work: Callable[[asyncio.Event], Coroutine[Any, Any, T]]) -> T:
    """What *work* gives, run by an event loop in a thread of its own: the caller's, as a notebook's, may be running.

    Ctrl+C sets the event that *work* got, and waits; the second one cancels.
    """
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()
    task = loop.create_task(work(stop))

    def run() -> None:
        try:
            loop.run_until_complete(asyncio.wait((task,)))
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="imageway-pipeline")
    thread.start()
    for interrupt in (stop.set, task.cancel):
        try:
            thread.join()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(interrupt)
    thread.join()
    return task.result()
