"""`conntrack` and its variables, with connections of real hosts; beside the real program where it is there."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

from lab import COMPAT, WEFT, check, equal, stateful, wait_for
from test_filter import load, web_server
from test_route import A4, B4, B6, router

TRACKS = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n"
SAID = "conntrack v1.4.7 (conntrack-tools): "


def conntrack(lab, *words, status=0):
    """What the link prints, and what it says."""
    done = subprocess.run([os.path.join(COMPAT, "conntrack"), *words], text=True, timeout=30, capture_output=True,
                          env={**os.environ, "WEFT_SOCKET": lab.socket})
    equal(done.returncode, status, f"status of conntrack {' '.join(words)}: {done.stderr}")
    return done.stdout, done.stderr


def tracking(lab):
    a, b = router(lab)
    for address in (B4, B6):
        a.reaches(address)
    equal(conntrack(lab, "-L"), ("", SAID + "0 flow entries have been shown.\n"), "connections, which no rule asks for")
    load(lab, TRACKS)
    return a, b


def line(lab, *words):
    """The one connection that is listed, without what changes by itself."""
    lines = conntrack(lab, "-L", *words)[0].splitlines()
    equal(len(lines), 1, f"connections of {words}: {lines}")
    return re.sub(r"^(\w+ +\d+) \d+ ", r"\1 T ", lines[0])


@stateful
def test_list_get_delete(lab):
    """What hosts began is listed by protocol, address, port and state, found by its tuple, and deleted."""
    a, b = tracking(lab)
    server = web_server(lab, b, 8080)
    talk = lab.start(a, "bash", "-c", f"exec 3<>/dev/tcp/{B4}/8080; sleep 60")
    wait_for(lambda: conntrack(lab, "-L", "-p", "tcp", "--state", "ESTABLISHED")[0], "the connection is established")
    shown = line(lab, "-p", "tcp", "--dport", "8080")
    sport = re.search(r"sport=(\d+)", shown)[1]
    equal(shown, f"tcp      6 T ESTABLISHED src={A4} dst={B4} sport={sport} dport=8080 src={B4} dst={A4} sport=8080 "
          f"dport={sport} [ASSURED] mark=0 use=1", "the connection")
    tuple_ = ["-p", "tcp", "-s", A4, "-d", B4, "--sport", sport, "--dport", "8080"]
    check(conntrack(lab, "-G", *tuple_)[0].startswith("tcp "), "-G finds it")
    equal(a.ping(B4, 1), 1, "ping")
    equal(a.ping(B6, 1), 1, "ping of IPv6")
    check(re.fullmatch(rf"icmp     1 T src={A4} dst={B4} type=8 code=0 id=\d+ src={B4} dst={A4} type=0 code=0 id=\d+ "
                       r"mark=0 use=1", line(lab, "-p", "icmp")), "the ping")
    check(line(lab, "-f", "ipv6", "-p", "icmpv6", "--icmpv6-type", "128"), "the ping of IPv6")
    equal(conntrack(lab, "-D", "-p", "icmp")[1], SAID + "1 flow entries have been deleted.\n", "what -D says")
    equal(conntrack(lab, "-D", "-p", "icmp", status=1)[1], SAID + "0 flow entries have been deleted.\n", "and then")
    equal(conntrack(lab, "-G", *tuple_[:-1], "8081", status=1)[1],
          SAID + "Operation failed: such conntrack doesn't exist\n", "-G of none")
    listed = json.loads(lab.weft("-j", "conntrack", "-L", "-p", "tcp"))
    equal(listed[0]["original"]["layer4"]["dport"], 8080, "in JSON")
    equal(conntrack(lab, "-F"), ("", SAID + "connection tracking table has been emptied.\n"), "-F")
    equal(conntrack(lab, "-L", "-p", "tcp")[0], "", "after -F")
    talk.kill()
    server.kill()


@stateful
def test_variables(lab):
    """Accounting, time stamps, time-outs and the count, as they are set and shown."""
    a, b = tracking(lab)
    a.ping(B4, 1)
    check("packets=" not in line(lab, "-p", "icmp"), "accounting is off, as in Linux")
    lab.weft("sysctl", "-w", "net.netfilter.nf_conntrack_acct=1", "net.netfilter.nf_conntrack_timestamp=1",
             "net.netfilter.nf_conntrack_icmp_timeout=2")
    conntrack(lab, "-F")
    a.run("ping", "-n", "-q", "-c", "3", "-i", "0.1", "-s", "56", B4)
    shown = line(lab, "-p", "icmp")
    equal(shown.count("packets=3 bytes=252 "), 2, f"counters in {shown}")
    check(" delta-time=" in shown, shown)
    check("[start=" in conntrack(lab, "-L", "-p", "icmp", "-o", "ktimestamp")[0], "no time of its beginning")
    equal(lab.weft("sysctl", "-n", "net.netfilter.nf_conntrack_count").strip(), conntrack(lab, "-C")[0].strip(), "the count")
    wait_for(lambda: not conntrack(lab, "-L", "-p", "icmp")[0], "its time is over")
    equal(conntrack(lab, "-S")[0].split()[1], "found=0", "statistics")


@stateful
def test_events(lab):
    """-E tells of a ping and a connection as the real program does, and of their ends."""
    a, b = tracking(lab)
    server = web_server(lab, b, 8080)
    conntrack(lab, "-F")
    listener = subprocess.Popen([os.path.join(COMPAT, "conntrack"), "-E", "-p", "tcp"], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**os.environ, "WEFT_SOCKET": lab.socket})
    time.sleep(0.5)
    a.run("curl", "-s", "-o", "/dev/null", f"http://{B4}:8080/")
    wait_for(lambda: "TIME_WAIT" in conntrack(lab, "-L", "-p", "tcp")[0], "it is over")
    conntrack(lab, "-D", "-p", "tcp")
    time.sleep(0.5)
    listener.send_signal(signal.SIGINT)
    out, said = listener.communicate(timeout=10)
    lines = out.splitlines()
    words = [" ".join(line.split()[:5]) for line in lines]
    equal(words[:3], ["[NEW] tcp 6 120 SYN_SENT", "[UPDATE] tcp 6 60 SYN_RECV", "[UPDATE] tcp 6 432000 ESTABLISHED"],
          "the beginning")
    equal(words[-2], "[UPDATE] tcp 6 120 TIME_WAIT", "the end")
    check(lines[-1].startswith("[DESTROY] tcp      6 "), lines[-1])
    equal(said, f"{SAID}{len(lines)} flow events have been shown.\n", "what it says at the end")
    server.kill()


@stateful
def test_selected_events(lab):
    """-E shows of a connection only what --ctevents selects of it, and all of the others."""
    a, b = tracking(lab)
    servers = [web_server(lab, b, port) for port in (8080, 8081)]
    load(lab, TRACKS + "*raw\n-A PREROUTING -p tcp --dport 8080 -j CT --ctevents destroy,assured\nCOMMIT\n")
    conntrack(lab, "-F")
    listener = subprocess.Popen([os.path.join(COMPAT, "conntrack"), "-E", "-p", "tcp"], text=True, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, env={**os.environ, "WEFT_SOCKET": lab.socket})
    time.sleep(0.5)
    for port in (8080, 8081):
        a.run("curl", "-s", "-o", "/dev/null", f"http://{B4}:{port}/")
    wait_for(lambda: conntrack(lab, "-L", "-p", "tcp")[0].count("TIME_WAIT") == 2, "both are over")
    conntrack(lab, "-D", "-p", "tcp")
    time.sleep(0.5)
    listener.send_signal(signal.SIGINT)
    lines = listener.communicate(timeout=10)[0].splitlines()
    selected = [shown.split()[0] for shown in lines if "dport=8080" in shown]
    equal(selected, ["[UPDATE]", "[DESTROY]"], f"events of 8080 in {lines}")
    check(next(shown for shown in lines if "dport=8080" in shown).endswith("[ASSURED]"), lines)
    others = [shown.split()[0] for shown in lines if "dport=8081" in shown]
    check(others[0] == "[NEW]" and others[-1] == "[DESTROY]" and others.count("[UPDATE]") >= 3, lines)
    for server in servers:
        server.kill()


@stateful
def test_one_subnet_behind_two_ports(lab):
    """Two hosts with one address, each behind a port of its own: zones keep their connections apart, marks bring
    the answers back (iptables-extensions(8), CT)."""
    private, gate = "192.168.7.2", "192.168.7.1"
    a, b, o = router(lab, hosts="abo")
    a.reaches("10.0.3.2")
    for number, (name, host) in enumerate((("a", a), ("b", b)), 1):
        host.ip("addr", "flush", "dev", "eth0")
        host.ip("addr", "add", f"{private}/24", "dev", "eth0")
        host.ip("route", "add", "default", "via", gate)
        lab.weft("ip", "addr", "add", f"{gate}/24", "dev", name)
        lab.weft("ip", "route", "add", "192.168.7.0/24", "dev", name, "table", str(100 + number))
        lab.weft("ip", "rule", "add", "fwmark", str(number), "table", str(100 + number))
    load(lab, "*raw\n-A PREROUTING -i a -j CT --zone-orig 1\n-A PREROUTING -i b -j CT --zone-orig 2\nCOMMIT\n"
         "*mangle\n-A PREROUTING -i a -j CONNMARK --set-mark 1\n-A PREROUTING -i b -j CONNMARK --set-mark 2\n"
         "-A PREROUTING -j CONNMARK --restore-mark\nCOMMIT\n"
         "*nat\n-A POSTROUTING -o o -j MASQUERADE\nCOMMIT\n", ["iptables"])
    servers = [web_server(lab, o, port) for port in (8080, 8081)]
    for host in (a, b):
        host.reaches("10.0.3.2")
        for port in (8080, 8081):
            # Both from one port: without zones the second would be a packet of the first's connection.
            equal(host.run("curl", "-s", "--local-port", str(port + 32000), "-o", "/dev/null", "-w", "%{http_code}",
                           f"http://10.0.3.2:{port}/"), "200", f"{host.name} asks {port}")
    lines = conntrack(lab, "-L", "-p", "tcp", "--orig-src", private, "--dport", "8080")[0].splitlines()
    tuples = [re.search(r"src=\S+ dst=\S+ sport=\S+ dport=\S+", shown)[0] for shown in lines]
    equal(tuples, [f"src={private} dst=10.0.3.2 sport=40080 dport=8080"] * 2, "the original tuples")
    equal(sorted(re.search(r"zone-orig=(\d)", shown)[1] for shown in lines), ["1", "2"], f"zones in {lines}")
    answers = {re.findall(r"dport=(\d+)", shown)[1] for shown in lines}
    equal(len(answers), 2, f"ports outside in {lines}")
    for server in servers:
        server.kill()


def test_refusals_are_the_programs(lab):
    """Lines that are wrong have the real program's words and status."""
    real = shutil.which("conntrack")
    if real is None:
        return
    lab.weftd("")
    for words in ("-L -p tcp --state syn_sent", "-L --dport 80", "-L --mask-src 255.0.0.0", "-L -r 10.0.0.0/8", "-L -u nosuch",
                  "-L -o nosuch", "-L -p nosuch", "-L -f nosuch", "-L -s foo", "-L -s 10.0.0.1 -s fd00::1", "-L nosuch",
                  "-L -D", "-L -e NEW", "-L -t 5", "-F -s 10.0.0.1", "-L -R", "-L -p", "-G", "-G -p tcp -s 10.0.0.1",
                  "-G -p tcp -s 10.0.0.1 -d 10.0.0.2", "-G -p icmp -s 10.0.0.1 -d 10.0.0.2", "-L -p tcp --mask-port-src 5", "-V"):
        theirs = subprocess.run([real, *words.split()], text=True, capture_output=True)
        equal(conntrack(lab, *words.split(), status=theirs.returncode), (theirs.stdout, theirs.stderr), words)


def test_readers_may_not_delete(lab):
    """Deleting is no line of a configuration, nor what only shows."""
    lab.weftd("")
    check("conntrack" in lab.refused("-f", lab.file("a.conf", "conntrack -F\n"), status=2), "taken from a file")
    done = subprocess.run([WEFT, "help", "conntrack"], text=True, capture_output=True)
    check("-L" in done.stdout and "-E" in done.stdout, done.stdout)
