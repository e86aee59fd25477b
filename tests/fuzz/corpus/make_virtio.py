"""Writes the seeds of fuzz_virtio: rings as a driver in its right mind fills them."""

import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
PACKED, EVENT, MERGEABLE, VERSION_1, CHECKSUM, TSO, FILLS = (1 << n for n in range(7))
HIGH = 65536


def write(at, data=b""):
    return struct.pack("<HB", at, len(data)) + data


def turn(*writes):
    """Four writes, then a burst."""
    return b"".join(writes) + write(0) * (4 - len(writes))


def descriptor(address, length, flags, following=0):
    return struct.pack("<QIHH", address, length, flags, following)


def packed(address, length, number, flags):
    return struct.pack("<QIHH", address, length, number, flags)


def seed(features, size, base, *turns):
    return struct.pack("<BBHH", features, size, base, 1000) + b"".join(turns)


def available(index, *heads):
    return struct.pack("<HH", 0, index) + b"".join(struct.pack("<H", head) for head in heads)


SEEDS = {
    "split_receive": seed(FILLS | VERSION_1, 3, 0, turn(
        write(0, descriptor(HIGH, 12, 1, 1) + descriptor(HIGH + 64, 100, 0)), write(4096, available(1, 0))),
        turn(write(4096, available(2, 0, 0)))),
    "split_indirect": seed(FILLS | VERSION_1 | EVENT, 3, 0, turn(
        write(0, descriptor(6144, 32, 4)), write(6144, descriptor(HIGH, 12, 1, 1) + descriptor(HIGH + 64, 100, 0)),
        write(4096, available(1, 0)))),
    "split_send": seed(MERGEABLE | VERSION_1 | CHECKSUM, 2, 0, turn(
        write(0, b"".join(descriptor(HIGH + 1000 * i, 1000, 2) for i in range(4))),
        write(4096, available(4, 0, 1, 2, 3)))),
    "packed_receive": seed(FILLS | PACKED | VERSION_1, 4, 0x8000, turn(
        write(0, packed(HIGH, 12, 0, 0x81) + packed(HIGH + 64, 100, 3, 0x80))),
        turn(write(32, packed(HIGH, 50, 1, 0x80)))),
    "packed_indirect": seed(FILLS | PACKED | EVENT, 4, 0x8000, turn(
        write(0, packed(6144, 32, 0, 0x84)), write(6144, packed(HIGH, 12, 0, 0) + packed(HIGH + 64, 100, 0, 0)))),
    "packed_send": seed(PACKED | MERGEABLE | CHECKSUM | TSO, 4, 0x8000, turn(
        write(0, b"".join(packed(HIGH + 1000 * i, 1000, i, 0x82) for i in range(4))))),
}

folder = os.path.join(HERE, "virtio")
os.makedirs(folder, exist_ok=True)
for name, data in SEEDS.items():
    with open(os.path.join(folder, name), "wb") as out:
        out.write(data)
