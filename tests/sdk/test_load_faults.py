"""Tasks that say too much, too little or something else: each message in full, with its place."""

from pathlib import Path

import pytest

from fakes.task_files import heads, write_task
from imageway.sdk.pipeline.loading.task import load_task


def errors(folder: Path, *changes: tuple[str, str]) -> list[str]:
    task, issues = load_task(write_task(folder, *changes), working_directory=folder)
    assert task is None
    return [head.removeprefix("graph_config.yaml:") for head in heads(issues, folder)]


SECOND = "    again: {node_type: llm, output_keys: other, prompt: [{user: x}], model: {name: m}}\n  edges:\n"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("type: disk\n", "type: disk\n    file_pth: x\n"), [
            "4:5 error[unknown-key] data_config.source.file_pth is not a key here; allowed are alias, join_type,"
            " primary_key, join_key, transformations, fields, encoding, file_format, delimiter"
        ]),
        (("    file_path: data.json\n", ""), [
            '2:3 error[missing-key] data_config.source lacks the key "file_path", which must be text'
        ]),
        (("node_type: llm", "node_type: llms"), [
            '8:18 error[unknown-value] graph_config.nodes.draw.node_type is "llms"; allowed is "llm", "multi_llm",'
            ' "lambda", "weighted_sampler" or "subgraph" | did you mean "llm"?'
        ]),
        (("- user:", "- usr:"), [
            "11:11 error[unknown-key] graph_config.nodes.draw.prompt[0].usr is not a key here;"
            ' allowed are system, user, assistant | did you mean "user"?'
        ]),
        (("output_keys: picture", "output_keys: [a, b]"), [
            "9:20 error[odd-output-keys] draw has several output_keys, which only a post_process can fill"
        ]),
        (("output_keys: picture", "output_keys: ''"), [
            "9:20 error[wrong-length] graph_config.nodes.draw.output_keys has 0 characters; allowed is at least 1"
        ]),
        (("size: 512x512", "- size"), [
            "15:11 error[wrong-type] graph_config.nodes.draw.model.parameters is a list; expected a mapping"
        ]),
    ],
)  # fmt: skip
def test_what_the_schema_refuses(tmp_path: Path, change: tuple[str, str], told: list[str]) -> None:
    assert errors(tmp_path, change) == told


def test_a_misspelt_key_is_shown_in_its_line(tmp_path: Path) -> None:
    path = write_task(tmp_path, ("parameters", "paramaters"))

    _, issues = load_task(path)

    assert issues[0].render() == (
        f"{path}:14:9 error[unknown-key] graph_config.nodes.draw.model.paramaters is not a key here;"
        " allowed are model, output_type, parameters, url, auth_token, timeout, input_type, model_type, api_version,"
        " backend, delay, retry_attempts, load_balancing, stats_interval, max_retries, ssl_verify, ssl_cert,"
        " image_capabilities\n"
        "   14 |         paramaters:\n"
        '      |         ^^^^^^^^^^ did you mean "parameters"?'
    )


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    assert errors(tmp_path, ("type: disk", "type: disc"), ("prompt:\n", "prompts:\n"), ("to: draw", "too: draw")) == [
        '3:11 error[unknown-value] data_config.source.type is "disc"; allowed is "disk" or "hf" | did you mean "disk"?',
        '7:5 error[missing-key] graph_config.nodes.draw lacks the key "prompt", which must be a list',
        "10:7 error[unknown-key] graph_config.nodes.draw.prompts is not a key here; allowed are prompt, pre_process,"
        ' post_process, mask, on_violation, node_state, node_name | did you mean "prompt"?',
        "17:21 error[unknown-key] graph_config.edges[0].too is not a key here; allowed are to, condition, path_map"
        ' | did you mean "to"?',
    ]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("node_type: llm", "node_type: agent\n      tools: [a.b]"), [
            "8:18 error[not-an-image-node] agent nodes aren't image nodes;"
            " supported node types: llm, multi_llm, lambda, weighted_sampler, subgraph"
        ]),
        (("      output_keys: picture\n", "      chat_history: true\n"), [
            '7:5 error[missing-key] graph_config.nodes.draw lacks the key "output_keys": without it SyGra adds the'
            " answer to messages, which the next prompt would silently hold; name a field, and put {field} into that"
            " prompt",
            "9:7 error[not-supported-yet] chat_history isn't supported: nodes have no conversations,"
            " and put what others answered into prompts as {field}",
        ]),
        (("type: disk", "type: servicenow\n    table: x"), [
            "3:11 error[not-supported-yet] servicenow sources aren't supported yet; supported types: disk, hf"
        ]),
        (("name: dall-e-2", "name: dall-e-2\n        structured_output: {}\n        aws_region: x"), [
            "14:9 error[not-supported-yet] graph_config.nodes.draw.model.structured_output isn't supported yet",
            "15:9 error[not-supported-yet] graph_config.nodes.draw.model.aws_region isn't supported yet",
        ]),
        (("- user:", "- tool:"), [
            "11:11 error[not-supported-yet] tool messages aren't supported;"
            " supported roles: system, user, assistant"
        ]),
        (('user: "Draw {title}"', "user: [{type: audio_url, audio_url: x}]"), [
            "11:25 error[not-supported-yet] audio_url parts aren't supported; supported types: text, image_url"
        ]),
        (("  source:\n    type: disk\n    file_path: data.json\n", "  source: [{type: servicenow, table: x}]\n"), [
            "2:19 error[not-supported-yet] servicenow sources aren't supported yet; supported types: disk, hf"
        ]),
        (("name: dall-e-2", "name: dall-e-2\n        input_type: audio"), [
            "14:9 error[not-supported-yet] graph_config.nodes.draw.model.input_type isn't supported yet",
        ]),
        (("output_map:", 'oasst_mapper: {required: "yes"}\n  output_map:'), [
            "20:3 error[not-supported-yet] output_config.oasst_mapper isn't supported yet",
        ]),
        (("data_config:", "graph_post_process: [a.B]\ndata_config:"), [
            "1:1 error[not-supported-yet] graph_post_process isn't supported yet"
        ]),
    ],
)  # fmt: skip
def test_what_only_sygra_does_has_its_own_sentence(tmp_path: Path, change: tuple[str, str], told: list[str]) -> None:
    assert errors(tmp_path, change) == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("data_config:\n", "data_config:\n  sink: {type: json, file_path: x.json, repo_id: a/b, chunk_size: 1}\n"), [
            "2:41 note[no-effect] repo_id has no effect here: this sink is a file",
            "2:55 note[no-effect] chunk_size has no effect here: rows are written one by one",
        ]),
        (("data_config:\n", "data_config:\n  sink: {type: hf, repo_id: a/b, split: x, private: true}\n"), [
            "2:16 warning[hf-sink] a run pushes nothing: when it is done, imageway export DIR --to hf://a/b does",
            "2:34 note[no-effect] split has no effect here: a push makes the split train",
        ]),
        (("output_map:", 'oasst_mapper: {required: "no"}\n  output_map:'), [
            "20:17 note[no-effect] oasst_mapper has no effect here: it isn't required",
        ]),
        (("name: dall-e-2", "name: dall-e-2\n        input_type: image"), [
            "14:9 note[no-effect] input_type has no effect here: the prompt says what goes in",
        ]),
    ],
)  # fmt: skip
def test_what_means_nothing_here_is_told_and_stands_in_no_ones_way(
    tmp_path: Path, change: tuple[str, str], told: list[str]
) -> None:
    task, issues = load_task(write_task(tmp_path, change), working_directory=tmp_path)

    assert task is not None
    assert [head.removeprefix("graph_config.yaml:") for head in heads(issues, tmp_path)] == told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("from: START, to: draw", "from: START, to: drw"), [
            '17:25 error[unknown-node] there is no node drw; allowed are END, draw | did you mean "draw"?'
        ]),
        (("from: draw, to", "from: darw, to"), [
            '18:14 error[unknown-node] there is no node darw; allowed are START, draw | did you mean "draw"?'
        ]),
        (("from: draw, to: END", "from: draw, to: START"), ["18:24 error[odd-edge] no edge leads to START"]),
        (("from: START", "from: END"), ["17:14 error[odd-edge] no edge begins at END"]),
        (("    - {from: draw, to: END}\n", ""), ["16:3 error[no-end] no edge leads to END"]),
        (("\n    - {from: START, to: draw}\n    - {from: draw, to: END}", " []"), [
            "16:3 error[no-edges] there are no edges; they lead from START over the nodes to END"
        ]),
        (("  edges:\n", SECOND), ["16:5 error[unreachable-node] no edges lead from START to the node again"]),
        (("  edges:\n", SECOND + "    - {from: draw, to: again}\n    - {from: again, to: draw}\n"), [
            "19:7 error[cycle] these edges go round in a circle without a condition: draw -> again -> draw"
        ]),
        (("from: draw, to: END}", "from: draw, to: END}\n    - {from: draw, to: draw}"), [
            "19:7 error[cycle] these edges go round in a circle without a condition: draw -> draw"
        ]),
        (("    draw:\n", "    END:\n"), [
            "7:5 error[odd-node-name] a node can't be called END: that is where edges begin or end",
            "17:25 error[unknown-node] there is no node draw; allowed are END, END",
            "18:14 error[unknown-node] there is no node draw; allowed are START, END",
        ]),
        (("  edges:\n", SECOND.replace("other", "picture") + "    - {from: START, to: again}\n"), [
            "16:42 error[same-output-key] again and draw may run side by side and both fill picture;"
            " each needs a key of its own"
        ]),
        (("output_keys: picture", "output_keys: id"), [
            "9:20 error[id-as-output] output_keys is id, which is the record's own name; choose another"
        ]),
        (('"Draw {title}"', '" "'), [
            "10:7 error[no-text] the prompt of draw has no text; a model draws by what it is told"
        ]),
        (('"Draw {title}"', "[{type: text, text: ''}, {type: image_url, image_url: '{a}'}]"), [
            "10:7 error[no-text] the prompt of draw has no text; a model draws by what it is told"
        ]),
        (('"Draw {title}"', '"Draw {title}"\n          system: x'), [
            "11:11 error[odd-message] a message has one of system, user and assistant; this one has system, user"
        ]),
        (('- user: "Draw {title}"', "- user: x\n        - {}"), [
            "12:11 error[odd-message] a message has one of system, user and assistant; this one has nothing to say"
        ]),
        (("{from: id}", "{from: id, value: 1}"), [
            "21:5 error[odd-column] a column has either from or value; id has both"
        ]),
        (("{from: id}", "{}"), ["21:5 error[odd-column] a column has either from or value; id has neither"]),
        (("file_path: data.json", "file_path: date.json"), [
            "4:16 error[missing-file] there is no file date.json in the task's folder, nor in the working directory"
        ]),
        (("file_path: data.json", "file_path: data.json\n    encoding: utf-9"), [
            "5:15 error[unknown-encoding] there is no encoding utf-9"
        ]),
        (("name: dall-e-2", "output_type: image"), [
            "12:7 error[missing-key] a model needs a name: an alias of the models file, or a model's own name"
        ]),
        (("name: dall-e-2", "name: dall-e-2\n        output_type: audio"), [
            '14:22 error[not-an-image-node] output_type is "audio", so this is not an image node;'
            " those that are supported: image, text"
        ]),
        (("{from: draw, to: END}", "{from: draw, condition: os.path.exists, to: END}"), [
            "18:7 error[odd-edge] an edge has either to, or condition and path_map; this one has to and condition"
        ]),
        (("{from: draw, to: END}", "{from: draw, path_map: {x: END}}"), [
            "18:7 error[odd-edge] an edge has either to, or condition and path_map; this one has path_map"
        ]),
        (("{from: draw, to: END}", "{from: draw, condition: os.path.exists, path_map: {x: drow, y: END}}"), [
            '18:61 error[unknown-node] there is no node drow; allowed are END, draw | did you mean "draw"?',
        ]),
        (("{from: draw, to: END}", "{from: draw, condition: choosing.by_size, path_map: {y: END}}"), [
            "18:31 error[task-code] there is no module choosing in the task's folder, nor elsewhere",
        ]),
        (("output_keys: picture", "output_keys: picture\n      node_state: idle"), [
            "18:25 error[idle-node] draw is idle, so that no edge may touch it;"
            " take the edge away, or node_state: idle",
            "19:14 error[idle-node] draw is idle, so that no edge may touch it;"
            " take the edge away, or node_state: idle",
        ]),
        (("{from: id}", "{from: id, transform: x}"), [
            "21:31 error[task-code] x is a method of output_config.generator, and there is none"
        ]),
        (("output_map:", "generator: absent.B\n  output_map:"), [
            "20:14 error[task-code] there is no module absent in the task's folder, nor elsewhere"
        ]),
        (("{from: id}", "{value: $data_config.source.tpe}"), [
            "21:17 error[unknown-reference] there is no data_config.source.tpe in this file,"
            ' which $data_config.source.tpe refers to | did you mean "type"?'
        ]),
        (("data_config:\n", "data_config:\n  sink: {type: json}\n"), [
            '2:3 error[missing-key] data_config.sink lacks the key "file_path", which must be text'
        ]),
        (("data_config:\n", "data_config:\n  sink: {type: csv, file_path: rows.json}\n"), [
            "2:32 error[odd-sink] the file of a csv sink is rows.json, and must end in .csv"
        ]),
        (("data_config:\n", "data_config:\n  sink: {type: servicenow, table: x}\n"), [
            '2:16 error[unknown-value] data_config.sink.type is "servicenow"; allowed is "csv", "disk", "hf", "json",'
            ' "jsonl" or "parquet"',
            "2:28 error[unknown-key] data_config.sink.table is not a key here; allowed are alias, file_path, encoding,"
            " repo_id, config_name, split, token, private, chunk_size, filename",
        ]),
        (("data_config:", "schema_config: {}\ndata_config:"), [
            "1:16 error[odd-schema] schema_config has either schema or fields; here is neither"
        ]),
        (("data_config:", "schema_config: {fields: [{name: id, type: text}]}\ndata_config:"), [
            "1:43 error[unknown-value] there is no type text; allowed are int, float, str, bool, list, dict, any,"
            " and list[int] and the like"
        ]),
    ],
)  # fmt: skip
def test_what_makes_no_sense_together(tmp_path: Path, change: tuple[str, str], told: list[str]) -> None:
    assert errors(tmp_path, change) == told


def test_files_that_are_not_there_or_not_yaml(tmp_path: Path) -> None:
    write_task(tmp_path, text="a: [", models="b: {\n")

    _, missing = load_task(tmp_path / "none.yaml", models_file=tmp_path / "nothing.yaml")
    _, broken = load_task(tmp_path)

    assert heads(missing, tmp_path) == [
        "none.yaml error[unreadable] can't be read: no such file or directory",
        "nothing.yaml error[unreadable] can't be read: no such file or directory",
    ]
    assert heads(broken, tmp_path) == [
        "graph_config.yaml:2:1 error[not-yaml] did not find expected node content while parsing a flow node",
        "models.yaml:2:1 error[not-yaml] did not find expected node content while parsing a flow node",
    ]


def test_an_empty_task_is_told(tmp_path: Path) -> None:
    _, issues = load_task(write_task(tmp_path, text=""))

    assert heads(issues, tmp_path) == ["graph_config.yaml error[wrong-type] the file is empty; expected a mapping"]
