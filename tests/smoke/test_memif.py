"""Memif ports: peers that behave, that lie, die and stall, and the socket they meet at."""

import os
import signal
import socket
import struct
import time

import frames
import memif
from lab import check, equal, port_line, stateful, wait_for

STATION, OTHER = frames.mac("02:00:00:00:00:01"), frames.mac("02:00:00:00:00:02")


def switch(lab, options="", extra=""):
    """m (server) and a host a on br0. Returns the socket's path."""
    path = os.path.join(lab.folder, "m.sock")
    lab.host("a", "10.0.0.1/24", mtu=9000)
    lab.weftd(f"port add m up type memif path {path} {options}\n" + port_line("a", "mtu 9000")
              + "ip link add br0 up type bridge\nip link set m master br0\nip link set a master br0\n" + extra)
    return path


def carrier(lab, port="m"):
    """Whether the switch took notice of the peer, which `port show` sees at once."""
    return "LOWER_UP" in lab.json("ip", "link", "show", port)[0]["flags"]


def connected(lab, path, port="m", **how):
    peer = memif.Client(path, **how)
    wait_for(lambda: carrier(lab, port), f"the carrier of {port}")
    return peer


def crosses(lab, peer, wire, size=60):
    """A frame each way between the peer and the wire of host a."""
    there = frames.frame(OTHER, STATION, payload=os.urandom(30), size=size)
    back = frames.frame(STATION, OTHER, payload=os.urandom(30), size=size)
    peer.send(there)
    wait_for(lambda: there in wire.drain(), f"the peer's frame of {size} bytes arrives", 3)
    wire.send(back)
    check(peer.receive(2, lambda data: data == back), f"the frame of {size} bytes to the peer does not arrive")


@stateful
def test_memif_both_ways(lab):
    """Frames of all sizes between a memif peer and a host; chains of buffers; more than the ring holds."""
    path = switch(lab, "mtu 9000")
    check(not carrier(lab), "a link without a peer")
    peer, wire = connected(lab, path), lab.wire("a")
    for size in (60, 1514, 2048, 2049, 9014):
        crosses(lab, peer, wire, size)
    end = time.monotonic() + 60
    for _ in range(280):  # the counters of the ring wrap at 65536, its slots at 256
        peer.send(*[frames.frame(OTHER, STATION)] * 250)
        while peer.taken(memif.C2S) != peer.head[memif.C2S]:
            time.sleep(0.0005)
            check(time.monotonic() < end, "the ring is not emptied")
    crosses(lab, peer, lab.wire("a"))  # the first one's socket is full of what came before
    equal(lab.json("port", "show", "m")[0]["stats64"]["rx_packets"], 280 * 250 + 6, "received")


@stateful
def test_memif_chains_of_small_buffers(lab):
    """A frame in many descriptors is one frame."""
    peer, wire = connected(lab, switch(lab)), lab.wire("a")
    frame = frames.frame(OTHER, STATION, payload=os.urandom(1400))
    peer.send(frame, segment=100)
    check(wire.collect(0.5, lambda data: data == frame), "the frame does not arrive whole")


@stateful
def test_memif_wakes_and_is_woken(lab):
    """An idle worker is woken by the peer; a peer that asks for interrupts gets them."""
    peer, wire = connected(lab, switch(lab), interrupts=True), lab.wire("a")
    time.sleep(0.5)
    struct.pack_into("<H", peer.memory, peer.ring_bytes + 4, 0)  # s2c: interrupts wanted
    equal(struct.unpack_from("<H", peer.memory, 4)[0], 0, "flags of the idle ring: interrupts wanted")
    crosses(lab, peer, wire)
    wait_for(lambda: interrupted(peer), "an interrupt")


def interrupted(peer):
    try:
        return os.eventfd_read(peer.events[memif.S2C])
    except BlockingIOError:
        return 0


@stateful
def test_memif_reconnects(lab):
    """A peer that goes, dies in a flood, or comes a second time."""
    path = switch(lab)
    flood = [frames.frame(OTHER, STATION, payload=bytes(1400))] * 100
    for _ in range(30):
        peer = connected(lab, path)
        for _ in range(3):
            peer.send(*flood)
        peer.close()
        wait_for(lambda: not carrier(lab), "the link goes with the peer")
    peer, wire = connected(lab, path), lab.wire("a")  # opened after the flood, which would fill its socket
    try:
        memif.Client(path)
        check(False, "a second peer was taken")
    except ConnectionError as error:
        equal(str(error), "Already connected", "reason")
    crosses(lab, peer, wire)
    lab.weft("ip", "link", "set", "m", "down")
    check(peer.closed(), "the peer of a port that is down stays connected")
    lab.weft("ip", "link", "set", "m", "up")
    crosses(lab, connected(lab, path), wire)


def told_lies(peer):
    """One lie each, of a peer that is connected."""
    head = peer.head[memif.C2S]

    def descriptor(*what):
        peer.describe(memif.C2S, head, *what)
        peer.publish(memif.C2S, head + 1)
        peer.kick()

    def endless():
        for slot in range(peer.slots):
            peer.describe(memif.C2S, slot, memif.NEXT, 0, 10)
        peer.publish(memif.C2S, head + peer.slots)

    def no_room():
        for slot in range(peer.slots):
            peer.describe(memif.S2C, slot, 0, 3, 2048)

    return {"a region that is not there": lambda: descriptor(0, 7, 64),
            "an offset outside": lambda: descriptor(0, 0, 64, 0xFFFFFF00),
            "a length outside": lambda: descriptor(0, 0, 0xFFFFFFF0),
            "more frames than slots": lambda: peer.publish(memif.C2S, head + peer.slots + 1),
            "a counter that runs back": lambda: peer.publish(memif.C2S, head - 1),
            "a chain without end": endless,
            "buffers that are not there": no_room,
            "more buffers than slots": lambda: peer.publish(memif.S2C, peer.head[memif.S2C] + 100)}


@stateful
def test_memif_lies_harm_the_liar(lab):
    """Whatever a peer writes into its rings, it alone is left; the next one is served, other ports go on."""
    path = switch(lab)
    wire, refused = lab.wire("a"), 0
    while True:
        peer = peer_after(lab, path)
        crosses(lab, peer, wire)
        lies = list(told_lies(peer).items())
        if refused == len(lies):
            break
        name, tell = lies[refused]
        tell()
        wire.send(frames.frame(STATION, OTHER))  # has the worker look at the receive ring too
        check(peer.closed(3), f"the peer stays connected after {name}")
        peer.close()
        refused += 1
    equal(statistic(lab, "peers_refused"), refused, "peers refused")
    check(lab.drops("ingress/bad_descriptor", "m") >= 5, "bad descriptors are not counted")


def statistic(lab, name):
    shown = lab.weft("ethtool", "-S", "m")
    return int(next(line.split(":")[1] for line in shown.splitlines() if line.strip().startswith(name + ":")))


def peer_after(lab, path):
    """A peer as soon as the former one is gone."""
    def attempt():
        try:
            return memif.Client(path)
        except ConnectionError:
            return None
    peer = wait_for(attempt, "a new peer is taken")
    wait_for(lambda: carrier(lab), "carrier")
    return peer


def test_memif_refuses_at_the_handshake(lab):
    """Memory and rings that are not what they are said to be."""
    path = switch(lab)
    ring = lambda **how: struct.pack("<HHHIBH", *{**dict(flags=1, index=0, region=0, offset=0, log2=8, private=0),
                                                  **how}.values())
    for what, how in {"zero-copy": dict(seal=False), "bytes is said to have": dict(region_size=1 << 40),
                      "one too many": dict(add_ring=ring(index=3)), "not added": dict(add_ring=ring(region=2)),
                      "within its region": dict(add_ring=ring(offset=0xFFFFFF00)),
                      "2^200 slots": dict(add_ring=ring(log2=200)), "cookie": dict(add_ring=ring(offset=64)),
                      "private headers": dict(add_ring=ring(private=8))}.items():
        try:
            memif.Client(path, **how)
            check(False, f"taken in spite of: {what}")
        except ConnectionError as error:
            check(what in str(error), f"{what}: {error}")
    try:
        memif.Client(path, number=5)
        check(False, "a peer of another id was taken")
    except ConnectionError as error:
        equal(str(error), "ID not found", "reason")
    crosses(lab, connected(lab, path), lab.wire("a"))


def test_memif_silent_strangers(lab):
    """Peers that connect and say nothing, or half of it, keep nobody out."""
    path = switch(lab)
    silent = []
    for number in range(100):
        link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        link.connect(path)
        silent.append(link)
        if number == 99:
            link.recv(128)
            link.send(memif.message(memif.INIT, struct.pack("<HIB56s", memif.VERSION, 0, 0, b""))[0])
    crosses(lab, peer_after(lab, path), lab.wire("a"))


def test_memif_stalled_peer(lab):
    """A peer that takes nothing loses what is for it, by name; nobody else does."""
    path = switch(lab)
    peer, wire = connected(lab, path), lab.wire("a")
    crosses(lab, peer, wire)
    for _ in range(peer.slots + 200):
        wire.send(frames.frame(STATION, OTHER))
    wait_for(lambda: lab.drops("egress/ring_full", "m") >= 150, "drops of the full ring")
    while peer.receive(0.2):
        pass
    crosses(lab, peer, wire)


def test_memif_two_weftd(lab):
    """A server and a client, each killed and started again; a stale socket file is no hindrance."""
    lab.host("a", "10.0.0.1/24"), lab.host("b", "10.0.0.2/24")
    path, second = os.path.join(lab.folder, "m.sock"), os.path.join(lab.folder, "second.sock")

    def side(role, host):
        return (port_line(host) + f"port add m{host} up type memif path {path} role {role} id 3\n"
                f"ip link add br{host} up type bridge\nip link set {host} master br{host}\n"
                f"ip link set m{host} master br{host}\n")

    server = lab.weftd(side("server", "a"))
    client = lab.weftd(side("client", "b"), socket=second)
    lab.namespaces["a"].reaches("10.0.0.2")
    server.signal(signal.SIGKILL)
    server.wait()
    check(os.path.exists(path), "the killed server's file is gone by itself")
    server = lab.weftd(side("server", "a"))
    lab.namespaces["a"].reaches("10.0.0.2")
    client.signal(signal.SIGKILL)
    client.wait()
    client = lab.weftd(side("client", "b"), socket=second)
    lab.namespaces["a"].reaches("10.0.0.2")
    equal(lab.namespaces["a"].ping("10.0.0.2", 20, 0.01, 1400), 20, "answers")
    client.terminate()
    server.terminate()
    check(not os.path.exists(path), "the socket file stays")


def test_memif_sockets(lab):
    """What stands in the way of a socket is said in a sentence; ports share a path by id; abstract names."""
    path = switch(lab)
    add = lambda *words: lab.refused("port", "add", "n", "type", "memif", *words)
    plain = lab.file("plain", "mine")
    check(f"{plain} is there and is no socket" in add("path", plain), "a plain file")
    equal(open(plain).read(), "mine", "the file")
    check(f"there is no directory {lab.folder}/none" in add("path", f"{lab.folder}/none/m"), "a missing directory")
    check("longer than a socket's can be" in add("path", "/tmp/" + "x" * 120), "a long path")
    check("is the socket of a program that runs" in add("path", lab.socket), "a live socket")
    check(f"{path} id 0 belongs to port m already" in add("path", path, "role", "client"), "twice")
    check("power of two" in add("path", f"{lab.folder}/o", "desc", "1000"), "descriptors")
    lab.weft("port", "add", "n", "up", "type", "memif", "path", path, "id", "7")
    lab.weft("ip", "link", "set", "n", "master", "br0")
    first, second = connected(lab, path), connected(lab, path, "n", number=7)
    frame = frames.frame(frames.BROADCAST, STATION, payload=b"to all")
    first.send(frame)
    check(second.receive(2, lambda data: data == frame), "nothing goes from one to the other")
    first.close(), second.close()
    lab.weft("port", "del", "m")
    check(os.path.exists(path), "the path of n went with m")
    lab.weft("port", "del", "n")
    check(not os.path.exists(path), "the socket file stays")
    lab.weft("port", "add", "m", "up", "type", "memif", "path", "@weft-test", "id", "2")
    lab.weft("ip", "link", "set", "m", "master", "br0")
    with frames.Inside(lab.switch.name):
        crosses(lab, connected(lab, "@weft-test", number=2), lab.wire("a"))
    check("type memif path @weft-test id 2" in lab.weft("save"), "save")


def test_memif_dpdk(lab):
    """DPDK's own net_memif as the client: testpmd sends, and forwards what it gets."""
    path = switch(lab)
    testpmd = lab.start(lab.switch, "dpdk-testpmd", "--no-huge", "-m", "128", "--no-pci", "--no-shconf",
                        "--no-telemetry", "--file-prefix", lab.prefix, "-l", "0,1", "--vdev",
                        f"net_memif0,role=client,id=0,socket={path},socket-abstract=no", "--vdev", "net_null0", "--",
                        "--forward-mode=io", "--auto-start", "--total-num-mbufs=4096", "--stats-period=1")
    wait_for(lambda: carrier(lab), "testpmd connects", 20)
    wait_for(lambda: lab.json("port", "show", "m")[0]["stats64"]["rx_packets"] > 10000, "frames of testpmd", 10)
    testpmd.kill()
    wait_for(lambda: not carrier(lab), "the link goes with testpmd")
    crosses(lab, peer_after(lab, path), lab.wire("a"))
