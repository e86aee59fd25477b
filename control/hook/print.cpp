#include "control/hook/print.hpp"

#include "control/hook/kind.hpp"
#include "control/hook/names.hpp"

namespace weft::hook {

namespace {

void save_address(std::string& out, Family family, char letter, const Prefix& prefix, bool inverted) {
    const auto length = mask_length(family, prefix.mask);
    const bool any = length == 0U && (family == Family::ip6 || prefix.address == IpAddress{});
    if (any && !inverted) return;
    append(out, "{} -{} {}/", bang(inverted), letter, show_address(family, prefix.address));
    if (length)
        append(out, "{}", *length);
    else
        out += show_address(family, prefix.mask);
}

void save_interface(std::string& out, char letter, const Interface& interface, bool inverted) {
    if (interface.any() || interface.text() == "+") return;
    append(out, "{} -{}", bang(inverted), letter);
    save_word(out, interface.text());
}

/// The name in -j, and in -L's column of targets.
std::string_view target_name(Family family, const Target& target, bool listed) {
    if (const auto* verdict = std::get_if<Verdict>(&target)) return to_string(*verdict);
    if (const auto* jump = std::get_if<Jump>(&target)) return jump->chain;
    const auto* kind = kind_of(family, target);
    if (!kind) return {};
    return listed && !kind->listed.empty() ? kind->listed : kind->name;
}

/// Rounds as xtables_print_num does; right-aligned in `width` unless it is 0.
std::string show_count(std::uint64_t number, bool exact, std::size_t width) {
    constexpr std::uint64_t shown_in_full = 99999, step = 1000, shown_in_step = 9999;
    if (exact) return fmt::format("{:>{}} ", number, width);
    if (number <= shown_in_full) return fmt::format("{:>{}} ", number, width);
    for (const char unit : {'K', 'M', 'G'}) {
        number = (number + step / 2) / step;
        if (number <= shown_in_step)
            return fmt::format("{:>{}}{} ", number, width == 0 ? 0 : width - 1, unit);
    }
    number = (number + step / 2) / step;
    return fmt::format("{:>{}}T ", number, width == 0 ? 0 : width - 1);
}

struct Columns {
    ListStyle style;
    bool table = true;  ///< padded to columns; else as -v echoes a rule
};

std::string list_address(Family family, const Prefix& prefix, bool numeric) {
    const bool any = family == Family::ip ? prefix.mask == IpAddress{} : prefix.address == IpAddress{};
    if (any && !numeric) return "anywhere";
    return show_address(family, prefix.address) + show_mask(family, prefix.mask);
}

void list_protocol(std::string& out, const Rule& rule, const Columns& columns) {
    const auto name = protocol_name(rule.protocol, columns.style.numeric);
    const auto text =
        (columns.style.numeric && columns.table) || name.empty() ? fmt::format("{}", rule.protocol) : name;
    append(out, "{}{:<{}} ", rule.protocol_inverted ? '!' : ' ', text, columns.table ? 4 : 0);
}

void list_options(std::string& out, Family family, const Rule& rule, const Columns& columns) {
    if (!columns.table) out += "opt ";
    if (family == Family::ip6)
        out += "-- ";
    else
        append(out, "{}{} ", rule.fragment_inverted ? '!' : '-', rule.fragment ? 'f' : '-');
}

void list_interfaces(std::string& out, const Rule& rule, const Columns& columns) {
    if (!columns.style.verbose) return;
    const auto name = [&](const Interface& interface, bool inverted) {
        const std::string_view any = columns.style.numeric ? "*" : "any";
        return fmt::format("{}{}", inverted ? "!" : "", interface.any() ? any : interface.text());
    };
    const auto in = name(rule.in, rule.in_inverted), out_name = name(rule.out, rule.out_inverted);
    if (columns.table)
        append(out, " {:<6} {:<6} ", in, out_name);
    else
        append(out, "in {} out {} ", in, out_name);
}

void list_addresses(std::string& out, Family family, const Rule& rule, const Columns& columns) {
    const int width = columns.table ? 19 : 0;
    append(out, "{}{:<{}} ", rule.source_inverted ? '!' : ' ',
           list_address(family, rule.source, columns.style.numeric), width);
    append(out, "{}{}{:<{}}{}", rule.destination_inverted ? '!' : ' ', columns.table ? "" : "-> ",
           list_address(family, rule.destination, columns.style.numeric), width, columns.table ? " " : "");
}

void list_body(std::string& out, Family family, const Rule& rule, const Columns& columns) {
    append(out, "{:<{}} ", target_name(family, rule.target, true), columns.table ? 9 : 0);
    list_protocol(out, rule, columns);
    list_options(out, family, rule, columns);
    list_interfaces(out, rule, columns);
    list_addresses(out, family, rule, columns);
    if (!columns.table) out += "  ";
    if (const auto* jump = std::get_if<Jump>(&rule.target); jump && jump->go) out += "[goto] ";
    const Frame frame{family, rule, columns.style.numeric};
    for (const auto& match : rule.matches)
        if (const auto& kind = kind_of(match); kind.list) kind.list(out, match, frame);
    if (const auto* kind = kind_of(family, rule.target); kind && kind->list)
        kind->list(out, rule.target, frame);
    out += '\n';
}

}  // namespace

void save_rule(std::string& out, Family family, std::string_view chain, const RuleEntry& entry,
               CounterStyle style) {
    const auto& rule = *entry.rule;
    if (style == CounterStyle::brackets)
        append(out, "[{}:{}] ", entry.counters.packets, entry.counters.bytes);
    out += "-A";
    save_word(out, chain);
    save_address(out, family, 's', rule.source, rule.source_inverted);
    save_address(out, family, 'd', rule.destination, rule.destination_inverted);
    save_interface(out, 'i', rule.in, rule.in_inverted);
    save_interface(out, 'o', rule.out, rule.out_inverted);
    if (rule.protocol != 0) {
        const auto name = protocol_name(rule.protocol, false);
        append(out, "{} -p {}", bang(rule.protocol_inverted),
               name.empty() ? fmt::format("{}", rule.protocol) : name);
    }
    if (rule.fragment) append(out, "{} -f", bang(rule.fragment_inverted));
    const Frame frame{family, rule, true};
    for (const auto& match : rule.matches) {
        const auto& kind = kind_of(match);
        append(out, " -m {}", kind.name);
        if (kind.save) kind.save(out, match, frame);
    }
    if (style == CounterStyle::option) append(out, " -c {} {}", entry.counters.packets, entry.counters.bytes);
    if (const auto name = target_name(family, rule.target, false); !name.empty()) {
        const auto* jump = std::get_if<Jump>(&rule.target);
        out += jump && jump->go ? " -g" : " -j";
        save_word(out, name);
        if (const auto* kind = kind_of(family, rule.target); kind && kind->save)
            kind->save(out, rule.target, frame);
    }
    out += '\n';
}

void save_table(std::string& out, Family family, const Table& table, CounterStyle style) {
    append(out, "*{}\n", to_string(table.id));
    for (const auto& chain : table.chains)
        if (chain.hook)
            append(out, ":{} {} [{}:{}]\n", chain.name, to_string(chain.policy), chain.counters.packets,
                   chain.counters.bytes);
        else
            append(out, ":{} - [0:0]\n", chain.name);
    for (const auto& chain : table.chains)
        for (const auto& entry : chain.rules)
            save_rule(out, family, chain.name, entry, style);
    out += "COMMIT\n";
}

void list_header(std::string& out, const Table& table, const Chain& chain, const ListStyle& style) {
    append(out, "Chain {}", chain.name);
    if (!chain.hook)
        append(out, " ({} references)\n", table.references(chain.name));
    else if (style.verbose)
        append(out, " (policy {} {}packets, {}bytes)\n", to_string(chain.policy),
               show_count(chain.counters.packets, style.exact, 0),
               show_count(chain.counters.bytes, style.exact, 0));
    else
        append(out, " (policy {})\n", to_string(chain.policy));
    if (style.line_numbers) out += "num  ";
    if (style.verbose) out += style.exact ? "    pkts      bytes " : " pkts bytes ";
    out += "target     prot opt";
    if (style.verbose) out += " in     out    ";
    out += " source               destination         \n";
}

void list_rule(std::string& out, Family family, std::size_t number, const RuleEntry& entry,
               const ListStyle& style) {
    if (style.line_numbers) append(out, "{:<4} ", number);
    if (style.verbose) {
        const std::size_t width = style.exact ? 8 : 5;
        out += show_count(entry.counters.packets, style.exact, width);
        out += show_count(entry.counters.bytes, style.exact, width);
    }
    list_body(out, family, *entry.rule, {style, true});
}

void echo_rule(std::string& out, Family family, const Rule& rule) {
    list_body(out, family, rule, {{.verbose = true, .numeric = true}, false});
}

}  // namespace weft::hook
