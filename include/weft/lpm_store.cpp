#include "weft/lpm_store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace weft {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20, page_size = 4096;
constexpr std::uint32_t words_a_page = page_size / sizeof(LpmStore::Slot),
                        pages_a_huge_page = huge_page / page_size;
/// Ordinary pages that may be touched of 2 MiB before it becomes a huge one, and groups in ordinary pages.
constexpr std::uint16_t many_pages = 8, many_groups = 64;

constexpr std::size_t round_up(std::size_t bytes) noexcept {
    return (bytes + huge_page - 1) / huge_page * huge_page;
}

/// Puts a huge page in the place of 2 MiB of ordinary ones, with what they hold, under the eyes of readers:
/// one that comes by meanwhile waits for the kernel. Only the writer, who is here, writes. False if the
/// kernel will not: then all is as before. (MADV_COLLAPSE does the same, but takes 15 ms for it.)
template <class IsTouched>
bool make_huge(std::byte* at, IsTouched is_touched) noexcept {
    void* const room = mmap(nullptr, 2 * huge_page, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) return false;
    auto* const start = static_cast<std::byte*>(room);
    const auto before = -reinterpret_cast<std::uintptr_t>(start) % huge_page;
    std::byte* const huge = start + before;
    madvise(huge, huge_page, MADV_HUGEPAGE);
    for (std::uint32_t page = 0; page < pages_a_huge_page; ++page)
        if (is_touched(page)) std::memcpy(huge + page * page_size, at + page * page_size, page_size);
    const bool moved = mremap(huge, huge_page, huge_page, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at;
    // Where it was, another thread may have mapped something by now.
    if (!moved) munmap(huge, huge_page);
    if (before != 0) munmap(start, before);
    munmap(huge + huge_page, huge_page - before);
    return moved;
}

}  // namespace

LpmStore::LpmStore(std::uint32_t max_groups)
    : mapped_(sizeof(Slot) * first_size + round_up(sizeof(Slot) * group_size * max_groups) + huge_page +
              page_size),
      max_groups_(std::min(max_groups, LpmWord::value_mask)),
      touched_(first_size / words_a_page) {
    mapping_ =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) std::abort();
    words_ = reinterpret_cast<Slot*>(round_up(reinterpret_cast<std::uintptr_t>(mapping_) + page_size));
    for (Slot& region : unwritten_)
        region.store(UINT32_MAX, std::memory_order_relaxed);
    madvise(words_, sizeof(Slot) * first_size, MADV_HUGEPAGE);
}

LpmStore::~LpmStore() {
    munmap(mapping_, mapped_);
}

LpmStore::Slot* LpmStore::first_to_write(std::uint32_t at, std::uint32_t count) {
    for (std::uint32_t page = at / words_a_page; page <= (at + count - 1) / words_a_page; ++page)
        if (!touched_[page]) touch(page);
    return words_ + at;
}

void LpmStore::touch(std::uint32_t page) noexcept {
    touched_[page] = true;
    // Before the words: who does not see it yet sees none of them.
    Slot& region = unwritten_[page * words_a_page >> region_bits];
    if (region.exchange(0, std::memory_order_relaxed) && ++written_regions_ == unwritten_.size() / 2)
        sparse_.store(false, std::memory_order_relaxed);
    const std::uint32_t which = page / pages_a_huge_page;
    auto* const from = reinterpret_cast<std::byte*>(words_) + which * huge_page;
    std::uint16_t& count = touched_in_[which];
    if (count == 0) madvise(from, huge_page, MADV_NOHUGEPAGE);
    if (++count == many_pages)
        make_huge(from, [&](std::uint32_t p) { return touched_[which * pages_a_huge_page + p]; });
}

std::uint32_t LpmStore::take(LpmWord word) {
    std::uint32_t group;
    if (free_.empty()) {
        group = fresh_++;
        own_.push_back(0);
        if (fresh_ == huge_page / (sizeof(Slot) * group_size))  // the 2 MiB that follow fill up, too
            madvise(group_at(fresh_), mapped_ - 2 * huge_page - page_size - sizeof(Slot) * first_size,
                    MADV_HUGEPAGE);
        if (fresh_ == many_groups)
            make_huge(reinterpret_cast<std::byte*>(group_at(0)), [](std::uint32_t p) {
                return p < many_groups * sizeof(Slot) * group_size / page_size;
            });
    } else {
        group = free_.back();
        free_.pop_back();
    }
    own_[group] = 0;
    Slot* const slots = group_at(group);
    for (std::uint32_t i = 0; i < group_size; ++i)
        slots[i].store(word.bits(), std::memory_order_relaxed);  // published with the word that links it
    return group;
}

void LpmStore::reclaim() {
    free_.insert(free_.end(), unlinked_.begin(), unlinked_.end());
    unlinked_.clear();
}

std::size_t LpmStore::bytes_touched() const noexcept {
    std::size_t table = 0;
    for (const std::uint16_t count : touched_in_)
        table += count < many_pages ? count * page_size : huge_page;
    return table + sizeof(Slot) * group_size * fresh_ + sizeof own_[0] * own_.capacity();
}

}  // namespace weft
