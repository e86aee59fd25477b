"""Rule sets: weft's hooks, matches, targets and connection tracking against the kernel's.

Random rules as the text of a save go to iptables-legacy-restore and to weft, then the same frames one after the other
to both: what comes out, the connections and the rules' counters must agree. All rule sets of a run share the daemon and
the namespaces. A rule set has a number, and the number says all of it.

Left out, besides what filter_packets.py leaves out: what the host refuses by an ICMP error, under rules that give packets
a zone. Linux attaches its error to the connection of the packet that it is about; weft, which gets it by a TAP, looks for
that connection in the zone of the error.

  filter.py NUMBER [--ip6] [--workers N]      one rule set, cut down to what it takes to differ
"""

import argparse
import contextlib
import difflib
import functools
import os
import random
import re
import sys
import time
from dataclasses import dataclass, field

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "smoke"))
import filter_packets  # noqa: E402
import filter_rules  # noqa: E402
import lab  # noqa: E402
from filter_sides import Linux, Weft, for_the_host  # noqa: E402
from probe import on_one_cpu  # noqa: E402
from rules import normal, tables_of  # noqa: E402
from runner import run_one  # noqa: E402

SETS = 167  # a round; three rounds are the 500 of a usual run
REDUCED = 2  # differing rule sets that are cut down and shown whole; of the others the first difference
TEST_SECONDS = 300  # also of one that fails and is cut down
SECONDS_APART = 3  # by which two time-outs may differ


@dataclass
class Case:
    """A rule set and its packets, or what is left of them."""

    number: int
    v6: bool
    tables: list = field(repr=False)
    packets: list = field(repr=False)
    kept: list = field(default=None, repr=False)  # numbers of rules, for each table

    def text(self):
        return "".join(table.text(self.kept[at] if self.kept else None) for at, table in enumerate(self.tables))

    def does_something(self):
        """Weft does not count the policies of a family whose rules let everything pass anyway."""
        return bool(re.search(r"^(-A [A-Z]|:[A-Z]+ DROP)", self.text(), re.M))

    def name(self):
        return f"rule set {self.number} of {'ip6tables' if self.v6 else 'iptables'}"


def make(number, v6):
    chance = random.Random(f"{number} {v6}")
    traffic = filter_packets.Traffic(chance, v6, number)
    case = Case(number, v6, filter_rules.random_tables(chance, v6, number, traffic.talks), traffic.sequence())
    if "TCPMSS" in case.text():  # Linux joins the pieces of what it changes and cuts them anew, all of one size
        case.packets = [sent for sent in case.packets if filter_packets.CUT not in sent.text]
    if "--zone" in case.text():
        case.packets = [sent for sent in case.packets if not is_refused(sent.frame)]
    return case


def is_refused(frame):
    """By the host, with an ICMP error: it has no program that listens."""
    protocol = frame[20 if frame[12:14] == b"\x86\xdd" else 23]
    if protocol == 44:
        protocol = frame[54]  # behind the fragment header
    return for_the_host(frame) and protocol not in (1, 6, 58)


@dataclass
class Outcome:
    frames: list
    connections: str
    counters: str


@dataclass
class Difference:
    case: Case
    text: str
    packet: int = None


def show(found):
    return "; ".join(f"{port}: {data.hex()}" for port, data in found) or "nothing"


def in_linux(linux, case):
    linux.restore(case.v6, case.text())
    linux.flush()
    frames = [linux.step(sent.port, sent.frame) for sent in case.packets]
    return Outcome(frames, linux.connections(case.v6), linux.save(case.v6))


def connections_of(text):
    """The lines of conntrack -L without their seconds, and the seconds."""
    lines = sorted((re.sub(r"^(\S+\s+\d+) \d+ ", r"\1 ", line), int((re.match(r"\S+\s+\d+ (\d+) ", line) or [0, 0])[1]))
                   for line in re.sub(r" use=\d+", "", text).splitlines() if " src=" in line)
    return [line for line, _ in lines], [seconds for _, seconds in lines]


def compare_connections(wanted, got):
    (wanted, wanted_seconds), (got, got_seconds) = connections_of(wanted), connections_of(got)
    if wanted != got:
        return "\n".join(difflib.unified_diff(wanted, got, "Linux", "weft", lineterm="", n=0))
    return "\n".join(f"{line}: {a} s / {b} s" for line, a, b in zip(wanted, wanted_seconds, got_seconds) if abs(a - b) > SECONDS_APART)


def compare_counters(wanted, got):
    wanted, got = ("".join(tables_of(normal(text))).splitlines() for text in (wanted, got))
    return "" if wanted == got else "\n".join(difflib.unified_diff(wanted, got, "Linux", "weft", lineterm="", n=0))


def difference(linux_outcome, weft, case, patient=False):
    """The first difference between what Linux did with a case and what weft does; None if there is none."""
    weft.restore(case.v6, case.text())
    weft.flush()
    for at, (sent, wanted) in enumerate(zip(case.packets, linux_outcome.frames)):
        got = weft.step(sent.port, sent.frame, wanted, patient)
        if got != wanted:
            return Difference(case, f"packet {at}, into port {sent.port}, {sent.text}:\n  {sent.frame.hex()}\n"
                              f"  Linux sends {show(wanted)}\n  weft sends  {show(got)}", at)
    told = [compare_connections(linux_outcome.connections, weft.connections(case.v6))]
    if case.does_something():
        told.append(compare_counters(linux_outcome.counters, weft.save(case.v6)))
    told = "\n".join(filter(None, told))
    return Difference(case, told) if told else None


def differs(linux, weft, case, outcome=None):
    """`outcome`: of the case in Linux, if that is known."""
    return difference(outcome or in_linux(linux, case), weft, case)


def replay(linux, case):
    """Yields each packet after it."""
    linux.restore(case.v6, case.text())
    linux.flush()
    yield None
    for sent in case.packets:
        linux.step(sent.port, sent.frame)
        yield f"into {sent.port}: {sent.text}\n    {sent.frame.hex()}"


def sides(place, workers):
    linux, weft = Linux(place), Weft(place, workers)
    for side in (linux, weft):
        side.configure()
    return linux, weft


known = {}  # what Linux did with a rule set, kept for the next number of workers


def compare_sets(oracle, place, workers, numbers, **how):
    """Both families of some rule sets of an oracle, this module or one like it; fails with what differs."""
    from filter_reduce import explain
    linux, weft = oracle.sides(place, workers, **how)
    born, found = time.monotonic(), []
    with on_one_cpu():
        for v6 in (False, True):
            if v6:
                time.sleep(max(0, born + 4 - time.monotonic()))  # the hosts' own reports of their groups are over
            for number in numbers:
                case = oracle.make(number, v6)
                if (number, v6) not in oracle.known:
                    oracle.known[number, v6] = oracle.in_linux(linux, case)
                if seen := oracle.differs(linux, weft, case, oracle.known[number, v6]):
                    found.append(seen)
        shown = [explain(oracle, linux, weft, seen) for seen in found[:REDUCED]]
    shown += [f"{seen.case.name()}: {seen.text}" for seen in found[REDUCED:10]]
    lab.check(not found, f"{len(found)} of {2 * len(numbers)} rule sets differ\n" + "\n".join(shown))


def run_titles(oracle, words, seeds):
    """The oracle's tests for each seed, if their name contains one of the words."""
    good = []
    for seed in seeds:
        for title, workers, how in oracle.titles(seed):
            if words and not any(word in title for word in words):
                continue
            test = functools.partial(compare_sets, oracle, workers=workers, **how)
            test.seconds = TEST_SECONDS
            good.append(run_one(title, test, workers))
        oracle.known.clear()
    return good


def explain_one(oracle, **options):
    """The program: one rule set, cut down to what it takes to differ. `options`: of its own, with what they mean."""
    from filter_reduce import explain
    parser = argparse.ArgumentParser()
    parser.add_argument("number", type=int)
    parser.add_argument("--ip6", action="store_true")
    parser.add_argument("--workers", type=int, default=1)
    for name, meaning in options.items():
        parser.add_argument(f"--{name}", action="store_true", help=meaning)
    given = parser.parse_args()
    with contextlib.closing(lab.Lab(given.workers)) as place:
        linux, weft = oracle.sides(place, given.workers, **{name: getattr(given, name) for name in options})
        time.sleep(4 if given.ip6 else 0.5)
        with on_one_cpu():
            case = oracle.make(given.number, given.ip6)
            found = oracle.differs(linux, weft, case)
            print(explain(oracle, linux, weft, found) if found else f"{case.name()}: no difference")
    return 1 if found else 0


def titles(seed):
    """(name, workers, what else compare_sets() wants)"""
    for workers in (1, 2):
        numbers = range((seed - 1) * SETS + 1, seed * SETS + 1)
        yield f"filter[seed {seed}, {workers} worker{'s' if workers > 1 else ''}]", workers, {"numbers": numbers}


def run(words, seeds):
    return run_titles(sys.modules[__name__], words, seeds)


if __name__ == "__main__":
    sys.exit(explain_one(sys.modules[__name__]))
