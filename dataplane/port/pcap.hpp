// A port that receives the frames of one capture file and writes what is sent to another.
//
// The received file is read into memory when the port is opened, so that no worker waits for a disk. Sent
// frames go through the C library's buffer; it is flushed when nothing was sent for a tenth of a second, by
// info(), and at close.
#pragma once

#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/queue_counters.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft::ports {

/// The frames of a capture, back to back.
struct Capture {
    struct Frame {
        std::size_t at;
        std::uint32_t length, captured;  ///< on the wire, and in the file: less if a snapshot length cut it
    };
    std::vector<std::uint8_t> bytes;
    std::vector<Frame> frames;
};

class Pcap final : public SoftwarePort {
  public:
    /// file: null if nothing is written; owned from here on.
    Pcap(std::string name, Capture capture, bool infinite, std::FILE* file, PortInfo info, rte_mempool* pool);
    ~Pcap() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;
    [[nodiscard]] PortInfo info() override;
    Result<> set_up(bool up) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    struct Close {
        void operator()(std::FILE* file) const noexcept { std::fclose(file); }
    };
    [[nodiscard]] Packet* packet_of(const Capture::Frame& frame) noexcept;
    void write(const Packet& packet, std::uint32_t seconds, std::uint32_t microseconds) noexcept;
    void flush_when_idle() noexcept;

    Capture capture_;
    bool infinite_;
    rte_mempool* pool_;
    std::unique_ptr<std::FILE, Close> file_;
    std::atomic<bool> up_{false};
    std::size_t next_ = 0;
    std::atomic<std::uint64_t> dirty_since_{0};  ///< TSC of the last unflushed write, 0: none
    QueueCounters received_, sent_;
};

}  // namespace weft::ports
