// Who has which outside ports by deterministic blocks: what RFC 7422 section 3 asks an operator to be able to
// say, computed from the rules.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "control/hook/port_blocks.hpp"
#include "control/model/refusal.hpp"
#include "control/route/commands/words.hpp"
#include "control/show/columns.hpp"
#include "control/show/handlers.hpp"
#include "weft/hook/port_block.hpp"

namespace weft {

namespace {

/// A subscriber with its block. Rules for several protocols give it the same one.
struct Owner {
    std::uint32_t inside;
    hook::PortBlock block;
};

std::string text_of(std::uint32_t address) {
    return ip_text(false, to_address(be32{address}));
}

class Owners {
  public:
    void add(const hook::PortBlocks& blocks, std::uint32_t inside) {
        const auto block = blocks.of(inside);
        if (!block) return;
        if (seen_.emplace(inside, block->address, block->ports.low, block->ports.high).second)
            all_.push_back({inside, *block});
    }
    /// Of one outside address: of all its ports, or of one.
    void add_outside(const hook::PortBlocks& blocks, std::uint32_t outside,
                     std::optional<std::uint16_t> port) {
        const auto [low, high] = port ? hook::PortRange{*port, *port} : blocks.ports();
        for (std::uint32_t at = low; at <= high; ++at) {
            const auto inside = blocks.owner(outside, static_cast<std::uint16_t>(at));
            if (!inside) continue;
            add(blocks, *inside);
            at = blocks.of(*inside)->ports.high;
        }
    }
    [[nodiscard]] Reply reply(bool json) const {
        std::vector<std::vector<std::string>> rows{{"inside", "outside", "ports"}};
        auto data = Json::array();
        for (const auto& [inside, block] : all_) {
            rows.push_back({text_of(inside), text_of(block.address),
                            fmt::format("{}-{}", block.ports.low, block.ports.high)});
            data.push_back({{"inside", rows.back()[0]},
                            {"outside", rows.back()[1]},
                            {"ports", {block.ports.low, block.ports.high}}});
        }
        if (json) return {.data = std::make_shared<Json>(std::move(data))};
        if (all_.empty()) return {.text = "nobody has such a port\n"};
        return {.text = columns(rows, rows.front().size())};
    }

  private:
    std::vector<Owner> all_;
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint16_t, std::uint16_t>> seen_;
};

Reply list_rules(const std::vector<const hook::NatTarget*>& rules, bool json) {
    std::string text;
    auto data = Json::array();
    const hook::NatTarget* last = nullptr;
    for (const auto* nat : rules) {
        if (last && *last == *nat) continue;
        last = nat;
        const hook::PortBlocks blocks(*nat);
        text += hook::describe_port_blocks(*nat) + '\n';
        const auto range = [](const hook::AddressRange& of) {
            return Json{ip_text(false, of.low), ip_text(false, of.high)};
        };
        data.push_back({{"inside", range(nat->subscribers)},
                        {"outside", range(nat->addresses)},
                        {"ports", {blocks.ports().low, blocks.ports().high}},
                        {"size", nat->port_block},
                        {"per_address", blocks.per_address()}});
    }
    if (json) return {.data = std::make_shared<Json>(std::move(data))};
    return {.text = text.empty() ? "no rule gives blocks of ports\n" : text};
}

}  // namespace

Result<Reply> show_nat_blocks(Session& session, const command::Match& match, const std::string&) {
    const auto rules = hook::port_blocks_of(session.model.rules);
    const auto *inside = match.argument("INSIDE"), *outside = match.argument("OUTSIDE"),
               *port = match.argument("PORT");
    if (port && !outside) return wrong_word(*port, "outside ADDRESS beside a port");
    if (inside && outside) return wrong_word(*outside, "inside or outside, not both");
    if (!inside && !outside) return list_rules(rules, session.json);
    const auto read = [](const command::Item& item) -> std::optional<std::uint32_t> {
        const auto address = *command::parse_address(item.value);
        if (address.v6) return std::nullopt;
        return to_be32({command::first_of(address).bytes}).host();
    };
    const auto address = read(inside ? *inside : *outside);
    if (!address) return wrong_word(inside ? *inside : *outside, "an address of IPv4");
    std::optional<std::uint16_t> wanted;
    if (port) wanted = static_cast<std::uint16_t>(std::stoul(port->value));
    Owners owners;
    for (const auto* nat : rules) {
        const hook::PortBlocks blocks(*nat);
        if (inside)
            owners.add(blocks, *address);
        else
            owners.add_outside(blocks, *address, wanted);
    }
    return owners.reply(session.json);
}

}  // namespace weft
