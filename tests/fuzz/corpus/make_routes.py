#!/usr/bin/env python3
"""Writes the seeds of fuzz_route into corpus/route, in the form that route_fuzz.cpp reads."""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent / "route"
V6, SMALL, RP, GROUP, SOURCE_ROUTE, UNRESOLVED, OWN = 1, 2, 4, 8, 16, 32, 64


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!H", ~total & 0xFFFF)


def ipv4(payload=b"\x01\x02\x03\x04" * 8, ttl=64, options=b"", fragment=0, protocol=17, source="0a000002", to="c6336401"):
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(payload), 7, fragment, ttl, protocol, 0) \
        + bytes.fromhex(source + to) + options
    return head[:10] + checksum(head) + head[12:] + payload


def ipv6(payload=b"\x01\x02\x03\x04" * 8, limit=64, following=17):
    return struct.pack("!IHBB", 6 << 28, len(payload), following, limit) + bytes.fromhex("fd" + "00" * 14 + "02") \
        + bytes.fromhex("20010db8" + "00" * 11 + "09") + payload


def seed(name, packet, settings=0, sizes=(), mbufs=255, zeros=0):
    (HERE / name).write_bytes(bytes([len(sizes), *sizes, settings, mbufs]) + struct.pack("<H", zeros) + packet)


def main():
    HERE.mkdir(exist_ok=True)
    seed("transit4", ipv4())
    seed("transit6", ipv6(), V6)
    seed("cut4", ipv4(), sizes=(20, 9))
    seed("cut6", ipv6(), V6, sizes=(15, 30))
    seed("ttl4", ipv4(ttl=1))
    seed("limit6", ipv6(limit=1), V6)
    seed("fragments", ipv4(bytes(1000)), SMALL)
    seed("fragments_options", ipv4(bytes(1000), options=bytes.fromhex("0707040000000000" "94040000")), SMALL)
    seed("fragment_no_mbufs", ipv4(bytes(1000)), SMALL, mbufs=2)
    seed("dont_fragment", ipv4(bytes(1000), fragment=0x4000), SMALL)
    seed("too_big6", ipv6(bytes(1400)), V6 | SMALL)
    seed("record_route", ipv4(options=bytes.fromhex("070b0400000000000000000000"[:24])))
    seed("timestamp", ipv4(options=bytes.fromhex("440c0501" + "00" * 8)))
    seed("source_route", ipv4(options=bytes.fromhex("830704" + "0a000009" + "00")), SOURCE_ROUTE)
    seed("bad_option", ipv4(options=bytes.fromhex("07270400")))
    seed("icmp_error", ipv4(bytes.fromhex("0300000000000000") + ipv4(), ttl=1, protocol=1))
    seed("hop_by_hop", ipv6(bytes.fromhex("1100" "9e0200000100") + bytes(16), following=0), V6)
    seed("jumbo", ipv6(b"", following=0), V6)
    seed("redirect4", ipv4(to="0a000009"))
    seed("martian", ipv4(source="7f000001"))
    seed("rp_filter", ipv4(source="c0000201"), RP)
    seed("group", ipv4(), GROUP)
    seed("unresolved", ipv4(), UNRESOLVED)
    seed("to_us", ipv4(to="0a000001"))
    seed("padded", ipv4(), zeros=30)


if __name__ == "__main__":
    main()
