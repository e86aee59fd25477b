"""Rule sets that translate: weft's SNAT, DNAT, MASQUERADE, REDIRECT and NETMAP against the kernel's.

As filter.py, but what is answered is what came out of each router, and ports that Linux had to draw may be others: from
the same range, one of weft's for one of Linux's (nat_draws.py). What depends on what was drawn is believed when it
differs again and again, and Linux does not differ from itself.

  nat.py NUMBER [--ip6] [--workers N]      one rule set, cut down to what it takes to differ
  nat.py NUMBER --kernel                   the kernel beside itself: what the comparison takes for the same
"""

import functools
import os
import random
import re
import sys
from dataclasses import dataclass, field

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "smoke"))
import filter as rule_sets  # noqa: E402
import nat_connections  # noqa: E402
import nat_packets  # noqa: E402
import nat_rules  # noqa: E402
from nat_draws import Draws  # noqa: E402
from nat_packets import Frame, Own, View  # noqa: E402
from nat_sides import NatLinux, NatWeft  # noqa: E402

SETS = 50  # of each family a round; three rounds are the 300 of a usual run
KERNEL_SETS = 5  # of each family, the kernel beside itself
TRANSLATES = r"-j (?:SNAT|DNAT|MASQUERADE|REDIRECT|NETMAP)"
# What the router tells a sender that it has made itself: Linux's goes through its loopback, and all hooks once more.
TO_ITSELF = r"^-A (?!POST|INPUT).*-j (?:REDIRECT|NETMAP|DNAT --to-destination (?:10\.0\.\d\.1\b|\[?2001:db8:\d::1\b))"
AGAIN = 3  # times that what depends on drawn ports has to differ


@dataclass
class Case(rule_sets.Case):
    own: list = field(default_factory=list)  # ports of programs on the router

    def name(self):
        return f"rule set {self.number} of {'ip6tables' if self.v6 else 'iptables'} with translation"


def make(number, v6):
    chance = random.Random(f"nat {number} {v6}")
    traffic = nat_packets.Traffic(chance, v6, number)
    tables = nat_rules.random_tables(chance, v6, number, traffic.talks)
    case = Case(number, v6, tables, traffic.sequence(), own=[talk.number for talk in traffic.talks if isinstance(talk, Own)])
    if re.search(TO_ITSELF, case.text(), re.M):
        for step in case.packets:
            if getattr(step, "ttl", None) == 1:
                step.ttl = 64
    return case


@dataclass
class Difference(rule_sets.Difference):
    drawn: bool = True  # ports were


@dataclass
class Outcome:
    sent: list  # what each step was for this router, None if it could not be made
    found: list
    connections: str
    counters: str


def prepare(side, case):
    side.restore(case.v6, case.text())
    side.flush()
    side.open(case)


def rendered(view, step):
    sent = step.render(view)
    return sent, sent.data if isinstance(sent, Frame) else None


def steps_in(side, case):
    """Each step with what came out."""
    view = View()
    for step in case.packets:
        sent, data = rendered(view, step)
        found = side.step(sent) if sent else []
        if step.side is not None:
            view.note(step, data, found)
        yield step, sent, found


def in_linux(linux, case):
    prepare(linux, case)
    done = [(sent, found) for _, sent, found in steps_in(linux, case)]
    return Outcome([sent for sent, _ in done], [found for _, found in done], linux.connections(case.v6), linux.save(case.v6))


def show(sent):
    return f"into port {sent.port}: {sent.data.hex()}" if sent else "nothing"


def difference(outcome, weft, case, patient=False):
    """The first difference between what Linux did with a case and what weft does; None if there is none."""
    prepare(weft, case)
    view, draws, looped = View(), Draws(case.text()), weft.looped()
    for at, (step, wanted_sent, wanted) in enumerate(zip(case.packets, outcome.sent, outcome.found)):
        sent, data = rendered(view, step)
        if (sent is None) != (wanted_sent is None):
            return Difference(case, f"packet {at}, {step.text}: Linux got {show(wanted_sent)}, weft {show(sent)}", at)
        if sent is None:
            continue
        same = functools.partial(draws.same, (wanted_sent.asked, sent.asked), wanted)
        draws.refused = ""
        got = weft.watch(sent, same, bool(wanted), patient)
        if not same(got):
            return Difference(case, f"packet {at}, {step.text}: {draws.refused}\n  {show(wanted_sent)}\n  weft's {show(sent)}\n"
                              f"  Linux sends {rule_sets.show(wanted)}\n  weft sends  {rule_sets.show(got)}", at, draws.any())
        if step.side is not None:
            view.note(step, data, got)
    told = [nat_connections.compare(draws, outcome.connections, weft.connections(case.v6))]
    # An error of REJECT about a packet of no connection may look like an answer to one that was translated to the router,
    # and is sent there: Linux's passes the hooks of its loopback too, and counts there.
    if weft.looped() == looped:
        told.append(rule_sets.compare_counters(outcome.counters, weft.save(case.v6)))
    told = "\n".join(filter(None, told))
    return Difference(case, told, drawn=draws.any()) if told else None


def differs(linux, weft, case, outcome=None):
    """A difference that is there again and again if anything of the case is drawn, as it is not between Linux and itself:
    rules and later packets may meet with what was drawn. Of rules that translate: what is cut down shall not come to differ
    by having none, with which nobody looks for connections."""
    if not re.search(TRANSLATES, case.text()):
        return None
    for _ in range(AGAIN):
        outcome = outcome or in_linux(linux, case)
        if not (found := difference(outcome, weft, case)) or not found.drawn:
            break
        outcome = None
    if found and found.drawn and any(difference(in_linux(linux, case), linux, case) for _ in range(AGAIN)):
        return None
    return found


def replay(linux, case):
    """Yields each packet as Linux got it, after it."""
    prepare(linux, case)
    yield None
    for step, sent, _ in steps_in(linux, case):
        if sent:
            yield f"{step.text}\n    {show(sent)}"


def sides(place, workers, kernel=False):
    linux, weft = NatLinux(place), NatLinux(place, "linux2") if kernel else NatWeft(place, workers)
    for side in (linux, weft):
        side.configure()
    return linux, weft


known = {}  # what Linux did with a rule set, kept for the next number of workers


def titles(seed):
    """As filter.py's; first the kernel beside itself."""
    first = (seed - 1) * SETS + 1
    yield f"nat[seed {seed}, the kernel beside itself]", 1, {"numbers": range(first, first + KERNEL_SETS), "kernel": True}
    for workers in (1, 2):
        numbers = range(first, first + SETS)
        yield f"nat[seed {seed}, {workers} worker{'s' if workers > 1 else ''}]", workers, {"numbers": numbers}


def run(words, seeds):
    return rule_sets.run_titles(sys.modules[__name__], words, seeds)


if __name__ == "__main__":
    sys.exit(rule_sets.explain_one(sys.modules[__name__], kernel="the kernel beside itself"))
