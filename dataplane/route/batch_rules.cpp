// route_batch and route_input where rules or rp_filter have a say: the tables are still asked for many
// packets at once.
#include "dataplane/route/batch.hpp"
#include "dataplane/route/rules.hpp"

namespace weft {

namespace {

/// The rule, from `first` on, that asks about the packet; the number of rules if none does.
std::uint32_t next_rule(const std::vector<RoutingRule>& rules, std::uint32_t first,
                        const RouteKey& key) noexcept {
    while (first < rules.size() && !matches(rules[first], key))
        ++first;
    return first;
}

bool leads_nowhere(HopIndex hop, const HopTable& hops) noexcept {
    return hop == no_hop || hops[hop].kind == HopKind::next_table;
}

template <unsigned bytes>
const Lpm<bytes>* table_of(const RoutingRule& rule, const Routing& routing) noexcept {
    if (rule.table >= routing.tables.size()) return nullptr;
    if constexpr (bytes == 4)
        return routing.tables[rule.table].v4.get();
    else
        return routing.tables[rule.table].v6.get();
}

}  // namespace

template <StageId stage>
template <unsigned bytes>
void RouteStage<stage>::find_by_rules(Burst& burst) noexcept {
    constexpr bool v6 = bytes == 16;
    const auto& rules = v6 ? burst.routing->rules6 : burst.routing->rules4;
    const Asked* const asked = burst.asked + (v6 ? batch_size : 0);
    HopIndex* const hops = burst.hops + (v6 ? batch_size : 0);
    const typename Lpm<bytes>::Key* addresses;
    if constexpr (v6)
        addresses = burst.keys6;
    else
        addresses = burst.keys4;

    RouteKey keys[batch_size];
    std::uint32_t at[batch_size];      // the rule that a packet has come to
    std::uint8_t waiting[batch_size];  // packets that no table has answered
    unsigned count = 0;
    const auto advance = [&](std::uint8_t i, std::uint32_t from) {
        at[i] = next_rule(rules, from, keys[i]);
        if (at[i] < rules.size() && rules[at[i]].action == RoutingRule::Action::table)
            waiting[count++] = i;
        else
            hops[i] = no_hop;
    };
    for (std::uint8_t i = 0; i < (v6 ? burst.count6 : burst.count4); ++i) {
        keys[i].source.bytes = asked[i].source;
        std::memcpy(keys[i].destination.bytes.data(), addresses[i].data(), bytes);
        keys[i].v6 = v6;
        keys[i].tos = asked_tos(asked[i].tos, v6);
        keys[i].iif = asked[i].in;
        advance(i, 0);
    }
    while (count != 0) {
        // All that have come to the table of the first of them.
        const std::uint16_t table = rules[at[waiting[0]]].table;
        const Lpm<bytes>* const lpm = table_of<bytes>(rules[at[waiting[0]]], *burst.routing);
        typename Lpm<bytes>::Key sought[batch_size];
        HopIndex found[batch_size];
        std::uint8_t of[batch_size];
        unsigned n = 0;
        const unsigned before = count;
        count = 0;
        for (unsigned k = 0; k < before; ++k) {
            const std::uint8_t i = waiting[k];
            if (rules[at[i]].table != table) {
                waiting[count++] = i;
                continue;
            }
            sought[n] = addresses[i];
            found[n] = no_hop;
            of[n++] = i;
        }
        if (lpm) lpm->find(sought, found, n);
        for (unsigned k = 0; k < n; ++k) {
            bool by_tos = false;
            hops[of[k]] = route_of(found[k], keys[of[k]], *burst.table, by_tos);
            if (leads_nowhere(hops[of[k]], *burst.table)) advance(of[k], at[of[k]] + 1);
        }
    }
}

template <StageId stage>
void RouteStage<stage>::check_sources(Burst& burst) noexcept {
    Lpm4::Key sources[batch_size];
    HopIndex back[batch_size];
    for (unsigned i = 0; i < burst.count4; ++i)
        std::memcpy(sources[i].data(), burst.asked[i].source.data(), sizeof sources[i]);
    burst.v4->find(sources, back, burst.count4);
    for (unsigned i = 0; i < burst.count4; ++i) {
        const Hop& hop = burst.all_hops[back[i]];
        const IfIndex in = burst.asked[i].in;
        const std::uint8_t rp_filter = burst.routing->interface(in).rp_filter;
        const bool right = rp_filter == 0 ? hop.kind != HopKind::local && hop.kind != HopKind::choice
                                          : leaves(hop.kind) && (rp_filter != 1 || hop.interface == in);
        if (!right) burst.hops[i] = no_hop;
    }
}

template void RouteBatch::find_by_rules<4>(Burst&) noexcept;
template void RouteBatch::find_by_rules<16>(Burst&) noexcept;
template void RouteStage<StageId::route_batch>::check_sources(Burst&) noexcept;
template void RouteInput::find_by_rules<4>(Burst&) noexcept;
template void RouteInput::find_by_rules<16>(Burst&) noexcept;
template void RouteStage<StageId::route_input>::check_sources(Burst&) noexcept;

}  // namespace weft
