// The tuples of the flow table's benchmarks.
#pragma once

#include <random>
#include <utility>
#include <vector>

#include "dataplane/flow/protocol.hpp"
#include "dataplane/flow/table.hpp"
#include "perf/micro/flow_cases.hpp"
#include "perf/micro/queries.hpp"

namespace weft::perf {

constexpr FlowKind flow_kind{0, ip_protocol::udp, 0};
constexpr FlowTime flow_now = 1'000'000;

/// All different: the number is in the source's address and port.
inline std::vector<Tuple4> tuples_of(std::size_t count, std::uint16_t destination_port = 80) {
    std::mt19937 random(7);
    std::vector<Tuple4> tuples(count);
    for (std::size_t i = 0; i < count; ++i)
        tuples[i] = {be32{static_cast<std::uint32_t>(0x0a000000 + i / 1000)},
                     be32{0xc0000000 | static_cast<std::uint32_t>(random() & 0xffffff)},
                     be16{static_cast<std::uint16_t>(1024 + i % 1000)}, be16{destination_port}};
    return tuples;
}
/// Both directions of all.
inline Queries<Tuple4> flow_queries(std::vector<Tuple4> tuples) {
    const std::size_t count = tuples.size();
    tuples.reserve(2 * count);
    for (std::size_t i = 0; i < count; ++i)
        tuples.push_back(*inverted(tuples[i], flow_kind.protocol));
    return Queries<Tuple4>(std::move(tuples));
}

}  // namespace weft::perf
