"""A task as SyGra runs it, for `compare.py`; started by a Python in whose environment SyGra is installed.

    python bench/sdk/sygra_run.py URL TASK OUTPUT IN_FLIGHT

Its own settings are the best for it that were found: no delay between calls, a checkpoint every hundred records, no
first call to see whether the model is there. LiteLLM, below it, takes the gateway's address from the environment.
"""

import logging
import os
import sys
from pathlib import Path

MODELS = """\
gpt-image-1: {model_type: openai, model: gpt-image-1, output_type: image, delay: 0, url: "%s/v1", auth_token: none}
"""


def main(url: str, task: Path, output: Path, in_flight: int) -> None:
    output.mkdir(parents=True, exist_ok=True)
    models = task / "sygra_models.yaml"
    models.write_text(MODELS % url)
    os.environ |= {
        "SYGRA_CUSTOM_MODELS_PATH": str(models),
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    os.chdir(task.parent)
    import sygra

    logging.disable(logging.INFO)
    sygra.Workflow(task.name).run(output_dir=str(output), batch_size=in_flight, checkpoint_interval=100)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
