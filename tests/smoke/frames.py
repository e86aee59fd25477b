"""Ethernet frames as bytes, and packet sockets in other network namespaces."""

import ctypes
import os
import select
import socket
import struct
import time

CUSTOMER, SERVICE, IPV4, ARP = 0x8100, 0x88A8, 0x0800, 0x0806
EXPERIMENT = 0x88B5  # IEEE 802 local experimental ethertype: no stack answers it
BROADCAST = b"\xff" * 6

SOL_PACKET, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 263, 8, 23
PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 1, 1
STATUS_VLAN_VALID, STATUS_VLAN_TPID_VALID = 0x10, 0x40
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Inside:
    """`with Inside(name):` the calling thread is in that network namespace; sockets opened there stay there."""

    def __init__(self, namespace):
        self.path = f"/run/netns/{namespace}"

    def __enter__(self):
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        there = os.open(self.path, os.O_RDONLY)
        failed = libc.setns(there, CLONE_NEWNET)
        os.close(there)
        if failed:
            os.close(self.home)
            raise OSError(ctypes.get_errno(), f"setns {self.path}")

    def __exit__(self, *_):
        libc.setns(self.home, CLONE_NEWNET)
        os.close(self.home)


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def mac_text(raw):
    return ":".join(f"{byte:02x}" for byte in raw)


def tag(vid, pcp=0, dei=0, tpid=CUSTOMER):
    return struct.pack("!HH", tpid, pcp << 13 | dei << 12 | vid)


def frame(destination, source, ethertype=EXPERIMENT, payload=b"", tags=b"", size=60):
    """A frame without FCS, padded to `size`; `tags` are bytes of tag(), outer first."""
    return (destination + source + tags + struct.pack("!H", ethertype) + payload).ljust(size, b"\0")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload, ttl=64, tos=0, fragment=0):
    """`fragment` is the word of flags and offset."""
    head = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(payload), 1, fragment, ttl, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def icmp4(kind, code, body, wrong=0):
    """`body` follows the checksum, which is `wrong` by so much."""
    head = struct.pack("!BBH", kind, code, 0)
    return head[:2] + struct.pack("!H", checksum(head + body) ^ wrong) + body


def ipv6(source, destination, protocol, payload, hops=64):
    """`protocol`: what the payload is; extension headers are part of it."""
    return (struct.pack("!IHBB", 6 << 28, len(payload), protocol, hops) + socket.inet_pton(socket.AF_INET6, source)
            + socket.inet_pton(socket.AF_INET6, destination) + payload)


def icmp6(source, destination, kind, code, body, wrong=0):
    """A message from `source` to `destination`, without the IPv6 header; else as icmp4."""
    head = struct.pack("!BBH", kind, code, 0)
    pseudo = b"".join(socket.inet_pton(socket.AF_INET6, one) for one in (source, destination))
    pseudo += struct.pack("!II", 4 + len(body), 58)
    return head[:2] + struct.pack("!H", checksum(pseudo + head + body) ^ wrong) + body


def echo_request(source, destination, identifier=1, sequence=1, ttl=64, payload=b"weft"):
    head = struct.pack("!BBHHH", 8, 0, 0, identifier, sequence)
    message = head[:2] + struct.pack("!H", checksum(head + payload)) + head[4:] + payload
    return ipv4(source, destination, 1, message, ttl)


def arp_request(sender_mac, sender, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, IPV4, 6, 4, 1, sender_mac, socket.inet_aton(sender), bytes(6),
                       socket.inet_aton(target))


class Wire:
    """A packet socket on one device: sends frames as they are, receives them with their tags put back."""

    def __init__(self, namespace, device, promiscuous=True):
        with Inside(namespace):
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            index = socket.if_nametoindex(device)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        if promiscuous:
            self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP,
                                   struct.pack("iHH8s", index, PACKET_MR_PROMISC, 0, b""))
        self.socket.bind((device, 0x0003))  # ETH_P_ALL
        self.socket.setblocking(False)
        self.device = device

    def close(self):
        self.socket.close()

    def send(self, *frames):
        for data in frames:
            self.socket.send(data)

    def read(self):
        """One frame, or None if there is none now."""
        try:
            data, control, _, _ = self.socket.recvmsg(65600, 256)
        except BlockingIOError:
            return None
        for level, kind, value in control:
            if level == SOL_PACKET and kind == PACKET_AUXDATA:
                status, _, _, _, _, tci, tpid = struct.unpack("IIIHHHH", value[:20])
                if status & STATUS_VLAN_VALID:
                    tpid = tpid if status & STATUS_VLAN_TPID_VALID else CUSTOMER
                    data = data[:12] + struct.pack("!HH", tpid, tci) + data[12:]
        return data

    def drain(self):
        """All frames that wait."""
        found = []
        while (data := self.read()) is not None:
            found.append(data)
        return found

    def wait(self, wanted, seconds=2.0):
        """The first frame for which wanted(frame) is true, or None when the time is over."""
        end = time.monotonic() + seconds
        while True:
            if (data := self.read()) is not None:
                if wanted(data):
                    return data
                continue
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None

    def collect(self, seconds, wanted=lambda data: True):
        """All frames with wanted(frame) that arrive within the time."""
        end, found = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            select.select([self.socket], [], [], left)
            found += [data for data in self.drain() if wanted(data)]
        return found
