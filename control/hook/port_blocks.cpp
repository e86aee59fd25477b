#include "control/hook/port_blocks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/hook/names.hpp"
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

}  // namespace

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

std::vector<std::string> changed_port_blocks(const Rulesets& before, const Rulesets& now) {
    std::vector<std::string> lines;
    if (before.shares(now, Family::ip)) return lines;
    const auto old = port_blocks_of(before), fresh = port_blocks_of(now);
    for (const auto* nat : old)
        if (!has(fresh, *nat)) lines.push_back("port blocks end: " + describe_port_blocks(*nat));
    for (const auto* nat : fresh)
        if (!has(old, *nat)) lines.push_back("port blocks begin: " + describe_port_blocks(*nat));
    // One for each protocol often says the same.
    lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
    return lines;
}

}  // namespace weft::hook
