// What a stage is, and what it may say of a packet.
//
// A stage has
//   - `id`, its place in the packet's order;
//   - `Prepared`, what decide() wants to find computed. It lies on the stack, so that what passes between the
//     two costs no line of the packet;
//   - `prepare(packet, prepared, context)`: computes the key, asks for the lines that decide() will read;
//   - `decide(packet, prepared, context)`: says where the packet goes.
// A batch stage takes whole bursts of one port. It also has
//   - `Burst`, what is the same for all packets of the burst and is looked up once, by `begin(context)`;
//     prepare and decide get it before the context;
//   - perhaps `look_up(burst, context)`, between the two: looks up at once what prepare collected in the
//   Burst;
//   - perhaps `choose(packets, prepared, count, burst)` after it: what asks for the packets again, and is
//   sooner done for all of them at once than on the way of each.
// No stage contains a loop over the batch: pipeline.hpp runs prepare over the whole vector, then decide.
#pragma once

#include <concepts>
#include <cstdint>

#include "weft/drop.hpp"
#include "weft/packet.hpp"
#include "weft/stages.hpp"

namespace weft {

/// Where a packet goes next: to a stage, to its end with a reason, or already handed on (sent, queued).
/// There is no default: a packet cannot be lost without a word.
class Verdict {
  public:
    static constexpr Verdict to(StageId stage) noexcept { return Verdict{static_cast<std::uint16_t>(stage)}; }
    static constexpr Verdict drop(DropReason reason) noexcept {
        return Verdict{static_cast<std::uint16_t>(0x100 | static_cast<unsigned>(reason))};
    }
    /// The stage gave the packet to somebody who now owns it.
    static constexpr Verdict consumed() noexcept { return Verdict{0x200}; }

    [[nodiscard]] constexpr bool is_stage() const noexcept { return code_ < 0x100; }
    [[nodiscard]] constexpr bool is_drop() const noexcept { return code_ & 0x100; }
    [[nodiscard]] constexpr StageId stage() const noexcept { return static_cast<StageId>(code_); }
    [[nodiscard]] constexpr DropReason reason() const noexcept {
        return static_cast<DropReason>(code_ & 0xff);
    }
    friend constexpr bool operator==(Verdict, Verdict) = default;

  private:
    constexpr explicit Verdict(std::uint16_t code) noexcept : code_(code) {}
    std::uint16_t code_;
};

struct Context;

template <class S>
concept Stage = requires(Packet& packet, typename S::Prepared& prepared, Context& context) {
    { S::id } -> std::convertible_to<StageId>;
    { S::prepare(packet, prepared, context) }
    noexcept;
    { S::decide(packet, prepared, context) }
    noexcept->std::same_as<Verdict>;
};

template <class S>
concept BatchStage = requires(Packet& packet, typename S::Prepared& prepared, typename S::Burst& burst,
                              Context& context) {
    { S::id } -> std::convertible_to<StageId>;
    { S::begin(context) }
    noexcept->std::same_as<typename S::Burst>;
    { S::prepare(packet, prepared, burst, context) }
    noexcept;
    { S::decide(packet, prepared, burst, context) }
    noexcept->std::same_as<Verdict>;
};

template <class S>
concept LooksUp = BatchStage<S> && requires(typename S::Burst& burst, Context& context) {
    { S::look_up(burst, context) }
    noexcept;
};

template <class S>
concept Chooses = BatchStage<S> &&
    requires(Packet* const packets[], const typename S::Prepared prepared[], typename S::Burst& burst) {
    { S::choose(packets, prepared, 1u, burst) }
    noexcept;
};

}  // namespace weft
