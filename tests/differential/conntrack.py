"""The connection tracker beside the kernel's: the same random TCP segments, SCTP packets and datagrams to both, one conversation
at a time, and after each packet its state and the connection's compared.

The kernel's runs in a namespace that forwards from one TUN device to another; rules write what `-m conntrack
--ctstate` says of a packet into its DSCP, and the connection is read by ctnetlink.
"""

import ctypes
import fcntl
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SHELL = os.path.join(TOP, "build", "tests", "differential", "flow_shell")
CONVERSATIONS = 150
CLIENT, SERVER = "10.1.0.2", "10.2.0.2"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
DSCP = {1: "NEW", 2: "ESTABLISHED", 3: "RELATED", 4: "INVALID", 5: "UNTRACKED"}
STATUS = 2 | 4 | 8  # seen_reply, assured, confirmed
STATES = ("NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",
          "SYN_SENT2")
SCTP_STATES = ("NONE", "CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED", "SHUTDOWN_SENT", "SHUTDOWN_RECD",
               "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT")


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ip(source, destination, protocol, payload):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def tcp(sport, dport, flags, seq, ack, window, options=b"", payload=b""):
    options += b"\0" * (-len(options) % 4)
    return struct.pack("!HHIIBBHHH", sport, dport, seq % 2**32, ack % 2**32, (20 + len(options)) // 4 << 4, flags, window,
                       0, 0) + options + payload


class Kernel:
    """In the calling process, which it moves into a namespace of its own."""

    def __init__(self):
        if ctypes.CDLL(None, use_errno=True).unshare(0x40000000):  # CLONE_NEWNET
            raise OSError(ctypes.get_errno(), "unshare")
        self.devices = [self.tun("t0"), self.tun("t1")]
        for command in ("ip addr add 10.1.0.1/24 dev t0", "ip addr add 10.2.0.1/24 dev t1", "ip link set lo up",
                        "ip link set t0 up", "ip link set t1 up", "sysctl -qw net.ipv4.ip_forward=1",
                        "sysctl -qw net.ipv4.conf.all.rp_filter=0", "sysctl -qw net.ipv4.conf.t0.rp_filter=0",
                        "sysctl -qw net.ipv4.conf.t1.rp_filter=0"):
            subprocess.run(command.split(), check=True)
        rules = "".join(f"-A FORWARD -m conntrack --ctstate {state} -j DSCP --set-dscp {number}\n"
                        for number, state in DSCP.items())
        subprocess.run(["iptables-legacy-restore"], input=f"*mangle\n{rules}COMMIT\n", text=True, check=True,
                       env={**os.environ, "XTABLES_LOCKFILE": f"/tmp/weft-xtables-{os.getpid()}.lock"})
        subprocess.run(["sysctl", "-qw", "net.netfilter.nf_conntrack_checksum=0"], check=True)
        self.netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
        self.netlink.bind((0, 0))

    @staticmethod
    def tun(name):
        device = os.open("/dev/net/tun", os.O_RDWR)
        fcntl.ioctl(device, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x0001 | 0x1000))  # TUNSETIFF: TUN, NO_PI
        os.set_blocking(device, False)
        return device

    def send(self, direction, packet):
        """What conntrack says of it; None if it did not come through."""
        os.write(self.devices[direction], packet)
        deadline = time.monotonic() + 0.5
        while time.monotonic() < deadline:
            if not select.select([self.devices[1 - direction]], [], [], 0.1)[0]:
                continue
            out = os.read(self.devices[1 - direction], 65536)
            if out[0] >> 4 == 4 and out[9] == packet[9] and out[20:] == packet[20:]:
                return DSCP.get(out[1] >> 2)
        return None

    @staticmethod
    def attribute(kind, value):
        return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)

    def request(self, kind, flags, body):
        message = struct.pack("=BBH", socket.AF_INET, 0, 0) + body
        self.netlink.send(struct.pack("=IHHII", 16 + len(message), 1 << 8 | kind, flags, 1, 0) + message)
        return self.netlink.recv(65536)

    @staticmethod
    def attributes(data):
        found = {}
        while len(data) >= 4:
            length, kind = struct.unpack_from("=HH", data)
            found[kind & 0x3FFF] = data[4:length]
            data = data[(length + 3) & ~3:]
        return found

    def connection(self, protocol, sport, dport):
        """As the shell prints it."""
        attribute, nested = self.attribute, 0x8000
        if protocol == 47:
            sport = dport = 0
        if protocol == 1:
            port_attributes = attribute(4, struct.pack("!H", sport)) + attribute(5, b"\x08") + attribute(6, b"\0")
        else:
            port_attributes = attribute(2, struct.pack("!H", sport)) + attribute(3, struct.pack("!H", dport))
        tuple_attribute = attribute(1 | nested, attribute(
            1 | nested, attribute(1, socket.inet_aton(CLIENT)) + attribute(2, socket.inet_aton(SERVER))) + attribute(
                2 | nested, attribute(1, bytes([protocol])) + port_attributes))
        answer = self.request(1, 1, tuple_attribute)
        if struct.unpack_from("=IH", answer)[1] == 2:  # NLMSG_ERROR
            return None
        found = self.attributes(answer[20:])
        ports = self.attributes(self.attributes(found[1])[2])
        source = struct.unpack("!H", ports[2 if protocol != 1 else 4])[0]
        status, left = (struct.unpack("!I", found[n])[0] for n in (3, 7))
        state = flags0 = flags1 = scale0 = scale1 = 0
        if 4 in found:
            protoinfo = self.attributes(found[4])
            if 3 in protoinfo:  # CTA_PROTOINFO_SCTP
                state = self.attributes(protoinfo[3])[1][0]
            else:
                info = self.attributes(protoinfo[1])
                state, scale0, scale1, flags0, flags1 = (info[n][0] for n in (1, 2, 3, 4, 5))
        return [source, state, status, left, flags0, flags1, scale0, scale1]

    def flush(self):
        self.request(2, 1 | 4, b"")


class Weft:
    def __init__(self):
        self.program = subprocess.Popen([SHELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def send(self, packet):
        self.program.stdin.write(packet.hex() + "\n")
        self.program.stdin.flush()
        state, *connection = self.program.stdout.readline().split()
        return state, None if connection == ["-"] else [int(word) for word in connection]

    def flush(self):
        self.program.stdin.write("flush\n")
        self.program.stdin.flush()

    def close(self):
        self.program.stdin.close()
        self.program.wait()


class Talk:
    """Random TCP: mostly what could be right, with losses, repetitions, strays and lies."""

    protocol = 6

    def __init__(self, chance, sport):
        self.chance, self.sport = chance, sport
        self.next = [chance.getrandbits(32), chance.getrandbits(32)]
        self.known = [self.next[1], self.next[0]]  # what each side has heard of the other
        self.step = 0
        self.script = chance.choice(("open", "open", "open", "middle", "simultaneous", "any"))

    def options(self, syn):
        chance = self.chance
        if syn:
            return b"".join(option for option in (b"\x02\x04\x05\xb4", b"\x04\x02\x01\x01", bytes([3, 3, chance.randrange(16), 1]))
                            if chance.random() < 0.6)
        kind = chance.random()
        if kind < 0.1:
            right = self.next[0] + chance.choice((-1000, 0, 0, 500, 70000))
            return b"\x01\x01\x05\x0a" + struct.pack("!II", (right - 100) % 2**32, right % 2**32)
        return b"\x01\x01\x08\x0a" + bytes(8) if kind < 0.3 else b""

    def flags(self, side):
        chance, step = self.chance, self.step
        usual = {"open": [(0, SYN), (1, SYN | ACK), (0, ACK)], "simultaneous": [(0, SYN), (1, SYN), (0, SYN | ACK), (1, ACK)],
                 "middle": [(0, ACK), (1, ACK)], "any": []}[self.script]
        if step < len(usual) and chance.random() < 0.9:
            return usual[step]
        return side, chance.choices((ACK, ACK | PSH, FIN | ACK, RST, RST | ACK, SYN, SYN | ACK, FIN, 0, SYN | FIN),
                                    (50, 15, 12, 4, 4, 6, 4, 0.5, 0.5, 0.5))[0]

    def packet(self):
        chance = self.chance
        side, flags = self.flags(chance.randrange(2))
        seq = self.next[side]
        if chance.random() < 0.25:
            seq += chance.choice((-1, 1, -100, 100, -1000, 9000, 70000, 200000, -70000, chance.getrandbits(32)))
        ack = self.known[side] if flags & ACK else chance.choice((0, 0, self.known[side]))
        if flags & ACK and chance.random() < 0.25:
            ack += chance.choice((-1, 1, -100, 100, 5000, -70000, chance.getrandbits(32)))
        if flags & RST and chance.random() < 0.2:
            seq = 0
        payload = bytes(chance.choice((0, 0, 1, 100, 1400))) if flags & (PSH | ACK) and not flags & (SYN | RST) else b""
        window = chance.choice((0, 1, 100, 5840, 5840, 29200, 65535))
        if chance.random() < 0.85:  # the sender goes on from here, and mostly the other side hears of it
            self.next[side] = (seq + len(payload) + bool(flags & SYN) + bool(flags & FIN)) % 2**32
            if chance.random() < 0.9:
                self.known[1 - side] = self.next[side]
        self.step += 1
        ports = (self.sport, 80) if side == 0 else (80, self.sport)
        ends = (CLIENT, SERVER) if side == 0 else (SERVER, CLIENT)
        body = tcp(*ports, flags, seq, ack, window, self.options(flags & SYN), payload)
        text = f"{'><'[side]} flags {flags:#x} seq {seq % 2**32} ack {ack % 2**32} win {window} len {len(payload)}"
        return side, ip(*ends, 6, body), text


class Association:
    """Random SCTP: an association's chunks in order, with losses, repetitions, strays and wrong tags."""

    protocol = 132
    INIT, INIT_ACK, HEARTBEAT, HEARTBEAT_ACK, ABORT, SHUTDOWN, SHUTDOWN_ACK, ERROR, COOKIE_ECHO, COOKIE_ACK, COMPLETE = (
        1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 14)
    OPEN = [(0, INIT), (1, INIT_ACK), (0, COOKIE_ECHO), (1, COOKIE_ACK)]
    CLOSE = [(0, SHUTDOWN), (1, SHUTDOWN_ACK), (0, COMPLETE)]

    def __init__(self, chance, sport):
        self.chance, self.sport = chance, sport
        self.tags = [chance.getrandbits(32), chance.getrandbits(32)]  # that each side wants to see
        self.script = chance.choice((self.OPEN + [(0, 0), (1, 3)] * 3 + self.CLOSE, self.OPEN + [(1, 7), (0, 8), (1, 14)],
                                     [(0, 4), (1, 5), (0, 0), (1, 0)], [(0, 1), (1, 1), (0, 2), (1, 2), (0, 10), (1, 11)], []))
        self.step = 0

    def chunk(self, kind):
        value = b""
        if kind in (1, 2):
            tag = self.tags[self.side] if self.chance.random() < 0.9 else self.chance.getrandbits(32)
            value = struct.pack("!IIHHI", tag, 65536, 10, 10, 1)
            if self.chance.random() < 0.03:
                value = value[:self.chance.randrange(16)]
        elif kind in (0, 3, 4, 5, 9, 10):
            value = bytes(self.chance.choice((0, 1, 4, 12, 100)))
        length = 4 + len(value) if self.chance.random() < 0.97 else self.chance.choice((0, 1, 3, 8, 500))
        flags = int(kind in (6, 14) and self.chance.random() < 0.3)
        return struct.pack("!BBH", kind, flags, length) + value + b"\0" * (-len(value) % 4)

    def packet(self):
        chance = self.chance
        if self.step < len(self.script) and chance.random() < 0.85:
            self.side, kind = self.script[self.step]
        else:
            self.side, kind = chance.randrange(2), chance.choice((0, 0, 1, 2, 3, 4, 4, 5, 5, 6, 7, 8, 9, 10, 11, 14, 192))
        self.step += chance.random() < 0.9
        kinds = [kind] + [chance.choice((0, 3, 4, 5, 9, 11)) for _ in range(chance.choice((0, 0, 0, 0, 1, 2)))]
        tag = 0 if kind == 1 else self.tags[1 - self.side]
        if chance.random() < 0.1:
            tag = chance.choice((0, self.tags[self.side], chance.getrandbits(32)))
        ports = (self.sport, 80) if self.side == 0 else (80, self.sport)
        ends = (CLIENT, SERVER) if self.side == 0 else (SERVER, CLIENT)
        body = struct.pack("!HHII", *ports, tag, 0) + b"".join(self.chunk(one) for one in kinds)
        if chance.random() < 0.02:
            body = body[:chance.randrange(8, 20)]
        return self.side, ip(*ends, 132, body), f"{'><'[self.side]} chunks {kinds} tag {tag:#x} {body.hex()}"


class Datagrams:
    """UDP, ping or GRE, and ICMP errors about it."""

    def __init__(self, chance, sport):
        self.chance, self.sport, self.protocol = chance, sport, chance.choice((17, 1, 17, 1, 47))

    def body(self, side):
        if self.protocol == 17:
            ports = (self.sport, 80) if side == 0 else (80, self.sport)
            return struct.pack("!HHHH", *ports, self.chance.choice((8, 8, 8, 8, 7, 20)), 0)
        if self.protocol == 47:
            return struct.pack("!HHI", *self.chance.choice(((0, 0x800), (0, 0x800), (0x3001, 0x800))), 7)
        body = struct.pack("!BBHHH", self.chance.choice((8 if side == 0 else 0,) * 9 + (30, 5)), 0, 0, self.sport, 1)
        return body[:2] + struct.pack("!H", checksum(body)) + body[4:]

    def packet(self):
        side = self.chance.randrange(2)
        ends = (CLIENT, SERVER) if side == 0 else (SERVER, CLIENT)
        inner = ip(*ends, self.protocol, self.body(side))
        if self.chance.random() < 0.3:  # comes back to who sent it, or to nobody who did
            to = ends[0]
            head = struct.pack("!BBHI", self.chance.choice((3, 11, 12)), 1, 0, 0) + inner[:28]
            head = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
            return 1 - side, ip(ends[1], to, 1, head), f"error about {'><'[side]}"
        return side, inner, f"{'><'[side]} protocol {self.protocol} type {inner[20]}"


def state_name(protocol, state):
    return (SCTP_STATES if protocol == 132 else STATES)[state]


def differences(protocol, wanted, got):
    if (wanted is None) != (got is None):
        return [f"connection {wanted} / {got}"]
    if wanted is None:
        return []
    found = []
    for name, a, b in zip(("source port", "state", "status", "left", "flags of original", "flags of reply", "scale", "scale of reply"),
                          wanted, got):
        if name == "status":
            a, b = a & STATUS, b & STATUS
        if abs(a - b) > 2 if name == "left" else a != b:
            found.append(f"{name} {state_name(protocol, a) if name == 'state' else a} / "
                         f"{state_name(protocol, b) if name == 'state' else b}")
    return found


def compare(seed):
    """In a process of its own, which it moves into a namespace. Prints the conversations that differ, up to where they
    do, and returns how many there are."""
    chance, kernel, weft, bad, packets = random.Random(seed), Kernel(), Weft(), 0, 0
    for number in range(CONVERSATIONS):
        sport = 1024 + number
        talk = chance.choices((Talk, Association, Datagrams), (60, 25, 15))[0](chance, sport)
        told, found = [], []
        for _ in range(chance.randrange(4, 40)):
            direction, packet, text = talk.packet()
            wanted = kernel.send(direction, packet)
            got, connection = weft.send(packet)
            if not found:
                known = kernel.connection(talk.protocol, sport, 80)
                packets += 1
                found = ([] if wanted == got else [f"{wanted} / {got}"]) + differences(talk.protocol, known, connection)
                told.append(f"{text}  {got} {connection and state_name(talk.protocol, connection[1])}")
        if found:
            bad += 1
            print(f"    conversation {number}: kernel / weft: {'; '.join(found)}")
            print("".join(f"        {line}\n" for line in told), end="")
        kernel.flush()
        weft.flush()
    weft.close()
    print(f"{CONVERSATIONS} conversations, {packets} packets, {bad} differ")
    return bad


def run(words, seeds):
    """A test for each seed, if their name contains one of the words."""
    good = []
    for seed in seeds:
        name = f"conntrack[seed {seed}]"
        if words and not any(word in name for word in words):
            continue
        done = subprocess.run([sys.executable, os.path.abspath(__file__), str(seed)], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        *details, summary = done.stdout.splitlines() or [""]
        print(f"ok {name} ({summary})" if done.returncode == 0 else f"FAIL {name}: {summary}", flush=True)
        if done.returncode:
            print("\n".join(details[:60]), flush=True)
        good.append(done.returncode == 0)
    return good


if __name__ == "__main__":
    sys.exit(bool(compare(int(sys.argv[1]))))
