"""Writes the seeds of the fuzzer `helper`: lines of FTP as its clients and servers say them, and an SCTP association."""

import os
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "helper")
CLIENT, SERVER, V6, SCTP = 0, 1, 2, 0x80
LINES = [(CLIENT, "PORT 192,168,1,1,5,6\r\n"), (CLIENT, "EPRT |1|132.235.1.2|6275|\r\n"),
         (CLIENT | V6, "EPRT |2|3ffe::1|6275|\r\n"), (SERVER, "227 Entering Passive Mode (10,0,0,1,5,6).\r\n"),
         (SERVER, "227 =10,0,0,1,5,6"), (SERVER | V6, "229 Entering Extended Passive Mode (|||6446|)\r\n")]


def chunk(kind, value=b""):
    return struct.pack("!BBH", kind, 0, 4 + len(value)) + value + b"\0" * (-len(value) % 4)


def packet(side, tag, *chunks):
    body = struct.pack("!HHII", 5000, 3868, tag, 0) + b"".join(chunks)
    return bytes([len(body) // 4 << 1 | side]) + body


def opening(kind, tag):
    return chunk(kind, struct.pack("!IIHHI", tag, 65536, 10, 10, 1))


def main():
    os.makedirs(FOLDER, exist_ok=True)
    seeds = [bytes([settings]) + text.encode() for settings, text in LINES]
    association = [packet(0, 0, opening(1, 1)), packet(1, 1, opening(2, 2)), packet(0, 2, chunk(10), chunk(0)),
                   packet(1, 1, chunk(11)), packet(0, 2, chunk(4, bytes(4))), packet(1, 1, chunk(5, bytes(4))),
                   packet(0, 2, chunk(7)), packet(1, 1, chunk(8)), packet(0, 2, chunk(14))]
    seeds.append(bytes([SCTP]) + b"".join(association))
    seeds.append(bytes([SCTP]) + packet(0, 2, chunk(4, bytes(4))) + packet(1, 1, chunk(5, bytes(4))) + packet(0, 9, chunk(4)))
    for number, seed in enumerate(seeds):
        with open(os.path.join(FOLDER, f"helper{number}"), "wb") as file:
            file.write(seed)


if __name__ == "__main__":
    main()
