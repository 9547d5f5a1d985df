"""What a call through the gateway costs, beside nginx passing the same bytes on in the same run.

    python bench/gateway [ROUNDS]

Takes about three minutes with three rounds. Upstream and callers share one core, the server under test has the other.
Everything is on loopback and ends with this program. Needs nginx and two cores. LiteLLM, and the gateway on granian in
place of uvicorn, are measured where they are installed.
"""

import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import uvloop
from load import calls, json_call
from scenarios import GENERATIONS, prompt, scenarios
from subjects import KEY, Subject, free_port, gateway, litellm, nginx, on_granian, pinned, settled


def main(rounds: int) -> None:
    callers_core, subjects_core = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {callers_core})
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="imageway-bench-")))
        port = free_port()
        program = str(Path(__file__).with_name("upstream.py"))
        stack.enter_context(pinned([sys.executable, program, str(port)], callers_core, folder / "upstream.log"))
        floor = stack.enter_context(nginx(folder, port, subjects_core))
        with gateway(folder, port, subjects_core):
            pass  # once for the byte code, which pip's installs have and uv's haven't
        ours = stack.enter_context(gateway(folder, port, subjects_core))
        others = (on_granian(folder, subjects_core), litellm(folder, port, subjects_core))
        peers = [peer for each in others if (peer := stack.enter_context(each)) is not None]
        uvloop.run(measured(port, floor, ours, peers, rounds))


async def measured(port: int, floor: Subject, ours: Subject, peers: list[Subject], rounds: int) -> None:
    idle_mb = ours.rss_mb
    subjects = [floor, ours, *peers]
    print(
        f"{'CPU ms a call':28}"
        + "".join(f"{subject.name:>18}" for subject in subjects)
        + f"{'target':>10}{'reached':>9}"
    )
    for scenario in scenarios():
        spent: dict[str, list[float]] = {subject.name: [] for subject in subjects}
        for subject in subjects:
            await calls(subject.port, scenario.request, connections=1, each=3)
        for _ in range(rounds):
            for subject in subjects:
                await settled(subject)
                before = subject.cpu_s
                await calls(subject.port, scenario.request, connections=1, each=scenario.calls)
                await settled(subject)
                spent[subject.name].append((subject.cpu_s - before) * 1000 / scenario.calls)
        median = {name: statistics.median(values) for name, values in spent.items()}
        ratio = {name: value / median[floor.name] for name, value in median.items()}
        shown = "".join(f"{f'{median[each.name]:.2f} ({ratio[each.name]:.1f}x)':>18}" for each in subjects)
        reached = scenario.allowed / ratio[ours.name]
        print(f"{scenario.name:28}{shown}{f'{scenario.allowed:g}x':>10}{reached:>9.0%}", flush=True)
    await held(port, ours, rounds)
    print(f"{'idle RSS, MB':46}{idle_mb:>18.0f}{'90':>10}{90 / idle_mb:>9.0%}")
    print(f"{'start to ready, s':46}{ours.ready_s:>18.2f}{'1.5':>10}{1.5 / ours.ready_s:>9.0%}")


async def held(port: int, ours: Subject, rounds: int) -> None:
    """64 calls in flight that the vendor holds for three seconds, straight and through the gateway.

    Callers begin spread over three seconds and call twice. Then all come at once, so that all answers do.
    """
    request = json_call(GENERATIONS, prompt("held"), KEY)
    ours.forget_peak()
    spread, at_once = {port: 0.0, ours.port: 0.0}, {port: 0.0, ours.port: 0.0}
    for _ in range(min(rounds, 2)):  # the better of two: what is shared with others is never too fast
        for at in (port, ours.port):
            spread[at] = max(spread[at], 128 / await calls(at, request, connections=64, each=2, within_s=3))
            at_once[at] = max(at_once[at], 64 / await calls(at, request, connections=64, each=1))
    lost = max(1e-9, 1 - spread[ours.port] / spread[port])
    told = f"{spread[ours.port]:.1f} of {spread[port]:.1f}"
    print(f"{'64 held calls, calls/s':46}{told:>18}{'-3%':>10}{min(1.0, 0.03 / lost):>9.0%}")
    print(f"{'the same, all answers at once':46}{f'{at_once[ours.port]:.1f} of {at_once[port]:.1f}':>18}")
    print(f"{'64 held calls, peak RSS, MB':46}{ours.peak_mb:>18.0f}{'250':>10}{250 / ours.peak_mb:>9.0%}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
