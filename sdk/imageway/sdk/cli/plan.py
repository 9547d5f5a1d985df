"""`imageway plan`: what a run would cost and how long it would take, without spending anything."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from statistics import fmean

from imageway.contract.cost import Estimate
from imageway.contract.errors import ImageError
from imageway.contract.request import ImageRequest, JsonValue
from imageway.sdk.cli.check import against_models, faulty, loaded_task, tell_issues
from imageway.sdk.cli.gateway import open_client
from imageway.sdk.cli.place import Place
from imageway.sdk.cli.talk import Exit, GiveUpError, counted, put, put_json, say
from imageway.sdk.client import AsyncClient
from imageway.sdk.connecting import GatewayChoice, drawer_of
from imageway.sdk.embedded import Opener
from imageway.sdk.money import shown_usd
from imageway.sdk.pipeline.checking.forecast import CallForecast, Forecast, forecast
from imageway.sdk.pipeline.data.kinds import Selection
from imageway.sdk.pipeline.data.row import SourceError
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.journal.file import JournalError, NoRunError, OlderJournalError
from imageway.sdk.pipeline.journal.run_view import RunView, open_run
from imageway.sdk.pipeline.plan import Plan
from imageway.sdk.pipeline.run import plan_digest
from imageway.sdk.pipeline.sending.tariff import Tariff

__all__ = ("plan_task",)

_CONCURRENCY = 8


class _Earlier:
    """What a folder knows of calls of the same drawer, and of records where these were of the *same_plan*."""

    def __init__(self, view: RunView, *, same_plan: bool) -> None:
        self._view = view
        self._keys = view.keys()
        self._ended = dict(view.ended_positions()) if same_plan else {}

    def ended(self, position: int) -> bool | None:
        return self._ended.get(position)

    def is_answered(self, record_id: str, node: str, request: ImageRequest) -> bool | None:
        match self._view.state(self._keys.key(record_id, node, request)):
            case "answered":
                return True
            case "failed" | "unknown":
                return False
            case _:
                return None


class _Pricing:
    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self._tariff = Tariff(client)

    async def check(self, request: ImageRequest) -> None:
        await self._client.check(request)

    async def estimate(self, request: ImageRequest) -> Estimate | None:
        return await self._tariff.estimate(request)


async def plan_task(
    task: Path,
    *,
    models_file: Path | None,
    choice: GatewayChoice,
    output: Path | None,
    limit: int | None,
    shard: tuple[int, int] = (0, 1),
    seed: int = 0,
    as_json: bool,
    opener: Opener | None = None,
) -> Exit:
    """Render, check and price *task*. Raises `GiveUpError`."""
    loaded, issues = loaded_task(task, models_file)
    selection = Selection(last=limit, shard=shard[0], shards=shard[1])
    async with open_client(choice, opener=opener) as client:
        try:
            specs, validations = await client.models(), await client.validations()
            if loaded is not None and not faulty(issues):
                known, found = against_models(loaded, specs, validations)
                loaded, issues = known, [*issues, *found]
            tell_issues(issues)
            if loaded is None or faulty(issues):
                raise GiveUpError(Exit.UNUSABLE, "the task can't be run as it is")
            plan = loaded.plan
            folder, _ = Place(output=output).found(plan.folder)
            with ExitStack() as stack:
                view = await asyncio.to_thread(_opened, stack, folder)
                seconds = () if view is None else tuple(view.call_seconds())
                earlier = None
                if view is not None and view.drawer == drawer_of(choice):
                    earlier = _Earlier(view, same_plan=view.plan == plan_digest(plan))
                told = await _forecast(plan, client, selection, seed, earlier)
        except ImageError as error:
            raise GiveUpError(Exit.NO_GATEWAY, f"the gateway can't be asked: {error.message}") from error
        except SourceError as error:
            raise GiveUpError(Exit.UNUSABLE, str(error)) from error
        except JournalError as error:
            raise GiveUpError(Exit.UNUSABLE, f"{error}; a run would stop at it, too") from error
    takes_s = _seconds(told, seconds)
    for refusal in told.refusals:
        where = f", node {refusal.node}" if refusal.node else ""
        say(f"record {refusal.position} '{refusal.record_id}'{where}: {refusal.message}")
    if told.refused > len(told.refusals):
        say(f"... and {told.refused - len(told.refusals)} records more that would be refused")
    exit_ = Exit.SOME_FAILED if told.refused else Exit.FINE
    if as_json:
        put_json(_as_json(told, takes_s, exit_))
    else:
        for line in _lines(told, takes_s):
            put(line)
    return exit_


async def _forecast(
    plan: Plan, client: AsyncClient, selection: Selection, seed: int, earlier: _Earlier | None
) -> Forecast:
    with ExitStack() as stack:
        source = stack.enter_context(open_source(plan.data, id_column=plan.id_column, selection=selection))
        return await forecast(
            plan,
            source,
            _Pricing(client),
            specs=await client.models(),
            folders=(*source.folders, plan.folder, Path.cwd()),
            seed=seed,
            earlier=earlier,
        )


def _opened(stack: ExitStack, output: Path) -> RunView | None:
    """What was run in *output*, None where nothing is known of it. Raises `GiveUpError`."""
    try:
        return stack.enter_context(open_run(output))
    except NoRunError:
        return None
    except OlderJournalError as error:
        say(f"{error}; until then all records are planned, also those that are done")
        return None
    except JournalError as error:
        raise GiveUpError(Exit.UNUSABLE, f"{error}; a run would refuse it, too") from error


def _seconds(told: Forecast, earlier_s: tuple[float, ...]) -> float | None:
    """How long the run may take with a few calls in flight, by what calls took in the folder before."""
    calls = sum(call.calls for call in told.calls)
    if not earlier_s or not calls:
        return None
    return fmean(earlier_s) * calls / min(calls, _CONCURRENCY)


def _lines(told: Forecast, seconds: float | None) -> Iterator[str]:
    calls, images = sum(call.calls for call in told.calls), sum(call.images for call in told.calls)
    known = {"already done": told.done, "failed before, and not asked for again by themselves": told.failed}
    ended = ", ".join(f"{count:,} {words}" for words, count in known.items() if count)
    done = f" ({ended})" if ended else ""
    refused = f", {told.refused:,} would be refused" if told.refused else ""
    refused += f", {told.skipped:,} would be passed over" if told.skipped else ""
    yield f"records {told.records:,}{done}{refused}; calls {calls:,}; images {images:,}"
    for call in told.calls:
        counts = f"{counted(call.calls, 'call')}, {counted(call.images, 'image')}"
        yield f"{call.node} with {call.model}: {counts}, {_price(call)}"
    if told.text_calls:
        yield f"text calls {told.text_calls:,}, which are not priced"
    unpriced = sum(call.unpriced for call in told.calls)
    more = f", and {counted(unpriced, 'call')} without a known price" if unpriced else ""
    yield f"cost    {_range(told.low_usd, told.high_usd)}{more}"
    if seconds is None:
        yield "time    unknown: no call has been made here yet"
    else:
        minutes, rest = divmod(round(seconds), 60)
        yield f"time    about {minutes}:{rest:02} with {_CONCURRENCY} calls in flight, as calls took here before"


def _price(call: CallForecast) -> str:
    known = call.calls - call.unpriced
    if call.calls and not known:
        return "without a known price"
    about = "about " if call.approximate else ""
    unsure = "" if call.sure else ", behind a condition: perhaps none"
    each = f" ({_range(call.low_usd / known, call.high_usd / known)} a call)" if known else ""
    return f"{about}{_range(call.low_usd, call.high_usd)}{each}{unsure}"


def _range(low: Decimal, high: Decimal) -> str:
    shown = (f"${shown_usd(low)}", f"${shown_usd(high)}")
    return shown[0] if shown[0] == shown[1] else " to ".join(shown)


def _as_json(told: Forecast, seconds: float | None, exit_: Exit) -> dict[str, JsonValue]:
    return {
        "exit_code": int(exit_),
        "records": told.records,
        "done": told.done,
        "failed_before": told.failed,
        "refused": told.refused,
        "skipped": told.skipped,
        "refusals": [
            {"position": one.position, "id": one.record_id, "node": one.node, "message": one.message}
            for one in told.refusals
        ],
        "calls": [
            {
                "node": call.node,
                "model": call.model,
                "sure": call.sure,
                "calls": call.calls,
                "images": call.images,
                "unpriced": call.unpriced,
                "guessed": call.guessed,
                "approximate": call.approximate,
                "low_usd": float(call.low_usd),
                "high_usd": float(call.high_usd),
            }
            for call in told.calls
        ],
        "text_calls": told.text_calls,
        "cost_usd": {"low": float(told.low_usd), "high": float(told.high_usd)},
        "seconds": None if seconds is None else round(seconds, 1),
    }
