// Traces, captures and rehearsals of the running switch.
#include <fmt/format.h>

#include <cstring>
#include <iterator>

#include "control/publish/switch.hpp"
#include "control/publish/trace_text.hpp"
#include "control/route/commands/text.hpp"
#include "control/route/commands/tos.hpp"
#include "control/route/commands/words.hpp"
#include "dataplane/observe/rehearsal.hpp"

namespace weft {

namespace {

/// By which rule, prefix and table of the kernel a route was found.
std::string source_of(const TracedRoute& route, const Routes& routes, const Routing& routing) {
    const auto& rules = route.asked_v6 ? routing.rules6 : routing.rules4;
    const std::string rule = route.rule && route.rule <= rules.size()
                                 ? fmt::format("rule {}", rules[route.rule - 1u].priority)
                                 : "";
    const auto text = [&](const auto& tables, const auto& address) {
        const auto origin = tables.origin(route.table, address, route.source, route.tos);
        if (!origin || route.kind == HopKind::none) return rule;
        const auto prefix = first_of(prefix_of(route.asked_v6, route.destination, origin->length));
        std::string means;  // as `ip route` says it
        if (origin->source_length)
            means = " from " + destination_text(prefix.v6, origin->source, origin->source_length);
        if (origin->tos) means = " tos " + tos_text(origin->tos);
        if (route.asked_v6 || origin->priority) means += fmt::format(" metric {}", origin->priority);
        if (origin->preference) means += fmt::format(" pref {}", preference_word(origin->preference));
        return fmt::format("{}{}{} in table {}", rule.empty() ? "" : rule + ", ",
                           destination_text(prefix.v6, bytes_of(prefix), prefix.length), means,
                           RoutingNames{}.table(origin->table));
    };
    if (route.rule && rules[route.rule - 1u].action != RoutingRule::Action::table) return rule;
    if (route.asked_v6) return text(routes.tables6(), route.destination.bytes);
    AddressKey<4> address;
    std::memcpy(address.data(), route.destination.bytes.data(), address.size());
    return text(routes.tables4(), address);
}

}  // namespace

/// A link alone; of a bridge also its members, so that what passes between them is seen, too.
std::vector<std::uint8_t> Switch::looked_at(const std::string& name) const {
    std::vector<std::uint8_t> wanted(indexes_.interfaces.table_size(), 0);
    bool some = false;
    for (const auto& [other, number] : indexes_.interfaces.all()) {
        const LinkSpec* link = model_.find(other);
        if (!link) continue;
        const bool member = link->member && link->member->bridge == name;
        wanted[number] = name == "any" || other == name || member;
        some |= wanted[number];
    }
    return some || name == "any" ? wanted : std::vector<std::uint8_t>{};
}

void Switch::tell_watchers() {
    // One that is told may have another one added.
    for (std::size_t i = 0; i < watchers_.size(); ++i)
        if (watchers_[i] && !watchers_[i]()) watchers_[i] = nullptr;
    std::erase_if(watchers_, [](const auto& watcher) { return !watcher; });
}

Result<> Switch::start_trace(const std::string& interface, std::uint32_t count) {
    lookout_->follow(*indexes_.interfaces.find(interface), count, Names(indexes_));
    lookout_->note_rules(rules_.generation(), rules_.book());
    return {};
}

void Switch::clear_trace() {
    lookout_->forget(Names(indexes_));
    if (lookout_->wants_rules()) lookout_->note_rules(rules_.generation(), rules_.book());
}

std::vector<TracedPacket> Switch::traced() {
    std::vector<TracedPacket> all;
    lookout_->visit_traces([&](const Trace& trace, const NameHistory& names) {
        auto told = tell(trace, names, {}, [&](std::uint32_t rules) { return lookout_->rules(rules); });
        std::move(told.begin(), told.end(), std::back_inserter(all));
    });
    return all;
}

std::optional<MacAddress> Switch::neighbour_mac(const std::string& interface,
                                                const command::IpPrefix& address) {
    const auto tap = taps_.find(interface);
    if (tap == taps_.end()) return std::nullopt;
    return with_routes([&](const Routes& routes) -> std::optional<MacAddress> {
        const auto* found = routes.hops().neighbour(
            {.device = tap->second.tap.index(), .v6 = address.v6, .address = bytes_of(address)});
        if (!found || Hop::state_of(found->word) != NeighbourState::resolved) return std::nullopt;
        return MacAddress::from_raw(found->word);
    });
}

Result<TracedPacket> Switch::explain(const std::string& interface, std::span<const std::byte> frame) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool_.get());
    if (!m) return refuse("no packet buffer is free");
    Packet* packet = Packet::from(m);
    rte_mbuf* last = m;
    for (std::size_t at = 0; at < frame.size();) {
        const auto n =
            static_cast<std::uint16_t>(std::min<std::size_t>(frame.size() - at, rte_pktmbuf_tailroom(last)));
        if (n == 0) {
            last->next = rte_pktmbuf_alloc(pool_.get());
            if (!last->next) {
                Packet::free(packet);
                return refuse("no packet buffer is free");
            }
            last = last->next;
            ++m->nb_segs;
            continue;
        }
        std::memcpy(rte_pktmbuf_mtod_offset(last, std::byte*, last->data_len), frame.data() + at, n);
        last->data_len = static_cast<std::uint16_t>(last->data_len + n);
        m->pkt_len += n;
        at += n;
    }
    packet->meta.tag_place = TagPlace::none;
    packet->meta.checksum = ChecksumState::unknown;
    packet->meta.gso_type = GsoType::none;
    const auto rehearsed = [&] {
        return rehearse(*packet, *indexes_.interfaces.find(interface),
                        {.topology = shared_.topology.get(),
                         .routing = shared_.routing.get(),
                         .hops = shared_.hops,
                         .fdb = shared_.fdb,
                         .pool = pool_.get(),
                         .now_us = coarse_microseconds(),
                         .kernel = options_.kernel,
                         .filtering = &shared_.filtering.get()});
    };
    const auto rules = rules_.book();
    // Whoever publishes routing waits for the workers only: while its lock is held it publishes nothing.
    return with_routes([&](const Routes& routes) {
        auto told = tell(
            *rehearsed(), Names(indexes_),
            [&](const TracedRoute& route) { return source_of(route, routes, shared_.routing.get()); },
            [&](std::uint32_t) { return rules.get(); });
        return std::move(told.front());
    });
}

}  // namespace weft
