#include "control/flow/filter.hpp"

namespace weft::conntrack {

namespace {

template <class T>
bool fits(const std::optional<T>& wanted, T is) noexcept {
    return !wanted || *wanted == is;
}

}  // namespace

std::uint32_t status_of(const Entry& entry) noexcept {
    return (entry.expected ? Status::expected : 0) | (entry.seen_reply ? Status::seen_reply : 0) |
           (entry.assured ? Status::assured : 0);
}

bool MaskedAddress::matches(const IpAddress& other) const noexcept {
    for (std::size_t i = 0; i < mask.bytes.size(); ++i)
        if ((other.bytes[i] & mask.bytes[i]) != address.bytes[i]) return false;
    return true;
}

bool TupleFilter::matches(const Tuple& tuple) const noexcept {
    return (!source || source->matches(tuple.source)) &&
           (!destination || destination->matches(tuple.destination)) &&
           fits(source_port, tuple.source_port) && fits(destination_port, tuple.destination_port);
}

bool Filter::matches(const Entry& entry) const noexcept {
    const auto is = status_of(entry);
    return fits(v6, entry.v6) && fits(protocol, entry.protocol) && original.matches(entry.original) &&
           reply.matches(entry.reply) && fits(icmp_type, entry.original.icmp_type) &&
           fits(icmp_code, entry.original.icmp_code) && fits(icmp_id, entry.original.icmp_id) &&
           fits(tcp_state, entry.tcp_state) && fits(sctp_state, entry.sctp_state) &&
           (!mark || (entry.mark & mark->mask) == mark->value) && (is & status) == status &&
           (is & no_status) == 0 && fits(zone, entry.zone) && fits(id, entry.id) && !one_way_zone;
}

}  // namespace weft::conntrack
