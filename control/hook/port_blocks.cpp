#include "control/hook/port_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/hook/names.hpp"
#include "control/hook/print.hpp"
#include "control/hook/refusal.hpp"
#include "weft/hook/port_block.hpp"

namespace weft::hook {

namespace {

std::string show_range(const AddressRange& range) {
    const auto low = show_address(Family::ip, range.low);
    return range.low == range.high ? low : low + '-' + show_address(Family::ip, range.high);
}

void judge(const NatTarget& nat) {
    const PortBlocks blocks(nat);
    const auto ports = blocks.ports();
    if (ports.low == 0) refuse_parameter("--port-block: port 0 of --to-source can be nobody's");
    if (blocks.per_address() == 0)
        refuse_parameter("--port-block {}: ports {}-{} are only {}", nat.port_block, ports.low, ports.high,
                         ports.high - ports.low + 1);
    if (!blocks.suffice())
        refuse_parameter(
            "--port-block {}: {} subscribers of {} need {} outside addresses of {} blocks each, "
            "--to-source has {}",
            nat.port_block, blocks.subscribers(), show_range(nat.subscribers),
            (blocks.subscribers() + blocks.per_address() - 1) / blocks.per_address(), blocks.per_address(),
            blocks.addresses());
}

bool has(const std::vector<const NatTarget*>& all, const NatTarget& wanted) {
    return std::any_of(all.begin(), all.end(), [&](const NatTarget* one) { return *one == wanted; });
}

/// Ports of each of some outside addresses, which are in host byte order.
struct Region {
    std::uint64_t first, last;
    unsigned low, high;
};

/// MASQUERADE's is whatever an interface has.
std::pair<std::uint64_t, std::uint64_t> addresses_of(const NatTarget& nat) {
    if (nat.kind == NatTarget::Kind::masquerade) return {0, ~std::uint32_t{0}};
    const std::uint64_t one = to_be32(nat.addresses.low).host(), other = to_be32(nat.addresses.high).host();
    return std::minmax({one, other});
}

/// What a rule may give.
std::vector<Region> regions_of(const NatTarget& nat) {
    const auto [first, last] = addresses_of(nat);
    if (nat.port_block == 0) {
        const PortRange ports = nat.map_ports ? nat.ports : PortRange{0, 65535};
        return {{first, last, ports.low, ports.high}};
    }
    const PortBlocks blocks(nat);
    const std::uint64_t full = blocks.subscribers() / blocks.per_address();
    const auto rest = static_cast<unsigned>(blocks.subscribers() % blocks.per_address());
    const unsigned low = blocks.ports().low;
    std::vector<Region> all;
    if (full) all.push_back({first, first + full - 1, low, low + blocks.per_address() * nat.port_block - 1});
    if (rest) all.push_back({first + full, first + full, low, low + rest * nat.port_block - 1});
    return all;
}

/// Some ports of one address that both may give.
std::optional<Region> common(const NatTarget& one, const NatTarget& other) {
    // Of rules by the thousand most have not one address in common.
    const auto [low, high] = addresses_of(one);
    const auto [others_low, others_high] = addresses_of(other);
    if (high < others_low || others_high < low) return std::nullopt;
    for (const Region& a : regions_of(one))
        for (const Region& b : regions_of(other)) {
            const Region both{std::max(a.first, b.first), std::min(a.last, b.last), std::max(a.low, b.low),
                              std::min(a.high, b.high)};
            if (both.first <= both.last && both.low <= both.high) return both;
        }
    return std::nullopt;
}

bool same_blocks(const NatTarget& one, const NatTarget& other) {
    const PortRange ports = PortBlocks(one).ports(), others = PortBlocks(other).ports();
    return one.port_block == other.port_block && one.subscribers == other.subscribers &&
           one.addresses == other.addresses && ports.low == others.low && ports.high == others.high;
}

/// Some packet may meet either.
bool share_protocols(const Rule& one, const Rule& other) {
    const bool any =
        one.protocol == 0 || other.protocol == 0 || one.protocol_inverted || other.protocol_inverted;
    return any || one.protocol == other.protocol;
}

/// Some packet may leave by the interfaces of both, which may end in "+".
bool share_interfaces(const Rule& one, const Rule& other) {
    if (one.out.any() || other.out.any() || one.out_inverted || other.out_inverted) return true;
    const auto is_of = [](std::string_view name, const Interface& all) {
        return all.wildcard() && name.starts_with(all.text().substr(0, all.text().size() - 1));
    };
    return one.out == other.out || is_of(one.out.text(), other.out) || is_of(other.out.text(), one.out);
}

/// What may give a source an address that blocks are of.
const NatTarget* source_target_of(const Rule& rule) {
    const auto* nat = std::get_if<NatTarget>(&rule.target);
    if (!nat) return nullptr;
    const bool fixed = nat->kind == NatTarget::Kind::snat && nat->map_addresses;
    return fixed || nat->kind == NatTarget::Kind::masquerade ? nat : nullptr;
}

std::string line_of(const Chain& chain, const RuleEntry& entry) {
    std::string line;
    save_rule(line, Family::ip, chain.name, entry, CounterStyle::none);
    return line.substr(0, line.find('\n'));
}

}  // namespace

void compare_port_blocks(const Rule& rule, const Table& table, const RuleEntry* replaced,
                         std::string& warnings) {
    const NatTarget* const nat = source_target_of(rule);
    if (!nat) return;
    bool warned = false;
    for (const auto& chain : table.chains)
        for (const auto& entry : chain.rules) {
            const NatTarget* const other = &entry == replaced ? nullptr : source_target_of(*entry.rule);
            if (!other || (nat->port_block == 0 && other->port_block == 0)) continue;
            const auto both = common(*nat, *other);
            if (!both) continue;
            const auto ports = fmt::format(
                "ports {}-{} of {}", both->low, both->high,
                show_address(Family::ip, to_address(be32{static_cast<std::uint32_t>(both->first)})));
            if (nat->port_block && other->port_block) {
                if (same_blocks(*nat, *other)) continue;
                refuse_parameter("--port-block: {} belong to the blocks of another rule: {}", ports,
                                 line_of(chain, entry));
            }
            if (warned || !share_protocols(rule, *entry.rule)) continue;
            const bool borrowed = (nat->port_block ? other : nat)->kind == NatTarget::Kind::masquerade;
            if (borrowed && !share_interfaces(rule, *entry.rule)) continue;
            warned = true;
            warnings +=
                fmt::format("--port-block: {} {}{}: {}\n", ports,
                            nat->port_block ? "may be given to others by a rule without blocks"
                                            : "belong to blocks, and this rule may give them to others",
                            borrowed ? " where an interface has such an address" : "", line_of(chain, entry));
        }
}

void complete_port_blocks(Rule& rule, std::size_t sources) {
    auto* const nat = std::get_if<NatTarget>(&rule.target);
    if (!nat || nat->port_block == 0) return;
    const auto length = mask_length(Family::ip, rule.source.mask);
    if (sources != 1) refuse_parameter("--port-block takes one -s ADDRESS/LENGTH a rule, not {}", sources);
    if (rule.source_inverted) refuse_parameter("--port-block takes -s ADDRESS/LENGTH without !");
    if (!length) refuse_parameter("--port-block takes no mask with holes in -s");
    if (*length == 0) refuse_parameter("--port-block needs its subscribers by -s ADDRESS/LENGTH");
    if (!nat->map_addresses) refuse_parameter("--port-block needs outside addresses in --to-source");
    if (to_be32(nat->addresses.low).host() > to_be32(nat->addresses.high).host())
        refuse_parameter("--port-block: the addresses {} are in the wrong order", show_range(nat->addresses));
    const std::uint32_t mask = to_be32(rule.source.mask).host(),
                        first = to_be32(rule.source.address).host() & mask;
    nat->subscribers = {to_address(be32{first}), to_address(be32{first | ~mask})};
    judge(*nat);
}

std::vector<const NatTarget*> port_blocks_of(const Rulesets& rules) {
    std::vector<const NatTarget*> all;
    for (const auto& chain : rules.of(Family::ip).table(TableId::nat).chains)
        for (const auto& entry : chain.rules)
            if (const auto* nat = std::get_if<NatTarget>(&entry.rule->target); nat && nat->port_block)
                all.push_back(nat);
    return all;
}

std::string describe_port_blocks(const NatTarget& nat) {
    const PortBlocks blocks(nat);
    return fmt::format("{} to {}, ports {}-{}, {} each, {} subscribers an address",
                       show_range(nat.subscribers), show_range(nat.addresses), blocks.ports().low,
                       blocks.ports().high, nat.port_block, blocks.per_address());
}

PortBlockChange changed_port_blocks(const Rulesets& before, const Rulesets& now) {
    PortBlockChange change;
    if (before.shares(now, Family::ip)) return change;
    const auto old = port_blocks_of(before), fresh = port_blocks_of(now);
    for (const auto* nat : old)
        if (!has(fresh, *nat)) change.ended.push_back(*nat);
    for (const auto* nat : fresh) {
        if (!has(old, *nat)) change.begun.push_back(*nat);
        change.now.push_back(*nat);
    }
    return change;
}

std::vector<std::string> describe_port_blocks(const PortBlockChange& change) {
    std::vector<std::string> lines;
    for (const auto& nat : change.ended)
        lines.push_back("port blocks end: " + describe_port_blocks(nat));
    for (const auto& nat : change.begun)
        lines.push_back("port blocks begin: " + describe_port_blocks(nat));
    // One for each protocol often says the same.
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    return lines;
}

}  // namespace weft::hook
