"""A program on /dev/net/tun: the far end of `ip tuntap add`."""

import fcntl
import os
import select
import struct
import time

import frames

TUNSETIFF, TUNSETOFFLOAD = 0x400454CA, 0x400454D0
IFF_TUN, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR, IFF_MULTI_QUEUE = 1, 2, 0x1000, 0x4000, 0x100
TUN_F_CSUM, TUN_F_TSO4, TUN_F_TSO6 = 1, 2, 4
NEEDS_CSUM, GSO_TCPV4 = 1, 1


class Program:
    def __init__(self, namespace, device, tun=False, vnet_hdr=False, multi_queue=False):
        with frames.Inside(namespace.name):
            self.file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            flags = (IFF_TUN if tun else IFF_TAP) | IFF_NO_PI | (IFF_VNET_HDR if vnet_hdr else 0) \
                | (IFF_MULTI_QUEUE if multi_queue else 0)
            fcntl.ioctl(self.file, TUNSETIFF, struct.pack("16sH22x", device.encode(), flags))
            # the kernel remembers what the program before took
            fcntl.ioctl(self.file, TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 if vnet_hdr else 0)
        self.header = bytes(10) if vnet_hdr else b""

    def send(self, frame, header=None):
        os.write(self.file, (self.header if header is None else header) + frame)

    def read(self):
        """One frame without its virtio header, or None."""
        try:
            return os.read(self.file, 65600)[len(self.header):]
        except BlockingIOError:
            return None

    def wait(self, wanted, seconds=2.0):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.file], [], [], left)[0]:
                break
            if (data := self.read()) is not None and wanted(data):
                return data
        return None

    def collect(self, seconds, wanted=lambda data: True):
        end, found = time.monotonic() + seconds, []
        while (left := end - time.monotonic()) > 0:
            if select.select([self.file], [], [], left)[0] and (data := self.read()) is not None and wanted(data):
                found.append(data)
        return found

    def close(self):
        if self.file is not None:
            os.close(self.file)
        self.file = None


def unfinished_tcp(ethernet, source, destination, payload, mss):
    """A TCP frame over IPv4 with its checksum unfinished and its virtio header; GSO if mss."""
    import socket
    length = 20 + len(payload)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, 6, length)
    partial = ~frames.checksum(pseudo) & 0xFFFF
    tcp = struct.pack("!HHIIBBHHH", 1000, 2000, 1, 1, 5 << 4, 0x10, 1000, partial, 0)
    header = struct.pack("=BBHHHH", NEEDS_CSUM, GSO_TCPV4 if mss else 0, 54, mss, 34, 16)
    return ethernet + frames.ipv4(source, destination, 6, tcp + payload), header


def tcp_checksum_good(frame):
    """Of an untagged IPv4 frame without IP options."""
    total = struct.unpack("!H", frame[16:18])[0]
    segment = frame[34:14 + total]
    return frames.checksum(frame[26:34] + struct.pack("!BBH", 0, 6, len(segment)) + segment) == 0
