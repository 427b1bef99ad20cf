"""A client that asks for much at once does not keep the others waiting for all of it."""

import asyncio
import itertools

from service.turns import BEGUN_A_TURN, Turns


def order_of(requests):
    """In which order requests of clients begin, turn by turn."""
    begun: list[str] = []
    sizes: list[int] = []

    async def ask():
        turns = Turns()
        for client in requests:
            turns.begin(client, lambda client=client: begun.append(client))
        while len(begun) < len(requests):
            sizes.append(len(begun))
            await asyncio.sleep(0)

    asyncio.run(ask())
    return begun, sizes


def test_few_requests_begin_at_once():
    assert order_of("abc") == (["a", "b", "c"], [])


def test_a_turn_has_room_for_few_and_all_get_theirs():
    begun, sizes = order_of("a" * 100)
    assert begun == ["a"] * 100
    assert max(later - earlier for earlier, later in itertools.pairwise(sizes)) <= BEGUN_A_TURN


def test_clients_take_turns():
    begun, _ = order_of("a" * 100 + "b" + "c" * 3)
    first = BEGUN_A_TURN
    assert begun[first : first + 8] == ["a", "b", "c", "a", "c", "a", "c", "a"]


def test_it_begins_again_after_a_rest():
    async def ask():
        turns, begun = Turns(), []
        for _ in range(3):
            for number in range(20):
                turns.begin("a", lambda number=number: begun.append(number))
            for _ in range(10):
                await asyncio.sleep(0)
        return begun

    assert asyncio.run(ask()) == [*range(20)] * 3
