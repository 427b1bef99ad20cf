"""Which messages name a job, and what Celery is handed for it."""

import base64
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.reliability.messages import envelope, malformed
from store.database.ids import new_id
from workers.messages import Malformed, job_of_message, message_of
from workers.queue import QUEUE, TASK

JOB = new_id(1.7e9)


def body(content):
    return json.dumps(content).encode()


def test_what_is_handed_on_names_the_same_job_and_asks_for_nothing_else():
    sent = envelope(
        body([[JOB], {}, {"callbacks": [{"task": "x"}]}]), eta="9999-01-01", retries=7, expires="never"
    )
    assert job_of_message(sent, TASK) == JOB
    made = message_of(JOB, TASK, QUEUE)
    assert job_of_message(made, TASK) == JOB
    assert set(made["headers"]) == {"lang", "task", "id", "root_id", "argsrepr"}
    after = json.loads(base64.b64decode(made["body"]))[2]
    assert set(after.values()) == {None}


def test_a_body_that_is_not_encoded_is_read_too():
    sent = envelope()
    sent["properties"].pop("body_encoding")
    sent["body"] = json.dumps([[JOB], {}, {}])
    assert job_of_message(sent, TASK) == JOB


@pytest.mark.parametrize("raw", malformed(2, 100, "/nowhere/canary"), ids=range(100))
def test_whatever_comes_is_a_jobs_id_or_malformed(raw):
    try:
        message = json.loads(raw)
    except (ValueError, RecursionError):
        return
    try:
        assert len(job_of_message(message, TASK)) == 36
    except Malformed as refused:
        assert str(refused)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(envelope(), JSON)), JSON, JSON)
def test_no_json_breaks_the_reader(message, headers, properties):
    for sent in (message, envelope() | message, {**envelope(), "headers": headers, "properties": properties}):
        with suppress(Malformed):
            job_of_message(sent, TASK)
