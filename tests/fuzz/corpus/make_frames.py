#!/usr/bin/env python3
"""Writes the seeds of fuzz_frame into corpus/frame: one input per kind of frame, in the form that frame_fuzz.cpp
reads. Run it again after that form changes."""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "frame"
ADDRESSES = bytes.fromhex("020000000009020000000001")
CHECKSUM, TCP4, TCP6, UDP, VLAN, CHAIN = 1, 2, 4, 8, 16, 32
PUSH, POP, STRIP, INSERT, POP_TAG, CLONE = 0, 1, 2, 3, 4, 8


def ipv4(protocol, payload):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0xfffe, 0x4000, 61, protocol, 0,
                       bytes([192, 0, 2, 1]), bytes([198, 51, 100, 9])) + payload


def ipv6(protocol, payload, extension=b""):
    return struct.pack("!IHBB", 6 << 28, len(extension) + len(payload), 60 if extension else protocol, 61) + \
        bytes.fromhex("20010db8000000000000000000000001" "20010db8000000000000000000000009") + extension + payload


def tcp(flags=0x99):
    return struct.pack("!HHIIBBHHH", 4660, 80, 0xffffff00, 1, 0x50, flags, 8192, 0, 0)


def udp():
    return struct.pack("!HHHH", 4660, 80, 0, 0)


def ethernet(kind, payload, *tags):
    return ADDRESSES + b"".join(struct.pack("!HH", *tag) for tag in tags) + struct.pack("!H", kind) + payload


def seed(name, frame, *, sizes=(), virtio=(0, 0, 0, 0, 0, 0), port=0, mbufs=255, stripped=None, edits=(), zeros=0):
    # An edit is its number modulo 5; with bit 3 set the packet is cloned first.
    numbers = [next(n for n in range(256) if n % 5 == kind and bool(n & 8) == cloned) for kind, cloned in edits]
    data = bytes([len(sizes), *sizes]) + struct.pack("<BBHHHH", *virtio) + bytes([port, mbufs])
    data += struct.pack("<BH", 3 if stripped[0] == 0x88a8 else 1, stripped[1]) if stripped else bytes(3)
    data += bytes([len(numbers), *numbers]) + struct.pack("<H", zeros) + frame
    (HERE / name).write_bytes(data)


def main():
    HERE.mkdir(exist_ok=True)
    arp = ethernet(0x0806, bytes.fromhex("0001080006040001") + bytes(20))
    seed("runt", ADDRESSES[:9])
    seed("arp", arp, zeros=18)
    seed("tagged_pop", ethernet(0x0806, bytes(28), (0x8100, 8)), edits=[(POP, False)])
    seed("stacked_strip_insert", ethernet(0x0800, bytes(40), (0x88a8, 100), (0x8100, 8)), sizes=(26,),
         edits=[(STRIP, False), (PUSH, False), (POP_TAG, False), (POP, False)])
    seed("tag_cut_off", ADDRESSES + bytes.fromhex("81000007"), edits=[(POP, False), (STRIP, False)])
    seed("stripped_cloned", arp, stripped=(0x8100, 8), edits=[(INSERT, True)], mbufs=1)
    seed("udp_unfinished", ethernet(0x0800, ipv4(17, udp())), sizes=(14, 27), virtio=(1, 0, 0, 0, 34, 6), zeros=99)
    seed("udp_finished_by_port", ethernet(0x0800, ipv4(17, udp())), virtio=(1, 0, 0, 0, 34, 6), port=CHECKSUM)
    seed("tcp4_software", ethernet(0x0800, ipv4(6, tcp())), virtio=(1, 0x81, 54, 1448, 34, 16), zeros=9000)
    seed("tcp4_chain_stripped", ethernet(0x0800, ipv4(6, tcp()), (0x8100, 8)), sizes=(14, 9),
         virtio=(1, 1, 58, 1448, 38, 16), port=CHAIN, stripped=(0x88a8, 100), zeros=4000)
    seed("tcp4_whole_sum", ethernet(0x0800, ipv4(6, tcp())), virtio=(2, 1, 0, 100, 0, 0), zeros=999)
    seed("tcp4_no_mbufs", ethernet(0x0800, ipv4(6, tcp())), virtio=(1, 1, 54, 1448, 34, 16), port=CHAIN, mbufs=3,
         zeros=9000)
    seed("tcp6_extension", ethernet(0x86dd, ipv6(6, tcp(), bytes.fromhex("0600010400000000"))),
         virtio=(0, 4, 0, 1428, 0, 0), zeros=5000)
    seed("tcp6_cloned", ethernet(0x86dd, ipv6(6, tcp())), virtio=(1, 4, 74, 1428, 54, 16), port=CHAIN | CHECKSUM,
         edits=[(PUSH, True)], zeros=5000)
    seed("udp_segments", ethernet(0x86dd, ipv6(17, udp())), virtio=(1, 5, 62, 1200, 54, 6), zeros=6000)
    seed("gso_by_port", ethernet(0x0800, ipv4(6, tcp())), virtio=(1, 1, 54, 1448, 34, 16),
         port=CHECKSUM | TCP4 | TCP6 | UDP | VLAN, zeros=1700)


if __name__ == "__main__":
    main()
