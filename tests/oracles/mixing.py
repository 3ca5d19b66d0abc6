"""Context mixing in plain Python, as docs/mixing.md has it: slow, and bit for bit the native."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import numpy as np

MASK32, MASK64 = 2**32 - 1, 2**64 - 1
MATCHES, LEVELS = 2, 8
# The numbers of the contexts in each set, and how many sets of weights it has.
SELECTIONS = {
    "text": (tuple(range(17)), 6),
    "few": ((0, 1, 2, 3, 4, 7, 14), 4),
    "binary": ((0, 1, 2, 3, 4, 7, 10, 14, *range(17, 27)), 6),
}
REGIONAL = 0x701000A
HASHED = 4  # this set and those after it learn twice as fast
LIMIT = 3071
WORTH_MIXING = 2**16
LEAST_ERROR = 256
LENGTHS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 9, 9, 9, 10, 10, *[11] * 8, *[12] * 8, 13]
CERTAINTIES = (192, 640, 1500)
BYTES = tuple(bytes([byte]) for byte in range(256))


def clamp(x: int, low: int, high: int) -> int:
    return max(low, min(high, x))


def scramble(x: int) -> int:
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9 & MASK64
    return (x ^ (x >> 27)) * 0x94D049BB133111EB & MASK64


class Start:
    """The start values, unpacked from what the package ships."""

    def __init__(self, data: bytes, symbols: int, contexts: int, sets: int) -> None:
        self._data, self._at = data, 0
        rows = (symbols, 80, 256, 2048, 2048, 2048)[:sets]
        self.set_first = [sum(rows[:i]) for i in range(sets)]
        self.inputs = -(-(10 + 3 * contexts) // 16) * 16
        self.log2 = self._take("H", 4096)
        self.squash_table = self._take("H", 3072)
        self.next = self._rows("B", 256, 2)
        self.histories = self._rows("H", contexts + 1, 256)
        self.matches = self._rows("H", MATCHES, 128)
        self.corrections = [self._rows("h", 256, LEVELS) for _ in range(contexts)]
        self.weights = self._rows("h", sum(rows), self.inputs)
        self.final_weights = self._rows("h", symbols + 2048, sets)
        assert self._at == len(data)

    def _take(self, kind: str, count: int) -> list[int]:
        values = struct.unpack_from(f"<{count}{kind}", self._data, self._at)
        self._at += struct.calcsize(f"<{count}{kind}")
        return list(values)

    def _rows(self, kind: str, rows: int, columns: int) -> list[list[int]]:
        return [self._take(kind, columns) for _ in range(rows)]

    def logarithm(self, x: int) -> int:
        e = x.bit_length() - 1
        mantissa = x >> (e - 12) if e >= 12 else x << (12 - e)
        return (e << 16) + self.log2[mantissa - 4096]

    def ratio(self, a: int, b: int) -> int:
        return clamp(((self.logarithm(a) - self.logarithm(b)) * 177 + 32768) >> 16, -LIMIT, LIMIT)

    def squash(self, x: int) -> int:
        return self.squash_table[(clamp(x, -LIMIT - 1, LIMIT) + 3072) >> 1]

    def stretch(self, p: int) -> int:
        return self.ratio(2 * (p >> 4) + 1, 8191 - 2 * (p >> 4))


class Adaptive:
    def __init__(self, start: Start, probability: int) -> None:
        self.start, self.p, self.updates = start, probability << 6, 30

    def update(self, bit: int) -> None:
        target = 2**22 - 1 if bit else 0
        self.p += (target - self.p) * (655360 // (10 * self.updates + 16)) >> 16
        self.updates = min(self.updates + 1, 1023)

    def pair(self) -> tuple[int, int]:
        return self.start.stretch(self.p >> 6), (self.p - 2**21) >> 11


class Slots:
    """One context's slots: buckets of four, found by a check byte."""

    def __init__(self, bits: int, size: int) -> None:
        self.size = size  # bytes of a slot
        self.shift = 64 - (bits - 2 - (size.bit_length() - 1))
        self.buckets: dict[int, list[list[int]]] = defaultdict(
            lambda: [[0] * size for _ in range(4)]
        )

    def _place(self, context: int, half: int) -> tuple[int, int]:
        h = (context + half * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93 & MASK64
        return h >> self.shift, (h >> 24 & 255) or 1

    def find(self, context: int, half: int) -> list[int]:
        bucket, check = self._place(context, half)
        if bucket in self.buckets:
            for slot in self.buckets[bucket]:
                if slot[0] == check:
                    return slot
        return [0] * self.size

    def claim(self, context: int, half: int) -> list[int]:
        at, check = self._place(context, half)
        bucket = self.buckets[at]
        for slot in bucket:
            if slot[0] == check:
                return slot
        slot = min(bucket, key=lambda slot: slot[1])  # the first of equals
        slot[:] = [check] + [0] * (self.size - 1)
        return slot


def letter(byte: int) -> bool:
    return byte >= 128 or chr(byte).isalpha()


def byte_class(byte: int) -> int:
    if letter(byte):
        return 2 if 65 <= byte <= 90 else 1
    for group, number in ((b"0123456789", 3), (b" ", 4), (b"\n", 5), (b".,;:", 6)):
        if byte in group:
            return number
    if byte < 32:
        return 8
    for group, number in ((b"<>", 9), (b"\"'", 10), (b"()[]{}", 11)):
        if byte in group:
            return number
    return 7


class Match:
    def __init__(self) -> None:
        self.active, self.place, self.length, self.misses, self.expected = False, (0, 0), 0, 0, 0
        self.following = b""  # the bytes at the place, as many as a symbol may have

    def cell(self) -> int:
        return LENGTHS[min(self.length, 32)] * 8 + min(self.misses, 7)


class Lane:
    def __init__(self, region: int) -> None:
        self.region = region
        self.title, self.unfinished_title = 0, -1  # -1: not in a title
        self.bytes = self.classes = self.count = self.word = self.last_word = self.phase = 0
        self.word_before = self.first_word = self.opener = self.line = self.last_line = 0
        self.contexts: list[int] = []
        self.matches = [Match() for _ in range(MATCHES)]

    @property
    def salt(self) -> int:
        return (self.region + self.title) * 0x9E3779B97F4A7C15 & MASK64

    def advance(self, byte: int) -> None:
        self.count += 1
        self.bytes = (self.bytes << 8 | byte) & MASK64
        self.classes = (self.classes << 4 | byte_class(byte)) & MASK64
        if byte in b'([{<"=|':
            self.opener = ((self.last_word << 8) + byte) & MASK32
        if letter(byte):
            lower = byte + 32 if 65 <= byte <= 90 else byte
            self.word = (self.word + lower + 1) * 0x2F0B4C47 & MASK32
        elif self.word:
            self.word_before, self.last_word = self.last_word, self.word
            self.first_word, self.word = self.first_word or self.word, 0
        self._advance_title(byte)
        if byte == 10:
            self.last_line, self.line, self.first_word = self.line, self.count, 0

    def _advance_title(self, byte: int) -> None:
        if self.unfinished_title >= 0:
            self.unfinished_title = (self.unfinished_title + byte + 1) * 0x2F0B4C47 & MASK32
            if byte == ord("<"):
                self.title, self.unfinished_title = self.unfinished_title, -1
        if self.bytes.to_bytes(8, "big").endswith(b"<title>"):
            self.unfinished_title = 0


class Distances:
    """How often bytes of a region's lanes equal those at each distance before them."""

    def __init__(self) -> None:
        self.scores = [0] * 4096
        self.samples = self.skipped = 0
        self.near, self.far = 4, 64

    def take(self, before: Sequence[int], byte: int) -> None:
        """Learn from a byte and those before it, at most 4095, the last one first."""
        if not before or before[0] == byte:
            return
        if self.samples >= 256:
            self.skipped += 1
            if self.skipped < 16:
                return
        self.skipped = 0
        for distance, other in enumerate(before, 1):
            self.scores[distance] += other == byte
        self.samples += 1
        if self.samples % 32 == 0:
            self.near = self._best(range(2, 33), self.near)
            self.far = self._best(range(33, 4096), self.far)
        if self.samples == 2048:
            self.samples //= 2
            self.scores = [score // 2 for score in self.scores]

    def _best(self, distances: range, old: int) -> int:
        best = max(distances, key=self.scores.__getitem__)  # the first of equals
        return best if self.scores[best] > self.scores[old] * 9 // 8 else old


class Node:
    """One binary decision and what it was made of."""

    inputs: list[int]
    rows: list[int]
    outputs: list[int]
    final_rows: list[int]
    final_outputs: list[int]
    final_output: int
    level: int
    apm_cells: list[tuple[int, int, int]]
    probability: int


class Mixer:
    """The same interface as shazip.engines.mixing.Mixer."""

    def __init__(
        self,
        lanes: int,
        table_bits: int,
        history_bits: int,
        start: bytes,
        strings: Sequence[bytes] = BYTES,
        parse: Callable[[bytes], Sequence[int]] = list,
        contexts: str = "text",
    ) -> None:
        """`parse` cuts bytes into symbols; of 256 symbols each is a byte."""
        self.numbers, sets = SELECTIONS[contexts]
        self.structure = contexts == "binary"
        self.distances = [Distances() for _ in range(8)]
        self.count = len(self.numbers)
        self.strings, self.parse = strings, parse
        self.symbols = len(strings)
        self.bits = self.symbols.bit_length() - 1
        self.half_bits = self.bits // 2, self.bits - self.bits // 2
        s = self.start = Start(start, self.symbols, self.count, sets)
        self.histories = [[Adaptive(s, p) for p in row] for row in s.histories]
        self.match_cells = [[Adaptive(s, p) for p in row] for row in s.matches]
        self.corrections = [[[256 * c for c in row] for row in rows] for rows in s.corrections]
        limit = 4 * 2**20 - 512
        self.weights = [[clamp(w * 256, -limit, limit) for w in row] for row in s.weights]
        self.final_weights = [[w * 16 for w in row] for row in s.final_weights]
        self.apms: dict[tuple[int, int, int], int] = {}
        self.slots = [Slots(table_bits - 4, 1 << self.half_bits[1]) for _ in range(self.count)]
        self.order_zero = [0] * self.symbols
        self.ring_bits = max(1, history_bits - (lanes - 1).bit_length())
        self.rings = [[0] * 2**self.ring_bits for _ in range(lanes)]
        self.last_seen: list[dict[int, tuple[int, int]]] = [{}, {}]
        self.match_shift = 64 - (history_bits - 2)
        shift = max((lanes - 1).bit_length() - 3, 0)
        self.lanes = [Lane(i >> shift) for i in range(lanes)]
        for i in range(lanes):
            self._set_contexts(i)
        self.freqs: list[list[int]] = []
        self.seen = 0
        self.certain = {
            state for bit in (0, 1) for state in accumulate([bit] * 99, self._after, initial=0)
        } - {0}

    def first(self, freqs: np.ndarray) -> np.ndarray:
        self.freqs = [[int(f) for f in row] for row in freqs]
        rows = [self._mix_half(i, 1, self.half_bits[0]) for i in range(len(self.freqs))]
        return np.array(rows, np.uint32).reshape(len(rows), -1)

    def second(self, firsts: np.ndarray) -> np.ndarray:
        roots = [(1 << self.half_bits[0]) + int(first) for first in firsts]
        rows = [self._mix_half(i, root, self.half_bits[1]) for i, root in enumerate(roots)]
        return np.array(rows, np.uint32).reshape(len(rows), -1)

    def update(self, column: np.ndarray) -> None:
        symbols = [int(symbol) for symbol in column]
        lessons = [self._lessons(i, symbol) for i, symbol in enumerate(symbols)]
        for lane_lessons in lessons:
            for node, bit in lane_lessons.values():
                self._train(node, bit, rates(len(symbols), self.seen))
        self.seen += len(symbols)
        for i, symbol in enumerate(symbols):
            self._remember(self.lanes[i], symbol, lessons[i])
        for i, symbol in enumerate(symbols):
            self._judge_matches(self.lanes[i], symbol)
        for i, symbol in enumerate(symbols):
            self._take_string(i, self.strings[symbol])
        for i, symbol in enumerate(symbols):
            self._match(i, self.strings[symbol])
            self._set_contexts(i)

    def _after(self, state: int, bit: int) -> int:
        return self.start.next[state][bit]

    @staticmethod
    def _salted(k: int, value: int, lane: Lane) -> int:
        salt = lane.salt if REGIONAL >> k & 1 else 0
        return value + salt + (k + 1) * 0xD6E8FEB86659FD93

    # Prediction

    def _sums(self, lane: int) -> list[int]:
        sums = [0] * self.symbols + self.freqs[lane]
        for node in range(self.symbols - 1, 0, -1):
            sums[node] = sums[2 * node] + sums[2 * node + 1]
        return sums

    def _mix_half(self, lane: int, root: int, bits: int) -> list[int]:
        sums = self._sums(lane)
        mass = {root: 2**24}
        for level in range(bits):
            leaves = 1 << bits - level
            for node in range(root << level, (root + 1) << level):
                if node not in mass:
                    continue
                if mass[node] < WORTH_MIXING:
                    self._keep_proportions(node, leaves, sums, mass)
                    continue
                p = self._predict(lane, node, sums).probability
                mass[2 * node + 1] = leaves // 2 + ((mass[node] - leaves) * p >> 16)
                mass[2 * node] = mass[node] - mass[2 * node + 1]
        return [mass[leaf] for leaf in range(root << bits, (root + 1) << bits)]

    @staticmethod
    def _keep_proportions(node: int, leaves: int, sums: list[int], mass: dict[int, int]) -> None:
        first = node * leaves
        scale = ((mass[node] - leaves) << 36) // sums[node]
        for leaf in range(first, first + leaves):
            mass[leaf] = 1 + (sums[leaf] * scale >> 36)
        mass[first] += mass[node] - sum(mass[leaf] for leaf in range(first, first + leaves))

    def _predict(self, lane_index: int, n: int, sums: list[int]) -> Node:
        start, lane, depth = self.start, self.lanes[lane_index], n.bit_length() - 1
        previous = lane.bytes & 255
        node = Node()
        node.apm_cells = []
        network = start.ratio(sums[2 * n + 1], sums[2 * n])
        refined = self._refine(0, n, network, node)
        node.inputs = [256, network, (start.squash(network) - 32768) >> 5, start.stretch(refined)]
        strength = self._add_match_inputs(lane, n, depth, node)
        certainty = sum(abs(network) >= bound for bound in CERTAINTIES)
        node.level = 4 + certainty if network >= 0 else 3 - certainty
        known = self._add_history_inputs(lane, n, depth, node)
        choices = (
            n,
            strength * 8 + known,
            previous,
            (lane.classes & 255) * 8 + 8 * depth // self.bits,
            ((lane.phase if self.structure else lane.first_word) * 0x9E3779B1 & MASK32) >> 21,
            ((lane.classes & 0xFFFF) * 0x9E3779B1 & MASK32) >> 21,
        )
        node.rows = [first + choice for first, choice in zip(start.set_first, choices)]  # noqa: B905
        order_two = scramble(lane.bytes & 0xFFFF) >> 20 & MASK32
        node.final_rows = [n, self.symbols + order_two % 2048]
        self._mix_node(node)
        row = (order_two ^ (n * 0x9E3779B1 & MASK32) >> 9) & 0xFFFF
        mixed = start.squash(node.final_output)
        order_one = (previous << 16 | n) * 0x9E3779B1 >> 16 & 0xFFFF
        if self.symbols == 256:
            order_one = previous << 8 | n
        one = self._refine(1, order_one, node.final_output, node)
        two = self._refine(2, row, node.final_output, node)
        node.probability = clamp((mixed * 6 + one * 5 + two * 5) >> 4, 1, 65535)
        return node

    def _apm(self, cell: tuple[int, int, int]) -> int:
        return self.apms.get(cell, self.start.squash(256 * (cell[2] - 12)))

    def _refine(self, which: int, row: int, stretched: int, node: Node) -> int:
        bucket, part = divmod(stretched + 3072, 256)
        node.apm_cells.append((which, row, bucket + (part >= 128)))
        low, high = self._apm((which, row, bucket)), self._apm((which, row, bucket + 1))
        return (low * (256 - part) + high * part) >> 8

    def _add_match_inputs(self, lane: Lane, n: int, depth: int, node: Node) -> int:
        strength = 0
        for i, match in enumerate(lane.matches):
            expected = match.expected | self.symbols
            if not match.active or expected >> (self.bits - depth) != n:
                node.inputs += [0, 0]
                continue
            sign = 1 if expected >> (self.bits - 1 - depth) & 1 else -1
            stretched, confidence = self.match_cells[i][match.cell()].pair()
            node.inputs += [sign * stretched, sign * confidence]
            if i == 0:
                strength = 1 + LENGTHS[min(match.length, 32)] // 2
            elif strength == 0:
                strength = 9 if match.length >= 8 else 8
        return strength

    def _add_history_inputs(self, lane: Lane, n: int, depth: int, node: Node) -> int:
        states = [self._slot(i, lane, n, depth)[self._in_half(n, depth)] for i in range(self.count)]
        for i in (self.count, *range(self.count)):  # order 0 comes first
            state = states[i] if i < self.count else self.order_zero[n]
            stretched, confidence = self.histories[i][state].pair() if state else (0, 0)
            if i < self.count:
                confidence = self.corrections[i][state][node.level] >> 8
            node.inputs += stretched, confidence
        node.inputs += [
            self.histories[i][s].pair()[0] if s in self.certain else 0 for i, s in enumerate(states)
        ]
        node.inputs += [0] * (self.start.inputs - len(node.inputs))
        return sum(state != 0 for state in states[:6])

    def _slot(self, i: int, lane: Lane, n: int, depth: int) -> list[int]:
        below = depth - self.half_bits[0]
        half = 0 if below < 0 else 1 + (n >> below) - (1 << self.half_bits[0])
        return self.slots[i].find(lane.contexts[i], half)

    def _in_half(self, n: int, depth: int) -> int:
        below = depth - self.half_bits[0]
        return n if below < 0 else 1 << below | n & ((1 << below) - 1)

    def _mix_node(self, node: Node) -> None:
        node.outputs = []
        for row in node.rows:
            total = sum(
                (w + 256 >> 9) * x for w, x in zip(self.weights[row], node.inputs, strict=True)
            )
            node.outputs.append(clamp(total >> 11, -LIMIT, LIMIT))
        node.final_outputs = []
        for row in node.final_rows:
            total = sum(w * x for w, x in zip(self.final_weights[row], node.outputs, strict=True))
            node.final_outputs.append(clamp(total >> 16, -LIMIT, LIMIT))
        node.final_output = sum(node.final_outputs) >> 1

    # Learning

    def _lessons(self, lane: int, symbol: int) -> dict[int, tuple[Node, int]]:
        """Return by depth the mixed nodes on the symbol's way that missed its bit, and the bit."""
        sums, mass, lessons = self._sums(lane), 2**24, {}
        for depth, n, bit in self._way(symbol):
            if depth == self.half_bits[0]:
                mass = 2**24
            if mass < WORTH_MIXING:
                continue
            node = self._predict(lane, n, sums)
            if abs((bit << 16) - node.probability) >= LEAST_ERROR:
                lessons[depth] = node, bit
            end = self.half_bits[0] if depth < self.half_bits[0] else self.bits
            half = 1 << end - depth - 1
            one = half + ((mass - 2 * half) * node.probability >> 16)
            mass = one if bit else mass - one
        return lessons

    def _way(self, symbol: int) -> Iterator[tuple[int, int, int]]:
        """Yield depth, node and bit from the root to a symbol."""
        for depth in range(self.bits):
            node = (symbol | self.symbols) >> (self.bits - depth)
            yield depth, node, symbol >> (self.bits - 1 - depth) & 1

    def _train(self, node: Node, bit: int, rates: tuple[int, int, int]) -> None:
        rate, hashed_rate, final_rate = rates
        for number, (row, output) in enumerate(zip(node.rows, node.outputs, strict=True)):
            own_rate = hashed_rate if number >= HASHED else rate
            error = ((bit << 16) - self.start.squash(output)) * own_rate + 8192 >> 14
            limit = 4 * 2**20 - 512
            self.weights[row] = [
                clamp(w + (x * error + 128 >> 8), -limit, limit)
                for w, x in zip(self.weights[row], node.inputs, strict=True)
            ]
        for row, output in zip(node.final_rows, node.final_outputs, strict=True):
            error = ((bit << 16) - self.start.squash(output)) * final_rate + 8192 >> 14
            self.final_weights[row] = [
                clamp(w + (x * error + 2048 >> 12), -(2**19), 2**19)
                for w, x in zip(self.final_weights[row], node.outputs, strict=True)
            ]
        for cell in node.apm_cells:
            p = self._apm(cell)
            self.apms[cell] = p + ((65535 * bit - p) >> 6)

    def _step(self, row: int, state: int, bit: int) -> int:
        if state:
            self.histories[row][state].update(bit)
        return self.start.next[state][bit]

    def _correct(self, row: list[int], node: Node, bit: int) -> None:
        value = row[node.level]
        error = (bit << 16) - self.start.squash(node.inputs[1] + (value >> 8))
        row[node.level] = clamp(value + (error * 60 + 128 >> 8), -2047 * 256, 2047 * 256)

    def _remember(self, lane: Lane, symbol: int, lessons: dict[int, tuple[Node, int]]) -> None:
        for _, n, bit in self._way(symbol):
            self.order_zero[n] = self._step(self.count, self.order_zero[n], bit)
        first = symbol >> self.half_bits[1]
        for i in range(self.count):
            for depth, n, bit in self._way(symbol):
                if depth in (0, self.half_bits[0]):
                    slot = self.slots[i].claim(lane.contexts[i], 1 + first if depth else 0)
                at = self._in_half(n, depth)
                if depth in lessons and slot[at]:
                    self._correct(self.corrections[i][slot[at]], *lessons[depth])
                slot[at] = self._step(i, slot[at], bit)

    def _judge_matches(self, lane: Lane, symbol: int) -> None:
        for i, match in enumerate(lane.matches):
            if not match.active:
                continue
            for bit in range(self.bits - 1, -1, -1):
                hit = match.expected >> bit == symbol >> bit
                self.match_cells[i][match.cell()].update(hit)
                if not hit:
                    break

    # History

    def _ring(self, lane: int, count: int) -> int:
        return self.rings[lane][count % 2**self.ring_bits]

    def _take_string(self, i: int, string: bytes) -> None:
        lane = self.lanes[i]
        for byte in string:
            if self.structure:
                self.distances[lane.region].take(self._before(i), byte)
            self.rings[i][lane.count % 2**self.ring_bits] = byte
            lane.advance(byte)

    def _before(self, i: int) -> list[int]:
        """Return the lane's last bytes, at most 4095, the last one first."""
        count = self.lanes[i].count
        most = min(4095, count, 2**self.ring_bits - 1)
        return [self._ring(i, count - back) for back in range(1, most + 1)]

    def _known(self, place: tuple[int, int]) -> int:
        """Return how many bytes lie between a place and where its lane writes next."""
        return (self.lanes[place[0]].count - place[1]) % 2**self.ring_bits

    def _match(self, i: int, string: bytes) -> None:
        lane = self.lanes[i]
        for which, minimum in enumerate((12, 5)):
            match = lane.matches[which]
            if match.active:
                self._follow(match, string)
            if lane.count >= minimum:
                self._look_up(which, minimum, i, match)
            if match.active:
                at, count = match.place[1], min(16, self._known(match.place))
                match.following = bytes(self._ring(match.place[0], at + k) for k in range(count))
                match.expected = self.parse(match.following)[0]

    def _follow(self, match: Match, string: bytes) -> None:
        size = len(string)
        if match.following[:size] == string[: len(match.following)]:
            match.length = min(match.length + size, 65535)
            if match.length >= 16:
                match.misses = 0
        else:
            match.length, match.misses = 0, match.misses + 1
        match.place = (match.place[0], (match.place[1] + size) % 2**self.ring_bits)
        match.active = match.misses <= 8 and self._known(match.place) > 0

    def _look_up(self, which: int, minimum: int, i: int, match: Match) -> None:
        lane = self.lanes[i]
        h = lane.salt if which == 1 else 0
        for back in range(1, minimum + 1):
            h = (h + self._ring(i, lane.count - back) + 1) * 0x9E3779B97F4A7C15 & MASK64
        key = scramble(h) >> self.match_shift
        seen = self.last_seen[which].get(key)
        if seen and (not match.active or match.length < 8) and self._known(seen) > 0:
            length = 0
            limit = min(32, lane.count, 2**self.ring_bits - 1)
            while length < limit and self._ring(seen[0], seen[1] - length - 1) == self._ring(
                i, lane.count - length - 1
            ):
                length += 1
            if length >= minimum:
                match.active, match.place, match.length, match.misses = True, seen, length, 0
        self.last_seen[which][key] = (i, lane.count % 2**self.ring_bits)

    def _set_contexts(self, i: int) -> None:
        lane = self.lanes[i]
        s = lane.bytes
        one = s & 255
        at = lane.last_line + lane.count - lane.line
        above = self._ring(i, at) if at < lane.line and lane.count - at < 2**self.ring_bits else 0
        column = min(lane.count - lane.line, 255)
        word_value = lane.word << 1 if lane.word else lane.last_word << 9 | one << 1 | 1
        values = [
            *(s & (256**order - 1) for order in (1, 2, 3, 4, 6, 7)),
            (lane.word << 32) + lane.first_word + one * 0x10001,
            word_value,
            (lane.word << 32) + lane.last_word + one * 0x10001,
            (lane.word << 32) + lane.word_before + one * 0x10001,
            s >> 16 & 0xFFFF,
            above << 8 | one | column << 16,
            s & 0xF0F0F0F0F0F0,
            lane.opener << 8 | one,
            lane.classes & MASK32,
            lane.classes & 0xFFFFFFFFFFFF,
            word_value,
            *self._structure_values(i),
        ]
        lane.contexts = [
            scramble(self._salted(k, values[k], lane) & MASK64) >> 32 for k in self.numbers
        ]

    def _structure_values(self, i: int) -> tuple[int, ...]:
        lane = self.lanes[i]
        distances = self.distances[lane.region]
        s, near, far = lane.bytes, distances.near, distances.far
        lane.phase = lane.count % near

        def at(back: int) -> int:
            known = back <= lane.count and back < 2**self.ring_bits
            return self._ring(i, lane.count - back) if known else 0

        one, before, above = s & 255, at(near), at(far)
        return (
            s >> 8 & 0xFFFF,
            s & 0xFF00FF00,
            s >> 24 & 0xFFFF,
            above | one << 8,
            above | at(2 * far) << 8,
            before | at(2 * near) << 8,
            before + above - at(near + far) & 255,
            lane.phase | one << 8,
            lane.phase | before << 8,
            one | lane.count % far << 8,
        )


def rates(live: int, seen: int) -> tuple[int, int, int]:
    """Of the weights, of the hashed sets' weights and of the final weights."""
    base = 400 + (600 << 15) // ((1 << 15) + seen)
    return base * 32 // (32 + live), 2 * base * 32 // (32 + live), 200 * 32 // (32 + live)
