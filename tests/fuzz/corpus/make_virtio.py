"""Writes the seeds of fuzz_virtio and fuzz_vhost: what a driver and a front end in their right mind say."""

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



def message(request, payload, descriptor_too=False):
    return bytes([request, len(payload) | (128 if descriptor_too else 0)]) + payload


def ring_state(index, number):
    return struct.pack("<II", index, number)


VIRTUALLY = 0x7000_0000_0000
STOP = b"".join(message(11, ring_state(ring, 0)) for ring in (0, 1))
SET_UP = {ring: message(8, ring_state(ring, 16)) + message(10, ring_state(ring, 0)) + message(9, struct.pack(
    "<IIQQQQ", ring, 0, *(VIRTUALLY + ring * 65536 + part for part in (0, 40960, 32768)), 0)) + message(
        12, struct.pack("<Q", ring), True) + message(13, struct.pack("<Q", ring), True) for ring in (0, 1)}
MESSAGES = {
    "stop_and_go": b"\x00" + STOP + SET_UP[0] + SET_UP[1] + b"\xff",
    "disable": b"\x01" + message(18, ring_state(0, 0)) + b"\xff" + message(18, ring_state(0, 1)) + b"\xff",
    "memory": b"\x00" + message(5, struct.pack("<IIQQQQ", 1, 0, 0x4000_0000, 1 << 20, VIRTUALLY, 0), True) + b"\xff",
    "features": b"\x00" + message(2, struct.pack("<Q", 1 << 32)) + message(4, b"") + b"\xff",
    "pairs": b"\x00" + message(18, ring_state(2, 1)) + message(18, ring_state(255, 1)) + b"\xff",
}

for kind, seeds in (("virtio", SEEDS), ("vhost", MESSAGES)):
    folder = os.path.join(HERE, kind)
    os.makedirs(folder, exist_ok=True)
    for name, data in seeds.items():
        with open(os.path.join(folder, name), "wb") as out:
            out.write(data)
