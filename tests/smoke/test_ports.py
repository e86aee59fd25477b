"""Kinds of ports, and ports that come, go, lose their carrier or their device."""

import re
import socket
import struct
import threading
import time

import frames
from lab import bridge_config, check, equal, port_line, run, stateful, wait_for


def transfer(sender, receiver, address, size, port=5000):
    """Sends `size` bytes by TCP from one namespace to an address in another and back; fails if they differ."""
    with frames.Inside(receiver.name):
        listener = socket.create_server((address, port))
    with frames.Inside(sender.name):
        client = socket.socket()
    data = bytes(range(256)) * (size // 256)
    client.settimeout(20)
    client.connect((address, port))
    server, _ = listener.accept()
    server.settimeout(20)
    listener.close()

    def echo():
        while block := server.recv(1 << 16):
            server.sendall(block)
        server.close()

    def feed():
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)

    threads = [threading.Thread(target=part, daemon=True) for part in (echo, feed)]
    for thread in threads:
        thread.start()
    back = bytearray()
    while block := client.recv(1 << 16):
        back += block
    client.close()
    check(bytes(back) == data, f"{len(back)} bytes came back of {size}, or others")


class Pings:
    """A steady ping beside the test; lost() ends it and says how many echoes stayed without answer."""

    def __init__(self, lab, host, address, interval=0.01):
        self.process = lab.start(host, "ping", "-n", "-q", "-i", str(interval), address)
        self.begin = time.monotonic()
        time.sleep(0.2)

    def lost(self):
        time.sleep(max(0.1, self.begin + 1.5 - time.monotonic()))  # enough of a sample on a slow machine too
        self.process.send_signal(2)
        shown = self.process.communicate(timeout=5)[0]
        sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", shown).groups())
        check(sent > 20, f"only {sent} pings sent")
        return max(0, sent - received - 1)  # the last one may be on its way


@stateful
def test_tap_port(lab):
    """`type tap`: the far end in a host's namespace; ping and TCP with a host on another kind of port."""
    guest, a = lab.namespace("guest"), lab.host("a", "10.0.0.1/24")
    lab.weftd(port_line("a") + f"port add t up type tap dev eth0 netns {guest.name}\nip link add br0 up type bridge\n"
              "ip link set a master br0\nip link set t master br0\n")
    guest.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    guest.ip("link", "set", "eth0", "up")
    a.reaches("10.0.0.2")
    equal(guest.ping("10.0.0.1", 20, 0.01), 20, "answers")
    transfer(a, guest, "10.0.0.2", 4 << 20)
    lab.weft("port", "del", "t")
    equal(guest.links(), [], "devices left in the guest")


def test_tap_port_default_name(lab):
    """Without `dev` the far end is NAME-k, in the TAP namespace."""
    lab.weftd("port add t up type tap\n")
    check(lab.switch.link("t-k"), "no t-k")
    check(lab.switch.link("t"), "no kernel TAP of the port")


@stateful
def test_ports_come_and_go(lab):
    """Ports added and removed under traffic disturb no other port."""
    a, _ = lab.bridge("a", "b")
    lab.host("c", "10.0.0.3/24")
    a.reaches("10.0.0.2")
    pings = Pings(lab, a, "10.0.0.2")
    for _ in range(5):
        lab.weft("port", "add", "c", "up", "type", "af_packet", "dev", "vc")
        lab.weft("ip", "link", "set", "c", "master", "br0")
        a.reaches("10.0.0.3")
        lab.weft("port", "del", "c")
        check(not lab.switch.link("c"), "the TAP of a deleted port stayed")
    equal(pings.lost(), 0, "lost pings")


@stateful
def test_queue_moves(lab):
    """Receive queues move between workers without loss."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    cpus = [row["cpu"] for row in lab.json("show", "workers")]
    pings = Pings(lab, a, "10.0.0.2")
    for step in range(10):
        lab.weft("port", "set", "a", "rxq", "0", "worker", str(cpus[step % len(cpus)]))
    equal(pings.lost(), 0, "lost pings")
    queues = {row["cpu"]: row["queues"] for row in lab.json("show", "workers")}
    check(any("a" in str(queue) for queue in queues[cpus[9 % len(cpus)]]), f"queue of a not where it was put: {queues}")


def test_gen_to_null(lab):
    """A generator's packets arrive, all of them, at a port that swallows them."""
    lab.weftd("port add g type gen count 10000 flows 16\nport add n up type null\nip link add br0 up type bridge\n"
              "ip link set g master br0\nip link set n master br0\n")
    lab.weft("ip", "link", "set", "g", "up")
    stats = lambda name: {row["ifname"]: row["stats64"] for row in lab.json("port", "show")}[name]
    wait_for(lambda: stats("n")["tx_packets"] >= 10000, "10000 packets at the null port")
    equal(stats("g")["rx_packets"], 10000, "packets generated")
    equal(lab.json("show", "drops"), [], "drops")


def test_pcap_to_pcap(lab):
    """Frames of a capture file cross the bridge into another capture file, bytes unchanged."""
    wanted = [frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01"), payload=bytes([n]), size=60 + n)
              for n in range(100)]
    head = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    given, taken = f"{lab.folder}/in.pcap", f"{lab.folder}/out.pcap"
    with open(given, "wb") as file:
        file.write(head + b"".join(struct.pack("<IIII", 1, n, len(data), len(data)) + data
                                   for n, data in enumerate(wanted)))
    lab.weftd(f"ip link add br0 up type bridge\nport add o up type pcap tx {taken}\nip link set o master br0\n"
              f"port add i type pcap rx {given}\nip link set i master br0\n")
    lab.weft("ip", "link", "set", "i", "up")
    wait_for(lambda: lab.json("ip", "-s", "link", "show", "dev", "o")[0]["stats64"]["tx"]["packets"] >= 100,
             "100 frames sent")
    lab.daemons[0].terminate()
    with open(taken, "rb") as file:
        data = file.read()
    order, at, got = ("<" if data[:4] == head[:4] else ">"), 24, []
    while at < len(data):
        length = struct.unpack(order + "I", data[at + 8:at + 12])[0]
        got.append(data[at + 16:at + 16 + length])
        at += 16 + length
    equal([data for data in got if data[12:14] == b"\x88\xb5"], wanted, "frames written")


def test_devargs(lab):
    """A DPDK vdev by its devargs; an unknown one is refused with its name."""
    lab.weftd("port add p up devargs net_null0\nport add r up devargs net_ring0\n")
    drivers = {row["ifname"]: row["driver"] for row in lab.json("port", "show")}
    equal(drivers["p"], "net_null", "driver")
    check("net_nosuch0" in lab.refused("port", "add", "q", "devargs", "net_nosuch0"), "the message names no device")
    lab.weft("port", "del", "p")
    lab.weft("port", "add", "p", "up", "devargs", "net_null0")


def state_of(lab, name):
    return lab.json("ip", "link", "show", "dev", name)[0]


@stateful
def test_carrier_followed(lab):
    """The far end of a veth goes down: the port and its TAP lose the carrier, and get it back."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    b.ip("link", "set", "eth0", "down")
    wait_for(lambda: "NO-CARRIER" in state_of(lab, "b")["flags"], "NO-CARRIER of the port")
    wait_for(lambda: "NO-CARRIER" in lab.switch.link("b")["flags"], "NO-CARRIER of the TAP")
    b.ip("link", "set", "eth0", "up")
    wait_for(lambda: "LOWER_UP" in state_of(lab, "b")["flags"], "carrier of the port")
    a.reaches("10.0.0.2")


@stateful
def test_device_disappears(lab):
    """A veth deleted under its port: the rest goes on, the port can be removed and added again."""
    a, _, c = lab.bridge("a", "b", "c")
    a.reaches("10.0.0.3")
    pings = Pings(lab, a, "10.0.0.3")
    lab.switch.ip("link", "del", "dev", "vb")
    wait_for(lambda: "LOWER_UP" not in state_of(lab, "b")["flags"], "loss of carrier of the port without device")
    equal(pings.lost(), 0, "lost pings of others")
    lab.weft("port", "del", "b")
    lab.switch.ip("link", "add", "vb", "type", "veth", "peer", "name", "eth0", "netns", lab.namespaces["b"].name)
    lab.namespaces["b"].ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    lab.namespaces["b"].ip("link", "set", "eth0", "up")
    lab.weft("port", "add", "b", "up", "type", "af_packet", "dev", "vb")
    lab.weft("ip", "link", "set", "b", "master", "br0")
    a.reaches("10.0.0.2")


def test_tap_disappears(lab):
    """A TAP deleted under weft: forwarding goes on."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    lab.switch.ip("link", "del", "dev", "a")
    lab.switch.ip("link", "del", "dev", "br0")
    equal(a.ping("10.0.0.2", 10, 0.05), 10, "answers")
    lab.weft("show", "version")


def test_device_in_use_is_refused(lab):
    """A device with an address or a master is refused with what to do; a foreign name too."""
    lab.host("a")
    lab.switch.ip("addr", "add", "10.9.0.1/24", "dev", "va")
    lab.weftd("")
    message = lab.refused("port", "add", "a", "type", "af_packet", "dev", "va")
    check("va" in message and "10.9.0.1/24" in message, f"message: {message}")
    lab.switch.ip("addr", "flush", "dev", "va")
    lab.switch.ip("link", "add", "kbr", "type", "bridge")
    lab.switch.ip("link", "set", "va", "master", "kbr")
    message = lab.refused("port", "add", "a", "type", "af_packet", "dev", "va")
    check("va" in message and "kbr" in message, f"message: {message}")
    lab.switch.ip("link", "set", "va", "nomaster")
    check("kbr" in lab.refused("port", "add", "kbr", "type", "af_packet", "dev", "va"), "a foreign name was taken")
    check("gone0" in lab.refused("port", "add", "a", "type", "af_packet", "dev", "gone0"), "missing device not named")
    lab.weft("port", "add", "a", "type", "af_packet", "dev", "va")
    check("va" in lab.refused("port", "add", "b", "type", "af_packet", "dev", "va"), "one device, two ports")


def test_mtu_and_mac(lab):
    """MTU and MAC set by `ip link set` reach device and TAP; admin state goes both ways."""
    lab.host("a")
    lab.weftd(port_line("a"))
    lab.weft("ip", "link", "set", "a", "mtu", "1400")
    lab.weft("ip", "link", "set", "a", "address", "02:12:34:56:78:9a")
    wait_for(lambda: lab.switch.link("a")["mtu"] == 1400, "MTU of the TAP")
    wait_for(lambda: lab.switch.link("a")["address"] == "02:12:34:56:78:9a", "MAC of the TAP")
    lab.weft("ip", "link", "set", "a", "down")
    wait_for(lambda: "UP" not in lab.switch.link("a")["flags"], "TAP down after the port")
    lab.switch.ip("link", "set", "dev", "a", "up")
    wait_for(lambda: "UP" in state_of(lab, "a")["flags"], "port up after the TAP")
