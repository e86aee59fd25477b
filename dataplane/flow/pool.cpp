#include "dataplane/flow/pool.hpp"

namespace weft {

namespace {
constexpr auto relaxed = std::memory_order_relaxed;
}

FlowPool::FlowPool(std::uint32_t capacity, unsigned workers)
    : end_(1 + capacity + workers * 3 * chain_length),
      entry_memory_(std::size_t{end_} * sizeof(FlowEntry)),
      account_memory_(std::size_t{end_} * sizeof(FlowAccount)),
      entries_(entry_memory_.as<FlowEntry>()),
      accounts_(account_memory_.as<FlowAccount>()),
      workers_(std::make_unique<Worker[]>(workers)) {}

std::uint32_t FlowPool::allocate(unsigned worker) noexcept {
    Worker& own = workers_[worker];
    std::uint32_t index = 0;
    if (!own.free && own.full) {
        own.free = std::exchange(own.full, 0);
        own.count = chain_length;
    }
    if (!own.free && own.fresh == own.fresh_end && (own.free = take_chain())) own.count = chain_length;
    if (own.free) {
        index = own.free;
        own.free = entries_[index].state.link.load(relaxed);
        --own.count;
        // The next one to be taken.
        for (const auto& direction : entries_[own.free].direction)
            __builtin_prefetch(&direction);
        __builtin_prefetch(&entries_[own.free].state);
    } else {
        if (own.fresh == own.fresh_end) {
            if (fresh_.load(relaxed) >= end_) return 0;
            const std::uint32_t first = fresh_.fetch_add(chain_length, std::memory_order_acq_rel);
            if (first >= end_) return 0;
            own.fresh = first;
            own.fresh_end = end_ - first < chain_length ? end_ : first + chain_length;
        }
        index = own.fresh++;
    }
    FlowState& state = entries_[index].state;
    state.status.store(0, std::memory_order_release);
    const std::uint32_t number = (state.version_owner.load(relaxed) | FlowState::owner_mask) + 1;
    state.version_owner.store(number | worker, std::memory_order_release);
    state.link.store(0, relaxed);
    return index;
}

void FlowPool::release(unsigned worker, std::uint32_t index) noexcept {
    Worker& own = workers_[worker];
    if (own.count == chain_length) {
        if (own.full) give_chain(own.full);
        own.full = std::exchange(own.free, 0);
        own.count = 0;
    }
    FlowState& state = entries_[index].state;
    state.status.store(FlowStatus::dying, std::memory_order_release);
    state.link.store(own.free, relaxed);
    own.free = index;
    ++own.count;
}

void FlowPool::bury(std::uint32_t index) noexcept {
    FlowState& state = entries_[index].state;
    auto& dead = workers_[state.owner()].dead;
    std::uint32_t first = dead.load(relaxed);
    do
        state.link.store(first, relaxed);
    while (!dead.compare_exchange_weak(first, index, std::memory_order_release, relaxed));
}

std::uint32_t FlowPool::take_chain() noexcept {
    while (depot_lock_.test_and_set(std::memory_order_acquire)) {
    }
    const std::uint32_t head = depot_;
    if (head) depot_ = entries_[head].state.deadline.load(relaxed);
    depot_lock_.clear(std::memory_order_release);
    return head;
}

void FlowPool::give_chain(std::uint32_t head) noexcept {
    while (depot_lock_.test_and_set(std::memory_order_acquire)) {
    }
    entries_[head].state.deadline.store(depot_, relaxed);
    depot_ = head;
    depot_lock_.clear(std::memory_order_release);
}

}  // namespace weft
