"""SyGra's bad ends once more, where the whole command shows them: exit codes, files, what was sent and what wasn't."""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from PIL import Image

from fakes.gateway import PNG, REJECTED, FakeGateway, Recorded, Reply, drawn
from fakes.task_runs import nodes, task_folder
from imageway.sdk import Gateway, Pipeline
from imageway.sdk.cli import main
from loopback import serving

DRAW = nodes("pic: {title}") + "edges: [{from: START, to: pic}, {from: pic, to: END}]"
EDIT = """
nodes:
  pic:
    node_type: llm
    output_keys: pic
    model: {name: gpt-image-1}
    prompt: [{user: [{type: image_url, image_url: "{photo}"}, {type: text, text: brighter}]}]
edges: [{from: START, to: pic}, {from: pic, to: END}]
"""
ERRORS = "errors.jsonl"


class Ended(Struct, frozen=True, kw_only=True):
    """What a command left: its exit code, the rows of the output with names for paths, and `id: code` of failures."""

    exit: int
    rows: list[dict[str, Any]]
    failed: list[str]
    told: str


Command = Callable[..., Ended]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs the task in the test's folder with a gateway that really listens, at one address however often it is run."""
    urls: dict[int, str] = {}

    def command(gateway: FakeGateway, *options: str, concurrency: int = 1) -> Ended:
        if id(gateway) not in urls:
            urls[id(gateway)] = servers.enter_context(serving(gateway))
        at = ("--gateway", urls[id(gateway)], "--concurrency", str(concurrency))
        exit_ = main(["run", str(tmp_path), *at, *options])
        told = capsys.readouterr()
        output, errors = tmp_path / "output.json", tmp_path / ERRORS
        text = output.read_text() if output.exists() else "[]"
        lines = errors.read_text().splitlines() if errors.exists() else []
        return Ended(
            exit=exit_,
            rows=json.loads(text.replace(f"{tmp_path}/multimodal_output/image/", ""), parse_constant=_no_json),
            failed=[f"{error['id']}: {error['code']}" for error in map(json.loads, lines)],
            told=told.out + told.err,
        )

    with ExitStack() as servers:
        yield command


def _no_json(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _pictures(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))


def _error(row: dict[str, Any]) -> dict[str, Any]:
    """*row* with no more of its error than the code."""
    return {**row, "_error": row["_error"]["code"]}


async def _refuses_bad(asked: Recorded) -> Reply:
    return REJECTED if asked.json["prompt"] == "bad" else drawn()


@pytest.mark.parametrize("bad", [0, 2])
def test_pictures_of_the_others_are_written_whichever_record_fails(tmp_path: Path, run: Command, bad: int) -> None:
    titles = ["bad" if number == bad else "good" for number in range(3)]
    task_folder(tmp_path, DRAW, [{"id": str(number), "title": title} for number, title in enumerate(titles)])
    gateway = FakeGateway(_refuses_bad)

    ended = run(gateway)

    assert gateway.prompts == titles
    assert (ended.exit, ended.failed) == (3, [f"{bad}: content_rejected"])
    assert [row["pic"] for row in ended.rows] == [None if n == bad else f"{n}_pic_0.png" for n in range(3)]
    assert _pictures(tmp_path) == [f"multimodal_output/image/{n}_pic_0.png" for n in range(3) if n != bad]


def test_the_last_of_seven_edits_is_refused_unsent_and_six_are_kept(tmp_path: Path, run: Command) -> None:
    gif = io.BytesIO()
    Image.new("P", (4, 4)).save(gif, "GIF")
    (tmp_path / "ok.png").write_bytes(PNG)
    (tmp_path / "no.gif").write_bytes(gif.getvalue())
    photos = ["ok.png"] * 6 + ["no.gif"]
    task_folder(tmp_path, EDIT, [{"id": str(number), "photo": photo} for number, photo in enumerate(photos)])
    gateway = FakeGateway()

    ended = run(gateway)

    assert [asked.path for asked in gateway.drawn_requests] == ["/v1/images/edits"] * 6
    assert (ended.exit, ended.failed) == (3, ["6: unsupported"])
    assert [row["pic"] for row in ended.rows] == [*(f"{number}_pic_0.png" for number in range(6)), None]


def test_a_run_over_the_end_of_the_data_writes_what_there_is(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW, [{"id": str(number), "title": "x"} for number in range(6)])
    path = tmp_path / "graph_config.yaml"
    skip = "{transform: sygra.processors.data_transform.SkipRecords, params: {range: '[:3]'}}"
    path.write_text(path.read_text().replace("data.json}", f"data.json, transformations: [{skip}]}}"))
    gateway = FakeGateway()

    ended = run(gateway, "--limit", "5")

    assert (ended.exit, len(gateway.drawn_requests)) == (0, 3)
    assert ended.rows == [{"id": str(n), "title": "x", "pic": f"{n}_pic_0.png"} for n in (3, 4, 5)]


def test_records_that_the_schema_refuses_keep_what_was_paid_for(tmp_path: Path, run: Command) -> None:
    records = [{"id": "1", "title": "short"}, {"id": "2", "title": "long"}]
    rest = "schema_config: {fields: [{name: title, type: str, is_equal_to: short}]}\n"
    task_folder(tmp_path, DRAW, records, rest=rest)

    ended = run(FakeGateway())

    assert (ended.exit, ended.failed) == (3, ["2: schema"])
    assert ended.rows[0] == {"id": "1", "title": "short", "pic": "1_pic_0.png"}
    assert _error(ended.rows[1]) == {"id": "2", "title": "long", "pic": "2_pic_0.png", "_error": "schema"}


def test_a_record_that_lacks_a_field_is_no_row_of_nulls_that_went_well(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW, [{"id": "1", "title": "a"}, {"id": "2"}])
    gateway = FakeGateway()

    ended = run(gateway)

    assert gateway.prompts == ["a"]
    assert (ended.exit, ended.failed) == (3, ["2: missing_field"])
    assert _error(ended.rows[1]) == {"id": "2", "pic": None, "_error": "missing_field"}


@pytest.mark.parametrize(
    ("body", "code", "kept"),
    [
        (b'{"data": [{"b64_json": "!!!"}]}', "upstream_unavailable", []),
        (b'{"data": []}', "upstream_unavailable", []),
        (b'{"data": [{"url": "URL/v1/files/gone.png"}]}', "not_found", []),
        (b'{"data": [{"url": "https://expired.example/x.png"}]}', "upstream_unavailable", []),
        (b'{"data": [{"b64_json": "PGh0bWw+"}]}', "upstream_unavailable", ["1_pic_0.bin"]),
    ],
    ids=["broken base64", "no pictures", "a link that 404s", "a link that leads away", "no picture"],
)
def test_an_answer_without_a_picture_is_a_failure_that_may_have_cost_and_is_not_repeated(
    tmp_path: Path, run: Command, body: bytes, code: str, kept: list[str]
) -> None:
    async def answer(asked: Recorded) -> Reply:
        if asked.path != "/v1/images/generations":
            return Reply(status=404, body={"error": {"message": "gone"}})
        return Reply(body=b'{"created": 1, ' + body[1:].replace(b"URL", f"http://{asked.headers['host']}".encode()))

    task_folder(tmp_path, DRAW)
    gateway = FakeGateway(answer)

    ended, again = run(gateway), run(gateway)

    paid = [asked.path for asked in gateway.drawn_requests if asked.path == "/v1/images/generations"]
    (error,) = [json.loads(line) for line in (tmp_path / ERRORS).read_text().splitlines()]
    folder = tmp_path / "multimodal_output" / "image"
    assert paid == ["/v1/images/generations"]
    assert (ended.exit, ended.failed, again.failed) == (3, [f"1: {code}"], ended.failed)
    assert error["may_have_billed"] is True
    assert ended.rows[0]["pic"] == (kept[0] if kept else None)
    assert [path.name for path in folder.glob("*_pic_*")] == kept


@pytest.mark.parametrize("param", ["mask: a.png", "stream: true"])
def test_a_path_for_a_mask_and_a_stream_are_refused_and_never_sent(tmp_path: Path, run: Command, param: str) -> None:
    (tmp_path / "a.png").write_bytes(PNG)
    graph = EDIT.replace("{name: gpt-image-1}", "{name: gpt-image-1, parameters: {" + param + "}}")
    task_folder(tmp_path, graph, [{"id": "1", "photo": "a.png"}])
    gateway = FakeGateway()

    ended = run(gateway)

    assert (ended.exit, gateway.drawn_requests) == (2, [])
    assert (
        f"graph_config.yaml:8:47 error[set-by-pipeline] {param.partition(':')[0]} isn't a parameter to give"
        in ended.told
    )


def test_ids_of_every_kind_lead_to_files_of_their_own_within_the_folder(tmp_path: Path, run: Command) -> None:
    ids: list[Any] = ["a/b", "../../../x", "a_b", "A_B", 0, "dup", "dup"]
    task_folder(tmp_path, DRAW, [{"id": id_, "title": f"t{place}"} for place, id_ in enumerate(ids)])

    ended = run(FakeGateway())

    folder = tmp_path / "multimodal_output" / "image"
    names = [row["pic"] for row in ended.rows]
    assert [row["id"] for row in ended.rows] == ids
    assert (ended.exit, ended.failed, names[-1]) == (3, ["dup: duplicate_id"], None)
    assert len({name.casefold() for name in names[:-1]}) == 6
    assert {folder / name for name in names[:-1]} == {*tmp_path.rglob("*.png")}


def test_an_id_that_comes_twice_comes_twice_in_the_rerun_too(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW, [{"id": "a", "title": "x"}, {"id": "a", "title": "y"}])
    gateway = FakeGateway()

    first, again = run(gateway), run(gateway)

    assert gateway.prompts == ["x"]
    assert [_error(row) if "_error" in row else row for row in first.rows] == [
        {"id": "a", "title": "x", "pic": "a_pic_0.png"},
        {"id": "a", "title": "y", "pic": None, "_error": "duplicate_id"},
    ]
    assert (again.exit, again.rows, again.failed) == (3, first.rows, first.failed)


def test_an_empty_cell_is_an_empty_text_and_a_prompt_of_it_alone_is_not_sent(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW)
    (tmp_path / "data.csv").write_text("id,title,size\n1,,\n2,hat,\n")
    path = tmp_path / "graph_config.yaml"
    path.write_text(path.read_text().replace("data.json", "data.csv"))
    gateway = FakeGateway()

    ended = run(gateway)

    assert gateway.prompts == ["hat"]
    assert (ended.exit, ended.failed) == (3, ["1: unsupported"])
    assert _error(ended.rows[0]) == {"id": "1", "title": "", "size": "", "pic": None, "_error": "unsupported"}
    assert ended.rows[1] == {"id": "2", "title": "hat", "size": "", "pic": "2_pic_0.png"}


def test_an_object_where_records_should_be_is_told_in_a_sentence(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW)
    (tmp_path / "data.json").write_text('{"id": "1", "title": "a cat"}')
    gateway = FakeGateway()

    ended = run(gateway)

    assert (ended.exit, gateway.drawn_requests) == (2, [])
    assert "data.json: the file must hold a list of records, but it holds an object\n" in ended.told
    assert "Traceback" not in ended.told


def test_a_disk_sink_is_a_file_by_its_ending(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW)
    path = tmp_path / "graph_config.yaml"
    path.write_text(path.read_text().replace("graph_config:", "  sink: {type: disk, file_path: r.csv}\ngraph_config:"))

    ended = run(FakeGateway())

    picture = tmp_path / "multimodal_output" / "image" / "1_pic_0.png"
    assert ended.exit == 0
    assert (tmp_path / "r.csv").read_text().splitlines() == ["id,title,pic", f"1,a cat,{picture}"]


@pytest.mark.parametrize(
    ("sink", "options", "told"),
    [
        ("data.json", (), "data.json is where the records come from, and would be written over; name another file"),
        ("./sub/../data.json", (), "data.json is where the records come from, and would be written over"),
        ("rows.csv", ("--output-file", "data.json"), "data.json is where the records come from"),
        ("errors.jsonl", (), "errors.jsonl is where failures are written to; name another file for the rows"),
    ],
)
def test_nothing_is_written_over_that_a_run_needs(
    tmp_path: Path, run: Command, sink: str, options: tuple[str, ...], told: str
) -> None:
    task_folder(tmp_path, DRAW)
    path = tmp_path / "graph_config.yaml"
    path.write_text(path.read_text().replace("graph_config:", f"  sink: {{file_path: {sink}}}\ngraph_config:"))
    data = (tmp_path / "data.json").read_bytes()
    gateway = FakeGateway()

    ended = run(gateway, *options)

    assert (ended.exit, gateway.drawn_requests, (tmp_path / "data.json").read_bytes()) == (2, [], data)
    assert f"imageway: {tmp_path}/{told}" in ended.told


IMAGE_EDIT = """\
data_config:
  source: {type: disk, file_path: data.json}
graph_config:
  nodes:
    edit_image:
      node_type: llm
      output_keys: edited_image
      prompt:
        - user:
            - {type: text, text: "{edit_instruction}"}
            - {type: image_url, image_url: "{image}"}
      model:
        name: gemini_2_5_pro
        output_type: image
  edges:
    - {from: START, to: edit_image}
    - {from: edit_image, to: END}
output_config:
  output_map:
    id: {from: id}
    source_image: {from: source_image}
    edited_image: {from: edited_image}
"""


def test_an_edit_with_a_model_that_nobody_has_is_told_and_runs_with_one_that_edits(
    tmp_path: Path, run: Command
) -> None:
    (tmp_path / "data.json").write_text('[{"id": "1", "edit_instruction": "brighter", "image": "a.png"}]')
    (tmp_path / "a.png").write_bytes(PNG)
    path = tmp_path / "graph_config.yaml"
    path.write_text(IMAGE_EDIT)
    gateway = FakeGateway()

    before = run(gateway)
    path.write_text(IMAGE_EDIT.replace("gemini_2_5_pro", "gpt-image-1"))
    after = run(gateway)

    assert (before.exit, after.exit, len(gateway.drawn_requests)) == (2, 0, 1)
    assert "graph_config.yaml:13:15 error[unknown-model] the gateway knows no model gemini_2_5_pro" in before.told
    empty = "neither the records nor the nodes have source_image; source_image will be null"
    assert f"graph_config.yaml:21:26 warning[empty-column] {empty}" in before.told
    (asked,) = gateway.drawn_requests
    assert (asked.path, dict(asked.texts)["prompt"], asked.files[0][3]) == ("/v1/images/edits", "brighter", PNG)
    assert after.rows == [{"id": "1", "source_image": None, "edited_image": "1_edited_image_0.png"}]


def test_pictures_of_a_run_from_python_are_there_after_it(tmp_path: Path) -> None:
    with serving(FakeGateway()) as url:
        done = Pipeline.from_yaml(task_folder(tmp_path, DRAW)).run(output=tmp_path / "out", gateway=Gateway(url=url))

    (row,) = done.rows()
    path = tmp_path / "out" / "multimodal_output" / "image" / "1_pic_0.png"
    assert row == {"id": "1", "title": "a cat", "pic": str(path)}
    assert path.read_bytes() == PNG


def test_no_key_is_in_anything_that_a_run_says_or_writes(
    tmp_path: Path, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMAGEWAY_API_KEY", "gateway-secret")
    monkeypatch.setenv("SYGRA_DALLE_TOKEN", "vendor-secret")
    models = "dalle: {model: dall-e-2, url: 'http://x.example'}\n"
    task_folder(tmp_path, DRAW.replace("dall-e-2", "dalle"), models=models)
    path = tmp_path / "graph_config.yaml"
    sink = "  sink: {type: hf, repo_id: me/hats, token: hub-secret}\ngraph_config:"
    path.write_text(path.read_text().replace("graph_config:", sink))
    gateway = FakeGateway()

    ended = run(gateway, "--sidecars", "--events", "-")

    left = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file() and file != path)
    assert (ended.exit, gateway.drawn_requests[0].headers["authorization"]) == (0, "Bearer gateway-secret")
    assert ("secret" in ended.told, b"secret" in left) == (False, False)


class _Counting(FakeGateway):
    """Remembers the ports that its callers came from."""

    def __init__(self) -> None:
        super().__init__()
        self.ports: set[int] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.ports.add(scope["client"][1])
        await super().__call__(scope, receive, send)


def test_a_run_asks_for_its_records_and_nothing_else_over_a_few_connections(tmp_path: Path, run: Command) -> None:
    task_folder(tmp_path, DRAW, [{"id": str(number), "title": f"t{number}"} for number in range(40)])
    gateway = _Counting()

    ended = run(gateway, concurrency=4)

    assert ended.exit == 0
    assert sorted(gateway.prompts) == sorted(f"t{number}" for number in range(40))
    assert len(gateway.ports) <= 4 + 1
