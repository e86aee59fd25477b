// The memory of a longest-prefix match: its words, where they lie, and which groups are free.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace weft {

/// What an address, as far as it has been read, leads to: a hop and the length of the prefix that says so, or
/// the group that tells the next byte apart. 0: no prefix but perhaps the default route.
class LpmWord {
  public:
    static constexpr std::uint32_t group_bit = 1U << 31, value_mask = (1U << 23) - 1;

    constexpr LpmWord() = default;
    constexpr explicit LpmWord(std::uint32_t bits) noexcept : bits_(bits) {}
    static constexpr LpmWord hop(std::uint32_t hop, unsigned length) noexcept {
        return LpmWord{length << 23 | hop};
    }
    static constexpr LpmWord group(std::uint32_t group) noexcept { return LpmWord{group_bit | group}; }

    [[nodiscard]] constexpr bool extended() const noexcept { return bits_ & group_bit; }
    [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
    [[nodiscard]] constexpr std::uint32_t value() const noexcept { return bits_ & value_mask; }
    /// Of the prefix that names the hop; 0 if empty; more than any prefix has if extended.
    [[nodiscard]] constexpr unsigned length() const noexcept { return bits_ >> 23; }
    [[nodiscard]] constexpr std::uint32_t bits() const noexcept { return bits_; }

  private:
    std::uint32_t bits_ = 0;
};

/// 2^24 words, then groups of 256, in one anonymous mapping touched lazily. What is only read costs no memory
/// and is mapped by the kernel's huge page of zeros, so that look-ups at random miss no TLB. Where a few
/// words are written it becomes ordinary pages: each 2 MiB would else be had by one word. Where more are, a
/// huge one.
///
/// Even so a word at random is in no near cache. The regions of the table (2^14 words, so those of a /10) in
/// which nothing was ever written are all read as the one empty word before it, at the index of which all
/// bits are set; for as long as these are most: asking for the region first costs more than it saves in a
/// full table.
class LpmStore {
  public:
    using Slot = std::atomic<std::uint32_t>;
    static constexpr std::uint32_t first_size = 1U << 24, group_size = 256;
    static constexpr unsigned region_bits = 14;

    explicit LpmStore(std::uint32_t max_groups);
    ~LpmStore();
    LpmStore(const LpmStore&) = delete;
    LpmStore& operator=(const LpmStore&) = delete;

    // Readers. What a word names was written before it.
    [[nodiscard]] bool sparse() const noexcept { return sparse_.load(std::memory_order_relaxed); }
    [[nodiscard]] const Slot& first_slot(std::uint32_t at, bool sparse) const noexcept {
        if (!sparse) return words_[at];
        const std::uint32_t unwritten = unwritten_[at >> region_bits].load(std::memory_order_relaxed);
        return words_[static_cast<std::int32_t>(at | unwritten)];
    }
    /// `sparse`: what sparse() said, once for a burst.
    [[nodiscard]] LpmWord first(std::uint32_t at, bool sparse) const noexcept {
        return read(first_slot(at, sparse));
    }
    [[nodiscard]] LpmWord entry(std::uint32_t group, std::uint8_t at) const noexcept {
        return read(group_words()[std::size_t{group} * group_size + at]);
    }
    [[gnu::always_inline]] void prefetch(std::uint32_t group, std::uint8_t at) const noexcept {
        __builtin_prefetch(group_words() + std::size_t{group} * group_size + at);
    }
    [[nodiscard]] const Slot* words() const noexcept { return words_; }
    [[nodiscard]] const Slot* unwritten() const noexcept { return unwritten_.data(); }
    [[nodiscard]] const Slot* group_words() const noexcept { return words_ + first_size; }

    // The writer.
    static LpmWord read(const Slot& slot) noexcept { return LpmWord{slot.load(std::memory_order_acquire)}; }
    static void write(Slot& slot, LpmWord word) noexcept {
        slot.store(word.bits(), std::memory_order_release);
    }
    /// To be called before words of the table are written.
    Slot* first_to_write(std::uint32_t at, std::uint32_t count);
    [[nodiscard]] Slot* group_at(std::uint32_t group) noexcept {
        return words_ + first_size + std::size_t{group} * group_size;
    }
    /// How many entries of a group are not what a prefix that covers the whole group says.
    [[nodiscard]] std::uint16_t& own(std::uint32_t group) noexcept { return own_[group]; }

    [[nodiscard]] bool can_take(std::uint32_t groups) const noexcept {
        return free_.size() + (max_groups_ - fresh_) >= groups;
    }
    /// A group of which every entry is `word`, linked nowhere. can_take(1) must hold.
    std::uint32_t take(LpmWord word);
    /// The group, which nothing names any more, waits for reclaim().
    void unlink(std::uint32_t group) { unlinked_.push_back(group); }
    void reclaim();

    [[nodiscard]] bool has_unlinked() const noexcept { return !unlinked_.empty(); }
    [[nodiscard]] std::uint32_t groups_in_use() const noexcept {
        return fresh_ - static_cast<std::uint32_t>(free_.size() + unlinked_.size());
    }
    [[nodiscard]] std::size_t bytes_touched() const noexcept;

  private:
    void touch(std::uint32_t page) noexcept;

    void* mapping_;
    std::size_t mapped_;
    Slot* words_;
    std::atomic<bool> sparse_{true};  ///< read with words_ at each look-up
    alignas(64) std::array<Slot, (first_size >> region_bits)> unwritten_;  ///< by region: all bits, or 0
    std::uint32_t written_regions_ = 0;
    std::uint32_t max_groups_, fresh_ = 0;  ///< groups from fresh_ on were never taken
    std::vector<std::uint32_t> free_, unlinked_;
    std::vector<std::uint16_t> own_;
    std::vector<bool> touched_;  ///< by ordinary page of the table
    /// Of each 2 MiB of the table: ordinary pages that are touched; many_pages and more: it is a huge one.
    std::array<std::uint16_t, (first_size * sizeof(Slot) >> 21)> touched_in_{};
};

}  // namespace weft
