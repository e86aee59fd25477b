#include "dataplane/observe/trace.hpp"

#include <algorithm>
#include <cstring>

namespace weft {

namespace {
// A plain packet takes eight steps; one flooded to many ports three for each.
constexpr std::uint32_t steps_a_packet = 64, least_steps = 4096;
}  // namespace

Trace::Trace(IfIndex of, std::uint32_t count, std::uint32_t key)
    : interface_(of),
      count_(count),
      key_(key),
      room_(std::max(least_steps, count * steps_a_packet)),
      heads_(std::make_unique<Head[]>(count)),
      slots_(std::make_unique<Slot[]>(room_)) {}

void Trace::begin(Packet& packet, IfIndex iif, IfIndex oif) noexcept {
    if (number_of(packet) >= 0 || next_.load(std::memory_order_relaxed) >= room_) return;
    const std::uint32_t number = taken_.fetch_add(1, std::memory_order_relaxed);
    if (number >= count_) return;
    packet.meta.followed = std::uint64_t{key_} << 32 | number;
    Head& head = heads_[number];
    head.length = std::min<std::uint16_t>(packet.head_length(), sizeof head.bytes);
    std::memcpy(head.bytes.data(), packet.data(), head.length);
    add({.kind = TraceStep::Kind::received,
         .packet = number,
         .iif = iif,
         .oif = oif,
         .tag_place = packet.meta.tag_place,
         .vid = static_cast<std::uint16_t>(packet.meta.vlan_tci & vid_mask),
         .tpid = packet.meta.vlan_tpid,
         .length = packet.length()});
}

void Trace::add(const TraceStep& step) noexcept {
    const std::uint32_t at = next_.fetch_add(1, std::memory_order_relaxed);
    if (at >= room_) return;
    slots_[at].step = step;
    slots_[at].written.store(true, std::memory_order_release);
}

std::uint32_t Trace::packets() const noexcept {
    return std::min(taken_.load(std::memory_order_relaxed), count_);
}

std::uint32_t Trace::steps() const noexcept {
    return std::min(next_.load(std::memory_order_relaxed), room_);
}

TraceStep Trace::step(std::uint32_t i) const noexcept {
    return slots_[i].written.load(std::memory_order_acquire) ? slots_[i].step : TraceStep{};
}

}  // namespace weft
