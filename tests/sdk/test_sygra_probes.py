"""What SyGra's tasks of this kind are known to end in, ended better: one test for each."""

import json
from pathlib import Path

import pytest

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, data_url, drawn
from fakes.task_files import heads
from fakes.task_runs import nodes, ran, task_folder
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.run import Bounds

DRAW = nodes("pic: {title}") + "edges: [{from: START, to: pic}, {from: pic, to: END}]"


def _titles(*titles: str) -> list[dict[str, str]]:
    return [{"id": str(number), "title": title} for number, title in enumerate(titles, start=1)]


async def _refuses_bad(asked: Recorded) -> Reply:
    return REJECTED if asked.json["prompt"] == "bad" else drawn()


def test_the_last_record_to_fail_takes_nothing_of_the_others_with_it(tmp_path: Path) -> None:
    found = ran(
        task_folder(tmp_path, DRAW, _titles("a", "b", "bad")), FakeGateway(_refuses_bad), bounds=Bounds(concurrency=1)
    )

    assert [row["pic"] for row in found.rows] == ["1_pic_0.png", "2_pic_0.png", None]
    assert (found.summary.succeeded, found.summary.failed) == (2, 1)


def test_the_first_record_to_fail_keeps_its_place(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, DRAW, _titles("bad", "b", "c")), FakeGateway(_refuses_bad))

    assert [row["pic"] for row in found.rows] == [None, "2_pic_0.png", "3_pic_0.png"]
    assert found.rows[0]["_error"]["code"] == "content_rejected"


@pytest.mark.parametrize(
    ("model", "params", "told"),
    [
        ("dall-e-2", {"size": "1792x1024"}, "size"),
        ("gpt-image-1", {"size": "1792x1024"}, "size"),
        ("dall-e-2", {"n": 11}, "n"),
        ("dall-e-3", {"n": 2}, "n"),
        ("gpt-image-1", {"quality": "hd", "style": "vivid"}, "quality"),
        ("dall-e-2", {"n": "2"}, "n"),
        ("dall-e-2", {"foo": 1}, "foo"),
        ("dall-e-2", {"mask": "a/path.png"}, "mask"),
    ],
)
def test_what_a_model_does_not_take_is_never_sent(
    tmp_path: Path, model: str, params: dict[str, object], told: str
) -> None:
    spelled = f"{{name: {model}, parameters: {json.dumps(params)}}}"
    graph = DRAW.replace("{name: dall-e-2}", spelled)

    found = ran(task_folder(tmp_path, graph))

    assert found.gateway.drawn_requests == []
    (error,) = found.errors
    assert error["code"] == "unsupported"
    assert told in {violation["param"] for violation in error["violations"]}


def test_a_prompt_that_is_too_long_is_never_sent(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, DRAW, _titles("x" * 1000, "x" * 1001)))

    assert [len(prompt) for prompt in found.gateway.prompts] == [1000]
    assert [(error["id"], error["param"]) for error in found.errors] == [("2", "prompt")]


def test_an_empty_prompt_is_never_sent(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, DRAW, _titles("  ")))

    assert found.gateway.drawn_requests == []
    assert [(error["code"], error["param"]) for error in found.errors] == [("unsupported", "prompt")]


def test_a_field_that_one_record_lacks_is_that_records_fault(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, DRAW, [{"id": "1", "title": "a"}, {"id": "2"}]))

    assert found.rows[0]["pic"] == "1_pic_0.png"
    assert [(error["id"], error["code"]) for error in found.errors] == [("2", "missing_field")]


def test_broken_base64_is_a_fault_and_no_result(tmp_path: Path) -> None:
    async def broken(asked: Recorded) -> Reply:
        return Reply(body=b'{"created": 1, "data": [{"b64_json": "!!!"}]}')

    found = ran(task_folder(tmp_path, DRAW), FakeGateway(broken))

    assert found.rows[0]["pic"] is None
    assert [(error["code"], error["may_have_billed"]) for error in found.errors] == [("upstream_unavailable", True)]


def test_an_answer_without_pictures_is_a_fault(tmp_path: Path) -> None:
    async def empty(asked: Recorded) -> Reply:
        return Reply(body=b'{"created": 1, "data": []}')

    found = ran(task_folder(tmp_path, DRAW), FakeGateway(empty))

    assert (found.summary.succeeded, found.summary.failed) == (0, 1)


def test_a_prompt_that_ends_like_a_file_name_stays_a_prompt(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, DRAW, _titles("Draw logo.png", "Draw favicon.ico")))

    assert sorted(found.gateway.prompts) == ["Draw favicon.ico", "Draw logo.png"]


def test_a_text_that_looks_like_a_list_stays_text(tmp_path: Path) -> None:
    assert ran(task_folder(tmp_path, DRAW, _titles("[1, 2, 3]"))).rows[0]["title"] == "[1, 2, 3]"


def test_columns_of_joined_sources_are_fields(tmp_path: Path) -> None:
    graph = """
    nodes:
      pic:
        node_type: llm
        output_keys: pic
        model: {name: gpt-image-1, parameters: {size: "{looks->size}"}}
        prompt: [{user: [{type: image_url, image_url: "{m->photo}"}, {type: text, text: "{m->t} in {looks->colour}"}]}]
    edges: [{from: START, to: pic}, {from: pic, to: END}]
    """
    folder = task_folder(tmp_path, graph, [{"id": "1", "t": "hat", "photo": "a.png"}], rest=(
        "output_config: {output_map: {id: {from: id}, hat: {from: m->t}, pic: {from: pic}}}\n"
    ))  # fmt: skip
    (folder / "a.png").write_bytes(PNG)
    (folder / "looks.json").write_text('[{"colour": "red", "size": "1024x1024"}]')
    path = folder / "graph_config.yaml"
    sources = (
        "source:\n    - {type: disk, file_path: data.json, alias: m, join_type: primary}\n"
        "    - {type: disk, file_path: looks.json, alias: looks, join_type: sequential}"
    )
    path.write_text(path.read_text().replace("source: {type: disk, file_path: data.json}", sources))

    found = ran(folder)

    (asked,) = found.gateway.drawn_requests
    assert (dict(asked.texts)["prompt"], dict(asked.texts)["size"]) == ("hat in red", "1024x1024")
    assert [file[3] for file in asked.files] == [PNG]
    assert found.rows == [{"id": "1", "hat": "hat", "pic": "1_pic_0.png"}]


def test_a_picture_column_that_the_prompt_does_not_mention_makes_no_edit(tmp_path: Path) -> None:
    found = ran(task_folder(tmp_path, DRAW, [{"id": "1", "title": "a", "photo": data_url(PNG)}]))

    assert [asked.path for asked in found.gateway.drawn_requests] == ["/v1/images/generations"]


def test_a_picture_that_is_null_in_the_first_record_is_one_in_the_second(tmp_path: Path) -> None:
    graph = nodes("pic: x").replace("dall-e-2", "gpt-image-1").replace(
        "[{user: 'x'}]", "[{user: [{type: image_url, image_url: '{photo}'}, {type: text, text: x}]}]"
    ) + "edges: [{from: START, to: pic}, {from: pic, to: END}]"  # fmt: skip
    (tmp_path / "a.png").write_bytes(PNG)

    found = ran(task_folder(tmp_path, graph, [{"id": "1", "photo": None}, {"id": "2", "photo": "a.png"}]))

    assert [(error["id"], error["code"]) for error in found.errors] == [("1", "missing_field")]
    assert found.rows[1]["pic"] == "2_pic_0.png"
    assert found.gateway.drawn_requests[0].files[0][-1] == PNG


def test_a_column_called_messages_is_a_column(tmp_path: Path) -> None:
    graph = nodes("pic: {messages}") + "edges: [{from: START, to: pic}, {from: pic, to: END}]"

    assert ran(task_folder(tmp_path, graph, [{"id": "1", "messages": "a hat"}])).gateway.prompts == ["a hat"]


def test_unknown_roles_and_second_roles_are_refused(tmp_path: Path) -> None:
    graph = DRAW.replace("[{user: '{title}'}]", "[{developer: x}, {user: a, system: b}]")

    _, issues = load_task(task_folder(tmp_path, graph), working_directory=tmp_path)

    assert [issue.code for issue in issues] == ["unknown-key"]
    graph = DRAW.replace("[{user: '{title}'}]", "[{user: a, system: b}]")
    _, issues = load_task(task_folder(tmp_path, graph), working_directory=tmp_path)
    assert [issue.code for issue in issues] == ["odd-message"]


def test_a_wrong_generator_path_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    rest = "output_config: {generator: task_executor.Genrator, output_map: {id: {from: id}}}\n"
    folder = task_folder(tmp_path, DRAW, rest=rest, code="class Generator:\n    pass\n")

    _, issues = load_task(folder, working_directory=folder)

    assert heads(issues, folder) == [
        'graph_config.yaml:7:28 error[task-code] task_executor has no Genrator | did you mean "Generator"?'
    ]


def test_two_workflows_in_one_process_have_schemas_of_their_own(tmp_path: Path) -> None:
    for name, type_ in (("one", "str"), ("two", "int")):
        (tmp_path / name).mkdir()
        rest = f"schema_config: {{fields: [{{name: title, type: {type_}}}]}}\n"
        task_folder(tmp_path / name, DRAW, rest=rest)

    assert [len(ran(tmp_path / name).errors) for name in ("one", "two", "one")] == [0, 1, 0]


def test_a_tasks_stream_parameter_is_refused_rather_than_half_done(tmp_path: Path) -> None:
    found = ran(
        task_folder(tmp_path, DRAW.replace("{name: dall-e-2}", "{name: gpt-image-1, parameters: {stream: yes}}"))
    )

    assert found.gateway.drawn_requests == []


def test_sinks_get_the_rows_in_the_form_that_they_name(tmp_path: Path) -> None:
    folder = task_folder(tmp_path, DRAW)
    path = folder / "graph_config.yaml"
    sinks = "  sink:\n    - {type: jsonl, file_path: more/rows.jsonl}\n    - {type: csv, file_path: rows.csv}\n"
    sinks += "    - {type: hf, repo_id: me/hats}\n"
    path.write_text(path.read_text().replace("graph_config:", f"{sinks}graph_config:", 1))
    _, issues = load_task(folder, working_directory=folder)

    found = ran(folder)

    picture = str(tmp_path / "out" / "multimodal_output" / "image" / "1_pic_0.png")
    (line,) = (tmp_path / "out" / "more" / "rows.jsonl").read_text().splitlines()
    assert json.loads(line) == {"id": "1", "title": "a cat", "pic": picture}
    assert (tmp_path / "out" / "rows.csv").read_text().splitlines() == ["id,title,pic", f"1,a cat,{picture}"]
    assert found.rows == [{"id": "1", "title": "a cat", "pic": "1_pic_0.png"}]
    assert heads(issues, folder) == [
        "graph_config.yaml:6:14 warning[hf-sink] a run pushes nothing: when it is done,"
        " imageway export DIR --to hf://me/hats does"
    ]


TEXT_TO_IMAGE = """
data_config:
  source: {type: disk, file_path: tasks/examples/text_to_image/data.json}
graph_config:
  nodes:
    generate_image:
      node_type: llm
      output_keys: image
      prompt:
        - user: |
            {prompt}
      model:
        name: gpt_image_1
        parameters: {quality: medium}
  edges:
    - {from: START, to: generate_image}
    - {from: generate_image, to: END}
output_config:
  output_map:
    id: {from: id}
    concept: {from: concept}
    image: {from: image}
"""


def test_a_task_of_sygras_layout_runs_from_its_repositorys_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tasks" / "examples" / "text_to_image"
    folder.mkdir(parents=True)
    (folder / "graph_config.yaml").write_text(TEXT_TO_IMAGE)
    (folder / "data.json").write_text('[{"id": "1", "prompt": "a hat"}]')
    monkeypatch.chdir(tmp_path)
    task, issues = load_task(folder, environment={})
    assert task is not None
    assert [issue.code for issue in issues] == ["working-directory"]

    (folder / "graph_config.yaml").write_text(TEXT_TO_IMAGE.replace("tasks/examples/text_to_image/", ""))
    found = ran(folder)

    assert found.gateway.prompts == ["a hat"]
    assert found.rows == [{"id": "1", "concept": None, "image": "1_image_0.png"}]
