"""What a cached result depends on, and that a reader never sees half a file."""

import pytest

from experiments.framework.results import Results, to_text, write_text


def test_an_answer_belongs_to_its_question_and_context(tmp_path):
    results = Results(tmp_path, ["code", {"cores": 2}])
    results.put("question", [1, 2])
    assert results.get("question") == [1, 2]
    assert results.get("another") is None
    assert Results(tmp_path, ["code", {"cores": 4}]).get("question") is None


def test_what_cannot_be_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "figure.json"
    write_text(path, to_text({"a": 1}))
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            write_text(path, to_text(value))
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["figure.json"]
