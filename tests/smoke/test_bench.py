"""weft-bench on a bridge of two ports of each kind that it can be the other side of."""

import json
import os
import subprocess

from lab import BUILD, check, equal

BENCH = os.path.join(BUILD, "perf/weft-bench/weft-bench")


def bench(*words, status=0, inside=()):
    done = subprocess.run([*inside, BENCH, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    equal(done.returncode, status, f"status of weft-bench ({done.stderr[-500:]})")
    return done


def test_bench_over_memif(lab):
    """Every frame of a moderate rate arrives, of many flows of every kind; figures of both sides agree."""
    folder = lab.folder
    lab.weftd("".join(f"port add {port} up type memif path {folder}/{port} mtu 9000\n" for port in "mn")
              + "ip link add br0 up type bridge\nip link set m master br0\nip link set n master br0\n", "--no-kernel")
    ports = [f"net_memif{number},role=client,socket={folder}/{port},socket-abstract=no"
             for number, port in enumerate("mn")]
    before = 0
    for options in (["--flows", "1000", "--random"], ["--ipv6", "--tcp", "--size", "1518"],
                    ["--vlan", "5+3", "--flows", "9"]):
        shown = bench("--no-huge", "--tx", ports[0], "--rx", ports[1], "--seconds", "0.5", "--rate", "5000", "--json",
                      *options)
        answer = json.loads(shown.stdout)
        trial = answer["trial"]
        check(2000 < trial["sent"] <= 2500, f"sent {trial['sent']}")
        equal(trial["received"], trial["sent"], f"received with {options}")
        check(0 < trial["latency_us"]["p50"] <= trial["latency_us"]["p99"] <= trial["latency_us"]["p100"], "latency")
        check(answer["own"]["loop_back_mpps"] > 0, "own limit")
        sent = lab.json("port", "show", "n")[0]["stats64"]["tx_packets"]
        check(sent - before >= trial["received"], f"weft sent {sent - before} of {trial['received']} received")
        before = sent


def every_frame_arrives(lab, tx, rx, inside=()):
    """A moderate rate through the bridge br0 of the ports m and n: nothing is lost, and weft counted as much."""
    before = 0
    for options in (["--flows", "100", "--random"], ["--ipv6", "--tcp", "--size", "1518"], ["--vlan", "5+3", "--flows", "9"]):
        shown = bench("--no-huge", "--tx", tx, "--rx", rx, "--seconds", "0.5", "--rate", "2000", "--json", *options,
                      inside=inside)
        trial = json.loads(shown.stdout)["trial"]
        check(800 < trial["sent"] <= 1000, f"sent {trial['sent']} with {options}")
        equal(trial["received"], trial["sent"], f"received with {options}")
        check(0 < trial["latency_us"]["p50"] <= trial["latency_us"]["p100"], f"latency with {options}: {trial}")
        sent = lab.json("port", "show", "n")[0]["stats64"]["tx_packets"]
        check(sent - before >= trial["received"], f"weft sent {sent - before} of {trial['received']} received")
        before = sent


def test_bench_over_vhost_user(lab):
    """As two guests on vhost-user ports."""
    lab.weftd("".join(f"port add {port} up type vhost-user path {lab.folder}/{port} server\n" for port in "mn")
              + "ip link add br0 up type bridge\nip link set m master br0\nip link set n master br0\n", "--no-kernel")
    every_frame_arrives(lab, *(f"net_virtio_user{number},path={lab.folder}/{port},queue_size=1024"
                               for number, port in enumerate("mn")))


def test_bench_over_af_packet(lab):
    """Through packet sockets on the far ends of two veth pairs."""
    far = lab.namespace("far")
    far.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
    for port in "mn":
        lab.switch.ip("link", "add", f"v{port}", "type", "veth", "peer", "name", f"e{port}", "netns", far.name)
        far.ip("link", "set", f"e{port}", "up")
    lab.weftd("".join(f"port add {port} up type af_packet dev v{port}\n" for port in "mn")
              + "ip link add br0 up type bridge\nip link set m master br0\nip link set n master br0\n", "--no-kernel")
    every_frame_arrives(lab, *(f"net_af_packet{number},iface=e{port}" for number, port in enumerate("mn")),
                        inside=("ip", "netns", "exec", far.name))


def test_bench_on_null(lab):
    """What null ports hand out is nobody's frame: counted as such, not as received."""
    del lab
    trial = json.loads(bench("--no-huge", "--tx", "net_null0", "--rx", "net_null1", "--seconds", "0.2", "--json").stdout)["trial"]
    check(trial["sent"] > 10000 and trial["foreign"] > 10000, f"{trial}")
    equal(trial["received"], 0, "received")


def test_bench_says_what_is_wrong(lab):
    """Bad input: one sentence, status 1; a port that cannot be had: status 2."""
    check("--tx is missing" in bench(status=1).stderr, "no port")
    check("--flows 0" in bench("--tx", "net_null0", "--flows", "0", status=1).stderr, "flows")
    check("no DPDK device" in bench("--no-huge", "--tx", "nonsense0", status=2).stderr, "device")
    check("--search" in bench("--help").stdout, "help")
