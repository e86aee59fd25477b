// A rehearsal (`explain`): one made-up frame through the real stages, tables and rules, with nothing sent,
// learned, counted, tracked or punted.
#pragma once

#include <memory>

#include "dataplane/observe/trace.hpp"
#include "weft/topology.hpp"

struct rte_mempool;

namespace weft {

class Fdb;
class HopTable;
struct Filtering;
struct Routing;

struct Scene {
    const Topology& topology;
    const Routing& routing;
    const HopTable& hops;
    const Fdb& fdb;
    rte_mempool* pool;
    std::uint64_t now_us;                  ///< the workers' clock: limits and time-outs are judged by it
    bool kernel;                           ///< false: --no-kernel
    const Filtering* filtering = nullptr;  ///< null: no rules
};

/// Receives the packet, which it consumes, on a port, a veth end or a sub-interface (there without the tag
/// that led to it) and tells every step. What a veth's other end or a sub-interface's port would ask of the
/// frame is not asked. Rules are asked for a copy of the packet's connection, and what they remember (limits,
/// lists of recent, counters of sets) stays as it is; what helpers would do is not told. By any thread that
/// keeps all of the scene alive; the FDB and the connections are read only.
[[nodiscard]] std::shared_ptr<const Trace> rehearse(Packet& packet, IfIndex interface, const Scene& on);

}  // namespace weft
