// Connections that MASQUERADE gave an address which is gone (net/netfilter/nf_nat_masquerade.c,
// masq_inet_event and masq_device_event).
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/flow/tracker.hpp"

namespace weft {

/// Ends those that left by one of these addresses, as rtnetlink tells them ("10.0.0.5/24"), and those that
/// others began by such an outside end. Returns how many.
std::size_t end_masqueraded(FlowTracker& tracker, const std::vector<std::string>& addresses, FlowTime now);

/// What interfaces had when they were last looked at, to tell which addresses have gone since, whether
/// anybody told of it or not. Control thread only.
class KnownAddresses {
  public:
    /// An interface by its number, and an address as rtnetlink tells it.
    using Address = std::pair<int, std::string>;
    void add(const Address& address) { known_.insert(address); }
    void remove(const Address& address) { known_.erase(address); }
    /// From now on there are these; returns those that have gone.
    [[nodiscard]] std::vector<std::string> replace(std::set<Address> now);

  private:
    std::set<Address> known_;
};

}  // namespace weft
