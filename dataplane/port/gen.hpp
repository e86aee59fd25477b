// A port that makes frames: prepared headers copied into each buffer.
//
// Of up to 2^20 flows the first 64 bytes are prepared, one cache line each, and copied as one; beyond that
// they are computed from flow 0, the checksums by RFC 1624. Bytes after the 64th are the same in all flows.
// Each queue has its own contiguous share of the flows, as RSS would give it, and of rate and count.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/gen_frame.hpp"
#include "dataplane/port/open.hpp"
#include "dataplane/port/queue_counters.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft::ports {

class Gen final : public SoftwarePort {
  public:
    Gen(std::string name, PortInfo info, const GenConfig& config, rte_mempool* pool);
    ~Gen() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;
    /// Going up starts count and flows anew.
    Result<> set_up(bool up) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    /// A queue: its share, and where it stands. The latter is its worker's alone.
    struct alignas(64) Source {
        std::uint32_t first = 0, flows = 0, step = 1;  ///< share of the flows, and its order
        std::uint64_t count = 0;                       ///< share of count; UINT64_MAX: no end
        double per_tick = 0;                           ///< share of rate, frames per TSC tick; 0: at once
        std::uint32_t at = 0;
        std::uint32_t epoch = 0;  ///< of the Gen when this started
        std::uint64_t left = 0;
        std::uint64_t start = 0, made_since = 0;  ///< TSC, and frames made after it
    };

    void share_out(const GenConfig& config);
    void prepare(const GenConfig& config);
    [[nodiscard]] std::uint16_t due(Source& source, std::uint16_t n) const noexcept;
    void fill_head(Source& source, std::byte* to) const noexcept;
    [[nodiscard]] bool append_tail(rte_mbuf* head) const noexcept;

    rte_mempool* pool_;
    GenFrame frame_;
    std::uint16_t head_room_;      ///< frame bytes that the first segment holds
    GenHead* prepared_ = nullptr;  ///< by position; null: computed
    std::size_t prepared_bytes_ = 0;
    std::atomic<std::uint32_t> epoch_{0};  ///< odd while up
    std::unique_ptr<Source[]> sources_;
    std::unique_ptr<QueueCounters[]> received_, sent_;
};

}  // namespace weft::ports
