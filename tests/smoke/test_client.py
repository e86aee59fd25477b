"""The client: exit statuses, other programs' names, JSON as the contract gives it, shows."""

import json
import os
import subprocess

import frames
from lab import COMPAT, WEFT, check, equal, stateful, wait_for


def status_of(*command, **how):
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=20, **how)
    return done.returncode, done.stdout, done.stderr


def test_exit_statuses(lab):
    """0 done, 1 bad command line with a caret, 2 refused with a sentence."""
    lab.bridge("a", "b")
    status, _, error = status_of(WEFT, "-s", lab.socket, "port", "nonsense")
    equal(status, 1, "status of a bad command line")
    check("^" in error, f"no caret: {error}")
    check("nosuch" in lab.refused("port", "del", "nosuch"), "the refusal does not name the port")
    lab.refused("port", "add", "a", "type", "null")
    for words in (["tc", "qdisc", "show"], ["ebtables", "-L"], ["conntrack", "-L", "dying"], ["ip", "route", "add", "default"]):
        status, _, error = status_of(WEFT, "-s", lab.socket, *words)
        check(status != 0 and error.strip(), f"`{' '.join(words)}` is not refused")


def test_unreachable(lab):
    """No daemon: the same sentence everywhere; 3 for weft's own words, 1 for ip, bridge and brctl."""
    nowhere = os.path.join(lab.folder, "nowhere.sock")
    sentences = set()
    for words, wanted in ((["port", "show"], 3), (["ip", "link"], 1), (["bridge", "link"], 1), (["brctl", "show"], 1),
                          (["sysctl", "-a"], 1), (["iptables", "-L"], 4), (["ethtool", "-i", "a"], 1)):
        status, _, error = status_of(WEFT, "-s", nowhere, *words)
        equal(status, wanted, f"status of `{' '.join(words)}`")
        sentences.add(error)
    equal(len(sentences), 1, f"sentences {sentences}")
    check(nowhere in sentences.pop(), "the sentence does not name the socket")


def test_other_names(lab):
    """Links named ip, bridge, brctl, sysctl, ethtool are those programs; WEFT_SOCKET says where."""
    lab.bridge("a", "b")
    environment = {**os.environ, "PATH": f"{COMPAT}:{os.environ['PATH']}", "WEFT_SOCKET": lab.socket}
    for line, wanted in (("ip -br link", "br0"), ("ip a", "br0"), ("ip -o l sh a", "a:"), ("bridge link", "master br0"),
                         ("brctl show", "br0"), ("sysctl net.ipv4.ip_forward", "net.ipv4.ip_forward = 1"),
                         ("ethtool -i a", "driver: af_packet")):
        status, shown, error = status_of("sh", "-c", line, env=environment)
        check(status == 0 and wanted in shown, f"`{line}`: status {status}, {shown or error}")
    for line, status in (("ip link set nosuch up", 1), ("bridge link set dev nosuch learning on", 255),
                         ("brctl addbr br0", 1)):
        got = status_of("sh", "-c", line, env=environment)
        check(got[0] == status or (status == 255 and got[0] in (1, 255)), f"`{line}`: status {got[0]}, {got[2]}")
        check(got[2].strip(), f"`{line}` fails without a word")


def keys(row):
    return set(row)


@stateful
def test_json_of_own_words(lab):
    """`-j` of weft's own words has the contract's fields."""
    a, _ = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    lab.wire("a").send(frames.frame(frames.BROADCAST, bytes(6)))
    wait_for(lambda: lab.json("show", "drops"), "a drop")
    equal(keys(lab.json("show", "drops")[0]), {"ifname", "reason", "packets", "bytes"}, "fields of show drops")
    equal(keys(lab.json("show", "workers")[0]), {"worker", "cpu", "busy", "packets", "handed_over", "queues"},
          "fields of show workers")
    equal(keys(lab.json("show", "runtime")[0]), {"worker", "stage", "packets", "clocks_per_packet",
                                                 "packets_per_batch"}, "fields of show runtime")
    check(keys(lab.json("port", "show")[0]) >= {"ifname", "type", "driver", "mtu", "address", "link", "rxq", "txq",
                                                "stats64"}, "fields of port show")
    version = lab.json("show", "version")
    version = version[0] if isinstance(version, list) else version
    equal(keys(version), {"version", "dpdk"}, "fields of show version")
    check(lab.json("show", "memory"), "show memory is empty")
    equal(len(lab.json("show", "workers")), len(lab.workers.split(",")), "workers")


def test_json_of_ip(lab):
    """`weft ip -j` has the fields of Linux's ip; -j also stands in ip's own place."""
    lab.bridge("a", "b", extra="ip addr add 10.0.0.254/24 dev br0\n")
    row = json.loads(lab.weft("ip", "-j", "-s", "link", "show", "dev", "a"))[0]
    check(keys(row) >= {"ifindex", "ifname", "flags", "mtu", "operstate", "master", "address", "stats64"},
          f"fields of ip link: {keys(row)}")
    check(keys(row["stats64"]["rx"]) >= {"bytes", "packets", "errors", "dropped", "multicast"}, "fields of stats64.rx")
    info = lab.json("ip", "addr", "show", "dev", "br0")[0]["addr_info"]
    check({"family": "inet", "local": "10.0.0.254", "prefixlen": 24}.items() <= info[0].items(), f"addr_info: {info}")
    detail = json.loads(lab.weft("ip", "-d", "-j", "link", "show", "dev", "br0"))[0]
    equal(detail["linkinfo"]["info_kind"], "bridge", "info_kind")


@stateful
def test_counters(lab):
    """`ip -s link` counts packets and bytes of a port as the hosts sent them, once."""
    a, b = lab.bridge("a", "b")
    a.reaches("10.0.0.2")
    count = lambda role: json.loads(lab.weft("ip", "-s", "-j", "link", "show", "dev", role))[0]["stats64"]
    before = count("a"), count("b")
    equal(a.ping("10.0.0.2", 50, 0.005), 50, "answers")
    after = count("a"), count("b")
    for way, wanted in (("rx", "packets"), ("tx", "packets")):
        moved = [new[way][wanted] - old[way][wanted] for old, new in zip(before, after)]
        check(all(50 <= number <= 56 for number in moved), f"{way} packets of a and b: {moved}")
    check(after[0]["rx"]["bytes"] - before[0]["rx"]["bytes"] >= 50 * 98, "too few bytes")


def test_ethtool(lab):
    """`ethtool -S`, `-i`, `-k` show a port as ethtool does."""
    lab.bridge("a")
    check("driver: af_packet" in lab.weft("ethtool", "-i", "a"), "-i")
    check(lab.weft("ethtool", "-S", "a").startswith("NIC statistics:"), "-S")
    check(lab.weft("ethtool", "-k", "a").startswith("Features for a:"), "-k")


def test_sysctl(lab):
    """Names that weft implements are weft's; unknown ones are refused by name."""
    lab.bridge("a")
    equal(lab.weft("sysctl", "-n", "net.ipv4.ip_forward").strip(), "1", "net.ipv4.ip_forward")
    status, _, error = status_of(WEFT, "-s", lab.socket, "sysctl", "net.ipv4.nonsense")
    check(status != 0 and "net.ipv4.nonsense" in error, "an unknown name was not refused")


def test_brctl(lab):
    """A bridge made, filled and removed by `brctl`."""
    lab.weftd("port add n up type null\n")
    for line in ("addbr br7", "addif br7 n", "setageing br7 10", "stp br7 off"):
        lab.weft("brctl", *line.split())
    equal(lab.json("ip", "link", "show", "dev", "n")[0].get("master"), "br7", "master")
    check("ageing_time 1000" in lab.weft("save"), "ageing time not in seconds")
    lab.weft("brctl", "delif", "br7", "n")
    lab.weft("ip", "link", "set", "br7", "down")
    lab.weft("brctl", "delbr", "br7")
    check("br7" not in lab.weft("save"), "the bridge is still there")


def test_help(lab):
    """`weft help` needs no daemon and names the commands."""
    status, shown, error = status_of(WEFT, "help")
    check(status == 0 and "port add" in shown, f"help: status {status}, {error}")


def test_interactive(lab):
    """Without words the client reads commands from its input; an error does not end it."""
    lab.bridge("a")
    status, shown, error = status_of(WEFT, "-s", lab.socket, input="port show\nnonsense\nshow version\n")
    check("af_packet" in shown and "dpdk" in shown.lower(), f"shell printed {shown!r} {error!r}")
