"""What a cached result depends on, and that a reader never sees half a file."""

import pytest

from experiments.results import Results, code_digest, write_json


def test_the_code_digest_follows_source_and_weights(tmp_path, monkeypatch):
    package = tmp_path / "some_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('never imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    digests = []
    for name, content in (("a.py", "1"), ("a.py", "2"), ("weights.safetensors", "3"), ("notes.txt", "4")):
        (package / name).write_text(content)
        code_digest.cache_clear()
        digests.append(code_digest(("some_package",)))
    assert len(set(digests)) == 3 and digests[2] == digests[3]  # notes do not matter
    code_digest.cache_clear()


def test_an_answer_belongs_to_its_question_and_context(tmp_path):
    results = Results(tmp_path, ["code", {"cores": 2}])
    results.put("question", [1, 2])
    assert results.get("question") == [1, 2]
    assert results.get("another") is None
    assert Results(tmp_path, ["code", {"cores": 4}]).get("question") is None


def test_what_cannot_be_json_leaves_the_old_file(tmp_path):
    path = tmp_path / "figure.json"
    write_json(path, {"a": 1})
    for value in (float("nan"), object()):
        with pytest.raises((ValueError, TypeError)):
            write_json(path, value)
    assert path.read_text() == '{\n  "a": 1\n}\n'
    assert [entry.name for entry in tmp_path.iterdir()] == ["figure.json"]
