"""The smoke suite: real daemon, real kernels, real clients, in namespaces. Needs root. `-k WORD` chooses; `--long` runs what takes minutes."""

import argparse
import importlib
import signal
import sys

from runner import run_one

MODULES = ["test_bridge", "test_vlan", "test_veth", "test_route", "test_route_host", "test_route_words", "test_route_commands", "test_frr", "test_policy",
           "test_vrrp",
           "test_bfd", "test_tuntap", "test_tutorial", "test_ports", "test_vhost", "test_memif", "test_af_xdp",
           "test_host", "test_double_stack", "test_lifecycle", "test_start", "test_config", "test_client", "test_api",
           "test_sysctl", "test_iptables_words", "test_examples", "test_observe", "test_explain", "test_shell", "test_bench",
           "test_demo", "test_route_tools", "test_filter", "test_ipset", "test_conntrack", "test_nat", "test_nat_changes", "test_alg",
           "test_generators", "test_firewalls", "test_firewalld"]
LONG_MODULES = ["test_full_table"]


def tests_of(module):
    """Functions named test_… in the order written; `workers` says with how many workers each runs."""
    for name, function in vars(importlib.import_module(module)).items():
        if name.startswith("test_") and callable(function) and function.__module__ == module:
            for workers in getattr(function, "workers", (1,)):
                suffix = f"[{workers} worker{'s' if workers > 1 else ''}]" if hasattr(function, "workers") else ""
                yield f"{module.removeprefix('test_')}.{name.removeprefix('test_')}{suffix}", function, workers


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-k", action="append", default=[], metavar="WORD")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [test for module in (LONG_MODULES if options.long else MODULES) for test in tests_of(module)
              if not options.k or any(word in test[0] for word in options.k)]
    if options.list:
        print(*(f"{name}: {function.__doc__}" for name, function, _ in chosen), sep="\n")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    good = [run_one(*test) for test in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
