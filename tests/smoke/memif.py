"""A memif client in a few lines: what a well-behaved peer does, and hooks for one that lies."""

import ctypes
import fcntl
import mmap
import os
import socket
import struct
import time

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)
COOKIE, VERSION, NEXT = 0x3E31F20, 0x0200, 1
RING_HEAD, DESCRIPTOR, BUFFER = 128, 16, 2048
C2S, S2C = 0, 1


def message(kind, body=b"", descriptor=None):
    return struct.pack("<H", kind) + body.ljust(126, b"\0"), descriptor


class Client:
    """One ring each way in one shared region. `region_size`, `seal` and `log2` may be lies."""

    def __init__(self, path, number=0, log2=8, region_size=None, seal=True, add_ring=None, interrupts=False):
        self.log2, self.slots = log2, 1 << log2
        self.ring_bytes = RING_HEAD + DESCRIPTOR * self.slots
        size = 2 * (self.ring_bytes + self.slots * BUFFER)
        self.region = os.memfd_create("region", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.region, size)
        if seal:
            fcntl.fcntl(self.region, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        self.memory = mmap.mmap(self.region, size)
        for ring in (C2S, S2C):
            struct.pack_into("<IHH", self.memory, ring * self.ring_bytes, COOKIE, 0 if interrupts else 1, 0)
            for slot in range(self.slots):
                self.describe(ring, slot, 0, 0, BUFFER)
        # Stored and read whole: struct.pack_into clears the bytes and then writes them one by one, which the
        # other side may see.
        self.heads, self.tails = ([ctypes.c_uint16.from_buffer(self.memory, ring * self.ring_bytes + at)
                                   for ring in (C2S, S2C)] for at in (6, 64))
        self.events = [os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)]
        self.head, self.tail = [0, 0], 0  # what we produced on each ring; what we took of S2C

        self.link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.link.settimeout(5)
        self.link.connect("\0" + path[1:] if path.startswith("@") else path)
        self.hello = self.expect(HELLO)
        self.ask(INIT, struct.pack("<HIB24s32s", VERSION, number, 0, b"", b"test"))
        self.ask(ADD_REGION, struct.pack("<HQ", 0, region_size or size), self.region)
        for ring in (C2S, S2C):
            body = struct.pack("<HHHIBH", 1 - ring, 0, 0, ring * self.ring_bytes, log2, 0)
            self.ask(ADD_RING, add_ring or body, self.events[ring])
        self.send_message(CONNECT, b"peer".ljust(32, b"\0"))
        self.expect(CONNECTED)
        self.supply()

    # --- control channel ---

    def send_message(self, kind, body=b"", descriptor=None):
        text, fd = message(kind, body, descriptor)
        rights = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))]
        self.link.sendmsg([text], rights)

    def expect(self, kind):
        text = self.link.recv(128)
        if len(text) != 128:
            raise ConnectionError("the peer closed")
        got = struct.unpack_from("<H", text)[0]
        if got == DISCONNECT:
            raise ConnectionError(text[6:].split(b"\0")[0].decode())
        if got != kind:
            raise ConnectionError(f"message {got} instead of {kind}")
        return text[2:]

    def ask(self, kind, body, descriptor=None):
        self.send_message(kind, body, descriptor)
        self.expect(ACK)

    def closed(self, seconds=5):
        """Whether the other side closes within that time."""
        self.link.settimeout(seconds)
        try:
            while self.link.recv(128):
                pass
            return True
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False

    def close(self):
        self.link.close()
        self.heads = self.tails = None  # they keep the memory mapped
        self.memory.close()
        for fd in (self.region, *self.events):
            os.close(fd)

    # --- rings ---

    def buffer(self, ring, slot):
        return 2 * self.ring_bytes + (ring * self.slots + slot % self.slots) * BUFFER

    def describe(self, ring, slot, flags, region, length, offset=None):
        at = ring * self.ring_bytes + RING_HEAD + slot % self.slots * DESCRIPTOR
        struct.pack_into("<HHIII", self.memory, at, flags, region, length & 0xFFFFFFFF,
                         self.buffer(ring, slot) if offset is None else offset, 0)

    def publish(self, ring, head):
        self.heads[ring].value = head & 0xFFFF

    def taken(self, ring):
        return self.tails[ring].value

    def kick(self, ring=C2S):
        os.eventfd_write(self.events[ring], 1)

    def send(self, *frames, segment=BUFFER, kick=True):
        for frame in frames:
            parts = [frame[at:at + segment] for at in range(0, len(frame), segment)]
            for number, part in enumerate(parts):
                slot = self.head[C2S]
                start = self.buffer(C2S, slot)
                self.memory[start:start + len(part)] = part
                self.describe(C2S, slot, NEXT if number + 1 < len(parts) else 0, 0, len(part))
                self.head[C2S] = slot + 1 & 0xFFFF
        self.publish(C2S, self.head[C2S])
        if kick:
            self.kick()

    def supply(self):
        """Gives every free buffer of the receive ring to the peer."""
        while (self.head[S2C] - self.tail & 0xFFFF) < self.slots:
            self.describe(S2C, self.head[S2C], 0, 0, BUFFER)
            self.head[S2C] = self.head[S2C] + 1 & 0xFFFF
        self.publish(S2C, self.head[S2C])

    def receive(self, seconds=2.0, want=lambda frame: True):
        """The next whole frame that is wanted, or None."""
        end, frame = time.monotonic() + seconds, b""
        while time.monotonic() < end:
            if self.taken(S2C) == self.tail:
                time.sleep(0.001)
                continue
            at = S2C * self.ring_bytes + RING_HEAD + self.tail % self.slots * DESCRIPTOR
            flags, _, length = struct.unpack_from("<HHI", self.memory, at)
            start = self.buffer(S2C, self.tail)
            frame += self.memory[start:start + length]
            self.tail = self.tail + 1 & 0xFFFF
            self.supply()
            if not flags & NEXT:
                if want(frame):
                    return frame
                frame = b""
        return None
