#include "dataplane/flow/sources.hpp"

#include <rte_pause.h>

#include <bit>

namespace weft {

// Half as many buckets as entries.
FlowSources::FlowSources(std::uint32_t size) noexcept
    : mask_((std::bit_ceil(size) - 1) >> 1),
      head_memory_((std::size_t{mask_} + 1) * sizeof(Head)),
      link_memory_(std::size_t{size} * sizeof(Link)),
      heads_(head_memory_.as<Head>()),
      links_(link_memory_.as<Link>()) {}

FlowSources::Chain FlowSources::lock(Head& head) noexcept {
    for (;;) {
        std::uint64_t word = head.load(std::memory_order_relaxed);
        if (!(word & locked) && head.compare_exchange_weak(word, word | locked, std::memory_order_acquire))
            return Chain(word);
        rte_pause();
    }
}

void FlowSources::add(std::uint32_t index, std::uint64_t hash) noexcept {
    Head& head = at(hash);
    unlock(head, link(index, hash, lock(head)));
}

void FlowSources::remove(std::uint32_t index, std::uint64_t hash) noexcept {
    Head& head = at(hash);
    Chain chain = lock(head);
    const Link link = links_[index];
    if (link.next) links_[link.next].previous = link.previous;
    if (link.previous) links_[link.previous].next = link.next;
    if (chain.first == index) chain.first = link.next;
    if (chain.first == 0) chain.hashes = 0;
    unlock(head, chain);
}

}  // namespace weft
