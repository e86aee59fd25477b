"""A differing rule set cut down to few rules and packets, and told: which rules Linux took, what both did."""

import re
from dataclasses import replace

import filter as oracle


def differs(linux, weft, case):
    return oracle.difference(oracle.in_linux(linux, case), weft, case)


def without(items, still):
    """The items, in ever smaller portions left out as long as still(rest)."""
    portion = max(1, len(items) // 2)
    while items:
        at, shrunk = 0, False
        while at < len(items):
            rest = items[:at] + items[at + portion:]
            if still(rest):
                items, shrunk = rest, True
            else:
                at += portion
        if portion == 1 and not shrunk:
            return items
        portion = max(1, portion // 2)
    return items


def fewer_packets(linux, weft, found):
    case = found.case
    if found.packet is not None:
        case = replace(case, packets=case.packets[:found.packet + 1])
    if not differs(linux, weft, case):
        return found.case  # it takes what follows
    kept = without(case.packets, lambda packets: bool(packets) and differs(linux, weft, replace(case, packets=packets)))
    return replace(case, packets=kept)


def fewer_rules(linux, weft, case):
    all_rules = [(at, number) for at, table in enumerate(case.tables) for number in range(len(table.rules))]

    def keeping(pairs):
        return replace(case, kept=[[number for table, number in pairs if table == at] for at in range(len(case.tables))])

    return keeping(without(all_rules, lambda pairs: differs(linux, weft, keeping(pairs))))


def counted(save):
    """(table, line number there) -> (counters, rule)"""
    rows, table = {}, ""
    for at, line in enumerate(save.splitlines()):
        if line.startswith("*"):
            table = line[1:]
        if found := re.match(r"\[(\d+):\d+\] (.*)|(:\S+ \S+) \[(\d+):\d+\]", line):
            rows[at] = (int(found[1] or found[4]), f"{table}: {found[2] or found[3]}")
    return rows


def rules_taken(linux, case):
    """For each packet, the rules and policies whose counters rose."""
    linux.restore(case.v6, case.text())
    linux.flush()
    before = counted(linux.save(case.v6))
    for sent in case.packets:
        linux.step(sent.port, sent.frame)
        after = counted(linux.save(case.v6))
        yield [text for at, (count, text) in after.items() if count != before[at][0]]
        before = after


def explain(linux, weft, found):
    """The text of a difference and of the least rule set and packets that show one."""
    case = fewer_rules(linux, weft, fewer_packets(linux, weft, found))
    least = differs(linux, weft, case)
    lines = [f"{case.name()}: {found.text}", f"cut down (again with: filter.py {case.number}{' --ip6' if case.v6 else ''}):",
             *(f"  {line}" for line in case.text().splitlines() if re.match(r"[*-]|:user|:.* DROP", line))]
    for sent, taken in zip(case.packets, rules_taken(linux, case)):
        lines += [f"  into {sent.port}: {sent.text}", f"    {sent.frame.hex()}", *(f"    Linux took {rule}" for rule in taken)]
    return "\n".join([*lines, least.text if least else "  (did not differ again)"])
