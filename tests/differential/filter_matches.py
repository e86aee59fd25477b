"""Random matches for rules, mostly of what the packets of a rule set are: each a function of a Dice, giving words."""

import filter_scene as scene
from filter_talks import SERVICES

INBOUND = {"PREROUTING", "INPUT", "FORWARD"}
OUTBOUND = {"FORWARD", "OUTPUT", "POSTROUTING"}


class Dice:
    """Random choices for one family, the rule's table, and the hooks from which its chain is reached."""

    def __init__(self, chance, v6, number, talks):
        self.chance, self.v6, self.number, self.talks = chance, v6, number, talks
        self.table, self.hooks = "", set()

    def not_(self, words, often=0.25):
        return "! " + words if self.chance.random() < often else words

    def pick(self, *of):
        return self.chance.choice(of)

    def address(self):
        talk = self.chance.choice(self.talks)
        end = self.pick(talk.client, talk.server)
        return end.address if self.chance.random() < 0.8 else scene.station_address(self.v6, self.chance.randrange(3), 5)

    def prefix(self):
        return self.address() + self.pick("", *(("/64", "/126", "/125", "/48", "/0") if self.v6 else ("/24", "/30", "/16", "/29", "/8", "/0")))

    def network(self):
        """At times with a mask that is no prefix."""
        if self.chance.random() < 0.75:
            return self.prefix()
        return f"{self.address()}/{self.pick('ffff:ffff:ffff::', '::f') if self.v6 else self.pick('255.255.0.1', '0.0.0.255')}"

    def device(self):
        return self.pick("lan0", "lan1", "wan0", "lan+", "wan+", "+", "eth+", "lan0+", "l+", "lan")

    def port(self):
        talk = self.chance.choice(self.talks)
        return self.pick(talk.number, getattr(talk, "port", 80), self.chance.choice(SERVICES))

    def ports(self):
        low = self.port()
        return self.pick(f"{low}", f"{low}", f"{low}:{low + self.chance.randrange(2000)}" if low < 63000 else f"{low}", "1024:", ":1023")

    def mark(self):
        return self.pick("0x0", "0x1", "0x2", "0x3", "0x10", "0x1/0x1", "0x0/0x1", "0x10/0xf0", "0x2/0xff")


def tcp(dice):
    words = "-m tcp"
    if dice.chance.random() < 0.5:
        words += " " + dice.not_(f"--{dice.pick('dport', 'sport')} {dice.ports()}")
    if dice.chance.random() < 0.35:
        words += " " + dice.not_(dice.pick("--tcp-flags FIN,SYN,RST,ACK SYN", "--tcp-flags SYN,ACK SYN,ACK", "--tcp-flags RST RST",
                                           "--tcp-flags ALL ACK", "--tcp-flags FIN FIN", "--tcp-flags PSH,ACK PSH,ACK", "--tcp-flags SYN,FIN NONE"))
    if dice.chance.random() < 0.15:
        words += " " + dice.not_(f"--tcp-option {dice.pick(2, 3, 4, 5, 8)}")
    return words


def udp(dice):
    return "-m udp " + dice.not_(f"--{dice.pick('dport', 'sport')} {dice.ports()}")


def icmp(dice):
    if dice.v6:
        return "-m icmp6 " + dice.not_("--icmpv6-type " + dice.pick("128", "129", "1", "1/4", "2", "3", "3/0", "4/1"))
    return "-m icmp " + dice.not_("--icmp-type " + dice.pick("8", "0", "3", "3/1", "3/3", "11", "11/0", "any", "13", "5"))


def multiport(dice):
    listed = ",".join(str(dice.port()) for _ in range(dice.pick(1, 2, 4))) + dice.pick("", "", ",1024:40000", ",1:100")
    return "-m multiport " + dice.not_(f"--{dice.pick('dports', 'sports', 'ports')} {listed}")


def protocol(dice):
    """-p and often a match of that protocol."""
    name = dice.pick("tcp", "tcp", "tcp", "udp", "udp", "ipv6-icmp" if dice.v6 else "icmp", "50", "253")
    if name in ("50", "253") or dice.chance.random() < 0.12:
        return dice.not_(f"-p {name}")
    kind = {"tcp": tcp, "udp": udp}.get(name, icmp)
    if kind is not icmp and dice.chance.random() < 0.3:
        kind = multiport
    return f"-p {name} " + (kind(dice) if dice.chance.random() < 0.75 else "")


def addresses(dice):
    return dice.not_(f"-{dice.pick('s', 'd')} {dice.network()}")


def interfaces(dice):
    letters = [letter for letter, wanted in (("i", INBOUND), ("o", OUTBOUND)) if dice.hooks <= wanted]
    return dice.not_(f"-{dice.chance.choice(letters)} {dice.device()}") if letters else ""


def fragment(dice):
    return "" if dice.v6 else dice.not_("-f", 0.5)


def iprange(dice):
    low = dice.chance.randrange(2, 9)
    port = dice.chance.randrange(3)
    first, last = (scene.station_address(dice.v6, port, number) for number in (low, dice.chance.randrange(low, 10)))
    return "-m iprange " + dice.not_(f"--{dice.pick('src', 'dst')}-range {first}-{last}")


def mac(dice):
    if not dice.hooks <= INBOUND:
        return ""
    ends = [end for end in [talk.client for talk in dice.talks] + [talk.server for talk in dice.talks] if end.mac]
    return "-m mac " + dice.not_(f"--mac-source {dice.chance.choice(ends).mac}")


def mark(dice):
    return "-m mark " + dice.not_(f"--mark {dice.mark()}")


def connmark(dice):
    return "-m connmark " + dice.not_(f"--mark {dice.mark()}")


STATES = ("NEW", "ESTABLISHED", "RELATED", "INVALID", "UNTRACKED", "RELATED,ESTABLISHED", "INVALID,NEW", "NEW,UNTRACKED")


def state(dice):
    return "-m state " + dice.not_(f"--state {dice.pick(*STATES)}")


def conntrack(dice):
    if dice.chance.random() < 0.4:
        return "-m conntrack " + dice.not_(f"--ctstate {dice.pick(*STATES)}")
    words = [
        f"--ctproto {dice.pick('tcp', 'udp', '58' if dice.v6 else '1', '50')}",
        f"--{dice.pick('ctorigsrc', 'ctorigdst', 'ctreplsrc', 'ctrepldst')} {dice.prefix()}",
        f"--ctstatus {dice.pick('NONE', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED', 'EXPECTED', 'SEEN_REPLY,ASSURED')}",
        f"--ctexpire {dice.pick('0:45', '0:90', '45:200', '90:1000', '1000:4294967295', '0:10')}"]
    words = [dice.not_(dice.chance.choice(words))]
    if dice.chance.random() < 0.3:
        words.append(f"--ctdir {dice.pick('ORIGINAL', 'REPLY')}")
    if dice.chance.random() < 0.25:
        field = dice.pick("ctorigsrcport", "ctorigdstport", "ctreplsrcport", "ctrepldstport")
        low = dice.port()
        words.append(dice.not_(f"--{field} {low}" + (f":{low + 500}" if dice.chance.random() < 0.4 and low < 65000 else "")))
    return "-m conntrack " + " ".join(words)


def addrtype(dice):
    kinds = ("UNICAST", "LOCAL", "MULTICAST", "UNICAST,LOCAL") + (() if dice.v6 else ("BROADCAST", "UNICAST,BROADCAST"))
    limits = [word for word, wanted in (("in", INBOUND), ("out", {"FORWARD", "POSTROUTING"})) if dice.hooks and dice.hooks <= wanted]
    words = "-m addrtype " + dice.not_(f"--{dice.pick('src', 'dst')}-type {dice.pick(*kinds)}")
    if limits and dice.chance.random() < 0.15:
        words += f" --limit-iface-{dice.chance.choice(limits)}"
    return words


def pkttype(dice):
    return "-m pkttype " + dice.not_("--pkt-type " + dice.pick("unicast", "broadcast", "multicast"))


def length(dice):
    low = dice.pick(0, 40, 41, 60, 100, 400)
    return "-m length " + dice.not_(f"--length {low}{dice.pick('', ':', f':{low + 100}', ':1500')}")


def limit(dice):
    """So slow that the burst is all there is."""
    return f"-m limit --limit {dice.pick(1, 2)}/hour --limit-burst {dice.chance.randrange(1, 8)}"


def hops(dice):
    compare = dice.pick("eq", "lt", "gt")
    words = f"--{'hl' if dice.v6 else 'ttl'}-{compare} {dice.pick(1, 2, 62, 63, 64, 65, 128)}"
    return f"-m {'hl' if dice.v6 else 'ttl'} " + (dice.not_(words) if compare == "eq" else words)


def rpfilter(dice):
    """Where packets enter, before anything is known of them but where they come from."""
    return " ".join(["-m rpfilter", *(word for word in ("--loose", "--validmark", "--accept-local", "--invert")
                                      if dice.chance.random() < 0.4)])


def nth(dice):
    every = dice.chance.randrange(1, 5)
    return "-m statistic --mode nth " + dice.not_(f"--every {every}") + f" --packet {dice.chance.randrange(every)}"


def recent(dice):
    """Without seconds; the lists are of this rule set only."""
    name = f"--name n{dice.number}{dice.pick('a', 'b')} --{dice.pick('rsource', 'rdest')}"
    how = dice.pick("--set", "--set", "--rcheck", "--update", "--remove")
    if how in ("--rcheck", "--update") and dice.chance.random() < 0.5:
        how += f" --hitcount {dice.chance.randrange(1, 6)}"
    return f"-m recent {dice.not_(how)} {name}"


MATCHES = ((protocol, 30), (addresses, 20), (interfaces, 12), (fragment, 3), (iprange, 4), (mac, 5), (mark, 8), (connmark, 6),
           (state, 8), (conntrack, 14), (addrtype, 5), (pkttype, 3), (length, 5), (hops, 4), (nth, 3), (limit, 4), (recent, 5),
           (rpfilter, 6))


OF_CONNECTIONS = {connmark, state, conntrack}


def some(dice, least=0):
    """Words of some matches, in the order in which iptables wants them: what every packet has, then the extensions. None of
    connections in raw OUTPUT: there Linux knows that of an ICMP error which the host makes (icmp_glue_bits), weft does not."""
    count = max(least, dice.chance.choice((0, 1, 1, 1, 2, 2, 3)))
    kinds = []
    while len(kinds) < count:
        kind, = dice.chance.choices([kind for kind, _ in MATCHES], [weight for _, weight in MATCHES])
        if kind is rpfilter and not (dice.table in ("raw", "mangle") and dice.hooks == {"PREROUTING"}):
            continue
        if kind not in kinds and not (kind in OF_CONNECTIONS and dice.table == "raw" and "OUTPUT" in dice.hooks):
            kinds.append(kind)
    words = [kind(dice) for kind in kinds]
    return " ".join(sorted(filter(None, words), key=lambda text: "-m " in text and "-p " not in text))
