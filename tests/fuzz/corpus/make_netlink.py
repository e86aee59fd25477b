#!/usr/bin/env python3
"""Writes the seeds of fuzz_netlink into corpus/netlink: what the kernel answers to dumps of a namespace with a bit of
everything. Needs root."""

import pathlib
import socket
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(1, str(HERE.parent.parent / "smoke"))
import frames  # noqa: E402

NAME = "weft-seeds"
OBJECTS = """
link add lan type veth peer name far
link set lan up
link set far up
link add link lan name vrrp type macvlan mode bridge
addr add 10.0.0.1/24 dev lan
addr add fd00::1/64 dev lan nodad
neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev lan
route add 198.51.100.0/24 via 10.0.0.2 mtu 1400 src 10.0.0.1
route add 203.0.113.0/24 nexthop via 10.0.0.2 nexthop via 10.0.0.3 weight 3
route add prohibit 192.0.2.0/24 table 1000 metric 7
nexthop add id 7 via 10.0.0.2 dev lan
nexthop add id 8 via 10.0.0.3 dev lan
nexthop add id 9 group 7/8,5
route add 192.0.2.128/25 nhid 9
-6 route add 2001:db8::/32 via fd00::2
rule add from 10.9.0.0/16 fwmark 3/0xff table 1000
rule add to 10.8.0.0/16 iif lan prohibit
-6 rule add from fd00::/64 uidrange 5-9 table 1000
"""
DUMPS = {"links": (18, 16), "addresses": (22, 8), "routes": (26, 12), "neighbours": (30, 12), "rules": (34, 12), "nexthops": (106, 8)}


def dump(kind, body, family):
    request = struct.pack("=IHHII", 16 + body, kind, 0x301, 1, 0) + bytes([family]) + bytes(body - 1)
    with frames.Inside(NAME):
        link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
    link.send(request)
    data = b""
    while True:
        data += (got := link.recv(1 << 16))
        if struct.unpack_from("=H", got, 4)[0] in (2, 3) or len(got) < 20:
            return data
        last = 0
        at = 0
        while at + 16 <= len(got):
            length, last = struct.unpack_from("=IH", got, at)
            at += (length + 3) & ~3
        if last in (2, 3):
            return data


def main():
    folder = HERE / "netlink"
    folder.mkdir(exist_ok=True)
    subprocess.run(["ip", "netns", "add", NAME], check=True)
    try:
        subprocess.run(["ip", "-n", NAME, "link", "set", "lo", "up"], check=True)
        for line in OBJECTS.strip().split("\n"):
            subprocess.run(["ip", "-n", NAME, *line.split()], check=True)
        for name, (kind, body) in DUMPS.items():
            for family, word in ((2, "4"), (10, "6")):
                (folder / f"{name}{word}").write_bytes(dump(kind, body, family))
    finally:
        subprocess.run(["ip", "netns", "del", NAME], check=True)


if __name__ == "__main__":
    main()
