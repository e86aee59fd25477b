#include "weft/lpm_store.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>

namespace weft {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20, page = 4096;
constexpr std::uint32_t words_a_page = page / sizeof(LpmStore::Slot);
/// Ordinary pages that may be touched before huge ones are asked for: 8 MiB.
constexpr std::uint32_t many_pages = 2048;
constexpr int collapse = 25;  // MADV_COLLAPSE, Linux 6.1

}  // namespace

LpmStore::LpmStore(std::uint32_t max_groups)
    : mapped_(sizeof(Slot) * (first_size + std::size_t{group_size} * max_groups) + huge_page),
      max_groups_(std::min(max_groups, LpmWord::value_mask)),
      touched_(first_size / words_a_page) {
    mapping_ =
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping_ == MAP_FAILED) std::abort();
    const auto start = reinterpret_cast<std::uintptr_t>(mapping_);
    words_ = reinterpret_cast<Slot*>((start + huge_page - 1) / huge_page * huge_page);
}

LpmStore::~LpmStore() {
    munmap(mapping_, mapped_);
}

LpmStore::Slot* LpmStore::first_to_write(std::uint32_t at, std::uint32_t count) {
    if (!huge_) {
        for (std::uint32_t p = at / words_a_page; p <= (at + count - 1) / words_a_page; ++p) {
            touched_count_ += !touched_[p];
            touched_[p] = true;
        }
        if (touched_count_ >= many_pages) ask_for_huge_pages();
    }
    return words_ + at;
}

std::uint32_t LpmStore::take(LpmWord word) {
    std::uint32_t group;
    if (free_.empty()) {
        group = fresh_++;
        own_.push_back(0);
        if (!huge_ && fresh_ * sizeof(Slot) * group_size >= many_pages * page) ask_for_huge_pages();
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
    const std::size_t table = huge_ ? sizeof(Slot) * first_size : touched_count_ * page;
    return table + sizeof(Slot) * group_size * fresh_ + sizeof own_[0] * own_.capacity();
}

void LpmStore::ask_for_huge_pages() noexcept {
    huge_ = true;
    madvise(words_, mapped_ - huge_page, MADV_HUGEPAGE);
    // What is touched already becomes huge now; an older kernel's own thread does it by and by.
    madvise(words_, sizeof(Slot) * first_size, collapse);
}

}  // namespace weft
