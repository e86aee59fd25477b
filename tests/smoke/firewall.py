"""Firewall programs as Debian ships them (ufw, ferm, firewalld), run in a network and a mount namespace of their own, where
`iptables` and its like are iptables-legacy of that namespace's kernel, or weft."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from gateway import kernel_gateway
from lab import WEFT, Skipped, check, equal
from test_route import answer_every_error, router

LEGACY = "/usr/sbin/xtables-legacy-multi"
NFT = "/usr/sbin/xtables-nft-multi"
FAMILIES = ("iptables", "ip6tables")
# Folders that these programs write or are configured by, of which each place has its own: copies (True) or empty ones.
OWN = {"/run": False, "/var/log": False, "/etc/ufw": True, "/etc/ferm": True, "/etc/firewalld": True, "/etc/default": True,
       "/etc/alternatives": True}
ENTER = 'set -e\nwhile [ "$1" != -- ]; do mount --bind "$1" "$2"; shift 2; done\nshift\nexec "$@"'


class Place:
    """Where one firewall program runs: a namespace, folders of OWN and the programs it finds. They stay between its runs."""

    def __init__(self, lab, role, namespace=None, weft=False):
        self.lab, self.namespace, self.weft = lab, namespace or lab.namespace(role), weft
        self.folder = os.path.join(lab.folder, role)
        self.binds = []
        for path, copied in OWN.items():
            if os.path.isdir(path):
                mine = self.folder + path
                os.makedirs(mine)
                if copied:
                    shutil.copytree(path, mine, symlinks=True, dirs_exist_ok=True)
                self.binds += [mine, path]
        if weft:
            self.use_weft()
        else:
            self.use_legacy()

    def own(self, path):
        """Where the place's file of this path lies."""
        return self.folder + path

    def edit(self, path, old, new):
        with open(self.own(path)) as file:
            text = file.read()
        check(old in text, f"{path} has no {old}")
        with open(self.own(path), "w") as file:
            file.write(text.replace(old, new))

    def use_weft(self):
        """All of the host's programs that weft stands in for; called so, it goes by the name it was called by. No variable of the
        environment says where weftd is: firewalld clears them."""
        for program in (LEGACY, NFT, "/usr/sbin/sysctl", "/usr/sbin/ipset"):
            if os.path.exists(program):
                self.binds += [WEFT, program]
        os.mkdir(self.own("/run/weft"))
        os.symlink(self.lab.socket, self.own("/run/weft/weft.sock"))

    def use_legacy(self):
        """Debian's default is the variant of nf_tables."""
        for family in FAMILIES:
            for word in ("", "-save", "-restore"):
                link = self.own(f"/etc/alternatives/{family}{word}")
                os.unlink(link)
                os.symlink(LEGACY, link)

    def command(self, *words):
        return ["ip", "netns", "exec", self.namespace.name, "unshare", "-m", "--propagation", "private", "bash", "-c", ENTER, "enter",
                *self.binds, "--", *words]

    def run(self, *words, status=0, stdin=""):
        """Runs a program there; returns what it printed, errors included."""
        done = subprocess.run(self.command(*words), text=True, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        check(status in (None, done.returncode), f"`{' '.join(words)}` {'on weft' if self.weft else 'on the kernel'} ended with "
              f"{done.returncode}: {done.stdout[-1500:]}")
        return done.stdout

    def start(self, *words):
        child = subprocess.Popen(self.command(*words), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.lab.children.append(child)
        return child

    def saved(self, family):
        """What `iptables-save` prints, by table. The tables' order is that in which the kernel's modules came."""
        return tables(self.run(family + "-save"))


def tables(text):
    """A save by table, without its dates and counters."""
    text = re.sub(r"(?m)^(:\S+ \S+) \[\d+:\d+\]$", r"\1", text)
    return {name: rules.splitlines() for name, rules in re.findall(r"(?ms)^\*(\w+)\n(.*?)^COMMIT$", text)}


def need(*programs):
    for program in (LEGACY, *programs):
        if not os.path.exists(program):
            raise Skipped(f"there is no {program}")


def both(real, mine, *words, status=0, stdin=""):
    """Runs a command on the kernel and on weft: it says the same. Returns what it said."""
    with ThreadPoolExecutor(2) as pool:
        theirs, ours = pool.map(lambda side: side.place.run(*words, status=status, stdin=stdin), (real, mine))
    equal(ours, theirs, f"`{' '.join(words)}`")
    return ours


def same_rules(real, mine):
    """weft has the rules that the kernel has, and the kernel beside weft none."""
    for family in FAMILIES:
        equal_tables(mine.place.saved(family), real.place.saved(family), family)
        equal(mine.place.namespace.run(f"{family}-legacy-save"), "", f"rules of {family} in the kernel beside weft")


def equal_tables(mine, theirs, what):
    equal(sorted(mine), sorted(theirs), f"tables of {what}")
    for table, rules in theirs.items():
        for got, wanted in zip(mine[table], rules):
            equal(got, wanted, f"{what} {table}")
        equal(len(mine[table]), len(rules), f"lines of {what} {table}")


def reload(lab, real, families=FAMILIES):
    """What the real iptables-save wrote loads into weft without these rules, and is what weft saves."""
    for family in families:
        text = real.place.run(family + "-save")
        check("\n-A " in text, f"{family} of the kernel has no rule")
        lab.weft(family + "-restore", input="".join(f"*{table}\nCOMMIT\n" for table in tables(text)))
        check("-A" not in lab.weft(family + "-save"), "the tables were not emptied")
        lab.weft(family + "-restore", input=text)
        equal_tables(tables(lab.weft(family + "-save")), tables(text), f"{family} after a save was loaded")


# Asks for connections to all addresses and ports at once: says for each "open", the error's name or "silent". The answer to the first
# segment may find the socket still busy in connect(2), so the second, after a second, is waited for.
ASK = """
import errno, select, socket, sys, time
asked = {}
for target in sys.argv[1:]:
    address, port = target.rsplit(" ", 1)
    link = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    link.setblocking(False)
    link.connect_ex((address, int(port)))
    asked[link] = target
end = time.monotonic() + 1.4
while asked and (left := end - time.monotonic()) > 0:
    for link in select.select([], list(asked), [], left)[1]:
        error = link.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        print(asked.pop(link), errno.errorcode[error] if error else "open")
for target in asked.values():
    print(target, "silent")
"""
# Takes connections on these ports of both families.
LISTEN = """
import select, socket, sys
ports = [socket.create_server(("::", int(port)), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64) for port in sys.argv[1:]]
print("ready", flush=True)
while True:
    for port in select.select(ports, [], [])[0]:
        port.accept()[0].close()
"""


HOSTS = ("home", "world")
GATEWAYS = {"home": ("10.0.1.1", "2001:db8:1::1"), "world": ("10.0.2.1", "2001:db8:2::1")}
OTHERS = {"home": ("10.0.2.2", "2001:db8:2::2"), "world": ("10.0.1.2", "2001:db8:1::2")}
PORTS = ("22", "25", "80", "8080", "8081", "8082")


class Side:
    """The kernel or weft as a gateway between the hosts home and world, and the place of its firewall program."""

    def __init__(self, lab, place, gate, hosts):
        self.place, self.hosts = place, dict(zip(HOSTS, hosts))
        servers = [lab.start(there, "python3", "-u", "-c", LISTEN, *PORTS, stderr=None) for there in (gate, *hosts)]
        for server in servers:
            equal(server.stdout.readline(), "ready\n", "a server")
        for name, host in self.hosts.items():
            for address in OTHERS[name]:
                host.reaches(address)

    def ask(self, name, ports):
        """What a host gets from the gateway and from the other host on these ports."""
        targets = [f"{address} {port}" for address in GATEWAYS[name] + OTHERS[name] for port in ports]
        lines = self.hosts[name].run("python3", "-S", "-c", ASK, *targets).splitlines()
        return {(name, address, port): said for address, port, said in map(str.split, lines)}

    def ping(self, name, address):
        return {(name, address, "ping"): "open" if self.hosts[name].ping(address, 1) else "silent"}


def pair(lab):
    """The kernel and weft, each with a firewall program of its own."""
    hosts = router(lab, hosts=HOSTS)
    answer_every_error(lab)
    gate, others = kernel_gateway(lab, HOSTS, "", ipv6=True)
    for name in ("net.ipv4.icmp_ratelimit", "net.ipv6.icmp.ratelimit"):
        gate.sysctl(name, 0)
    return Side(lab, Place(lab, "real", gate), gate, others), Side(lab, Place(lab, "mine", weft=True), lab.switch, hosts)


def questions(real, mine, *ports):
    """What both hosts get on these ports and by "ping", equal on both sides: (host, address, port) to "open", "silent" or an error."""
    pings = [(name, address) for name in HOSTS for address in GATEWAYS[name] + OTHERS[name]]
    with ThreadPoolExecutor(20) as pool:
        running = [[pool.submit(side.ask, name, ports) for name in HOSTS] + [pool.submit(side.ping, *words) for words in pings]
                   for side in (real, mine)]
    theirs, ours = ({key: said for one in side for key, said in one.result().items()} for side in running)
    other = [f"{key}: {ours[key]} on weft, {said} on the kernel" for key, said in theirs.items() if ours[key] != said]
    check(not other, "\n".join(other))
    return theirs
