"""Commands for single calls, and for trying things out: their arguments."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from imageway.contract.request import Operation
from imageway.sdk.cli.words import AsJson, Count, Gateway, GatewayConfig, Models, Provider, Task, guarded

__all__ = ("add_call_commands",)

Model = Annotated[str, Parameter(name=("--model", "-m"), help="The model; imageway models lists them.")]
File = Annotated[
    Path, Parameter(name=("--output", "-o"), help="The picture's file; the ending is that of its real format.")
]
Param = Annotated[
    list[str] | None,
    Parameter(name=("--param", "-p"), negative="", help="NAME=VALUE, such as size=1024x1024; once for each."),
]
Key = Annotated[
    str | None, Parameter(name="--key", help="The key of an earlier call whose end is unknown, to have it answered.")
]
DryRun = Annotated[
    bool, Parameter(negative="", help="Only say whether it would be sent, to whom, and what it would cost.")
]


def add_call_commands(app: App) -> None:
    app.command(_generate, name="generate")
    app.command(_edit, name="edit")
    app.command(_preview, name="preview")
    app.command(_doctor, name="doctor")


def _generate(
    prompt: str,
    /,
    *,
    model: Model,
    output: File = Path("picture"),
    param: Param = None,
    key: Key = None,
    dry_run: DryRun = False,
    gateway: Gateway = None,
    gateway_config: GatewayConfig = None,
    provider: Provider = None,
    as_json: AsJson = False,
) -> int:
    """Draw a picture of PROMPT, without a task.

    stdout gets the pictures' paths. Exit codes: 0, 2 wrong usage or beyond the model, 3 refused or failed, 4 the
    gateway can't be reached or refuses the key.
    """
    from imageway.sdk.cli.once import Asked, draw_once
    from imageway.sdk.connecting import GatewayChoice

    asked = Asked(operation=Operation.GENERATE, model=model, prompt=prompt, params=tuple(param or ()))
    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider, retry_unknown=key is not None)
    return guarded(
        lambda: draw_once(asked, choice, output=output, key=key, dry_run=dry_run, as_json=as_json), as_json=as_json
    )


def _edit(
    *images_and_prompt: Annotated[str, Parameter(help="Pictures, in their order, and the prompt last.")],
    model: Model,
    mask: Annotated[Path | None, Parameter(help="A picture that is transparent where to draw.")] = None,
    output: File = Path("picture"),
    param: Param = None,
    key: Key = None,
    dry_run: DryRun = False,
    gateway: Gateway = None,
    gateway_config: GatewayConfig = None,
    provider: Provider = None,
    as_json: AsJson = False,
) -> int:
    """Edit pictures as a prompt says: imageway edit cat.png hat.png "the cat wears the hat" -m MODEL.

    stdout gets the pictures' paths. Exit codes as for generate.
    """
    from imageway.sdk.cli.once import Asked, draw_once
    from imageway.sdk.connecting import GatewayChoice

    *images, prompt = images_and_prompt or ("",)
    asked = Asked(
        operation=Operation.EDIT,
        model=model,
        prompt=prompt,
        params=tuple(param or ()),
        images=tuple(images),
        mask=None if mask is None else str(mask),
    )
    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider, retry_unknown=key is not None)
    return guarded(
        lambda: draw_once(asked, choice, output=output, key=key, dry_run=dry_run, as_json=as_json), as_json=as_json
    )


def _preview(
    task: Task,
    /,
    *,
    records: Annotated[Count, Parameter(name="-n", help="How many records.")] = 3,
    output: Annotated[
        Path | None, Parameter(name=("--output", "-o"), help="The folder to write to; the task's folder.")
    ] = None,
    models: Models = None,
    gateway: Gateway = None,
    gateway_config: GatewayConfig = None,
    provider: Provider = None,
) -> int:
    """Really run the first records, show them in a report, and ask whether to go on with the others.

    Nothing is drawn twice: the run goes on where the preview ends. Without a terminal nobody is asked, and it ends
    there. Exit codes as for run.
    """
    from imageway.sdk.cli.preview import preview_task
    from imageway.sdk.connecting import GatewayChoice

    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider)
    return guarded(
        lambda: preview_task(task, models_file=models, choice=choice, output=output, records=records), as_json=False
    )


def _doctor(
    *, gateway: Gateway = None, gateway_config: GatewayConfig = None, provider: Provider = None, as_json: AsJson = False
) -> int:
    """Look whether all is well: versions, libraries, the gateway, its models, the key, the disk.

    Exit codes: 0 all is well, 4 the gateway can't be used.
    """
    from imageway.sdk.cli.doctor import examine
    from imageway.sdk.connecting import GatewayChoice

    choice = GatewayChoice(url=gateway, config=gateway_config, provider=provider)
    return guarded(lambda: examine(choice, as_json=as_json), as_json=as_json)
