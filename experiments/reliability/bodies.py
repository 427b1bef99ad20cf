"""Bodies and texts that are hard to parse, of a given size."""

import time
from collections.abc import Callable

from experiments.reliability.target import Answers, Target, call

MEGABYTE = 2**20
MOST = 16 * MEGABYTE
"""Of a JSON body, as the service admits it."""

Text = Callable[[int], str]


def repeated(before: str, unit: str, after: str = "", between: str = "") -> Text:
    """Texts of a unit again and again, of at most so many characters."""
    pair = len(unit) + len(between)

    def text(size: int) -> str:
        count = max(1, (size - len(before) - len(after) + len(between)) // pair)
        return f"{before}{between.join([unit] * count)}{after}"

    return text


def nested(opening: str, middle: str, closing: str, most: int) -> Text:
    """Texts of brackets in brackets, closed again."""

    def text(size: int) -> str:
        count = min(most, (size - len(middle)) // (len(opening) + len(closing)))
        return opening * count + middle + closing * count

    return text


def numbered(before: str, unit: str, after: str, between: str) -> Text:
    """Texts of units with a number in each, so that no two are the same."""

    def text(size: int) -> str:
        count = (size - len(before) - len(after)) // (len(unit) + len(between) + 4)
        return before + between.join([unit.replace("#", str(index)) for index in range(count)]) + after

    return text


def list_under_nesting(size: int) -> str:
    """A long list below 900 objects: every entry's path has 900 parts."""
    return '{"a":' * 900 + repeated("[", "1", "]", ",")(size - 5400) + "}" * 900


JSON_BODIES: dict[str, Text] = {
    "NaN": repeated('{"a":[', "NaN", "]}", ","),
    "-0": repeated('{"a":[', "-0", "]}", ","),
    "1e999": repeated('{"a":[', "1e999", "]}", ","),
    "ones": repeated("[", "1", "]", ","),
    "lists": repeated("[", "[]", "]", ","),
    "objects": repeated("[", "{}", "]", ","),
    "members": repeated("[", '{"a":""}', "]", ","),
    "open brackets": repeated("", "["),
    "nested lists": nested("[", "", "]", 10**9),
    "nested objects": nested('{"a":', "1", "}", 10**9),
    "long nested list": list_under_nesting,
    "names": numbered("{", '"#":0', "}", ","),
    "empty strings": repeated("[", '""', "]", ","),
    "strings": repeated("[", '"ab"', "]", ","),
    "escaped strings": repeated("[", '"\\u0431"', "]", ","),
    "one string": repeated('["', "x", '"]'),
    "one string of escapes": repeated('["', "\\n", '"]'),
    "one string of NUL": repeated('["', "\\u0000", '"]'),
    "surrogates": repeated("[", '"\\ud800"', "]", ","),
    "backslashes": repeated('["', "\\\\"),
    "digits": repeated("[", "1", "]"),
    "numbers of 299 digits": repeated("[", "1" * 299, "]", ","),
    "spaces": repeated("[", " ", "]"),
    "open string": repeated('["', "x"),
    "architectures": repeated(
        '{"space":"nasbench201","metrics":[{"metric":"params_m"}],"architectures":[', '"|x~0|"', "]}", ","
    ),
    "variables": repeated(
        '{"space":"mnasnet","metrics":[{"metric":"params_m"}],"architectures":[',
        "{" + ",".join(f'"block{block}_{part}":6' for block in range(7) for part in "ekls") + "}",
        "]}",
        ",",
    ),
    "wrong entries": repeated('{"space":"nasbench201","metrics":[', '{"metric":1}', "]}", ","),
}
"""JSON, or nearly, by what it is made of."""

DECLARATIONS: dict[str, Text] = {
    "spaces in a header": repeated("x = '''\n[", " ", "\n'''\n"),
    "spaces in a key": repeated("x = '''\na", " ", "b\n'''\n"),
    "dotted key": repeated("", "a", " = 1", "."),
    "spaced dotted key": repeated("", "a", " = 1", " . "),
    "quoted dotted key": repeated("", '"a"', " = 1", "."),
    "dotted keys": numbered("", "a." * 60 + "k# = 1", "", "\n"),
    "dotted header": repeated("[", "a", "]", "."),
    "dotted inline keys": numbered("a = {", "b." * 60 + "k#=1", "}", ","),
    "keys of three parts": numbered("", "a.b#.c=1", "", "\n"),
    "keys": numbered("", "k#=1", "", "\n"),
    "tables": numbered("", "[k#]", "", "\n"),
    "lists of tables": repeated("", "[[a]]\n"),
    "lists of tables in tables": repeated("", "[[a]]\n[[a.b]]\n[[a.b.c]]\n"),
    "list": repeated("a=[", "1", "]", ","),
    "lists in a list": repeated("a=[", "[]", "]", ","),
    "inline tables": repeated("a=[", "{a=1}", "]", ","),
    "nested lists in TOML": nested("[", "", "]", 10**9),
    "nested inline tables": nested("{a=", "1", "}", 10**9),
    "digits in TOML": repeated("a=", "1"),
    "underscores": repeated("a=", "1_"),
    "fraction": repeated("a=1.", "1"),
    "date": repeated("a=1979-05-27T07:32:00.", "9"),
    "escapes": repeated('a="', "\\u0041", '"'),
    "lines in a string": repeated('a="""', "\\\n", '"""'),
    "open string in TOML": repeated('a="""', '"x'),
    "open strings": repeated("", '"""\\"""'),
    "comments": repeated("", "#\n"),
    "lines": repeated("", "\n"),
    "lines in a list": repeated("a=[", "\n", "]"),
    "spaces in TOML": repeated("", " "),
    "long list under nested objects": list_under_nesting,
    "equal names": numbered('{"name":0,', '"k#":1', ',"name":1}', ","),
}
"""TOML, JSON or nearly, as ``POST /v1/spaces`` takes it."""


def send_bodies(
    target: Target, body: str, path: str = "/v1/predict", size: int = MOST, seconds: float = 10.0
) -> Answers:
    """Posts one of :data:`JSON_BODIES` again and again."""
    content = JSON_BODIES[body](size).encode()
    answers, deadline = Answers(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        answers.note(call(target, "POST", path, content)[0])
    return answers


def send_declarations(target: Target, text: str, size: int = 100_000, seconds: float = 5.0) -> Answers:
    """Declares one of :data:`DECLARATIONS` as a space again and again."""
    body = {"toml": DECLARATIONS[text](size)}
    answers, deadline = Answers(), time.monotonic() + seconds
    while time.monotonic() < deadline:
        answers.note(call(target, "POST", "/v1/spaces", body)[0])
    return answers
