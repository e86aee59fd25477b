// The control channel of one memif port: the handshake in both roles, then the wait for the peer's end.
//
// Every call comes under the exchange's lock. A peer that is wrong or slow is told so and left; the sentence
// goes to stderr once.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "dataplane/port/memif_message.hpp"
#include "dataplane/port/memif_queues.hpp"
#include "dataplane/port/memif_socket.hpp"
#include "dataplane/port/open.hpp"

namespace weft::ports {

class MemifLink {
  public:
    using Clock = std::chrono::steady_clock;
    MemifLink(std::string name, MemifAddress address, std::uint8_t log2, int netns, MemifQueues& queues)
        : name_(std::move(name)), address_(std::move(address)), log2_(log2), netns_(netns), queues_(queues) {}

    [[nodiscard]] const MemifAddress& address() const noexcept { return address_; }
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] int descriptor() const noexcept { return socket_.get(); }
    [[nodiscard]] bool enabled() const noexcept { return enabled_; }
    [[nodiscard]] bool connected() const noexcept { return stage_ == Stage::connected; }
    [[nodiscard]] bool wants_to_connect() const noexcept { return enabled_ && !address_.server && !socket_; }
    [[nodiscard]] bool shaking_hands() const noexcept { return stage_ == Stage::shaking_hands; }
    [[nodiscard]] std::uint64_t connections() const noexcept { return connections_; }
    [[nodiscard]] std::uint64_t refusals() const noexcept { return refusals_; }

    void enable(bool enabled);
    /// Server: takes a connection whose INIT named this port. False if there is one, or none is wanted.
    bool adopt(Fd& socket);
    /// Client: tries to connect.
    void connect();
    /// The socket is readable, or a worker called, or time passed.
    void readable();
    void look();
    void interrupt() {
        if (connected()) queues_.interrupt();
    }

  private:
    enum class Stage : std::uint8_t { apart, shaking_hands, connected };
    void begin(Fd socket);
    Result<> answer(MemifMessage& message);
    Result<> offer(const memif::Hello& hello);
    Result<> add_region(MemifMessage& message);
    Result<> add_ring(MemifMessage& message);
    Result<> join();
    Result<> acknowledge() const;
    void part(const std::string& complaint);

    std::string name_;
    MemifAddress address_;
    std::uint8_t log2_;
    int netns_;
    MemifQueues& queues_;
    bool enabled_ = false;
    Stage stage_ = Stage::apart;
    Fd socket_;
    Clock::time_point begun_{};
    MemifSession session_;
    std::string last_complaint_;
    std::uint64_t connections_ = 0, refusals_ = 0;
};

}  // namespace weft::ports
