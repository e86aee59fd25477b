#include "dataplane/nat/prepared.hpp"

namespace weft {

void prepare_translation(FlowEntry& entry) noexcept {
    const FlowKind kind = entry.direction[0].kind_now();
    if (kind.flags & FlowKind::ipv6) return;
    for (unsigned d = 0; d < 2; ++d) {
        FlowTuples4& way = entry.direction[d].v4;
        const auto enters = entry.direction[d].tuple_now<Tuple4>();
        const Tuple4 leaves = answer_of(entry.direction[d ^ 1].tuple_now<Tuple4>(), kind.protocol);
        // Others may be comparing the line with a tuple of IPv6, which is as long as all of it.
        store_words(&way.translated, leaves);
        InternetSum change;
        replace_address(change, enters.source, leaves.source);
        replace_address(change, enters.destination, leaves.destination);
        const std::uint16_t of_l3 = change.sum().raw();
        change.subtract(enters.source_port);
        change.subtract(enters.destination_port);
        change.add(leaves.source_port);
        change.add(leaves.destination_port);
        const std::uint16_t deltas[] = {of_l3, change.sum().raw()};
        store_words(&way.l3_delta, deltas);
    }
}

}  // namespace weft
