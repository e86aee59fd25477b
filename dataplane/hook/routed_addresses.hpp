// Rules' questions about addresses and ways, answered from the workers' own routing tables.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/hook/packet.hpp"

namespace weft {

/// inet_addr_type, ipv6_chk_addr; the look-ups of ipt_rpfilter.c and ip6t_rpfilter.c. Of one worker's round.
class RoutedAddresses final : public hook::AddressTypes {
  public:
    explicit RoutedAddresses(const Context& context) noexcept : context_(context) {}

    [[nodiscard]] std::uint8_t type(hook::Family, const IpAddress&, IfIndex limit) const noexcept override;
    [[nodiscard]] hook::WayBack way_back(const hook::View&, std::uint32_t mark) const noexcept override;

  private:
    const Context& context_;
};

}  // namespace weft
