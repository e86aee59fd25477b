// Connections for the tests of the flow table and of the tracker.
#pragma once

#include "dataplane/flow/table.hpp"

namespace weft::test {

inline Tuple4 tuple4(std::uint32_t source, std::uint16_t source_port, std::uint32_t destination = 0x0a000002,
                     std::uint16_t destination_port = 80) {
    return {be32{source}, be32{destination}, be16{source_port}, be16{destination_port}};
}
inline Tuple6 tuple6(std::uint32_t source, std::uint16_t source_port) {
    Tuple6 tuple{{0xfd}, {0xfd}, be16{source_port}, be16{80}};
    for (unsigned i = 0; i < 4; ++i)
        tuple.source[12 + i] = static_cast<std::uint8_t>(source >> 8 * i);
    tuple.destination[15] = 2;
    return tuple;
}
template <class Tuple>
FlowKind kind_of(const Tuple&, FlowZone zone = 0, std::uint8_t protocol = ip_protocol::udp) {
    return {zone, protocol, sizeof(Tuple) == sizeof(Tuple6) ? FlowKind::ipv6 : std::uint8_t{0}};
}

/// A table with connections that nobody translates.
struct Flows : FlowTable {
    explicit Flows(std::uint32_t capacity = 1000, unsigned workers = 1)
        : FlowTable(capacity, workers, 0x1122'3344'5566'7788, 0x99aa'bbcc'ddee'ff00) {}

    template <class Tuple>
    std::uint32_t prepare(const Tuple& original, const Tuple& reply, FlowKind kind, unsigned worker = 0) {
        const std::uint32_t index = pool().allocate(worker);
        if (!index) return 0;
        pool()[index].direction[0].set(original, kind);
        pool()[index].direction[1].set(reply, kind);
        return index;
    }
    /// The index; 0 if the pool or the table is full, or one of the tuples is taken.
    template <class Tuple>
    std::uint32_t add(const Tuple& original, FlowZone zone = 0, unsigned worker = 0) {
        const FlowKind kind = kind_of(original, zone);
        const auto index = prepare(original, *inverted(original, kind.protocol), kind, worker);
        if (!index || insert(index).kind == FlowInserted::done) return index;
        pool().release(worker, index);
        return 0;
    }
    template <class Tuple>
    FlowRef look_up(const Tuple& tuple, FlowZone zone = 0) const {
        const FlowKind kind = kind_of(tuple, zone);
        const auto h = hash(tuple, kind.protocol);
        const auto candidate = this->candidate(h);
        const FlowRef ref = find(tuple, kind, h);
        // The two ways of a look-up never disagree.
        return matches(candidate, tuple, kind) && candidate.ref != ref ? ~0U : ref;
    }
    bool take(std::uint32_t index, unsigned worker = 0) {
        if (!remove(index)) return false;
        pool().release(worker, index);
        return true;
    }
};

}  // namespace weft::test
