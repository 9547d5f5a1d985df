"""Write the chart's dashboards: python helm/dashboards/generate.py [FOLDER]."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cost import COST
from operation import OPERATION

if __name__ == "__main__":
    chart = Path(__file__).parents[1] / "imageway/files/dashboards"
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else chart
    folder.mkdir(parents=True, exist_ok=True)
    for name, dashboard in {"operation": OPERATION, "cost": COST}.items():
        (folder / f"{name}.json").write_text(json.dumps(dashboard, indent=1) + "\n")
