"""Stations that move between ports, but seldom enough that weft never holds one: it does at more than 5 moves of an
address within one second of its clock. Only the waiting depends on time, the sequence does not.
"""

import time

MOVES, SECONDS = 4, 1.2
STAYS = 0.6  # how often the next frame of a port comes from a station seen there last


class Stations:
    def __init__(self, chance, addresses):
        self.chance, self.addresses = chance, addresses
        self.port, self.moves = {}, {}

    def choose(self, port):
        """The source of the next frame at a port."""
        here = [address for address in self.addresses if self.port.get(address) == port]
        return self.chance.choice(here if here and self.chance.random() < STAYS else self.addresses)

    def appear(self, address, port):
        """Waits until the address may be seen or entered at the port."""
        if self.port.get(address) == port:
            return
        recent = self.moves.get(address, [])[-MOVES:]
        if len(recent) == MOVES:
            time.sleep(max(0, recent[0] + SECONDS - time.monotonic()))
        self.port[address], self.moves[address] = port, recent + [time.monotonic()]
