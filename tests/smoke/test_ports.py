"""Kinds of ports, and ports that come, go, lose their carrier or their device."""

import re
import signal
import socket
import struct
import threading
import time

import frames
from lab import check, equal, port_line, stateful, wait_for


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

    def __init__(self, lab, host, address, interval=0.01, options=()):
        self.process = lab.start(host, "ping", "-n", "-q", "-i", str(interval), *options, address)
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


class Flood:
    """`with Flood(…):` frames of many flows from a host, as fast as they go."""

    def __init__(self, lab, role):
        self.wire, self.running = lab.wire(role), True
        self.thread = threading.Thread(target=self._send, daemon=True)

    def __enter__(self):
        self.thread.start()

    def _send(self):
        burst = [frames.frame(frames.mac(f"02:bb:00:00:00:{n:02x}"), frames.mac("02:aa:00:00:00:01"))
                 for n in range(64)]
        while self.running:
            for data in burst:
                try:
                    self.wire.socket.send(data)
                except OSError:  # its queue is full
                    pass

    def __exit__(self, *_):
        self.running = False
        self.thread.join()


def test_queue_moves_under_a_flood(lab):
    """A queue that moves back and forth under a flood is never polled by two workers at once."""
    lab.bridge("a", "b")
    cpus = [row["cpu"] for row in lab.json("show", "workers")]
    moves, end = 0, time.monotonic() + 6
    with Flood(lab, "a"), lab.connect() as ask:
        while time.monotonic() < end:
            answer = ask("port", "set", "a", "rxq", "0", "worker", str(cpus[moves % len(cpus)]))
            check(answer["ok"], f"move {moves}: {answer}")
            moves += 1
    check(moves > 20, f"only {moves} moves")
    check(lab.daemons[0].process.poll() is None, "weftd ended")


test_queue_moves_under_a_flood.workers = (2,)


def test_tap_port_again_at_once(lab):
    """A TAP port can be made again under its name as soon as `port del` was answered."""
    lab.weftd("")
    with lab.connect() as ask:
        for turn in range(40):
            answer = ask("port", "add", "t1", "up", "type", "tap")
            check(answer["ok"], f"turn {turn}: {answer}")
            time.sleep(0.005 * (turn % 8))  # the worker may have gone to sleep, or not yet
            answer = ask("port", "del", "t1")
            check(answer["ok"], f"turn {turn}: {answer}")


def test_frames_the_socket_had_no_room_for(lab):
    """What is lost because nobody reads the packet socket is a drop with a reason, and Linux's rx_missed_errors."""
    lab.bridge("a", "b")
    wire, daemon = lab.wire("a"), lab.daemons[0]
    data = frames.frame(frames.BROADCAST, frames.mac("02:aa:00:00:00:01"), size=1000)
    daemon.signal(signal.SIGSTOP)
    for _ in range(20000):
        wire.socket.send(data)
    daemon.signal(signal.SIGCONT)
    row = lambda: lab.json("ip", "-s", "link", "show", "dev", "a")[0]["stats64"]["rx"]
    missed = wait_for(lambda: lab.drops("ingress/missed", "a"), "drops counted")
    wait_for(lambda: lab.drops("ingress/missed", "a") + row()["packets"] >= 20000, "all frames accounted for")
    equal(row()["dropped"], 0, "dropped of Linux's statistics")
    missed = lab.drops("ingress/missed", "a")
    numbers = lab.weft("ip", "-s", "link", "show", "dev", "a").splitlines()[3].split()
    equal(numbers[4], str(missed), "the column `missed`")


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


def make_veth(lab, role, address, mac):
    """Makes v<role> anew, its far end eth0 with the addresses in the host's namespace."""
    host = lab.namespaces[role]
    lab.switch.ip("link", "add", f"v{role}", "type", "veth", "peer", "name", "eth0", "address", mac, "netns", host.name)
    host.ip("addr", "add", address, "dev", "eth0")
    host.ip("link", "set", "eth0", "up")


def said(lab, *words):
    """How many lines weftd logged with all of the words in them."""
    return sum(all(word in line for word in words) for line in lab.daemons[0].log)


def busy(lab, seconds=1.0):
    """CPU seconds that weftd used in this time."""
    def used():
        with open(f"/proc/{lab.daemons[0].pid}/stat") as file:
            return sum(map(int, file.read().rsplit(")", 1)[1].split()[11:13])) / 100
    before = used()
    time.sleep(seconds)
    return used() - before


@stateful
def test_device_comes_back(lab):
    """A device deleted and made again is a port again by itself, taken from the kernel as before, in its bridge, with
    the MTU that was set; one log line each way, others lose nothing, nobody spins meanwhile."""
    a, b, _ = lab.bridge("a", "b", "c")
    mac = b.link("eth0")["address"]
    lab.weft("ip", "link", "set", "b", "mtu", "1400")
    lab.weft("bridge", "link", "set", "dev", "b", "hairpin", "on")
    a.reaches("10.0.0.3")
    pings = Pings(lab, a, "10.0.0.3")
    for turn in range(3):
        lab.switch.ip("link", "del", "dev", "vb")
        wait_for(lambda: "NO-CARRIER" in state_of(lab, "b")["flags"], "loss of carrier")
        wait_for(lambda: "NO-CARRIER" in lab.switch.link("b")["flags"], "loss of carrier of the TAP")
        wait_for(lambda: '"vb"' not in lab.switch.run("nft", "list", "ruleset"), "the chain goes with the device")
        make_veth(lab, "b", "10.0.0.2/24", mac)
        wait_for(lambda: said(lab, "port b", "vb", "is back") == turn + 1, "the device is a port again")
        a.reaches("10.0.0.2")
        state = lab.switch.link("vb")
        check("NOARP" in state["flags"] and state["promiscuity"] > 0 and state["mtu"] == 1400, f"vb is {state}")
        check('"vb"' in lab.switch.run("nft", "list", "ruleset"), "no ingress drop for vb")
        equal(lab.switch.run("cat", "/proc/sys/net/ipv6/conf/vb/disable_ipv6").strip(), "1", "disable_ipv6 of vb")
    equal(said(lab, "port b", "vb", "is gone"), 3, "log lines of a device that went")
    equal(pings.lost(), 0, "lost pings of others")
    equal(lab.json("bridge", "-d", "link", "show", "dev", "b")[0]["hairpin"], True, "flags of the member")
    lab.daemons[0].terminate()
    equal(sorted(lab.switch.links()), ["va", "vb", "vc"], "devices after the end")
    check("NOARP" not in lab.switch.link("vb")["flags"] and lab.switch.link("vb")["mtu"] == 1500, "vb was not given back")


def test_device_away_costs_nothing(lab):
    """With a port's device gone and traffic for it, no worker spins; the port can be shown, set and removed."""
    a, _, c = lab.bridge("a", "b", "c")
    a.reaches("10.0.0.2")
    lab.switch.ip("link", "del", "dev", "vb")
    wait_for(lambda: said(lab, "port b", "is gone"), "a log line")
    lab.start(a, "ping", "-q", "-i", "0.01", "10.0.0.2")
    used = busy(lab, 2.0)
    check(used < 0.6, f"weftd used {used:.2f} s of CPU in 2 s")
    equal([row["link"] for row in lab.json("port", "show") if row["ifname"] == "b"], ["down"], "link of the port")
    lab.weft("bridge", "link", "set", "dev", "b", "isolated", "on")
    lab.weft("ip", "link", "set", "b", "down")
    lab.weft("ip", "link", "set", "b", "up")
    lab.weft("port", "del", "b")
    equal(c.ping("10.0.0.1", 5, 0.02), 5, "answers between others")


def test_device_comes_back_in_use(lab):
    """A device that comes back with an address is not taken until the address is gone: one log line that says so."""
    a, b = lab.bridge("a", "b")
    lab.switch.ip("link", "del", "dev", "vb")
    wait_for(lambda: said(lab, "port b", "is gone"), "a log line")
    mac = "02:bb:00:00:00:02"
    lab.switch.ip("link", "add", "vx", "type", "veth", "peer", "name", "eth0", "address", mac, "netns", b.name)
    lab.switch.ip("addr", "add", "10.9.0.1/24", "dev", "vx")
    b.ip("addr", "add", "10.0.0.2/24", "dev", "eth0")
    b.ip("link", "set", "eth0", "up")
    lab.switch.ip("link", "set", "vx", "name", "vb")
    wait_for(lambda: said(lab, "vb", "10.9.0.1/24"), "the reason is logged", 3)
    time.sleep(2.2)
    equal(said(lab, "vb", "10.9.0.1/24"), 1, "how often it is logged")
    lab.switch.ip("addr", "flush", "dev", "vb")
    a.reaches("10.0.0.2", 5)
    lab.weft("port", "del", "b")


def test_device_visits_another_namespace(lab):
    """A device moved away and back, with the index it had, is a port again."""
    a, b = lab.bridge("a", "b")
    other = lab.namespace("other")
    a.reaches("10.0.0.2")
    index = lab.switch.link("vb")["ifindex"]
    lab.switch.ip("link", "set", "vb", "netns", other.name)
    other.ip("link", "set", "vb", "netns", lab.switch.name)
    wait_for(lambda: said(lab, "port b", "is back"), "the device is a port again")
    check(said(lab, "port b", "is gone") == 1 and index, "no log line of the loss")
    a.reaches("10.0.0.2")


@stateful
def test_tap_disappears(lab):
    """A TAP deleted under weft: forwarding goes on; it is made again with weft's addresses and its sysctls, one log line."""
    a, _ = lab.bridge("a", "b", extra="ip addr add 10.0.0.254/24 dev br0\n")
    a.reaches("10.0.0.254")
    pings = Pings(lab, a, "10.0.0.2")
    for name in ("a", "br0"):
        lab.switch.ip("link", "del", "dev", name)
        wait_for(lambda: lab.switch.link(name), f"{name} is made again")
        equal(said(lab, f"{name}: its TAP was deleted"), 1, "log lines")
    equal(pings.lost(), 0, "lost pings")
    a.reaches("10.0.0.254")
    check(busy(lab) < 0.3, "weftd spins")
    state = lab.switch.link("br0")
    check("UP" in state["flags"] and state["address"] == state_of(lab, "br0")["address"], f"br0 is {state}")


def test_far_end_disappears(lab):
    """The far end of a tap port deleted by its owner: no worker spins, the port can be removed and added again."""
    guest, a = lab.namespace("guest"), lab.host("a", "10.0.0.1/24")
    far = f"port add t up type tap dev eth0 netns {guest.name}"
    lab.weftd(port_line("a") + far + "\nip link add br0 up type bridge\nip link set a master br0\nip link set t master br0\n")
    guest.ip("link", "set", "eth0", "up")
    guest.ip("link", "del", "dev", "eth0")
    wait_for(lambda: "NO-CARRIER" in state_of(lab, "t")["flags"], "loss of carrier")
    lab.start(a, "ping", "-q", "-i", "0.01", "-b", "10.0.0.255")
    used = busy(lab, 2.0)
    check(used < 0.6, f"weftd used {used:.2f} s of CPU in 2 s")
    lab.weft("port", "del", "t")
    lab.weft(*far.split())
    check(guest.link("eth0"), "no far end")


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
