#include "dataplane/flow/wheel.hpp"

namespace weft {

namespace {
constexpr auto relaxed = std::memory_order_relaxed;
}

void FlowWheel::follow(FlowTime now) noexcept {
    if (!begun_) {
        begun_ = true;
        followed_ = now;
    }
    const std::int32_t passed = milliseconds_until(now, followed_);
    if (passed < 1000) return;
    const auto seconds = static_cast<std::uint32_t>(passed) / 1000;
    tick_ += seconds;
    followed_ += seconds * 1000;
}

void FlowWheel::add(std::uint32_t index, FlowTime deadline, FlowTime now) noexcept {
    follow(now);
    const std::int32_t left = milliseconds_until(deadline, followed_);
    const std::uint32_t seconds =
        left <= 0 ? 1 : std::min(longest, (static_cast<std::uint32_t>(left) + 999) / 1000);
    // Behind what is not finished yet, so that no slot is two seconds.
    const std::uint64_t at = std::min<std::uint64_t>(tick_ + seconds, done_ + slot_count - 1);
    Slot& slot = slots_[at % slot_count];
    // What was added and ended at once, as somebody could make it go on for ever, leaves nothing behind.
    if (slot.used == per_chunk && slot.head && is_empty(chunks_[slot.head])) slot.used = 0;
    if (!slot.head || slot.used == per_chunk) {
        std::uint32_t chunk = free_;
        if (chunk)
            free_ = chunks_[chunk].next;
        else
            chunk = fresh_++;
        chunks_[chunk] = {};
        chunks_[chunk].next = slot.head;
        if (slot.head) chunks_[slot.head].before = chunk;
        slot = {chunk, 0};
    }
    chunks_[slot.head].index[slot.used] = index;
    place(index).store(slot.head * 16 + slot.used, relaxed);
    ++slot.used;
}

void FlowWheel::forget(std::uint32_t index) noexcept {
    const std::uint32_t at = place(index).exchange(0, relaxed);
    if (!at) return;
    Chunk& chunk = chunks_[at / 16];
    chunk.index[at % 16] = 0;
    if (!chunk.before) return;  // the head of its slot, which may get more
    if (!is_empty(chunk)) return;
    chunks_[chunk.before].next = chunk.next;
    if (chunk.next) chunks_[chunk.next].before = chunk.before;
    free_chunk(at / 16);
}

void FlowWheel::take_head(Slot& slot) noexcept {
    const std::uint32_t chunk = slot.head;
    slot = {chunks_[chunk].next, per_chunk};
    if (slot.head) chunks_[slot.head].before = 0;
    free_chunk(chunk);
}

bool FlowWheel::is_empty(const Chunk& chunk) noexcept {
    return std::all_of(chunk.index, chunk.index + per_chunk, [](std::uint32_t i) { return i == 0; });
}

void FlowWheel::free_chunk(std::uint32_t chunk) noexcept {
    chunks_[chunk].next = free_;
    free_ = chunk;
}

}  // namespace weft
