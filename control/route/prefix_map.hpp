// Prefixes and a word for each: an open hash table, keyed anew at each start, that also finds the longest
// prefix that covers another.
//
// A slot is 12 bytes for IPv4 and 24 for IPv6; between half and three quarters of the slots are in use.
// Linear probing with backward shift (no tombstones). Not thread safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

namespace weft {

/// What outsiders cannot guess, of a hash that is not linear (multiply and fold).
struct HashSecret {
    std::uint64_t first = 0, second = 0;
    static HashSecret draw();
};

template <unsigned bytes>
using AddressKey = std::array<std::uint8_t, bytes>;

/// The address with all bits beyond `length` zero.
template <unsigned bytes>
[[nodiscard]] constexpr AddressKey<bytes> network_of(AddressKey<bytes> address, unsigned length) noexcept {
    for (unsigned i = 0; i < bytes; ++i) {
        const unsigned begin = i * 8;
        if (length >= begin + 8) continue;
        address[i] &= length <= begin ? 0 : static_cast<std::uint8_t>(0xff << (begin + 8 - length));
    }
    return address;
}

template <unsigned bytes>
class PrefixMap {
  public:
    using Key = AddressKey<bytes>;
    static constexpr unsigned bits = bytes * 8;

    explicit PrefixMap(HashSecret secret) : secret_(secret) {}

    /// 0: there is none. The key's bits beyond the length must be zero, here and below.
    [[nodiscard]] std::uint32_t find(const Key& key, unsigned length) const noexcept {
        if (per_length_[length] == 0) return 0;
        for (std::size_t i = home(key, length);; i = (i + 1) & mask_) {
            const Slot& slot = slots_[i];
            if (slot.value == 0) return 0;
            if (slot.length == length && slot.key == key) return slot.value;
        }
    }
    /// `value` is not 0.
    void set(const Key& key, unsigned length, std::uint32_t value) {
        if (slots_.empty() || (size_ + 1) * 4 > slots_.size() * 3) grow();
        for (std::size_t i = home(key, length);; i = (i + 1) & mask_) {
            Slot& slot = slots_[i];
            if (slot.value == 0) {
                slot = {key, value, static_cast<std::uint8_t>(length)};
                ++size_;
                ++per_length_[length];
                return;
            }
            if (slot.length == length && slot.key == key) {
                slot.value = value;
                return;
            }
        }
    }
    void erase(const Key& key, unsigned length) noexcept {
        if (per_length_[length] == 0) return;
        std::size_t hole = home(key, length);
        for (;; hole = (hole + 1) & mask_) {
            if (slots_[hole].value == 0) return;
            if (slots_[hole].length == length && slots_[hole].key == key) break;
        }
        --size_;
        --per_length_[length];
        for (std::size_t i = (hole + 1) & mask_; slots_[i].value != 0; i = (i + 1) & mask_) {
            const std::size_t from = home(slots_[i].key, slots_[i].length);
            if (((i - from) & mask_) < ((i - hole) & mask_))
                continue;  // it would come to lie before its home
            slots_[hole] = slots_[i];
            hole = i;
        }
        slots_[hole].value = 0;
    }

    struct Found {
        unsigned length;
        std::uint32_t value;
    };
    /// The longest prefix shorter than `below` that covers the address and of whose value accept(value) is
    /// true.
    template <class Accept>
    [[nodiscard]] std::optional<Found> longest(const Key& address, unsigned below, Accept&& accept) const {
        for (unsigned length = below; length-- > 0;) {
            if (per_length_[length] == 0) continue;
            const auto value = find(network_of<bytes>(address, length), length);
            if (value && accept(value)) return Found{length, value};
        }
        return std::nullopt;
    }
    /// Calls f(key, length, value) for each. f must not change the map.
    template <class F>
    void for_each(F&& f) const {
        for (const Slot& slot : slots_)
            if (slot.value) f(slot.key, slot.length, slot.value);
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] std::size_t size(unsigned length) const noexcept { return per_length_[length]; }
    [[nodiscard]] std::size_t memory() const noexcept { return slots_.capacity() * sizeof(Slot); }

  private:
    struct Slot {
        Key key{};
        std::uint32_t value = 0;  ///< 0: free
        std::uint8_t length = 0;
    };
    static_assert(sizeof(Slot) == bytes + 8);

    [[nodiscard]] std::size_t home(const Key& key, unsigned length) const noexcept {
        std::uint64_t low = 0, high = 0;
        std::memcpy(&low, key.data(), bytes < 8 ? bytes : 8);
        if constexpr (bytes > 8) std::memcpy(&high, key.data() + 8, bytes - 8);
        std::uint64_t word = fold(low ^ secret_.first, secret_.second ^ length);
        if constexpr (bytes > 8) word = fold(word ^ high, secret_.second);
        return word & mask_;
    }
    static std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = static_cast<Wide>(a) * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    void grow() {
        std::vector<Slot> old(slots_.empty() ? 16 : slots_.size() * 2);
        std::swap(old, slots_);
        mask_ = slots_.size() - 1;
        for (const Slot& slot : old) {
            if (slot.value == 0) continue;
            std::size_t i = home(slot.key, slot.length);
            while (slots_[i].value != 0)
                i = (i + 1) & mask_;
            slots_[i] = slot;
        }
    }

    HashSecret secret_;
    std::vector<Slot> slots_;
    std::size_t mask_ = 0, size_ = 0;
    std::array<std::uint32_t, bits + 1> per_length_{};
};

}  // namespace weft
