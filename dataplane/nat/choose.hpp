// Which addresses and ports a connection gets: get_unique_tuple of net/netfilter/nf_nat_core.c.
//
// The port of the source is kept while the answer's tuple is free; else one is drawn from the range, or from
// the kernel's own: 1-511, 600-1023 and 1024-65535, whichever the port was of. Some ports from a random one
// on are looked for in the table, sixteen at a time, so that their lines come together; where those are all
// taken, towards a peer that many talk to, the next free one is read from a map of taken ports
// (CrowdedPorts), which is filled as searches come by. Then some are looked at for older connections that
// make room. So the time is bounded however full the range is, and a free port is found: if not by one
// packet, as the map is not filled, by one soon after it. A search of an endpoint independent source that
// was in vain, which takes longest, is not begun again for CrowdedPorts::vain_ms, by whomever.
#pragma once

#include <array>

#include "dataplane/flow/tracker.hpp"
#include "dataplane/nat/side.hpp"
#include "weft/hook/target.hpp"

namespace weft {

/// The kernel's random numbers (get_random_u16), many at a time. Of one worker.
class NatRandom {
  public:
    [[nodiscard]] std::uint16_t next() noexcept {
        if (left_ == 0) fill();
        return numbers_[--left_];
    }

  private:
    void fill() noexcept;
    std::array<std::uint16_t, 512> numbers_;
    unsigned left_ = 0;
};

struct NatQuestion {
    FlowTracker& tracker;
    FlowRef ref;  ///< the connection, which nobody else can find yet
    NatSide side;
    const hook::NatTarget& range;  ///< addresses of the family, ports in host order; its kind means nothing
    const FlowMoment& moment;
    NatRandom& random;
};

template <class Tuple>
struct NatChoice {
    Tuple tuple;              ///< of the original direction, as its packets are to leave
    bool unique;              ///< false: answers to it would be another connection's
    hook::PortRange drawn{};  ///< from where its port was drawn; 0-0: it was not
};

/// `wanted`: the tuple as packets would leave without this.
[[nodiscard]] NatChoice<Tuple4> choose_tuple(const Tuple4& wanted, const NatQuestion&) noexcept;
[[nodiscard]] NatChoice<Tuple6> choose_tuple(const Tuple6& wanted, const NatQuestion&) noexcept;

}  // namespace weft
