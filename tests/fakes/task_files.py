"""Task folders for tests: a task that is fine, and what becomes of it when a piece of its text is another."""

from collections.abc import Iterable
from pathlib import Path

from imageway.contract.issue import Issue

TASK = """\
data_config:
  source:
    type: disk
    file_path: data.json
graph_config:
  nodes:
    draw:
      node_type: llm
      output_keys: picture
      prompt:
        - user: "Draw {title}"
      model:
        name: dall-e-2
        parameters:
          size: 512x512
  edges:
    - {from: START, to: draw}
    - {from: draw, to: END}
output_config:
  output_map:
    id: {from: id}
    picture: {from: picture}
"""


def write_task(folder: Path, *changes: tuple[str, str], text: str = TASK, models: str | None = None) -> Path:
    """A task in *folder* with each change made once: the first of a pair, which must be there, into the second."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "graph_config.yaml"
    path.write_text(text, encoding="utf-8")
    (folder / "data.json").write_text('[{"id": "1", "title": "a cat"}]', encoding="utf-8")
    if models is not None:
        (folder / "models.yaml").write_text(models, encoding="utf-8")
    return path


def heads(issues: Iterable[Issue], folder: Path) -> list[str]:
    """The first line of each issue as it is shown, with the hint behind it; files are named from *folder*."""
    lines = []
    for issue in issues:
        head = issue.render().splitlines()[0].replace(f"{folder}/", "")
        lines.append(f"{head} | {issue.hint}" if issue.hint else head)
    return lines
