// What looks on while packets pass: captures and a trace. Context::observer is null when nobody looks, and
// then nothing here costs a packet anything: bursts are looked at once, drops and virtual interfaces on their
// own slow way, and stages only in the pipeline that is run for observed packets (pipeline.hpp).
#pragma once

#include <memory>
#include <vector>

#include "dataplane/observe/capture.hpp"
#include "dataplane/observe/trace.hpp"

namespace weft {

struct Context;

/// What is looked at. Built by control, published as one pointer.
struct Observation {
    struct Look {
        std::shared_ptr<Capture> capture;
        std::vector<std::uint8_t> interfaces;  ///< by IfIndex: 1 if its frames are wanted; beyond: not
        [[nodiscard]] bool at(IfIndex interface) const noexcept {
            return interface < interfaces.size() && interfaces[interface];
        }
    };
    std::vector<Look> captures;
    std::shared_ptr<Trace> trace;
    std::shared_ptr<Trace> ruled;  ///< of packets that TRACE rules match and `trace` does not follow
    [[nodiscard]] bool empty() const noexcept { return captures.empty() && !trace && !ruled; }
};

/// One worker's eyes, for one round.
class Observer {
  public:
    explicit Observer(const Observation* what = nullptr) noexcept : what_(what) {}

    /// Whether packets that this interface receives now are followed: of a port, its bursts have to go
    /// through the stages. What comes by others than ports goes so in enter_ip().
    [[nodiscard]] bool traces(IfIndex interface) const noexcept {
        return what_->trace && what_->trace->follows(interface);
    }
    /// A port handed out a burst: before anything is decided of it.
    void burst(Packet* packets[], std::uint16_t count, IfIndex interface, Context& context) const noexcept;
    /// A frame is received on, or leaves by, an interface; of what is received the trace takes up its own.
    void passes(Packet& packet, IfIndex interface, Seen seen, Context& context) const noexcept;
    /// A burst is given to a port, ready to be sent.
    void sends(Packet* packets[], std::uint16_t count, IfIndex interface, Context& context) const noexcept;
    void drops(Packet& packet, DropReason reason, IfIndex interface, Context& context) const noexcept;
    /// A TRACE rule matched it: it is followed from now on. Interfaces as the hook has them.
    void follow_traced(Packet& packet, IfIndex iif, IfIndex oif) const noexcept;
    [[nodiscard]] bool follows(const Packet& packet) const noexcept { return ticket_of(packet) >= 0; }
    /// Of a packet that is followed: a rule, its connection, a translation.
    void passes_hook(const Packet& packet, TraceStep::Kind kind, const TracedHook& what) const noexcept;
    /// The kernel sent it: no trace follows it.
    static void from_kernel(Packet& packet) noexcept { packet.meta.followed = 0; }

    /// Around a stage's decision, by the pipeline. The ticket is the packet's, which decide() may free.
    [[nodiscard]] std::int64_t decides(StageId stage, Packet& packet, Context& context) const noexcept;
    /// The packet is null if the stage gave it away. `by_packet`: the stage tells of it before it ends.
    static constexpr std::int64_t by_packet = -2;
    void decided(StageId stage, std::int64_t ticket, Packet* packet, Verdict verdict,
                 Context& context) const noexcept;

  private:
    /// A packet's number in `trace`, or in `ruled` with this bit; -1: nobody follows it.
    static constexpr std::int64_t of_ruled = std::int64_t{1} << 32;
    [[nodiscard]] std::int64_t ticket_of(const Packet& packet) const noexcept {
        if (what_->trace)
            if (const auto number = what_->trace->number_of(packet); number >= 0) return number;
        const auto number = what_->ruled ? what_->ruled->number_of(packet) : -1;
        return number < 0 ? number : number | of_ruled;
    }
    void add(std::int64_t ticket, const TraceStep& step) const noexcept {
        (ticket & of_ruled ? *what_->ruled : *what_->trace).add(step);
    }

    const Observation* what_;
};

}  // namespace weft
