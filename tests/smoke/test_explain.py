"""explain through the rules of iptables."""

import re

from lab import bridge_config, check, equal, port_line, stateful
from test_route import A4, A6, B4, B6, router

EXPLAINED = """*nat
-A POSTROUTING -o b -j MASQUERADE
COMMIT
*filter
:FORWARD DROP
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -m limit --limit 1/hour --limit-burst 1 -p udp -j ACCEPT
-A FORWARD -p tcp -j REJECT --reject-with tcp-reset
COMMIT
"""


@stateful
def test_explain_rules(lab):
    """explain asks the rules, and no counter, connection or limit is another afterwards."""
    a, _ = router(lab)
    for family, address in (("iptables", B4), ("ip6tables", B6)):
        a.reaches(address)
        lab.weft(f"{family}-restore", input=EXPLAINED)

    def explain(*words):
        (packet,) = lab.json("explain", *words)
        return [(step["stage"], step["text"]) for step in packet["steps"]]

    state = lambda: [lab.weft(f"{family}-save", "-c") for family in ("iptables", "ip6tables")] + [
        lab.weft("conntrack", "-C"), lab.json("show", "drops")]
    # The hosts' kernels tell of the groups they are in when they like.
    counted = lambda: [re.sub(r"(#|:INPUT|:OUTPUT).*", "", text) if isinstance(text, str) else text for text in state()]
    before = counted()
    for words, masqueraded in ((("ip", A4, B4), "10.0.2.1:1000"), (("ip6", A6, B6), "[2001:db8:2::1]:1000")):
        for _ in range(3):
            steps = explain("a", *words, "udp", "1000", "53")
            check(("PREROUTING", "conntrack: NEW") in steps, steps)
            check(("FORWARD", "filter:FORWARD:rule:2 -A FORWARD -p udp -m limit --limit 1/hour --limit-burst 1 -j ACCEPT") in steps, steps)
            check(("POSTROUTING", f"nat: source becomes {masqueraded}") in steps, steps)
            equal(steps[-1][0], "sent", "what would become of it")
        steps = explain("a", *words, "tcp", "1000", "80")
        equal(steps[-3], ("FORWARD", "filter:FORWARD:rule:3 -A FORWARD -p tcp -j REJECT --reject-with tcp-reset"), "the last rule")
        check(steps[-1][0] == "dropped" and steps[-1][1].startswith("hook/rejected at a: "), steps)
        steps = explain("a", *words, "icmp", "8" if words[0] == "ip" else "128")
        equal(steps[-3], ("FORWARD", "filter:FORWARD:policy:4 -P FORWARD DROP"), "the policy")
    equal(counted(), before, "counters, connections and drops afterwards")
    equal(lab.weft("conntrack", "-C").split()[-1], "0", "connections")
    check("filter:FORWARD:policy:4 -P FORWARD DROP" in lab.weft("explain", "a", "ip", A4, B4, "icmp", "8"), "text")


def test_explain_rules_of_a_bridge(lab):
    """A member's packet meets the rules of the bridge, in transit and for the host."""
    for role in "abc":
        lab.host(role)
    lab.weftd(bridge_config("a", "b") + port_line("c") + "ip addr add 10.0.1.1/24 dev br0\nip addr add 10.0.2.1/24 dev c\n"
              "iptables -A FORWARD -i br0 -o c -p udp -j DROP\niptables -A INPUT -i br0 -p tcp --dport 22 -j REJECT\n")

    def explain(*words):
        (packet,) = lab.json("explain", "a", "ip", "10.0.1.2", *words)
        return [(step["stage"], step["text"]) for step in packet["steps"] if step["stage"].isupper() or step["stage"] == "dropped"]

    (_, rule), (stage, end) = explain(B4, "udp", "1000", "53")
    equal(rule, "filter:FORWARD:rule:1 -A FORWARD -i br0 -o c -p udp -j DROP", "the rule of FORWARD")
    check(stage == "dropped" and end.startswith("hook/dropped at br0: "), end)
    (stage, rule), _ = explain("10.0.1.1", "tcp", "1000", "22")
    equal((stage, rule), ("INPUT", "filter:INPUT:rule:1 -A INPUT -i br0 -p tcp -m tcp --dport 22 -j REJECT "
                          "--reject-with icmp-port-unreachable"), "the rule of INPUT")
