#include <cerrno>

#include "control/hook/kinds.hpp"

namespace weft::hook {

namespace {

Objection check_trace(const TraceTarget&, const Place& place) {
    return only_in(place, TableId::raw);
}

}  // namespace

const TargetKind& trace_target() {
    static const auto kind =
        make_kind<TraceTarget, Target, nullptr, nullptr, nullptr, nullptr, check_trace>("TRACE", {});
    return kind;
}

}  // namespace weft::hook
