// `ip rule`.
#include <linux/fib_rules.h>

#include "control/address/words.hpp"
#include "control/kernel/netlink.hpp"
#include "control/model/refusal.hpp"
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/text.hpp"
#include "control/route/commands/tos.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// "0x10", "16/0xff"; nothing if it is none.
std::optional<std::pair<std::uint32_t, std::uint32_t>> read_mark(std::string_view text) {
    const auto slash = text.find('/');
    const auto mark = command::parse_unsigned(text.substr(0, slash));
    const auto mask = slash == std::string_view::npos ? std::optional<std::uint64_t>{UINT32_MAX}
                                                      : command::parse_unsigned(text.substr(slash + 1));
    if (!mark || !mask || *mark > UINT32_MAX || *mask > UINT32_MAX) return std::nullopt;
    return std::pair{static_cast<std::uint32_t>(*mark), static_cast<std::uint32_t>(*mask)};
}

/// A side of a rule: where its words put it.
struct Side {
    const command::Item* item;
    IpAddress& address;
    std::uint8_t& length;
};

Result<> read_side(const Side& side, const command::Match& match, KernelRule& rule, bool& family_known) {
    if (!side.item) return {};
    const auto destination = read_destination(*side.item, rule.v6);
    if (!destination) return destination.error();
    if (destination->any) return {};
    const auto& prefix = destination->prefix;
    if ((family_known && prefix.v6 != rule.v6) || (match.option("-6") && !prefix.v6) ||
        (match.option("-4") && prefix.v6))
        return exit_with(1,
                         fmt::format("Error: {} prefix is expected rather than \"{}\".",
                                     rule.v6 ? "inet6" : "inet", side.item->value),
                         side.item->column);
    rule.v6 = prefix.v6;
    family_known = true;
    if (prefix.length) side.address = bytes_of(prefix);
    side.length = static_cast<std::uint8_t>(prefix.length);
    return {};
}

std::uint8_t action_of(const command::Match& match) {
    if (match.has("blackhole")) return FR_ACT_BLACKHOLE;
    if (match.has("unreachable")) return FR_ACT_UNREACHABLE;
    if (match.has("prohibit")) return FR_ACT_PROHIBIT;
    return FR_ACT_TO_TBL;
}

struct RuleWords {
    KernelRule rule;
    bool has_priority = false, has_table = false, has_action = false;
};

Result<RuleWords> read_rule(const command::Match& match, const RoutingNames& names) {
    if (auto r = check_protocol(match, names); !r) return r.error();
    RuleWords words;
    KernelRule& rule = words.rule;
    rule.v6 = match.option("-6");
    rule.invert = match.has("not");
    bool family_known = false;
    for (const auto& side : {Side{match.argument("FROM"), rule.from, rule.from_length},
                             Side{match.argument("TO"), rule.to, rule.to_length}})
        if (auto r = read_side(side, match, rule, family_known); !r) return r.error();
    if (const auto* item = match.argument("PRIORITY")) {
        rule.priority = static_cast<std::uint32_t>(*command::parse_unsigned(item->value));
        words.has_priority = true;
    }
    if (const auto* item = match.argument("TOS")) {
        const auto tos = read_tos(item->value);
        if (!tos) return ip::wrong(*item, "TOS value is invalid\n");
        if (*tos & 3) return refuse("Error: Invalid dsfield (tos): ECN bits must be 0.");
        if (!rule.v6 && *tos > 0x1c) return refuse("Error: Invalid tos.");  // beyond IPTOS_TOS_MASK
        rule.tos = *tos;
    }
    if (const auto* item = match.argument("MARK")) {
        const auto mark = read_mark(item->value);
        if (!mark) return ip::wrong(*item, "fwmark value is invalid\n");
        // `fwmark 0` without a mask is any mark (fib_nl2rule)
        rule.has_mark = mark->second != 0 && (mark->first || item->value.find('/') != std::string::npos);
        if (rule.has_mark) std::tie(rule.mark, rule.mask) = *mark;
    }
    if (const auto* item = match.argument("IIF")) rule.iif = item->value;
    rule.action = action_of(match);
    words.has_action = rule.action != FR_ACT_TO_TBL || match.has("unicast");
    if (const auto* item = match.argument("TABLE")) {
        const auto table = read_table(*item, names, "invalid table ID\n");
        if (!table) return table.error();
        rule.table = *table;
        words.has_table = true;
    }
    return words;
}

bool same_rule(const KernelRule& a, const KernelRule& b) {
    const auto of = [](const KernelRule& r) {
        return std::tie(r.v6, r.priority, r.from_length, r.to_length, r.from.bytes, r.to.bytes, r.tos,
                        r.action, r.invert, r.table, r.mark, r.mask, r.has_mark, r.iif);
    };
    return of(a) == of(b);
}

/// net/core/fib_rules.c, fib_default_rule_pref: just before the second rule.
Result<std::uint32_t> free_priority(Session& session, bool v6) {
    std::vector<std::uint32_t> priorities{0, 32766};
    for (const auto& [key, rule] : session.model.routing.rules)
        if (key.first == v6) priorities.push_back(key.second);
    if (session.live) {
        auto there = session.live->policy_rules(v6);
        if (!there) return there.error();
        for (const auto& rule : *there)
            priorities.push_back(rule.priority);
    }
    std::sort(priorities.begin(), priorities.end());
    priorities.erase(std::unique(priorities.begin(), priorities.end()), priorities.end());
    return priorities[1] ? priorities[1] - 1 : 0;
}

/// What a deletion or a list asks of a rule; nothing asked fits all.
bool meant(const KernelRule& rule, const RuleWords& words) {
    const KernelRule& want = words.rule;
    return rule.v6 == want.v6 && (!words.has_priority || rule.priority == want.priority) &&
           (!words.has_table || rule.table == want.table) &&
           (!words.has_action || rule.action == want.action) && rule.invert == want.invert &&
           (!want.from_length || (rule.from == want.from && rule.from_length == want.from_length)) &&
           (!want.to_length || (rule.to == want.to && rule.to_length == want.to_length)) &&
           (!want.tos || rule.tos == want.tos) &&
           (!want.has_mark || (rule.has_mark && rule.mark == want.mark && rule.mask == want.mask)) &&
           (want.iif.empty() || rule.iif == want.iif);
}

/// iprule_list_flush_or_save's filter: rules whose addresses lie in the prefix.
bool listed(const KernelRule& rule, const RuleWords& words, const std::optional<std::uint32_t>& protocol) {
    RuleWords rest = words;
    rest.rule.from_length = rest.rule.to_length = 0;
    rest.rule.invert = rule.invert;
    rest.rule.v6 = rule.v6;
    if (!meant(rule, rest) || (words.rule.invert && !rule.invert)) return false;
    if (protocol && rule.protocol != *protocol) return false;
    const auto in = [&](const IpAddress& of, unsigned length, const IpAddress& wanted,
                        unsigned wanted_length) {
        return !wanted_length ||
               (length && covers(prefix_of(rule.v6, wanted, wanted_length), prefix_of(rule.v6, of, length)));
    };
    return in(rule.from, rule.from_length, words.rule.from, words.rule.from_length) &&
           in(rule.to, rule.to_length, words.rule.to, words.rule.to_length);
}

}  // namespace

Result<Reply> ip_rule_add(Session& session, const command::Match& match, const std::string&) {
    auto words = read_rule(match, names_of(session));
    if (!words) return words.error();
    KernelRule& rule = words->rule;
    if (rule.action == FR_ACT_TO_TBL && rule.table == 0) rule.table = RT_TABLE_MAIN;
    if (!words->has_priority) {
        const auto priority = free_priority(session, rule.v6);
        if (!priority) return priority.error();
        rule.priority = *priority;
    }
    auto& rules = session.model.routing.rules;
    const auto [first, last] = rules.equal_range({rule.v6, rule.priority});
    for (auto it = first; it != last; ++it)
        if (same_rule(it->second, rule)) return ip::kernel("File exists");
    rules.emplace(std::pair{rule.v6, rule.priority}, std::move(rule));
    return Reply{};
}

Result<Reply> ip_rule_del(Session& session, const command::Match& match, const std::string&) {
    if (match.items.size() <= 3 && !match.argument("FROM") && !match.argument("PRIORITY") &&
        !match.argument("TABLE") && !match.argument("TO") && !match.argument("IIF") &&
        !match.argument("MARK"))
        return exit_with(1, "\"ip rule del\" requires arguments.");
    const auto words = read_rule(match, names_of(session));
    if (!words) return words.error();
    auto& rules = session.model.routing.rules;
    for (auto it = rules.begin(); it != rules.end(); ++it)
        if (meant(it->second, *words)) {
            rules.erase(it);
            return Reply{};
        }
    return ip::kernel("No such file or directory");
}

Result<Reply> ip_rule_flush(Session& session, const command::Match& match, const std::string&) {
    const RoutingNames& names = names_of(session);
    const auto* item = match.argument("PROTOCOL");
    if (item && names.protocol(item->value) != std::uint32_t{weft_protocol}) return Reply{};
    std::erase_if(session.model.routing.rules,
                  [&](const auto& entry) { return entry.first.first == match.option("-6"); });
    return Reply{};
}

Result<Reply> ip_rule_show(Session& session, const command::Match& match, const std::string&) {
    const RoutingNames& names = names_of(session);
    std::optional<std::uint32_t> protocol;
    command::Match others = match;
    if (const auto* item = match.argument("PROTOCOL")) {
        if (!(protocol = names.protocol(item->value)))
            return ip::wrong(*item, "\"protocol\" value is invalid\n");
        std::erase_if(others.items, [](const auto& one) { return one.name == "PROTOCOL"; });
    }
    const auto words = read_rule(others, names);
    if (!words) return words.error();
    const bool v6 = words->rule.v6, details = match.option("-d");
    auto there = session.live->policy_rules(v6);
    if (!there) return there.error();
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& rule : *there) {
        if (!listed(rule, *words, protocol)) continue;
        const bool detached = !rule.iif.empty() && rule.iif != "lo" && !session.model.find(rule.iif);
        if (session.json)
            reply.data->push_back(rule_json(rule, names, details, detached));
        else
            reply.text += fmt::format("{}:\t{}\n", rule.priority, rule_text(rule, names, details, detached));
    }
    return reply;
}

}  // namespace weft
