"""A bare loop, ours, and SyGra: the same records against the same held gateway, in turn.

    python bench/sdk/compare.py [--records 500] [--bytes 1000000] [--hold 0.2] [--in-flight 50] [--rounds 3]
                                [--sygra PYTHON]

CPU seconds (user and system) of whole processes with that of starting them taken off (a run of one record), per record;
peak RSS; records per second. SyGra runs the same task where PYTHON is the one of an environment that it is installed in
(`pip install sygra`, 6.8 GB); it takes half a minute to start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
TASK = """\
data_config: {source: {type: disk, file_path: "DATA"}}
graph_config:
  nodes:
    draw:
      node_type: llm
      output_keys: image
      prompt: [{user: "Draw {title}"}]
      model: {name: gpt-image-1, parameters: {size: 1024x1024}}
  edges: [{from: START, to: draw}, {from: draw, to: END}]
output_config: {output_map: {id: {from: id}, image: {from: image}}}
"""


class Cost(NamedTuple):
    cpu_s: float
    wall_s: float
    peak_mb: float


def measured(command: list[str]) -> Cost:
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command[1:3]} ended with {process.returncode}:\n{told.decode()[-2000:]}")
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - began, usage.ru_maxrss / 1024)


def runs(name: str, url: str, task: Path, output: Path, in_flight: int, sygra: str) -> list[str]:
    if name == "bare loop":
        data = str(task / "data.json")
        return [sys.executable, str(HERE / "bare_loop.py"), url, data, str(output), str(in_flight)]
    if name == "SyGra":
        return [sygra, str(HERE / "sygra_run.py"), url, str(task), str(output), str(in_flight)]
    imageway = str(Path(sys.executable).with_name("imageway"))
    return [imageway, "run", str(task), "--gateway", url, "-o", str(output), "--concurrency", str(in_flight)]


def write_task(folder: Path, count: int) -> Path:
    folder.mkdir()
    data = folder / "data.json"
    (folder / "graph_config.yaml").write_text(TASK.replace("DATA", str(data)))  # a relative one is another for SyGra
    records = [{"id": f"r{number}", "title": f"a lighthouse, number {number}"} for number in range(count)]
    data.write_text(json.dumps(records))
    return folder


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, default=500)
    parser.add_argument("--bytes", type=int, default=1_000_000)
    parser.add_argument("--hold", type=float, default=0.2)
    parser.add_argument("--in-flight", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sygra", default="", metavar="PYTHON")
    asked = parser.parse_args()
    systems = ["bare loop", "imageway", *(["SyGra"] if asked.sygra else [])]
    command = [sys.executable, str(HERE / "held_gateway.py"), str(asked.bytes), str(asked.hold)]
    costs: dict[str, list[Cost]] = {name: [] for name in systems}
    with (
        tempfile.TemporaryDirectory() as scratch,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as gateway,
    ):
        assert gateway.stdout is not None
        assert gateway.stdin is not None
        url = gateway.stdout.readline().strip()
        one, all_ = write_task(Path(scratch) / "one", 1), write_task(Path(scratch) / "all", asked.records)
        for turn in range(asked.rounds):
            for name in systems:
                output = Path(scratch) / f"{name} {turn}"
                start = measured(runs(name, url, one, output / "one", asked.in_flight, asked.sygra))
                whole = measured(runs(name, url, all_, output / "all", asked.in_flight, asked.sygra))
                pictures = [*(output / "all").rglob("*.png")]
                drawn = sum(path.stat().st_size > asked.bytes * 0.9 for path in pictures)
                assert drawn == asked.records, f"{name} wrote {drawn} pictures"
                for path in pictures:
                    os.truncate(path, 0)  # room is needed; a file system is slow to make files where many are just gone
                costs[name].append(Cost(whole.cpu_s - start.cpu_s, whole.wall_s - start.wall_s, whole.peak_mb))
        gateway.stdin.close()
    print(
        f"{asked.records} records, pictures of {asked.bytes} bytes, held {asked.hold:g} s, {asked.in_flight} in flight"
    )
    base = statistics.median(cost.cpu_s for cost in costs["bare loop"])
    for name, found in costs.items():
        cpu_s = statistics.median(cost.cpu_s for cost in found)
        print(
            f"{name:10} CPU {cpu_s / asked.records * 1000:6.2f} ms a record ({cpu_s / base:.2f} x bare)"
            f"   {asked.records / statistics.median(cost.wall_s for cost in found):6.0f} records/s"
            f"   peak RSS {statistics.median(cost.peak_mb for cost in found):5.0f} MB"
        )


if __name__ == "__main__":
    main()
