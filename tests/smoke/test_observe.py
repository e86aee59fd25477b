"""Seeing: tcpdump, trace, explain."""

import json
import os
import resource
import signal
import subprocess

import frames
from lab import COMPAT, TOP, WEFT, bridge_config, check, equal, port_line, run, stateful, wait_for

VLANS = """
bridge vlan del dev a vid 1
bridge vlan add dev a vid 10 pvid untagged
bridge vlan add dev b vid 10
bridge vlan del dev c vid 1
bridge vlan add dev c vid 20 pvid untagged
"""
SOURCE, UNKNOWN = frames.mac("02:aa:00:00:00:01"), frames.mac("02:bb:00:00:00:01")


def capture(lab, *words, **how):
    """weft tcpdump in the background, running when this returns."""
    child = subprocess.Popen([WEFT, "-s", lab.socket, "tcpdump", *words], text=how.pop("text", True),
                             stdout=how.pop("stdout", subprocess.PIPE), stderr=subprocess.PIPE, **how)
    lab.children.append(child)
    return child


def opened(lab, path):
    wait_for(lambda: os.path.exists(path) and os.path.getsize(path) > 0, "a capture file that has begun")


def ended(child, status=0, seconds=5):
    out, err = child.communicate(timeout=seconds)
    equal(child.returncode, status, f"exit status of tcpdump, which said {err!r}")
    return out, err


def read_back(path, *words):
    return run("tcpdump", "-n", "-e", *words, "-r", path).splitlines()


@stateful
def test_capture_file(lab):
    """A bridge's capture has all its ports' traffic with the port named; tcpdump and tshark read it."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    path = os.path.join(lab.folder, "br0.pcapng")
    child = capture(lab, "-i", "br0", "-w", path, "icmp")
    opened(lab, path)
    equal(a.ping("10.0.0.2", 3), 3, "answers while a capture runs")
    child.send_signal(signal.SIGINT) if wait_for(lambda: len(read_back(path)) == 12, "12 captured frames") else None
    _, said = ended(child)
    check("12 packets captured" in said, said)
    shown = run("tshark", "-r", path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.packet_flags",
                "-e", "icmp.type").splitlines()
    for expected in ("a\t0x00000001\t8", "b\t0x00000002\t8", "b\t0x00000001\t0", "a\t0x00000002\t0"):
        equal(shown.count(expected), 3, f"frames of {expected!r} in {shown}")


def test_capture_pipe(lab):
    """`tcpdump -w - | tcpdump -r -`, and -c ends by itself; the compat link takes getopt's spellings."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    child = subprocess.Popen(f"{COMPAT}/tcpdump -nUi a -c4 -w - icmp | tcpdump -n -r -", shell=True, text=True,
                             env={**os.environ, "WEFT_SOCKET": lab.socket}, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    lab.children.append(child)
    ping = lab.start(a, "ping", "-i", "0.1", "10.0.0.2")
    out, _ = child.communicate(timeout=10)
    ping.kill()
    equal(child.returncode, 0, "exit status")
    equal(len(out.splitlines()), 4, f"lines of {out!r}")
    check("10.0.0.1 > 10.0.0.2: ICMP echo request" in out, out)


def test_capture_lines(lab):
    """Without -w a line a frame, with -j an object."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    for words in ([], ["-j"]):
        child = subprocess.Popen([WEFT, "-s", lab.socket, *words, "tcpdump", "-i", "any", "-c", "4", "icmp"], text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lab.children.append(child)
        ping = lab.start(a, "ping", "-i", "0.1", "10.0.0.2")
        out, said = ended(child, seconds=10)
        ping.kill()
        check("4 packets captured" in said, said)
        lines = out.splitlines()
        equal(len(lines), 4, f"lines of {out!r}")
        if words:
            first = json.loads(lines[0])
            check("10.0.0.1 > 10.0.0.2: ICMP echo request" in first["frame"] or "reply" in first["frame"], lines[0])
            check(first["ifname"] in "ab" and first["direction"] in ("In", "Out"), lines[0])
        else:
            check(any(" a     In   " in line and "ICMP echo request" in line for line in lines), out)


def test_capture_drops(lab):
    """--drops shows what was dropped and why, on the port that is to blame."""
    hosts = [lab.host(role) for role in "abc"]
    lab.weftd(bridge_config("a", "b", "c", options="vlan_filtering 1") + VLANS)
    path = os.path.join(lab.folder, "drops.pcapng")
    child = capture(lab, "-i", "any", "--drops", "-c", "2", "-w", path)
    opened(lab, path)
    wire = lab.wire("a")
    wire.send(frames.frame(UNKNOWN, SOURCE, payload=b"x" * 46, tags=frames.tag(20)))
    wire.send(frames.frame(UNKNOWN, bytes(6), payload=b"y" * 46))
    ended(child)
    shown = run("tshark", "-r", path, "-T", "fields", "-e", "frame.interface_name", "-e", "frame.comment",
                "-e", "vlan.id").splitlines()
    check(len(hosts) == 3 and shown[0].startswith("a\tdropped bridge/vlan_filtered:") and shown[0].endswith("\t20"),
          shown)
    check(shown[1].startswith("a\tdropped bridge/bad_source:"), shown)


def test_capture_sub_interface(lab):
    """A sub-interface's capture has its frames without its tag, its port's with it."""
    lab.host("a")
    lab.weftd("port add a up type af_packet dev va\nip link add link a name a.8 up type vlan id 8\n")
    path = {name: os.path.join(lab.folder, name) for name in ("a", "a.8")}
    children = [capture(lab, "-i", name, "-c", "1", "-w", path[name], "ether proto 0x88b5 or vlan 8") for name in path]
    for name in path:
        opened(lab, path[name])
    lab.wire("a").send(frames.frame(b"\xff" * 6, SOURCE, payload=b"x" * 46, tags=frames.tag(8)))
    for child in children:
        ended(child)
    check("vlan 8" in read_back(path["a"])[0], read_back(path["a"]))
    check("vlan" not in read_back(path["a.8"])[0], read_back(path["a.8"]))


def test_capture_nothing(lab):
    """Ctrl-C and SIGTERM end a capture that saw nothing with tcpdump's counts and 0."""
    lab.weftd("port add n up type null\n")
    for number in (signal.SIGINT, signal.SIGTERM):
        path = os.path.join(lab.folder, f"nothing{number}")
        child = capture(lab, "-i", "n", "-w", path, "udp port 1")
        opened(lab, path)
        child.send_signal(number)
        _, said = ended(child)
        equal(said.splitlines(), ["tcpdump: listening on n, link-type EN10MB (Ethernet), snapshot length 262144 bytes",
                                  "0 packets captured", "0 packets received by filter", "0 packets dropped by kernel"],
              "what tcpdump said")


def test_capture_snapshot(lab):
    """-s cuts frames, a tag that is put back included: libpcap refuses a packet above its interface's snapshot length."""
    lab.host("a")
    lab.weftd("port add a up type af_packet dev va\n")
    path = os.path.join(lab.folder, "short")
    child = capture(lab, "-i", "a", "-s", "64", "-c", "1", "-w", path, "ether src 02:aa:00:00:00:01")
    opened(lab, path)
    lab.wire("a").send(frames.frame(b"\xff" * 6, SOURCE, payload=b"x" * 100, tags=frames.tag(8)))
    ended(child)
    check("vlan 8" in read_back(path)[0], read_back(path))
    equal(run("tshark", "-r", path, "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len").split(), ["64", "118"],
          "bytes kept, and of the frame")


def test_capture_refusals(lab):
    """A filter that does not compile, an unknown interface, no interface, an unknown option: one sentence, exit 1."""
    lab.bridge("a", "b")
    for words, expected in ((("-i", "a", "tcp portt 80"), "syntax error"), (("-i", "nope"), "No such device"),
                            ((), "-i"), (("-i", "a", "-Z", "root"), "-Z")):
        said = lab.refused("tcpdump", *words, status=1)
        check(expected in said and len(said.strip().splitlines()) <= 3, said)


def test_capture_disk_full(lab):
    """A full disk ends the capture with its reason; the switch goes on."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    child = capture(lab, "-i", "a", "-w", os.path.join(lab.folder, "f"),
                    preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))))
    a.ping("10.0.0.2", 50, 0.01)
    _, said = ended(child, status=1)
    check("File too large" in said, said)
    equal(a.ping("10.0.0.2", 3), 3, "answers afterwards")
    child = capture(lab, "-i", "a", "-w", "/dev/full")
    _, said = ended(child, status=1)
    check("No space left on device" in said, said)


def test_capture_slow_reader(lab):
    """A reader that stops loses frames, which are counted; forwarding and the next command do not wait for it."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    child = capture(lab, "-i", "any", "-w", "-", text=False)
    for _ in range(5):
        a.run("ping", "-q", "-f", "-c", "2000", "-s", "1400", "10.0.0.2")
    equal(a.ping("10.0.0.2", 3), 3, "answers beside it")
    check(lab.json("show", "version"), "an answer beside it")
    child.kill()


def test_capture_interface_gone(lab):
    """tcpdump ends when its interface is deleted, as libpcap's does."""
    lab.bridge("a", "b")
    path = os.path.join(lab.folder, "gone")
    child = capture(lab, "-i", "a", "-w", path)
    opened(lab, path)
    lab.weft("port", "del", "a")
    _, said = ended(child, status=1)
    check("disappeared" in said, said)


@stateful
def test_trace(lab):
    """The next packets of a port with each stage's decision; then no more."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    lab.weft("trace", "add", "a", "2")
    equal(a.ping("10.0.0.2", 3), 3, "answers while a trace runs")
    packets = lab.json("trace", "show")
    equal(len(packets), 2, "packets followed")
    steps = [(step["stage"], step["text"]) for step in packets[0]["steps"]]
    equal([stage for stage, _ in steps], ["received", "ingress", "bridge_input", "egress", "sent"], "stages")
    check("source is on a (heard " in steps[2][1] and "destination is on b (heard " in steps[2][1], steps)
    equal(steps[4][1], "98 bytes by b, untagged", "what was sent")
    check("ICMP echo request" in packets[0]["frame"], packets[0]["frame"])
    text = lab.weft("trace", "show")
    check(text.startswith("a: ") and "    bridge_input  source is on a" in text, text)
    lab.weft("trace", "clear")
    equal(lab.json("trace", "show"), [], "packets after `trace clear`")
    check("no interface" in lab.refused("trace", "add", "nope", "1"), "a refusal")
    check("br0 is a bridge: name the port by which packets come to it, of a, b" in
          lab.refused("trace", "add", "br0", "1"), "a refusal")


def test_trace_names(lab):
    """Steps keep the names of their time, also when an interface is deleted and its number given to another one."""
    a, b = lab.bridge("a", "b")
    lab.host("c")
    a.reaches("10.0.0.2")
    lab.weft("trace", "add", "a", "100")
    equal(a.ping("10.0.0.2", 1), 1, "an answer")
    lab.weft("port", "del", "b")
    lab.weft("port", "add", "other", "up", "type", "af_packet", "dev", "vc")
    lab.weft("ip", "link", "set", "other", "master", "br0")
    lab.wire("a").send(frames.frame(UNKNOWN, SOURCE, payload=b"x" * 46))
    sent = lambda: [step["text"] for packet in lab.json("trace", "show") for step in packet["steps"]
                    if step["stage"] == "sent"]
    wait_for(lambda: "60 bytes by other, untagged" in sent(), "the frame was flooded")
    check("98 bytes by b, untagged" in sent(), sent())
    check("interface " not in lab.weft("trace", "show"), lab.weft("trace", "show"))


def test_explain(lab):
    """A made-up packet through the real tables: each decision with its object; nothing sent, learned or counted."""
    for role in "abc":
        lab.host(role)
    lab.weftd(bridge_config("a", "b", "c", options="vlan_filtering 1") + VLANS)
    lab.weft("bridge", "fdb", "add", "02:00:00:00:00:0b", "dev", "b", "master", "static", "vlan", "10")
    state = lambda: ([link["stats64"]["rx"] for link in lab.json("ip", "-s", "link")], lab.json("show", "drops"),
                     lab.json("bridge", "fdb"))
    before = state()
    made = ("ip", "10.0.0.1", "10.0.0.2", "udp", "1000", "53")

    def explain(*words):
        (packet,) = lab.json("explain", *words)
        return packet["frame"], {step["stage"]: step["text"] for step in packet["steps"]}

    frame, steps = explain("a", "eth", "02:00:00:00:00:0a", "02:00:00:00:00:0b", *made)
    check("10.0.0.1.1000 > 10.0.0.2.53: UDP" in frame, frame)
    equal(steps["bridge_input"], "VLAN 10, source is unknown, destination is on b (static): to egress, VLAN 10 by b",
          "the bridge's decision")
    equal(steps["sent"], "60 bytes by b, VLAN 10", "what would be sent")
    _, steps = explain("a", "eth", "02:00:00:00:00:0a", "02:00:00:00:00:0b", "vlan", "20", *made)
    check(steps["dropped"].startswith("bridge/vlan_filtered at a: "), steps)
    _, steps = explain("a", "hex", "02000000000b02000000000a88b5" + "00" * 46)
    check(steps["sent"].endswith("by b, VLAN 10"), steps)
    check("VLAN 10" in lab.weft("explain", "a", *made), "text")
    pcap = os.path.join(lab.folder, "one.pcap")
    with open(pcap, "wb") as out:
        out.write(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000" "0000000000000000" "3c0000003c000000"))
        out.write(bytes.fromhex("02000000000b02000000000a88b5") + bytes(46))
    check("to egress, VLAN 10 by b" in lab.weft("explain", "a", "pcap", pcap), "explain of a capture file")
    equal(state(), before, "counters and FDB afterwards")
    check("br0 is a bridge: name the port by which packets come to it, of a, b, c" in
          lab.refused("explain", "br0", *made), "a refusal")
    check("hexadecimal" in lab.refused("explain", "a", "hex", "0g", status=1), "a refusal")
    check("TCP flags" in lab.refused("explain", "a", "ip", "10.0.0.1", "10.0.0.2", "tcp", "1", "2", "SX", status=1),
          "a refusal")


BEYOND = """
ip link add br0 up type bridge
ip link add br1 up type bridge
ip link add va0 up type veth peer name vb0 up
ip link add link c name c.8 up type vlan id 8
ip link set a master br0
ip link set va0 master br0
ip link set vb0 master br1
ip link set b master br1
ip link set c.8 master br1
ip link add br9 type bridge
ip link add d0 type dummy
"""


def beyond_ports(lab):
    """a and b are joined by a veth pair between their bridges; VLAN 8 of c belongs to b's."""
    hosts = [lab.host("a", "10.0.0.1/24"), lab.host("b", "10.0.0.2/24"), lab.host("c")]
    lab.weftd(port_line("a") + port_line("b") + port_line("c") + BEYOND)
    return hosts


@stateful
def test_trace_beyond_ports(lab):
    """Packets are followed from the veth end or the sub-interface that receives them."""
    a, _, _ = beyond_ports(lab)
    a.reaches("10.0.0.2")
    # Besides the requests vb0 receives what the kernel itself sends by va0's TAP.
    lab.weft("trace", "add", "vb0", "100")
    equal(a.ping("10.0.0.2", 3), 3, "answers while a trace runs")
    packets = lab.json("trace", "show")
    equal({packet["ifname"] for packet in packets}, {"vb0"}, "interfaces of the packets followed")
    check(not any("echo reply" in packet["frame"] for packet in packets), "vb0 does not receive what it sends")
    requests = [packet["steps"] for packet in packets if "ICMP echo request" in packet["frame"]]
    equal(len(requests), 3, "requests followed")
    equal([step["stage"] for step in requests[0]], ["received", "bridge_input", "egress", "sent"], "stages")
    equal([requests[0][n]["text"] for n in (0, 3)], ["98 bytes by vb0", "98 bytes by b, untagged"],
          "what the bridge got and gave")
    lab.weft("trace", "add", "c.8", "1")
    wire = lab.wire("c")
    wire.send(frames.frame(UNKNOWN, SOURCE, payload=b"x" * 46))
    wire.send(frames.frame(UNKNOWN, SOURCE, payload=b"y" * 46, tags=frames.tag(8)))
    sent = lambda: sorted(step["text"] for packet in lab.json("trace", "show") for step in packet["steps"]
                          if step["stage"] == "sent")
    wait_for(lambda: len(sent()) == 3, "the frame was flooded")
    equal(sent(), ["60 bytes by a, untagged", "60 bytes by b, untagged", "60 bytes by vb0, untagged"], "what was sent")
    (packet,) = lab.json("trace", "show")
    check("vlan" not in packet["frame"], packet["frame"])
    equal(packet["steps"][0], {"stage": "received", "text": "60 bytes by c.8"}, "the first step")
    for name, said in (("br9", "br9 is a bridge without ports"), ("d0", "d0 is a dummy interface")):
        check(said in lab.refused("trace", "add", name, "1"), f"a refusal of {name}")


@stateful
def test_trace_ends_with_its_interface(lab):
    """What gets the number of a traced interface that went is not followed in its place."""
    a, b, c = lab.bridge("a", "b", "c")
    a.reaches("10.0.0.2"), a.reaches("10.0.0.3")
    lab.weft("trace", "add", "b", "100")
    equal(a.ping("10.0.0.2", 3), 3, "answers while a trace runs")
    before = len(lab.json("trace", "show"))
    check(before >= 3, f"{before} packets followed")
    lab.weft("port", "del", "b")
    lab.weft(*port_line("new").replace("vnew", "vb").split())
    lab.weft("ip", "link", "set", "new", "master", "br0")
    a.reaches("10.0.0.2")
    equal(len(lab.json("trace", "show")), before, "packets followed")
    lab.weft("trace", "add", "new", "1")
    a.reaches("10.0.0.2")
    equal([packet["ifname"] for packet in lab.json("trace", "show")], ["new"], "a new trace")


def test_explain_beyond_ports(lab):
    """explain starts on a veth end or a sub-interface."""
    beyond_ports(lab)
    lab.weft("bridge", "fdb", "add", "02:00:00:00:00:0b", "dev", "b", "master", "static")

    def explain(*words):
        (packet,) = lab.json("explain", *words, "ip", "10.0.0.1", "10.0.0.2", "udp", "1000", "53")
        return [(step["stage"], step["text"]) for step in packet["steps"]]

    for name in ("vb0", "c.8"):
        steps = explain(name, "eth", "02:00:00:00:00:0a", "02:00:00:00:00:0b")
        equal(steps[:2], [("received", f"60 bytes by {name}"),
                          ("bridge_input", "source is unknown, destination is on b (static): to egress, untagged by b")],
              f"the first steps from {name}")
        equal(steps[-1], ("sent", "60 bytes by b, untagged"), f"the last step from {name}")
    # the bridge's address is that of one of its members
    stage, text = explain("vb0")[1]
    check(stage == "bridge_input" and text.endswith(" own: to host, untagged on br1"), f"a packet for the host: {text}")
    lab.weft("ip", "link", "set", "c.8", "down")
    check(explain("c.8")[1][1].startswith("ingress/interface_down at c.8: "), "an interface that is down")


def stream(lab, *words):
    """A command that answers a stream, in the background; its lines come by reading its standard output."""
    child = subprocess.Popen([WEFT, "-s", lab.socket, *words], text=True, bufsize=1, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    lab.children.append(child)
    return child


def test_monitor(lab):
    """Links that come, go and change at once, drops within a second; Ctrl-C ends with 0."""
    lab.bridge("a", "b")
    child = stream(lab, "-j", "monitor")

    def event(**expected):
        for line in child.stdout:
            found = json.loads(line)
            if all(found.get(key) == value for key, value in expected.items()):
                return found
        raise AssertionError("the stream ended")

    wait_for(lambda: lab.json("show", "version"), "an answer beside the stream")
    lab.weft("port", "add", "n", "up", "type", "null")
    event(event="link", ifname="n", action="new")
    lab.weft("ip", "link", "set", "a", "down")
    equal(event(event="link", ifname="a", action="changed")["up"], False, "a's state")
    lab.weft("ip", "link", "set", "a", "up")
    lab.weft("port", "del", "n")
    event(event="link", ifname="n", action="deleted")
    lab.wire("a").send(frames.frame(UNKNOWN, bytes(6)))
    event(event="drops", ifname="a", reason="bridge/bad_source", packets=1)
    child.send_signal(signal.SIGINT)
    equal(child.wait(5), 0, "exit status after Ctrl-C")


def test_monitor_reader_stops(lab):
    """A reader that stops reading is closed; the switch answers others meanwhile."""
    lab.bridge("a", "b")
    with lab.connect() as ask:
        equal(ask("monitor")["stream"], True, "the answer")
        for _ in range(20):
            lab.weft("ip", "link", "set", "a", "down")
            lab.weft("ip", "link", "set", "a", "up")


def test_top(lab):
    """A screen a second, or so many; no escape sequence where there is no terminal."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    ping = lab.start(a, "ping", "-i", "0.02", "10.0.0.2")
    shown = lab.weft("top", "-n", "2")
    check("\x1b" not in shown and shown.count("interface") == 2, shown)
    (last,) = [json.loads(line) for line in lab.weft("-j", "top", "-n", "1").splitlines()]
    rates = {link["ifname"]: link["rx_packets_per_second"] for link in last["interfaces"]}
    check(25 < rates["a"] < 75, rates)
    ping.kill()


def test_graph(lab):
    """The picture of the README is what `show graph` prints."""
    lab.weftd("")
    with open(os.path.join(TOP, "README.md")) as readme:
        text = readme.read()
    for line in lab.weft("show", "graph").splitlines():
        check("    " + line.rstrip() + "\n" in text, f"README.md lacks {line!r}: put `weft show graph` there")
    dot = lab.weft("show", "graph", "dot")
    check(dot.startswith("digraph weft {"), "DOT")
    edges = {(edge["from"], edge["to"]) for edge in lab.json("show", "graph")}
    for edge in (("egress", "veth ring"), ("veth ring", "bridge_input"), ("veth ring", "host")):
        check(edge in edges and '"{}" -> "{}";'.format(*edge) in dot, f"{edge} is not in the graph")
