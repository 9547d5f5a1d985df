from imageway.sdk.pipeline.checking.source import RecordId, record_ids


def test_ids_are_texts_and_whole_numbers_of_the_column_or_else_positions() -> None:
    assert record_ids([{"id": "a"}, {"id": 7}, {}, {"id": None}, {"id": 0}], None) == [
        RecordId(text="a"),
        RecordId(text="7"),
        RecordId(text="record_3"),
        RecordId(text="record_4"),
        RecordId(text="0"),
    ]
    assert record_ids([{"id": "a", "sku": "s"}], "sku") == [RecordId(text="s")]


def test_a_record_whose_id_is_none_is_at_fault_alone() -> None:
    records = [
        {"sku": True},
        {"sku": 1.5},
        {"sku": [1]},
        {"sku": {}},
        {"sku": " "},
        {},
        {"sku": "1"},
        {"sku": 1},
        {"sku": 1},
    ]

    assert [found.fault for found in record_ids(records, "sku")] == [
        "'sku' must be text or a whole number to be an id, but it is a boolean",
        "'sku' must be text or a whole number to be an id, but it is a decimal number",
        "'sku' must be text or a whole number to be an id, but it is an array",
        "'sku' must be text or a whole number to be an id, but it is an object",
        "'sku' is empty; an id is needed",
        "there is no 'sku' in this record, which is its id",
        None,
        "id '1' is already used by record 7",
        "id '1' is already used by record 7",
    ]
