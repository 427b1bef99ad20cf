"""Slow studies keep to one process, so that killing it costs no other study."""

import pytest

from service.children.suggest_pool import Seen, SuggestPool


@pytest.fixture
def pool():
    made = SuggestPool(2, memory_bytes=1 << 30, kept_bytes=1 << 30)
    yield made
    made.close()


def served(pool, study, *, slow=False):
    """The process that serves a study, which it then knows."""
    with pool.taken(study, slow=slow) as process:
        process.seen.put(study, Seen({}))
        return process.pid


def test_slow_studies_take_the_process_that_slow_studies_had(pool):
    with pool.taken("first"):
        slow = served(pool, "slow", slow=True)
    others = [served(pool, "other") for _ in range(2)]
    assert slow not in others and len(set(others)) == 1
    assert served(pool, "slow too", slow=True) == slow, "not the one that rests longest"
    assert served(pool, "third") == others[0]
    assert served(pool, "slow") == slow


def test_a_process_that_was_killed_is_replaced_and_the_other_stays(pool):
    quick = served(pool, "quick")
    with pytest.raises(Exception, match="ask again"), pool.taken("slow", slow=True) as process:
        slow = process.pid
        process._process.kill()
        process.ask({"suggest": "slow", "pending": [], "count": 1})
    assert slow != quick
    assert served(pool, "slow", slow=True) not in (slow, quick)
    assert served(pool, "quick") == quick
