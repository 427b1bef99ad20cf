"""A space small enough to enumerate in the head: three free choices and one forbidden combination."""

import numpy as np

from spaces.space import Bools, Codes, Floats, Graph, InvalidArchitecture, Slot, Space, Variable


class ToySpace(Space):
    """27 strings of three letters a, b, c in a chain; "ccc" is forbidden, so 26 members."""

    name = "toy"
    title = "Toy"
    description = "three letters"
    variables = tuple(Variable(f"letter{i}", ("a", "b", "c")) for i in range(3))
    operations = ("input", "a", "b", "c", "output")
    slots = tuple(Slot(f"letter{i}", 3, node=i + 1) for i in range(3))
    skeleton = np.eye(5, k=1, dtype=bool)
    size = 26
    tasks = ("t",)
    devices = ()
    metrics = ("accuracy", "params_m")
    statistics_names = ("params_m",)
    example = "aaa"

    def parse(self, text: str) -> Codes:
        if len(text) != 3 or set(text) - set("abc"):
            raise InvalidArchitecture("not three letters")
        codes = np.array(["abc".index(letter) for letter in text], dtype=np.int8)
        if reason := self.reason(codes):
            raise InvalidArchitecture(reason)
        return codes

    def format(self, codes: Codes) -> list[str]:
        return ["".join("abc"[letter] for letter in row) for row in codes]

    def reason(self, codes: Codes) -> str | None:
        return "ccc is forbidden" if (codes == 2).all() else None

    def canonical(self, codes: Codes) -> Codes:
        return codes

    def enumerate(self) -> Codes:
        return np.array(list(np.ndindex(3, 3, 3)), dtype=np.int8)[:-1]

    def sample(self, count: int, rng: np.random.Generator) -> Codes:
        return self.enumerate()[rng.integers(26, size=count)]

    def neighbours(self, codes: Codes) -> Codes:
        everyone = self.enumerate()
        return everyone[(everyone != codes).sum(axis=1) == 1]

    def graph(self, codes: Codes) -> Graph:
        ends = np.zeros((len(codes), 1), dtype=np.int64)
        operations = np.concatenate([ends, codes.astype(np.int64) + 1, ends + 4], axis=1)
        return Graph(operations, np.broadcast_to(self.skeleton, (len(codes), 5, 5)))

    def isomorphism_key(self, codes: Codes) -> str:
        return self.format(codes[None])[0]

    def slot_values(self, codes: Codes) -> Codes:
        return codes

    def from_slots(self, values: Codes) -> tuple[Codes, Bools]:
        valid = ~(values == 2).all(axis=1)
        return np.where(valid[:, None], values, np.zeros(3, dtype=np.int8)).astype(np.int8), valid

    def statistics(self, codes: Codes, task: str | None = None) -> dict[str, Floats]:
        return {"params_m": 1.0 + codes.astype(np.float64).sum(axis=1)}
