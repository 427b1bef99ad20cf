"""Observations as CSV, as a table, and from Optuna: what is told comes back."""

import pytest

from netwright.client.study_files import from_csv, from_optuna, to_csv, to_pandas


def observation(number, values, **more):
    told = {"number": number, "architecture": f"a={number}", "fidelity": "full", "run": None, "failed": None}
    return told | {"seconds": 1.0, "client_id": None, "at": None, "values": values, "std": {}} | more


TOLD = [
    observation(1, {"f1": 50.5, "wait": 3.0}, run="s-1", client_id="me", std={"f1": 0.25}),
    observation(2, {"f1": 49.0}, fidelity="12ep"),
    observation(3, {}, failed='no memory, "none"'),
]


def test_csv_comes_back_as_it_was_told():
    text = to_csv(TOLD)
    assert text.splitlines()[0].endswith("at,f1,wait,std:f1")
    first, second, third = from_csv(text)
    assert first == {
        "architecture": "a=1", "fidelity": "full", "run": "s-1", "seconds": 1.0,
        "values": {"f1": 50.5, "wait": 3.0}, "std": {"f1": 0.25},
    }  # fmt: skip
    assert second["values"] == {"f1": 49.0} and "std" not in second and "run" not in second
    assert third["failed"] == 'no memory, "none"' and "values" not in third


def test_wrong_csv_names_its_line_and_column():
    with pytest.raises(ValueError, match="line 1: there is no column architecture"):
        from_csv("f1\n3\n")
    with pytest.raises(ValueError, match="line 3: f1 is 'x' and no number"):
        from_csv("architecture,f1\na=1,3\na=2,x\n")


def test_a_table_has_a_column_for_each_quantity():
    pytest.importorskip("pandas")
    frame = to_pandas(TOLD)
    assert list(frame["architecture"]) == ["a=1", "a=2", "a=3"]
    assert frame["f1"].max() == 50.5 and frame["std:f1"].notna().sum() == 1


def test_finished_trials_of_optuna_are_told_with_their_runs():
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(directions=["maximize", "minimize"])

    def objective(trial):
        width = trial.suggest_categorical("width", [8, 16])
        if trial.number == 1:
            raise RuntimeError("no memory")
        return width / 2, 3.0

    study.optimize(objective, n_trials=3, catch=(RuntimeError,))
    told = from_optuna(study, {"0": "f1", "1": "wait"})
    assert [item["run"] for item in told] == ["optuna-0", "optuna-1", "optuna-2"]
    assert told[0]["values"] == {"f1": told[0]["architecture"]["width"] / 2, "wait": 3.0}
    assert told[1]["failed"] and "values" not in told[1]
    with pytest.raises(ValueError, match="2 values a trial"):
        from_optuna(study)
