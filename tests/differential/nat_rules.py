"""Random tables for translation: nat, often a stateful filter, now and then the tables of filter_rules.py.

To add a target: a function of a Dice giving words, and a line in TARGETS with how often and from which hooks.
Left out, where Linux gives its host what no packet from a TAP could be: sources of INPUT that are the router's own or
that it cannot reach, and OUTPUT to the router itself.
"""

import filter_matches
import filter_rules
import filter_scene as scene
from filter_rules import Table
from filter_targets import connmark, mark
from nat_packets import public_address

HOOKS = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")


def random_flags(dice, fully=True, often=0.2):
    return (" --random" if dice.chance.random() < often else "") + (" --random-fully" if fully and dice.chance.random() < often else "")


def small(dice):
    """Ports that no client has of its own, few of them."""
    low = dice.chance.randrange(62000, 64000)
    return low, low + dice.chance.choice((0, 0, 1, 3, 20))


def range_of_ports(dice):
    low, high = small(dice) if dice.chance.random() < 0.5 else dice.pick((1024, 65535), (2000, 30000), (30000, 60000), (512, 1023), (1, 511))
    return f"{low}-{high}" if high > low else f"{low}"


def shaped(dice, address, ports):
    return f"{address}:{ports}" if not dice.v6 else f"[{address}]:{ports}"


def pool(dice, address):
    """One address or several that follow one another, of address(number)."""
    low = dice.chance.randrange(2, 7)
    return address(low) if dice.chance.random() < 0.5 else f"{address(low)}-{address(low + dice.pick(1, 3))}"


def outside(dice, hook_input):
    def beyond(number):
        return scene.beyond_address(dice.v6, 32 + number)

    def public(number):
        return public_address(dice.v6, number)

    if hook_input:
        return pool(dice, beyond)
    if dice.chance.random() < 0.25:
        return scene.router(dice.v6, dice.chance.randrange(3)).address
    return pool(dice, dice.chance.choice((public, public, beyond)))


def with_ports(dice, words):
    return f"-p {dice.pick('tcp', 'udp')} " + words


def snat(dice):
    address = outside(dice, "INPUT" in dice.hooks)
    flags = random_flags(dice, often=0.12) + (" --persistent" if dice.chance.random() < 0.2 else "")
    if dice.chance.random() < 0.3:
        return with_ports(dice, f"-j SNAT --to-source {shaped(dice, address, range_of_ports(dice))}{flags}")
    return f"-j SNAT --to-source {address}{flags}"


def masquerade(dice):
    if dice.chance.random() < 0.2:
        return with_ports(dice, f"-j MASQUERADE --to-ports {range_of_ports(dice)}{random_flags(dice)}")
    return f"-j MASQUERADE{random_flags(dice, often=0.12)}"


def dnat(dice):
    port = dice.chance.choice((0, 1, 2, 2))
    address = pool(dice, lambda number: scene.station_address(dice.v6, port, number))
    if dice.chance.random() < 0.12 and "OUTPUT" not in dice.hooks:
        address = scene.router(dice.v6, port).address
    flags = random_flags(dice, False, 0.1) + (" --persistent" if dice.chance.random() < 0.2 else "")
    if dice.chance.random() < 0.5:
        low, high = small(dice)
        ports = dice.pick(f"{dice.port()}", f"{dice.port()}", f"{low}-{high}" if high > low else f"{low}")
        if dice.chance.random() < 0.25:
            base = max(1, dice.port() - dice.pick(0, 5))
            return (f"-p {dice.pick('tcp', 'udp')} --dport {base}:{base + 20} -j DNAT --to-destination "
                    f"{shaped(dice, address, f'{low}-{low + 20}/{base}')}{flags}")
        return with_ports(dice, f"-j DNAT --to-destination {shaped(dice, address, ports)}{flags}")
    return f"-j DNAT --to-destination {address}{flags}"


def redirect(dice):
    if dice.chance.random() < 0.5:
        return "-j REDIRECT"
    low, high = small(dice)
    ports = dice.pick(f"{dice.port()}", f"{low}-{high}" if high > low else f"{low}")
    return with_ports(dice, f"-j REDIRECT --to-ports {ports}{random_flags(dice, False)}")


def netmap(dice):
    """A network whose stations are there, for destinations; any, for sources."""
    bits = dice.pick(*(("/64", "/112", "/124") if dice.v6 else ("/24", "/28")))
    if dice.hooks & {"PREROUTING", "OUTPUT"}:
        to = scene.station_address(dice.v6, dice.chance.randrange(3), 0)
    elif "INPUT" in dice.hooks:
        to = scene.beyond_address(dice.v6, 0)
    else:
        to = dice.pick(public_address(dice.v6, 0), scene.beyond_address(dice.v6, 0))
    return f"-j NETMAP --to {to}{bits}"


def accept(dice):
    return "-j ACCEPT"


def log(dice):
    return f"-j LOG --log-prefix nat{dice.chance.randrange(10)}"


def nothing(dice):
    return ""


SOURCES, DESTINATIONS = {"INPUT", "POSTROUTING"}, {"PREROUTING", "OUTPUT"}
TARGETS = ((snat, 30, SOURCES), (masquerade, 30, {"POSTROUTING"}), (dnat, 34, DESTINATIONS), (redirect, 7, {"PREROUTING"}),
           (netmap, 10, SOURCES | DESTINATIONS), (accept, 5, set(HOOKS)), (nothing, 4, set(HOOKS)),
           (mark, 6, set(HOOKS)), (connmark, 6, set(HOOKS)), (log, 3, set(HOOKS)))
MATCHES = ((filter_matches.addresses, 30), (filter_matches.interfaces, 25), (filter_matches.protocol, 25), (filter_matches.mark, 2),
           (filter_matches.addrtype, 4), (filter_matches.iprange, 4), (filter_matches.length, 1), (filter_matches.limit, 1),
           (filter_matches.conntrack, 3))


def translated(dice):
    return f"-m conntrack --ctstate {dice.pick('DNAT', 'SNAT', 'DNAT,SNAT')}"


def matches(dice):
    if dice.hooks <= {"POSTROUTING", "INPUT"} and dice.chance.random() < 0.1:
        return dice.not_(translated(dice))
    words, count = [], dice.chance.choice((0, 1, 1, 1, 2))
    for kind in {kind: None for kind in dice.chance.choices([kind for kind, _ in MATCHES], [often for _, often in MATCHES], k=count)}:
        words.append(kind(dice))
    return " ".join(sorted(filter(None, words), key=lambda text: "-m " in text and "-p " not in text))


def rule(dice, chain):
    """Nothing that has two protocols."""
    fitting = [row for row in TARGETS if dice.hooks <= row[2]]
    while True:
        target = dice.chance.choices(fitting, [often for _, often, _ in fitting])[0][0](dice)
        before = matches(dice)
        if not ("-p " in target and "-p " in before) and "! -m" not in before:
            return " ".join(f"{chain} {before} {target}".split())


def nat_table(dice):
    chance, rules, users = dice.chance, [], {}
    dice.table = "nat"
    if chance.random() < 0.3:
        users["user0"] = {chance.choice(HOOKS)}
    for chain in (*HOOKS, *users):
        dice.hooks = users.get(chain, {chain})
        for _ in range(chance.choice((1, 2, 2, 3)) if chain in ("PREROUTING", "POSTROUTING", "user0") else chance.choice((0, 0, 1, 1))):
            rules.append(rule(dice, chain))
        for user, hooks in users.items():
            if hooks == {chain}:
                rules.append(" ".join(f"{chain} {matches(dice)} -j {user}".replace("! -m", "-m").split()))
    return Table("nat", dict.fromkeys(HOOKS, "ACCEPT"), list(users), rules)


def stateful_filter(chance):
    """What a gateway has: answers may come, and what inside asks for."""
    rules = [f"{chain} -m conntrack --ctstate {chance.choice(('RELATED,ESTABLISHED', 'ESTABLISHED', 'RELATED,ESTABLISHED,DNAT'))} -j ACCEPT"
             for chain in ("INPUT", "FORWARD") if chance.random() < 0.9]
    rules += [f"FORWARD -i {device} -j ACCEPT" for device in chance.sample(scene.DEVICES, 2)]
    rules += [f"{chain} -m conntrack --ctstate {state} -j {target}" for chain, state, target in chance.sample(
        [("FORWARD", "DNAT", "ACCEPT"), ("INPUT", "INVALID", "DROP"), ("FORWARD", "INVALID", "DROP"), ("FORWARD", "SNAT", ""),
         ("OUTPUT", "DNAT", "ACCEPT"), ("INPUT", "SNAT", "ACCEPT")], 3)]
    rules = [one.removesuffix("-j ").strip() for one in rules]
    policies = {"INPUT": "ACCEPT", "FORWARD": chance.choice(("DROP", "ACCEPT")), "OUTPUT": "ACCEPT"}
    return Table("filter", policies, [], rules)


def random_tables(chance, v6, number, talks):
    dice = filter_matches.Dice(chance, v6, number, talks)
    made = []
    for name in filter_rules.CHAINS:
        empty = Table(name, dict.fromkeys(filter_rules.CHAINS[name], "ACCEPT"), [], [])
        kind = chance.random()
        if name == "filter":
            made.append(empty if kind < 0.35 else stateful_filter(chance) if kind < 0.8 else filter_rules.random_table(dice, name))
        else:
            often = {"raw": 0.08, "mangle": 0.12}.get(name, 0)
            made.append(filter_rules.random_table(dice, name) if kind < often else empty)
    return [*made, nat_table(dice)]
