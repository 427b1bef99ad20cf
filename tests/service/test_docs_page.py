"""The page for reading works without any other server."""

import re


def test_the_page_loads_nothing_from_elsewhere(server):
    page = server.http.get("/docs")
    assert page.status_code == 200 and "swagger" in page.text.lower()
    assert "//" not in page.text.replace("<!DOCTYPE html>", "").replace("// ", "")
    found = re.findall(r'(?:href|src)="([^"]+)"', page.text)
    assert len(found) == 3
    for path in found:
        answer = server.http.get(path)
        assert answer.status_code == 200 and len(answer.content) > 1000
    assert server.http.get("/docs/assets/../../pyproject.toml").status_code == 404
    assert server.http.get("/docs/assets/%2e%2e/__init__.py").status_code == 404
    assert server.http.get("/").headers["location"] == "/docs"
