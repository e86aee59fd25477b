#include "control/flow/filter.hpp"

namespace weft::conntrack {

namespace {

template <class T>
bool fits(const std::optional<T>& wanted, T is) noexcept {
    return !wanted || *wanted == is;
}

/// An end as its own side knows it, and as the other side does.
struct Ends {
    const IpAddress &own, &shown;
    std::uint16_t own_port, shown_port;
};

bool fits_nat(const NatFilter& filter, const Ends& ends, bool v6) noexcept {
    const bool address = ends.own != ends.shown, port = ends.own_port != ends.shown_port;
    if (!filter.address && !filter.port) return address || port;
    if (filter.address && (!address || filter.v6 != v6 || *filter.address != ends.shown)) return false;
    return !filter.port || (port && *filter.port == ends.shown_port);
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
           fits(source_port, tuple.source_port) && fits(destination_port, tuple.destination_port) &&
           fits(zone, tuple.zone);
}

bool Filter::matches(const Entry& entry) const noexcept {
    const auto is = status_of(entry);
    return fits(v6, entry.v6) && fits(protocol, entry.protocol) && original.matches(entry.original) &&
           reply.matches(entry.reply) && fits(icmp_type, entry.original.icmp_type) &&
           fits(icmp_code, entry.original.icmp_code) && fits(icmp_id, entry.original.icmp_id) &&
           fits(tcp_state, entry.tcp_state) && fits(sctp_state, entry.sctp_state) &&
           (!mark || (entry.mark & mark->mask) == mark->value) && (is & status) == status &&
           (is & no_status) == 0 && fits(zone, entry.zone) && fits(id, entry.id) && matches_nat(entry);
}

/// What the reply goes to is not where the original came from, or the other way round (filter_nat).
bool Filter::matches_nat(const Entry& entry) const noexcept {
    const Tuple &original = entry.original, &reply = entry.reply;
    // one of the two is 0: a query's identifier is its source's, in both directions
    const Ends sources{original.source, reply.destination,
                       static_cast<std::uint16_t>(original.source_port | original.icmp_id),
                       static_cast<std::uint16_t>(reply.destination_port | reply.icmp_id)};
    const bool of_source = source_nat && fits_nat(*source_nat, sources, entry.v6);
    const bool of_destination = destination_nat && fits_nat(*destination_nat,
                                                            {original.destination, reply.source,
                                                             original.destination_port, reply.source_port},
                                                            entry.v6);
    if (any_nat) return of_source || of_destination;
    return (!source_nat || of_source) && (!destination_nat || of_destination);
}

}  // namespace weft::conntrack
