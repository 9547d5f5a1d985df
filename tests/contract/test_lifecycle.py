"""A model's end, to the day, and what a caller is told of it."""

from datetime import date

import pytest
from msgspec.structs import replace

from imageway.contract.errors import Violation
from imageway.contract.lifecycle import has_ended, shutdown_violation
from imageway.contract.spec import Lifecycle
from imageway.providers.catalogue import load_catalogue

DALL_E_3 = load_catalogue()["openai/dall-e-3"]
NO_ADVICE = Lifecycle(status="shut_down", source="here", shutdown_date=date(2026, 5, 12))


@pytest.mark.parametrize(("today", "ended"), [(date(2026, 5, 11), False), (date(2026, 5, 12), True)])
def test_a_model_is_gone_on_its_shutdown_day(today: date, ended: bool) -> None:
    assert has_ended(NO_ADVICE, today) is ended


def test_a_model_without_a_date_never_ends() -> None:
    assert not has_ended(Lifecycle(status="active", source="here"), date.max)


def test_a_caller_is_told_the_day_and_the_successors() -> None:
    successors = list(DALL_E_3.lifecycle.successors)

    assert shutdown_violation("dall-e-3", DALL_E_3) == Violation(
        param="model",
        message=f"The model 'dall-e-3' was shut down by its vendor on 2026-05-12; successors: {', '.join(successors)}.",
        code="invalid_value",
        type="image_generation_user_error",
        value="dall-e-3",
        allowed=successors,
    )


def test_a_caller_who_knows_another_name_is_told_what_is_behind_it() -> None:
    told = shutdown_violation("pictures", replace(DALL_E_3, lifecycle=NO_ADVICE))

    assert told.message == (
        "The model 'dall-e-3', which is behind 'pictures' here, was shut down by its vendor on 2026-05-12."
    )
    assert (told.value, told.allowed) == ("pictures", None)
