// A whole switch without threads: configuration text in, frames in, frames out. Its ports are queues; its
// workers take turns on the test's thread; its kernel is what was punted.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "control/model/model.hpp"
#include "control/publish/assemble.hpp"
#include "control/publish/names.hpp"
#include "dataplane/worker/worker.hpp"
#include "tests/support/frame.hpp"
#include "weft/port.hpp"

namespace weft::test {

/// Frames that left, by port.
using Out = std::map<std::string, std::vector<Bytes>>;
/// Two stations and everybody.
inline constexpr const char* host_a = "02:00:00:00:00:0a";
inline constexpr const char* host_b = "02:00:00:00:00:0b";
inline constexpr const char* all_hosts = "ff:ff:ff:ff:ff:ff";

/// A port that a test fills and empties.
class QueuePort final : public Port {
  public:
    explicit QueuePort(std::uint8_t offloads) : offloads_(offloads) {}
    ~QueuePort() override;
    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;
    PortInfo info() override;
    Result<> set_up(bool) override { return {}; }
    Result<> set_mtu(std::uint16_t) override { return {}; }
    Result<> set_mac(const MacAddress&) override { return {}; }
    std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

    std::deque<Packet*> waiting;  ///< to be received, queue 0
    std::vector<Packet*> sent;
    std::vector<std::uint16_t> sent_by;  ///< the queue of each
    std::uint16_t takes = 0xffff;        ///< transmit takes so many a call: a full ring
    std::uint16_t refuses = 0;           ///< packets that transmit loses next: a device that refuses
    bool link = true;

  private:
    std::uint8_t offloads_;
};

/// What a rig may be besides its configuration.
struct RigOptions {
    unsigned workers = 1;
    std::uint8_t offloads = 0;     ///< of every port
    std::uint16_t tx_queues = 16;  ///< of every port
    bool kernel = true;
};
/// As a test's name has it.
std::string name_of(const testing::TestParamInfo<RigOptions>& info);
/// With these every stateful test of a bridge runs: workers, fewer queues than workers, tags left to the
/// port.
inline const auto every_rig = testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2},
                                              RigOptions{.workers = 1, .offloads = Offload::vlan_insert},
                                              RigOptions{.workers = 2, .tx_queues = 1});

class Rig {
  public:
    using Options = RigOptions;
    /// Ports of the text (any kind) become QueuePorts; port k (in order) has the MAC 02:ff:00:00:00:k+1 and
    /// is polled by worker k % workers.
    explicit Rig(const std::string& configuration, const Options& options = {});
    ~Rig();
    /// The configuration from now on; ports stay what they are.
    void reconfigure(const std::string& configuration);

    /// A frame arrives; everything is carried through at once.
    void send(const std::string& port, const Bytes& frame);
    /// The same with what a port knows of it besides the bytes.
    void send(const std::string& port, const Bytes& frame, const Metadata& meta);
    /// The same, but nothing is carried through before run(): what is offered to a port so is one burst.
    void offer(const std::string& port, const Bytes& frame, const Metadata& meta = {});
    /// The kernel sends by an interface's TAP; meta: its offloads.
    void from_kernel(const std::string& interface, const Bytes& frame, const Metadata& meta = {});

    /// Frames that left by a port since the last call, as they would be on the wire (stripped tags put back).
    std::vector<Bytes> sent(const std::string& port);
    /// Frames for the kernel's TAP of an interface since the last call.
    std::vector<Bytes> punted(const std::string& interface);
    /// All ports that sent something since the last look, with their frames.
    Out all_sent();

    [[nodiscard]] std::uint64_t drops(DropReason reason) const;
    [[nodiscard]] std::uint64_t all_drops() const;
    [[nodiscard]] const InterfaceCounters& counters(const std::string& interface, unsigned worker = 0) const;
    /// Packets and bytes that left by an interface, over all workers.
    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> sent_by(const std::string& interface) const;
    [[nodiscard]] IfIndex index(const std::string& name) const { return *indexes_.interfaces.find(name); }
    [[nodiscard]] Names names() const { return Names(indexes_); }
    [[nodiscard]] MacAddress mac(const std::string& name) const { return effective_.at(name).mac; }
    QueuePort& port(const std::string& name) { return *ports_.at(name); }
    Shared& shared() { return *shared_; }
    Worker& worker(unsigned number) { return *workers_.at(number); }
    /// FDB time, seconds; moves only by this.
    void pass(std::uint32_t seconds);
    void run();
    /// Runs a writer's work that waits for the workers, who are the test's own thread.
    void while_offline(const std::function<void()>& work);

  private:
    void publish();
    void collect_punted();

    Options options_;
    Model model_;
    Indexes indexes_;
    std::map<std::string, Effective> effective_;
    std::map<std::string, std::unique_ptr<QueuePort>> ports_;
    std::unique_ptr<Shared> shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
    std::map<IfIndex, std::vector<Bytes>> punted_;
    std::map<std::uint64_t, FixedEntry> fixed_;
    std::uint32_t now_ = 1000;
};

}  // namespace weft::test
