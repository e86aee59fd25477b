"""A differing rule set cut down to few rules and packets, and told: which rules Linux took, what both did. The oracle is
filter.py or nat.py."""

import os
import re
from dataclasses import replace


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


def fewer_packets(differs, found):
    case = found.case
    if found.packet is not None:
        case = replace(case, packets=case.packets[:found.packet + 1])
    if not differs(case):
        return found.case  # it takes what follows
    kept = without(case.packets, lambda packets: bool(packets) and differs(replace(case, packets=packets)))
    return replace(case, packets=kept)


def fewer_rules(differs, case):
    all_rules = [(at, number) for at, table in enumerate(case.tables) for number in range(len(table.rules))]

    def keeping(pairs):
        return replace(case, kept=[[number for table, number in pairs if table == at] for at in range(len(case.tables))])

    return keeping(without(all_rules, lambda pairs: differs(keeping(pairs))))


def counted(save):
    """(table, line number there) -> (counters, rule)"""
    rows, table = {}, ""
    for at, line in enumerate(save.splitlines()):
        if line.startswith("*"):
            table = line[1:]
        if found := re.match(r"\[(\d+):\d+\] (.*)|(:\S+ \S+) \[(\d+):\d+\]", line):
            rows[at] = (int(found[1] or found[4]), f"{table}: {found[2] or found[3]}")
    return rows


def rules_taken(oracle, linux, case):
    """Each packet, and the rules and policies whose counters rose."""
    before = None
    for sent in oracle.replay(linux, case):
        after = counted(linux.save(case.v6))
        if sent:
            yield sent, [text for at, (count, text) in after.items() if count != before[at][0]]
        before = after


def explain(oracle, linux, weft, found):
    """The text of a difference and of the least rule set and packets that show one."""
    def differs(case):
        return oracle.differs(linux, weft, case)

    case = fewer_rules(differs, fewer_packets(differs, found))
    least = differs(case)
    again = f"{os.path.basename(oracle.__file__)} {case.number}{' --ip6' if case.v6 else ''}"
    lines = [f"{case.name()}: {found.text}", f"cut down (again with: {again}):",
             *(f"  {line}" for line in case.text().splitlines() if re.match(r"[*-]|:user|:.* DROP", line))]
    for sent, taken in rules_taken(oracle, linux, case):
        lines += [f"  {sent}", *(f"    Linux took {rule}" for rule in taken)]
    return "\n".join([*lines, least.text if least else "  (did not differ again)"])
