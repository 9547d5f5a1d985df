"""The commands' arguments, and what is done with whatever goes wrong. Heavy imports wait until a command runs."""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter

from imageway.contract.version import __version__
from imageway.sdk.cli.calls_commands import add_call_commands
from imageway.sdk.cli.run_commands import add_run_commands
from imageway.sdk.cli.starting_commands import add_starting_commands
from imageway.sdk.cli.talk import Exit, GiveUpError, put, put_json, say
from imageway.sdk.cli.words import AsJson, Count, Gateway, GatewayConfig, Models, Provider, Seed, Shard, Task, guarded

__all__ = ("run_app",)


def run_app(tokens: list[str]) -> int:
    """Run the command that *tokens* name; every fault of usage is one sentence on stderr."""
    try:
        if "" in tokens:
            raise GiveUpError(Exit.UNUSABLE, "an argument is empty: maybe of a variable that isn't set")
        result = _app()(tokens, exit_on_error=False, print_error=False)
    except (CycloptsError, GiveUpError) as error:
        fault = " ".join(str(error).split())
        say(f"imageway: {fault} (imageway --help shows the usage)")
        if "--json" in tokens:
            put_json({"exit_code": int(Exit.UNUSABLE), "error": fault})
        return Exit.UNUSABLE
    return result if isinstance(result, int) else Exit.FINE


def _app() -> App:
    app = App(
        name="imageway",
        help="Draw a picture for every record of a data file, as a YAML task says.",
        version=f"imageway {__version__}",
        result_action="return_value",
        help_format="plaintext",
    )
    app.command(_run, name="run")
    app.command(_check, name=("check", "validate"))
    app.command(_plan, name="plan")
    app.command(_models, name="models")
    add_call_commands(app)
    add_run_commands(app)
    add_starting_commands(app)
    app.command(partial(_completion, app), name="completion")
    return app


def _completion(app: App, shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="Yours.")], /) -> int:
    """Print what your shell needs to complete commands and options: source <(imageway completion bash)."""
    put(app.generate_completion(prog_name="imageway", shell=shell))
    return Exit.FINE


def _run(
    task: Task,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"),
            help="Where to write: a folder, or a file .json, .jsonl, .csv or .parquet in it; the task's folder.",
        ),
    ] = None,
    output_file: Annotated[
        Path | None, Parameter(help="The output's file, in the output folder; output.json. The ending says its kind.")
    ] = None,
    relative_paths: Annotated[
        bool, Parameter(negative="", help="Write the pictures' paths relative to the output folder.")
    ] = False,
    sidecars: Annotated[
        bool, Parameter(negative="", help="Write a JSON file beside each picture that tells where it comes from.")
    ] = False,
    models: Models = None,
    gateway: Gateway = None,
    gateway_config: GatewayConfig = None,
    provider: Provider = None,
    limit: Annotated[Count | None, Parameter(help="Run the first records only.")] = None,
    shard: Shard = "0/1",
    concurrency: Annotated[
        str,
        Parameter(help="How many calls are in flight at most; auto begins with 4 and goes by what the gateway bears."),
    ] = "auto",
    budget: Annotated[
        str | None, Parameter(help="Stop before the run has spent more, such as 25USD; the same command goes on.")
    ] = None,
    max_time: Annotated[str | None, Parameter(help="Stop after a time such as 2h or 30m; likewise.")] = None,
    seed: Seed = 0,
    replace: Annotated[
        bool, Parameter(negative="", help="Draw everything anew, in place of what earlier runs left in the folder.")
    ] = False,
    fresh: Annotated[
        bool, Parameter(negative="", help="Begin a new run: draw everything anew, beside what earlier runs drew.")
    ] = False,
    redo: Annotated[
        Path | None, Parameter(help="Draw anew the rejects that were marked in a report: its rejects.jsonl.")
    ] = None,
    retry_failed: Annotated[
        bool, Parameter(negative="", help="Ask again for what was refused; what may have been paid for isn't.")
    ] = False,
    retry_unknown: Annotated[
        bool, Parameter(negative="", help="Draw anew what may have been paid for already but never arrived.")
    ] = False,
    share_identical: Annotated[
        bool,
        Parameter(
            negative="",
            help="Answer equal requests once, this run's and earlier ones', which --fresh and --replace leave out;"
            " otherwise two records are two draws.",
        ),
    ] = False,
    fail_on: Annotated[
        str, Parameter(help="From when on failed records make exit code 3: any, none, or above a share such as 5%.")
    ] = "any",
    events: Annotated[
        str | None,
        Parameter(allow_leading_hyphen=True, help="Write what happens as lines of JSON to a file, or to stdout for -."),
    ] = None,
    as_json: AsJson = False,
) -> int:
    """Run a task: check it, draw, write output.json and the pictures.

    stdout gets the path of the output. Exit codes: 0 all went well, 2 wrong usage or configuration, 3 some records
    failed, 4 the gateway can't be reached or refuses the key, 5 the budget or the time is reached, 6 too many records
    failed of one cause, 130 and 143 interrupted. After 4, 5, 6, 130 and 143 the same command goes on.
    """
    from imageway.sdk.cli.bounds import read_bounds, read_shard
    from imageway.sdk.cli.ending import read_fail_on
    from imageway.sdk.cli.place import Place
    from imageway.sdk.cli.run import Anew, run_task
    from imageway.sdk.connecting import GatewayChoice

    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider, retry_unknown=retry_unknown)
    return guarded(
        lambda: run_task(
            task,
            models_file=models,
            choice=choice,
            place=Place(output=output, output_file=output_file, relative_paths=relative_paths, sidecars=sidecars),
            limit=limit,
            shard=read_shard(shard),
            bounds=read_bounds(budget=budget, max_time=max_time, concurrency=concurrency),
            seed=seed,
            as_json=as_json,
            anew=Anew(replace=replace, fresh=fresh, redo=redo),
            retry_failed=retry_failed,
            fail_on=read_fail_on(fail_on),
            events=events,
            share_identical=share_identical,
        ),
        as_json=as_json,
    )


def _check(
    task: Task,
    /,
    *,
    models: Models = None,
    gateway: Gateway = None,
    gateway_config: GatewayConfig = None,
    provider: Provider = None,
    as_json: AsJson = False,
) -> int:
    """Check a task, its data and what it asks of the models, without drawing anything.

    Exit codes: 0 nothing stands against running it, 2 otherwise.
    """
    from imageway.sdk.cli.check import check_task
    from imageway.sdk.connecting import GatewayChoice

    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider)
    return guarded(lambda: check_task(task, models_file=models, choice=choice, as_json=as_json), as_json=as_json)


def _plan(
    task: Task,
    /,
    *,
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), help="Where the run would write, as for run; the task's folder."),
    ] = None,
    models: Models = None,
    gateway: Gateway = None,
    gateway_config: GatewayConfig = None,
    provider: Provider = None,
    limit: Annotated[Count | None, Parameter(help="Plan the first records only.")] = None,
    shard: Shard = "0/1",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Tell what a run would come to, spending nothing: calls, images, cost, time, and records that would be refused.

    Prices are the gateway's. Exit codes: 0, 2 wrong usage or configuration, or a journal that can't be read, 3 some
    records would be refused, 4 the gateway can't be reached.
    """
    from imageway.sdk.cli.bounds import read_shard
    from imageway.sdk.cli.plan import plan_task
    from imageway.sdk.connecting import GatewayChoice

    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider)
    return guarded(
        lambda: plan_task(
            task,
            models_file=models,
            choice=choice,
            output=output,
            limit=limit,
            shard=read_shard(shard),
            seed=seed,
            as_json=as_json,
        ),
        as_json=as_json,
    )


def _models(
    *, gateway: Gateway = None, gateway_config: GatewayConfig = None, provider: Provider = None, as_json: AsJson = False
) -> int:
    """List a gateway's models: what each does, when its vendor shuts it down, what comes after, and what stands in.

    Without a gateway: the catalogue's models, as the offline one serves them. Exit codes: 0, or 2 and 4 for a gateway
    that can't be set up or reached.
    """
    from imageway.sdk.cli.models import list_models
    from imageway.sdk.connecting import GatewayChoice

    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider)
    return guarded(lambda: list_models(choice, as_json=as_json), as_json=as_json)
