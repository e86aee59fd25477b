// The tuples of the flow table's benchmarks and the order in which they are asked for.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "dataplane/flow/protocol.hpp"
#include "dataplane/flow/table.hpp"
#include "perf/micro/flow_cases.hpp"

namespace weft::perf {

constexpr std::size_t flow_batch = 64, flow_batches = 1024;
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
/// Both directions of all in random order, again and again, in whole batches.
class FlowQueries {
  public:
    explicit FlowQueries(const std::vector<Tuple4>& tuples, bool replies = true) : order_(tuples) {
        for (std::size_t i = 0; replies && i < tuples.size(); ++i)
            order_.push_back(*inverted(tuples[i], flow_kind.protocol));
        std::shuffle(order_.begin(), order_.end(), std::mt19937_64(11));
        const auto whole = order_.size();
        for (std::size_t i = 0; order_.size() % flow_batch; ++i)
            order_.push_back(order_[i % whole]);
    }
    const Tuple4* next() {
        at_ = at_ + flow_batch < order_.size() ? at_ + flow_batch : 0;
        return &order_[at_];
    }

  private:
    std::vector<Tuple4> order_;
    std::size_t at_ = 0;
};

template <class Use>
void over_flow_batches(Clocks& clocks, FlowQueries& queries, Use&& use) {
    clocks.start();
    for (std::size_t i = 0; i < flow_batches; ++i)
        use(queries.next());
    clocks.stop(flow_batches * flow_batch);
}
inline void consume_flow(std::uint64_t sum) {
    asm volatile("" : : "r"(sum) : "memory");
}

}  // namespace weft::perf
