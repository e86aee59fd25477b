"""Random sequences of frames through weft and through another switch, of rules beside the real iptables, of packets past
the connection tracker and the kernel's, and of packets under random rule sets, with translation and without. Seeds are
fixed: the same run every time.

  run.py [--rounds N] [-k WORD] [--seed S]    -k bridge, vlan, qinq, route, conntrack, rules, filter or nat; --seed
                                              repeats one
"""

import argparse
import os
import random
import sys

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "smoke"))
import bridge  # noqa: E402
import conntrack  # noqa: E402
import filter as rule_sets  # noqa: E402
import nat  # noqa: E402
import qinq  # noqa: E402
import route  # noqa: E402
import rules  # noqa: E402
import vlan  # noqa: E402
from runner import run_one  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", default=[], metavar="WORD")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--suite", action="store_true", help="iptables' own suite through a running weftd, only")
    options = parser.parse_args()
    if options.suite:
        return 0 if rules.run_long() else 1
    seeds = [options.seed] if options.seed is not None else range(1, options.rounds + 1)
    good = []
    for name, module in (("bridge", bridge), ("vlan", vlan), ("qinq", qinq)):
        if options.k and not any(word in name for word in options.k):
            continue
        for seed in seeds:
            for workers in (1, 2):
                title = f"{name}[seed {seed}, {workers} worker{'s' if workers > 1 else ''}]"
                good.append(run_one(title, lambda place: module.compare(place, random.Random(seed)), workers))
    good += route.run(options.k, seeds)
    good += conntrack.run(options.k, seeds)
    good += rules.run(options.k, seeds)
    good += rule_sets.run(options.k, seeds)
    good += nat.run(options.k, seeds)
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
