"""Random captures through weft's pcapng writer, read back by tshark, capinfos and tcpdump.

  pcapng.py WRITER [--seconds N] [--seed S]    WRITER: the built pcapng_write; --seed repeats one capture
"""

import argparse
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

SNAPS = (64, 68, 96, 1500, 9022, 65535, 262144)
LENGTHS = (0, 1, 2, 3, 4, 13, 14, 15, 59, 60, 63, 64, 65, 1514, 1518, 9022, 65534, 65535, 65536, 70000)
REASONS = ("dropped bridge/vlan_filtered: the VLAN is not allowed on the port", "dropped ingress/runt: shorter than 60 bytes")
LETTERS = "abz019.-_@+äß→😀"
# Later times are no time_t to tshark's JSON.
LAST_SECOND = 2**32 - 1


def text(chance, most):
    """At most so many bytes of UTF-8, at least one."""
    made = "".join(chance.choice(LETTERS) for _ in range(chance.randint(1, most)))
    while len(made.encode()) > most:
        made = made[:-1]
    return made or "x"


def comment(chance):
    kind = chance.randrange(6)
    if kind < 3:
        return ""
    return chance.choice(REASONS) if kind < 5 else text(chance, chance.choice((3, 4, 5, 200, 65535)))


def capture(chance):
    """Interface names, all with one snap length as weft writes them, and packets."""
    snap = chance.choice(SNAPS)
    names = [text(chance, 15) for _ in range(chance.choice((1, 1, 2, 3, 40, 300)))]
    packets = []
    for _ in range(chance.choice((0, 1, 50, 400))):
        length = chance.choice(LENGTHS) if chance.random() < 0.5 else chance.randrange(2000)
        kept = min(length, snap)
        second = chance.choice((0, 1, chance.randrange(LAST_SECOND), LAST_SECOND))
        packets.append({"interface": chance.randrange(len(names)),
                        "time": second * 10**9 + chance.choice((0, 1, 999_999_999, chance.randrange(10**9))),
                        "length": length, "bytes": chance.randbytes(kept), "comment": comment(chance),
                        "direction": chance.choice(("in", "out", "-"))})
    return snap, names, packets


def hexadecimal(raw):
    return raw.hex() or "-"


def written(writer, path, snap, names, packets):
    lines = [f"interface {snap} {hexadecimal(name.encode())}" for name in names]
    lines += [f"packet {p['interface']} {p['time']} {p['length']} {p['direction']} "
              f"{hexadecimal(p['comment'].encode())} {hexadecimal(p['bytes'])}" for p in packets]
    with open(path, "wb") as out:
        subprocess.run([writer], input="\n".join(lines).encode(), stdout=out, check=True)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        raise AssertionError(f"{command[0]} ended with {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout


def packets_of_pcap(raw):
    """(time in ns, length, bytes) of each packet of a classic capture with nanoseconds (magic a1b23c4d)."""
    if struct.unpack_from("<I", raw)[0] != 0xa1b23c4d:
        raise AssertionError("no capture with nanoseconds")
    at, found = 24, []
    while at < len(raw):
        seconds, fraction, kept, length = struct.unpack_from("<4I", raw, at)
        found.append((seconds * 10**9 + fraction, length, raw[at + 16:at + 16 + kept]))
        at += 16 + kept
    return found


def fields_of(packet):
    """What tshark's JSON says of one packet, in our words."""
    layers = packet["_source"]["layers"]
    first = lambda name: layers.get(name, [None])[0]
    # epb_flags: bits 0 and 1 are 01 for inbound and 10 for outbound
    flags = first("frame.packet_flags")
    return (first("frame.interface_name"), int(first("frame.interface_id"), 0), first("frame.comment") or "",
            {None: "-", 1: "in", 2: "out"}[flags and int(flags, 0)])


def same(what, got, wanted):
    if len(got) != len(wanted):
        raise AssertionError(f"{what}: {len(got)} packets instead of {len(wanted)}")
    for number, (one, other) in enumerate(zip(got, wanted)):
        if one != other:
            raise AssertionError(f"{what}: packet {number} is {one!r:.300} instead of {other!r:.300}")


def judge(writer, seed, path):
    snap, names, packets = capture(random.Random(seed))
    written(writer, path, snap, names, packets)
    wanted = [(p["time"], p["length"], p["bytes"]) for p in packets]
    same("tshark", packets_of_pcap(run("tshark", "-n", "-r", path, "-F", "nsecpcap", "-w", "-")), wanted)
    if packets:  # with none of its interfaces in use libpcap has no link type
        same("tcpdump", packets_of_pcap(run("tcpdump", "--time-stamp-precision=nano", "-r", path, "-w", "-")), wanted)
    wanted = [(names[p["interface"]], p["interface"], p["comment"], p["direction"]) for p in packets]
    names_of_fields = ("frame.interface_name", "frame.interface_id", "frame.comment", "frame.packet_flags")
    shown = run("tshark", "-n", "-r", path, "-T", "json",
                *(word for name in names_of_fields for word in ("-e", name)))
    same("tshark's fields", [fields_of(packet) for packet in json.loads(shown)], wanted)
    table = run("capinfos", "-T", "-r", "-m", "-c", "-I", path).decode()
    if int(table.rstrip("\n").split(",")[1]) != len(packets):
        raise AssertionError(f"capinfos counts other than {len(packets)} packets: {table}")
    return len(packets)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("writer")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(2**32)
    end, seed, packets = time.monotonic() + options.seconds, first, 0
    with tempfile.TemporaryDirectory() as folder:
        while seed == first or (options.seed is None and time.monotonic() < end):
            try:
                packets += judge(options.writer, seed, os.path.join(folder, "f.pcapng"))
            except AssertionError as wrong:
                print(f"FAIL pcapng: {wrong}; again by --seed {seed}")
                return 1
            seed += 1
    print(f"ok pcapng ({seed - first} captures of {packets} packets, seeds {first} to {seed - 1})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
