"""Run the four example pipelines offline and print the paths of the pictures that they drew."""

import json
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
TASKS = {
    "product_images": "product pictures from descriptions (dall-e-3)",
    "edit_background": "photographs with their background replaced (gpt-image-1)",
    "collage": "three photographs made into one collage (gpt-image-1)",
    "variations": "five variations of one idea in one call (dall-e-2)",
}


def paths_in(value: object) -> list[str]:
    """The pictures' paths in an output record's column."""
    if isinstance(value, list):
        return [path for item in value for path in paths_in(item)]
    return [value] if isinstance(value, str) and "multimodal_output" in value else []


def main(output: Path) -> int:
    """Draw every example under *output*; the exit code of the first run that failed, else 0."""
    print("Four YAML pipelines, drawn offline by imageway's own 'sketch' provider: no key, no cost, no network.")
    drawn: list[str] = []
    for task, what in TASKS.items():
        print(f"\n== {task}: {what}\n   imageway run examples/{task} -o {output.name}/{task}", flush=True)
        command = [Path(sys.executable).with_name("imageway"), "run", EXAMPLES / task, "-o", output / task]
        code = subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode
        if code:
            return code
        records = json.loads((output / task / "output.json").read_text(encoding="utf-8"))
        drawn += [path for record in records for column in record.values() for path in paths_in(column)]
    print(f"\n{len(drawn)} pictures:")
    print("\n".join(drawn))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "demo-output").resolve()))
