"""Orders in spaces that nothing can generate for yet."""

from api_server import Running, problem

from generator import shipped
from store.memory import MemoryStore


def test_a_space_without_a_generator_is_refused_at_once(tables, design, tmp_path, monkeypatch):
    monkeypatch.setattr(shipped, "_FOLDER", tmp_path)
    running = Running(MemoryStore(), tables)
    try:
        body = problem(running.http.post("/v1/designs", json=design), 422, "space")
        assert body["errors"][0]["message"] == "no generator ships for nasbench201"
        assert running.store.jobs()[0] == []
    finally:
        running.stop()
