"""ipset: its words beside the real program in a namespace of its own, and packets that rules ask sets about."""

import os
import random
import re
import shutil
import subprocess
import threading

from lab import COMPAT, Skipped, check, equal, stateful
from test_filter import counts
from test_route import B4, router

# What is ipset's or the kernel's own: sizes, the order in a hash, what later kernels count as a revision.
OWN = ((r"initval 0x[0-9a-f]{8}", "initval 0"), (r"Size in memory: \d+", "Size in memory: 0"),
       (r"Revision: 6", "Revision: 5"), (r"hashsize \d+", "hashsize 0"), (r"timeout [1-9]\d*", "timeout 1"))


def plain(text):
    for pattern, instead in OWN:
        text = re.sub(pattern, instead, text)
    blocks = re.split(r"(?m)^(?=create |Name: )", text)
    return ["\n".join(sorted(block.splitlines())) for block in blocks]


def commands(seed):
    """A random sequence that the two programs have to take or refuse alike; -sorted makes ranges fail alike too."""
    chance = random.Random(seed)
    names = ("a", "b", "c", "d")
    types = ("hash:ip", "hash:ip netmask 28", "hash:net", "hash:ip family inet6", "hash:net family inet6")
    extras = ("", " timeout 600", " counters", " comment", " timeout 0 counters comment", " maxelem 40")

    def element():
        if chance.random() < 0.2:
            return chance.choice(("2001:db8::1", "2001:db8::/64", "2001:db8:0:1::/64", "::1", "2001:db8::2/128"))
        address = f"10.0.{chance.randrange(2)}.{chance.randrange(1, 40)}"
        return address + chance.choice(("", "", "", "/32", "/30", "/24", "/0", f"-10.0.1.{chance.randrange(1, 60)}"))

    for _ in range(120):
        name, roll = chance.choice(names), chance.random()
        exist = chance.choice(("", "", "-exist "))
        if roll < 0.15:
            yield f"{exist}create {name} {chance.choice(types)}{chance.choice(extras)}"
        elif roll < 0.60:
            extra = chance.choice(("", "", "", " timeout 300", " packets 7 bytes 80", " nomatch", " comment x"))
            yield f"{exist}add {name} {element()}{extra}"
        elif roll < 0.72:
            yield f"{exist}del {name} {element()}"
        elif roll < 0.84:
            yield f"test {name} {element()}{chance.choice(('', '', ' nomatch'))}"
        elif roll < 0.88:
            yield f"swap {name} {chance.choice(names)}"
        elif roll < 0.92:
            yield f"rename {name} {chance.choice(names)}"
        elif roll < 0.95:
            yield f"{chance.choice(('flush', 'destroy'))} {name}"
        else:
            yield f"list {name} -t"


def test_beside_the_real_ipset(lab):
    """Random commands: outputs, messages, statuses and what is in the sets are the same after each."""
    real = shutil.which("ipset", path="/usr/sbin:/sbin:/usr/bin")
    if not real:
        raise Skipped("needs ipset")
    lab.weftd("")
    host = lab.namespace("real")
    ours = [os.path.join(COMPAT, "ipset")]

    def weft(*words, **how):
        done = subprocess.run([*ours, *words], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30,
                              env={**os.environ, "WEFT_SOCKET": lab.socket}, **how)
        return done.returncode, plain(done.stdout), done.stderr

    def linux(*words, **how):
        done = subprocess.run(["ip", "netns", "exec", host.name, real, *words], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=30, **how)
        return done.returncode, plain(done.stdout), done.stderr

    if linux("list")[0] != 0:
        raise Skipped("needs a kernel with ip_set")
    for seed in range(4):
        for line in commands(seed):
            words = line.split()
            wanted, got = linux(*words), weft(*words)
            equal(got, wanted, f"seed {seed}: ipset {line}")
            # Linux leaves what came before a refused element of a range, weft takes all of it back.
            if wanted[0] != 0 and ("-10." in line or "/" in line) and words[0] not in ("test", "list"):
                saved = subprocess.run(["ip", "netns", "exec", host.name, real, "save"], text=True, stdout=subprocess.PIPE,
                                       check=True, timeout=30).stdout
                # In both: a new set takes the first empty place, and a restored list has none.
                for one in (weft, linux):
                    one("destroy")
                    equal(one("restore", input=saved)[0], 0, f"seed {seed}: what the real one saved is restored")
            equal(weft("save")[1], linux("save")[1], f"seed {seed}: the sets after ipset {line}")
        linux("destroy")
        weft("destroy")


def test_saved_with_the_configuration(lab):
    """`weft save` has sets before the rules that name them; applying it changes nothing, and time and counters go on."""
    lab.weftd("")
    lab.weft("ipset", "restore", input='create block hash:net timeout 600 counters comment\n'
             'add block 192.0.2.0/24 timeout 0 comment "a test"\nadd block 198.51.100.7 packets 3 bytes 4\n')
    lab.weft("iptables", "-A", "FORWARD", "-m", "set", "--match-set", "block", "src", "-j", "DROP")
    saved = lab.weft("save")
    check(saved.startswith('ipset restore <<EOF\ncreate block hash:net family inet hashsize 1024 maxelem 65536 timeout 600 '
                           'counters comment bucketsize 12\nadd block 192.0.2.0/24 timeout 0 comment "a test"\n'
                           'add block 198.51.100.7 timeout '), saved)
    check(saved.index("EOF\niptables-restore <<EOF\n") > 0, saved)
    file = lab.file("saved.conf", saved)
    equal(lab.weft("diff", file), "", "what differs from what was saved")
    lab.weft("apply", file)
    check("198.51.100.7 timeout " in lab.weft("ipset", "list", "block"), "the entry")
    check(" packets 3 bytes 4\n" in lab.weft("ipset", "list", "block"), "its counters went on")
    check("References: 1\n" in lab.weft("ipset", "list", "block"), "the rule")
    check("it is in use by a kernel component" in lab.refused("ipset", "destroy", "block", status=1), "destroyed in use")
    check("Set nosuch doesn't exist." in lab.refused("iptables", "-A", "INPUT", "-m", "set", "--match-set", "nosuch", "src"),
          "a rule of a set that is not there")
    lab.weft("apply", lab.file("empty.conf", ""))
    equal(lab.weft("ipset", "list", "-n"), "", "sets of an empty configuration")


@stateful
def test_rules_ask_sets(lab):
    """Entries come and go with the next packet, are counted, and end in their time."""
    a, b = router(lab)
    a.reaches(B4)
    lab.weft("ipset", "create", "block", "hash:ip", "counters", "timeout", "0")
    lab.weft("iptables", "-A", "FORWARD", "-m", "set", "--match-set", "block", "src", "-j", "DROP")
    equal(a.ping(B4, 3, 0.02), 3, "answers under an empty set")
    lab.weft("ipset", "add", "block", "10.0.1.2")
    equal(a.ping(B4, 4, 0.02), 0, "answers to one in the set")
    equal(counts(lab, "FORWARD"), [4], "packets of the rule")
    check("10.0.1.2 timeout 0 packets 4 bytes 336\n" in lab.weft("ipset", "list", "block"), lab.weft("ipset", "list", "block"))
    lab.weft("ipset", "del", "block", "10.0.1.2")
    equal(a.ping(B4, 3, 0.02), 3, "answers after del")
    lab.weft("ipset", "add", "block", "10.0.1.2", "timeout", "2")
    equal(a.ping(B4, 2, 0.02), 0, "answers within its time")
    a.reaches(B4)
    check("Number of entries: 0\n" in lab.weft("ipset", "list", "block"), "its time was over")


@stateful
def test_swap_under_load(lab):
    """While sets are filled, swapped and renamed under them, no packet is lost."""
    a, b = router(lab)
    a.reaches(B4)
    lab.weft("ipset", "restore", input="create in hash:net\nadd in 10.0.0.0/16\ncreate spare hash:net\nadd spare 10.0.1.0/24\nadd spare 10.0.2.0/24\n")
    lab.weft("iptables-restore", input="*filter\n:INPUT ACCEPT\n:FORWARD DROP\n:OUTPUT ACCEPT\n"
             "-A FORWARD -m set --match-set in src -j ACCEPT\nCOMMIT\n")
    over = threading.Event()
    swaps = 0

    def swap():
        nonlocal swaps
        while not over.is_set():
            lab.weft("ipset", "swap", "in", "spare")
            lab.weft("ipset", "-exist", "add", "spare", f"172.16.{swaps % 256}.0/24")
            swaps += 1

    swapping = threading.Thread(target=swap)
    swapping.start()
    answered = a.ping(B4, 1000, 0.002)
    over.set()
    swapping.join()
    equal(answered, 1000, f"answers during {swaps} swaps")
    check(swaps >= 5, f"only {swaps} swaps")
    equal(sum(counts(lab, "FORWARD")), 2000, "packets that the rule took")
