import pytest

from imageway.sdk.pipeline.template import MissingFieldError, fields, only_field, render

STATE = {
    "name": "kite", "größe": 3, "sku-no": "a{b}{{c}}", "tags": ["x", "é"], "dims": {"w": 1}, "on": True, "x": 1.5,
    "m->name": "hat", "m->sku-no": 7,
}  # fmt: skip


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("", ""),
        ("A {name}.", "A kite."),
        ("{name}{name}", "kitekite"),
        ("{größe} {on} {x}", "3 true 1.5"),
        ("{sku-no}", "a{b}{{c}}"),
        ("{tags} {dims}", '["x", "é"] {"w": 1}'),
        ("{{name}}", "{name}"),
        ("{{{name}}}", "{kite}"),
        ('{"a": 1}', '{"a": 1}'),
        ('{"a": {"b": {"c": "{name}"}}}', '{"a": {"b": {"c": "kite"}}}'),
        ('{{"a": {{"b": 1}}}}', '{"a": {"b": 1}}'),
        ('{{"a": {"b": 1}}}', '{"a": {"b": 1}}'),
        ("{} {0} {a b} {name.x} {name[0]} { name }", "{} {0} {a b} {name.x} {name[0]} { name }"),
        ("{m->name} {m->sku-no}: {m-> name} {m->} {->name} {m->a->b}", "hat 7: {m-> name} {m->} {->name} {m->a->b}"),
        (":-{ {name} }}", ":-{ kite }}"),
        ("a }} b {{ c", "a } b { c"),
        ("{", "{"),
        ("}", "}"),
    ],
)
def test_only_bare_names_in_braces_are_replaced(template: str, text: str) -> None:
    assert render(template, STATE) == text


def test_the_fields_of_a_template_are_told_once_each_in_their_order() -> None:
    assert fields('{b} {a} {b} {{c}} {"d": {e}}') == ("b", "a", "e")


@pytest.mark.parametrize(
    ("template", "field"), [("{a}", "a"), (" {a}\n", "a"), ("{a}{b}", None), ("x", None), ("", None)]
)
def test_a_template_that_is_one_field_is_recognised(template: str, field: str | None) -> None:
    assert only_field(template) == field


def test_a_missing_field_is_named_with_those_that_there_are() -> None:
    with pytest.raises(MissingFieldError) as caught:
        render("{colour}", {"id": "1", "name": "kite"})

    assert str(caught.value) == "The prompt needs {colour}, which this record doesn't have; it has id, name."
    assert (caught.value.field, caught.value.known, caught.value.null) == ("colour", ("id", "name"), False)


def test_null_is_not_written_into_a_prompt() -> None:
    with pytest.raises(MissingFieldError) as caught:
        render("{colour}", {"colour": None})

    assert str(caught.value) == "The prompt needs {colour}, which is null in this record."


def test_a_record_without_any_field_says_so() -> None:
    with pytest.raises(MissingFieldError, match="it has nothing"):
        render("{colour}", {})
