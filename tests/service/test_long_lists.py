"""Long lists of wrong entries: only the first is told, since writing all down would take minutes."""

import pytest
from pydantic import ValidationError

from service.schemas import DesignCreate
from service.schemas.batches import BatchCreate
from service.schemas.devices import DeviceCreate
from service.schemas.predictions import PredictCreate
from service.schemas.predictors import ObserveCreate, PredictorCreate
from service.schemas.studies import ObservationsCreate

WRONG = {f"variable{number}": None for number in range(20)}


@pytest.mark.parametrize(
    ("model", "field", "entry"),
    [
        (PredictCreate, "architectures", WRONG),
        (ObservationsCreate, "observations", {"architecture": WRONG}),
        (PredictorCreate, "observations", {"architecture": WRONG, "value": 1.0}),
        (ObserveCreate, "observations", {"architecture": WRONG, "value": 1.0}),
        (DeviceCreate, "measurements", {"architecture": WRONG, "value": 1.0}),
        (BatchCreate, "designs", WRONG),
    ],
)
def test_only_the_first_wrong_entry_is_told(model, field, entry):
    with pytest.raises(ValidationError) as refused:
        model.model_validate({field: [entry] * 500})
    places = [error["loc"] for error in refused.value.errors() if error["loc"][0] == field]
    assert places and {place[1] for place in places} == {0}


def test_of_the_choices_of_a_recipe_too():
    with pytest.raises(ValidationError) as refused:
        DesignCreate.model_validate({"space": "s", "task": "t", "recipe": {"epochs": [None] * 500}})
    assert {error["loc"][2] for error in refused.value.errors()} == {0}
