"""Masks of a pipeline's edits: one picture beside the prompt, of the size of the first one."""

import json
from pathlib import Path
from typing import Any

import pytest

from fakes.gateway import FakeGateway, data_url
from fakes.task_files import heads
from fakes.task_runs import ran, task_folder
from imageway.sdk import Gateway, Pipeline
from imageway.sdk.cli import main
from imageway.sdk.pipeline.checking.check import check_data
from imageway.sdk.pipeline.loading.task import load_task
from loopback import serving
from pictures import picture

PHOTO, MASK = picture(size=(8, 8), colour=(0, 0, 255, 255)), picture(size=(8, 8), colour=(0, 0, 0, 0))
GRAPH = """
nodes:
  pic:
    node_type: llm
    output_keys: pic
    model: {name: gpt-image-1}
    mask: "{mask}"
    prompt: [{user: [{type: image_url, image_url: "{photo}"}, {type: text, text: brighter}]}]
edges: [{from: START, to: pic}, {from: pic, to: END}]
"""
RECORD = {"id": "1", "photo": "a.png", "mask": "m.png"}


def _folder(folder: Path, graph: str = GRAPH, record: dict[str, Any] = RECORD, **options: Any) -> Path:
    (folder / "a.png").write_bytes(PHOTO)
    (folder / "m.png").write_bytes(MASK)
    return task_folder(folder, graph, [record], **options)


@pytest.mark.parametrize("mask", ["{mask}", "m.png"])
def test_a_mask_goes_out_beside_the_picture_and_is_kept_in_mind(
    tmp_path: Path, mask: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = ran(_folder(tmp_path, GRAPH.replace("{mask}", mask)))

    (asked,) = found.gateway.drawn_requests
    assert [(name, content) for name, _, _, content in asked.files] == [("image", PHOTO), ("mask", MASK)]
    assert dict(asked.texts)["prompt"] == "brighter"
    assert (found.errors, found.rows[0]["pic"]) == ([], "1_pic_0.png")
    assert main(["show", str(tmp_path / "out"), "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calls"][0]["asked"]["mask"]["filename"] == "m.png"


def test_another_mask_is_another_call(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    first = ran(folder)
    (folder / "m.png").write_bytes(picture(size=(8, 8), colour=(9, 9, 9, 0)))

    again, same = ran(folder), ran(folder)

    sent = [len(found.gateway.drawn_requests) for found in (first, again, same)]
    assert (sent, again.rows[0]["pic"] != first.rows[0]["pic"]) == ([1, 1, 0], True)


@pytest.mark.parametrize(
    ("mask", "code", "message"),
    [
        (
            data_url(picture(size=(4, 4), colour=(0, 0, 0, 0))),
            "unsupported",
            "Invalid mask image format - mask size does not match image size: 4x4 instead of 8x8.",
        ),
        (["m.png", "m.png"], "invalid_request", "A mask is one picture, and {mask} holds 2."),
        (None, "missing_field", "The prompt needs {mask}, which is null in this record."),
    ],
)
def test_what_can_be_no_mask_fails_its_record_unsent(tmp_path: Path, mask: Any, code: str, message: str) -> None:
    found = ran(_folder(tmp_path, record={**RECORD, "mask": mask}))

    assert found.gateway.drawn_requests == []
    assert [(error["code"], error["message"]) for error in found.errors] == [(code, message)]


def test_a_mask_without_an_edit_is_told_at_its_place(tmp_path: Path) -> None:
    alone = GRAPH.replace('{type: image_url, image_url: "{photo}"}, ', "")
    writes = GRAPH.replace("{name: gpt-image-1}", "{name: w, output_type: text, url: 'http://x/v1'}")

    told = []
    for graph in (alone, writes):
        folder = _folder(tmp_path, graph)
        task, issues = load_task(folder, working_directory=folder, environment={})
        assert task is None
        told += [head for head in heads(issues, folder) if "error" in head]

    sentence = "error[odd-node] a mask says where an edit may change its first picture, and this node edits none"
    assert told == [f"graph_config.yaml:9:7 {sentence}"] * 2


def test_a_mask_that_no_record_has_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    folder = _folder(tmp_path)
    task, _ = load_task(folder, working_directory=folder, environment={})
    assert task is not None

    (issue,) = check_data(task, [{"id": "1", "photo": "a.png"}])

    assert (issue.line, issue.code, issue.severity) == (9, "missing-field", "error")


def test_a_subgraphs_mask_is_the_field_that_the_task_around_calls_it(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    _folder(inner)
    graph = """
    nodes:
      sub:
        node_type: subgraph
        subgraph: inner
        node_config_map: {pic: {prompt_placeholder_map: {mask: where}}}
    edges: [{from: START, to: sub}, {from: sub, to: END}]
    """

    found = ran(_folder(tmp_path, graph, {"id": "1", "photo": "a.png", "where": "m.png"}))

    assert [file[3] for file in found.gateway.drawn_requests[0].files] == [PHOTO, MASK]


def test_a_pipeline_built_in_code_has_masks(tmp_path: Path) -> None:
    gateway = FakeGateway()
    built = Pipeline.new().edit("pic", "photo", "brighter", model="gpt-image-1", mask="mask")
    record = {"id": "1", "photo": data_url(PHOTO), "mask": data_url(MASK)}

    with serving(gateway) as url:
        assert built.run([record], output=tmp_path, gateway=Gateway(url=url)).ok == 1

    assert [file[3] for file in gateway.drawn_requests[0].files] == [PHOTO, MASK]
