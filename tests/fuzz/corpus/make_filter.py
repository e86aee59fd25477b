#!/usr/bin/env python3
"""Writes the seeds of fuzz_filter into corpus/filter, in the form that filter_fuzz.cpp reads."""

import pathlib
import struct

from make_routes import ipv4, ipv6

HERE = pathlib.Path(__file__).resolve().parent / "filter"
V6, BACK, CUT, SECOND = 1, 2, 4, 8
NEAR, FAR = "0a000002", "c6336401"


def udp(source, destination, payload=b"abcd"):
    return struct.pack("!HHHH", source, destination, 8 + len(payload), 0) + payload


def tcp(source, destination, flags, seq=1, ack=0, options=b"", payload=b""):
    return struct.pack("!HHIIBBHHH", source, destination, seq, ack, (5 + len(options) // 4) << 4, flags, 8192, 0, 0) + options + payload


def there(payload, protocol=17, **how):
    return ipv4(payload, protocol=protocol, **how)


def back(payload, protocol=17, **how):
    return ipv4(payload, protocol=protocol, source=FAR, to=NEAR, **how)


def seed(name, *packets):
    (HERE / name).write_bytes(b"".join(struct.pack("<BH", settings, len(packet)) + packet for settings, packet in packets))


def main():
    HERE.mkdir(exist_ok=True)
    seed("talk", (0, there(udp(1000, 53))), (BACK, back(udp(53, 1000))), (SECOND, there(udp(1000, 53))))
    syn = bytes.fromhex("020405b4" "0402080a" "0000000100000000" "01030307")
    seed("tcp", (0, there(tcp(1000, 80, 2, options=syn), 6)), (BACK, back(tcp(80, 1000, 0x12, 5, 2, options=syn), 6)),
         (0, there(tcp(1000, 80, 0x10, 2, 6), 6)), (BACK | CUT, back(tcp(80, 1000, 0x18, 6, 2, payload=b"x" * 40), 6)),
         (0, there(tcp(1000, 80, 0x10, 2, 46, options=bytes.fromhex("0101050a0000001000000020")), 6)),
         (0, there(tcp(1000, 80, 4, 2), 6)))
    whole = udp(1000, 53, bytes(72))
    pieces = [(0, there(whole[at:at + 32], fragment=at // 8 | (0x2000 if at + 32 < len(whole) else 0))) for at in range(0, len(whole), 32)]
    seed("fragments", *reversed(pieces))
    question = there(udp(1000, 53))
    seed("quoted", (0, question), (BACK, back(bytes.fromhex("0303000000000000") + question, 1)))
    seed("quoted_tcp", (0, there(tcp(1000, 80, 2), 6)), (BACK, back(bytes.fromhex("030400000000012c") + there(tcp(1000, 80, 2), 6)[:28], 1)))
    seed("six", (V6, ipv6(udp(1000, 53))), (V6, ipv6(bytes.fromhex("1100000100000007") + udp(1000, 53), following=44)),
         (V6, ipv6(bytes.fromhex("0600050200000100") + tcp(1000, 25, 2), following=60)))
    seed("echo", (0, there(bytes.fromhex("0800000000070001") + b"ping", 1)), (BACK, back(bytes.fromhex("0000000000070001") + b"ping", 1)))
    seed("sctp", (0, there(struct.pack("!HHII", 9, 9, 1, 0) + bytes(16), 132)))


if __name__ == "__main__":
    main()
