// A port that receives nothing and frees what is sent, whatever its offload state.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/queue_counters.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft::ports {

class Null final : public SoftwarePort {
  public:
    Null(std::string name, PortInfo info);

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    std::unique_ptr<QueueCounters[]> sent_;
};

}  // namespace weft::ports
