"""Lists of connections with ports that were drawn."""

import re

from nat_draws import DESTINATION, SOURCE, raw

NUMBERS = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
SECONDS_APART = 3  # by which two time-outs may differ


def parts(line):
    """(which list, protocol, seconds, words with names) of a line"""
    listed, name, protocol, *rest = line.split()
    seconds = int(rest.pop(0)) if rest and rest[0].isdigit() else 0
    return f"{listed} {name} {protocol}", int(protocol), seconds, [word for word in rest if not word.startswith("use=")]


def fields_of(words):
    """{which word: (name, value)} and the addresses that the ports of the two tuples belong to."""
    pairs = [word.partition("=")[::2] for word in words]
    addresses = [value for name, value in pairs if name in ("src", "dst")]
    return pairs, addresses


def same_line(draws, wanted, got):
    head, protocol, seconds, words = parts(wanted)
    other, _, other_seconds, others = parts(got)
    if head != other or len(words) != len(others) or abs(seconds - other_seconds) > SECONDS_APART:
        return False
    here, addresses = fields_of(words)
    there, _ = fields_of(others)
    if len(addresses) != 4:
        return words == others
    before, new, seen = {}, [], {"sport": 0, "dport": 0, "id": 0}
    for (name, a), (its_name, b) in zip(here, there):
        if name != its_name:
            return False
        reply = seen.get(name, 0)
        if name in seen:
            seen[name] += 1
        if not reply:
            before[name] = a, b
        if a == b:
            continue
        if name not in seen:
            return False
        # In the reply's tuple the port that a source was given is the destination.
        which = SOURCE if name == "id" or (name == "dport") == bool(reply) else DESTINATION
        address = b"" if name == "id" else raw(addresses[2 * reply + (name == "dport")])
        pair = int(a), int(b)
        if draws.known(protocol, address, pair):
            continue
        if not reply:
            return False
        came = before["id" if name == "id" else "dport" if name == "sport" else "sport"]
        connection = (protocol, *(raw(address) for address in addresses[:2]), *(value[0] for value in before.values()), "listed")
        untouched = address == raw(addresses[which])
        if not draws.drawn(protocol, address, which, pair, tuple(map(int, came)), connection, untouched):
            return False
        new.append((protocol, address, which, pair, connection))
    for one in new:
        draws.note(*one)
    return True


def compare(draws, wanted, got):
    """What one list has and the other not, or nothing."""
    wanted, left = (sorted(line for line in text.splitlines() if " src=" in line) for text in (wanted, got))
    told = []
    for line in wanted:
        match = next((at for at, other in enumerate(left) if same_line(draws, line, other)), None)
        if match is None:
            told.append(f"-{line}")
        else:
            del left[match]
    return "\n".join(re.sub(r" use=\d+", "", line) for line in told + [f"+{line}" for line in left])
