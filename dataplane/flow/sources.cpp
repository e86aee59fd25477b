#include "dataplane/flow/sources.hpp"

#include <rte_pause.h>

#include <bit>

namespace weft {

FlowSources::FlowSources(std::uint32_t size) noexcept
    : mask_(std::bit_ceil(size) - 1),
      head_memory_((std::size_t{mask_} + 1) * sizeof(Head)),
      link_memory_(std::size_t{size} * sizeof(Link)),
      heads_(head_memory_.as<Head>()),
      links_(link_memory_.as<Link>()) {}

std::uint32_t FlowSources::lock(Head& head) noexcept {
    for (;;) {
        std::uint32_t first = head.load(std::memory_order_relaxed);
        if (!(first & locked) && head.compare_exchange_weak(first, first | locked, std::memory_order_acquire))
            return first;
        rte_pause();
    }
}

void FlowSources::add(std::uint32_t index, std::uint64_t hash) noexcept {
    Head& head = at(hash);
    link(index, lock(head));
    unlock(head, index);
}

void FlowSources::remove(std::uint32_t index, std::uint64_t hash) noexcept {
    Head& head = at(hash);
    const std::uint32_t first = lock(head);
    const Link link = links_[index];
    if (link.next) links_[link.next].previous = link.previous;
    if (link.previous) links_[link.previous].next = link.next;
    unlock(head, first == index ? link.next : first);
}

}  // namespace weft
