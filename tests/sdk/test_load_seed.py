"""The seed's four examples, as they are written: they load, their names are known, and nothing speaks against them."""

from datetime import date
from pathlib import Path

import pytest

from fakes.task_files import heads
from imageway.contract.spec import ModelSpec
from imageway.providers.catalogue import load_catalogue
from imageway.sdk.pipeline.checking.check import check_capabilities, check_data
from imageway.sdk.pipeline.checking.model_names import with_known_models
from imageway.sdk.pipeline.data.source import open_source
from imageway.sdk.pipeline.loading.task import load_task
from imageway.sdk.pipeline.plan import DataFile, ImageNode, ImagePart, OutputColumn, Plan, TextPart, Way

SEED = Path(__file__).parents[1] / "cases" / "seed"
LONG_AGO = date(2024, 1, 1)


def known() -> dict[str, ModelSpec]:
    return {spec.model: spec for spec in load_catalogue().values() if spec.kind == "openai"}


PLANS = {
    "products": (
        "products.json",
        ImageNode(
            name="generate_product_images",
            model="dall-e-3",
            params={"size": "1024x1024", "quality": "hd", "style": "natural"},
            parts=(
                TextPart(
                    template="A professional product photo of {product_name}: {product_description}.\n"
                    "Studio lighting, white background, high quality, commercial photography.\n"
                ),
            ),
            output_key="product_image",
        ),
        {"id": "id", "product_name": "product_name", "product_image": "product_image"},
        [
            "products/models.yaml:4:3 note[no-effect] model_type has no effect here: the gateway owns connections",
            "products/models.yaml:2:10 note[taken-as] dalle_3 is taken as dall-e-3",
        ],
    ),
    "background": (
        "photos.json",
        ImageNode(
            name="edit_background",
            model="gpt-image-1",
            params={"quality": "medium", "size": "1024x1024"},
            parts=(
                ImagePart(template="{original_image}"),
                TextPart(
                    template="Remove the background and replace it with a solid white background."
                    " Keep the subject unchanged."
                ),
            ),
            output_key="edited_image",
        ),
        {"id": "id", "original_image": "original_image", "edited_image": "edited_image"},
        [
            "background/models.yaml:4:3 note[no-effect] model_type has no effect here: the gateway owns connections",
            "background/models.yaml:5:3 note[no-effect] api_version has no effect here: the gateway owns connections",
            "background/models.yaml:2:10 note[taken-as] gpt_image_1 is taken as gpt-image-1",
        ],
    ),
    "collage": (
        "photo_sets.json",
        ImageNode(
            name="create_collage",
            model="gpt-image-1",
            params={"quality": "medium"},
            parts=(
                ImagePart(template="{image_1}"),
                ImagePart(template="{image_2}"),
                ImagePart(template="{image_3}"),
                TextPart(
                    template="Arrange these images into a beautiful 3-panel collage with white borders."
                    " Maintain image quality."
                ),
            ),
            output_key="collage",
        ),
        {"id": "id", "collage": "collage"},
        ["collage/graph_config.yaml:22:15 note[taken-as] gpt_image_1 is taken as gpt-image-1"],
    ),
    "variations": (
        "concepts.json",
        ImageNode(
            name="generate_variations",
            model="dall-e-2",
            params={"size": "512x512", "n": 5},
            parts=(TextPart(template="{concept_description}"),),
            output_key="images",
        ),
        {"id": "id", "concept": "concept_description", "images": "images"},
        ["variations/graph_config.yaml:14:16 note[taken-as] dalle_2 is taken as dall-e-2"],
    ),
}


FILES = ("graph_config.yaml", "models.yaml")


@pytest.mark.parametrize("name", PLANS)
def test_an_example_is_loaded_as_it_is_written(name: str) -> None:
    data, node, columns, notes = PLANS[name]

    written, issues = load_task(SEED / name)
    assert written is not None
    task, further = with_known_models(written, known())

    assert task is not None
    assert task.plan == Plan(
        name=name,
        folder=SEED / name,
        data=DataFile(path=SEED / name / "data" / data, folder=SEED / name),
        nodes=(node,),
        ways=(Way(source="START", targets={"": node.name}), Way(source=node.name, targets={"": "END"})),
        columns=tuple(OutputColumn(name=column, source=source) for column, source in columns.items()),
        files=tuple(SEED / name / file for file in FILES if (SEED / name / file).is_file()),
    )
    assert heads([*issues, *further], SEED) == notes
    assert check_capabilities(task, known(), today=LONG_AGO) == []
    with open_source(task.plan.data) as source:
        assert check_data(task, [row.fields for row in source]) == []


def test_the_second_example_needs_no_models_file(tmp_path: Path) -> None:
    text = (SEED / "background" / "graph_config.yaml").read_text(encoding="utf-8")
    (tmp_path / "task.yaml").write_text(text, encoding="utf-8")

    written, issues = load_task(tmp_path / "task.yaml", working_directory=SEED / "background")
    assert written is not None
    task, further = with_known_models(written, known())

    assert task is not None
    assert (task.plan.name, task.plan.nodes[0].model, task.plan.nodes[0].params) == (
        "task",
        "gpt-image-1",
        {"size": "1024x1024"},
    )
    assert heads([*issues, *further], tmp_path) == [
        "task.yaml:4:16 note[working-directory] data/photos.json is not in the task's folder;"
        " the one in the working directory is taken",
        "task.yaml:18:15 note[taken-as] gpt_image_1 is taken as gpt-image-1",
    ]
