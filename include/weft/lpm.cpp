#include "weft/lpm.hpp"

#include <cassert>

namespace weft {

namespace {

using Slot = LpmStore::Slot;

/// Bits that tell entries of the table apart.
constexpr unsigned table_bits = 24;

/// Calls change(slot, word) for `count` entries from `slots` on, and for those of groups that hang below
/// them.
template <class Change>
void for_each(LpmStore& store, Slot* slots, std::uint32_t count, const Change& change) {
    for (std::uint32_t i = 0; i < count; ++i) {
        const LpmWord word = LpmStore::read(slots[i]);
        if (word.extended()) [[unlikely]]
            for_each(store, store.group_at(word.value()), LpmStore::group_size, change);
        else
            change(slots[i], word);
    }
}

/// Entries that a prefix covers whose length is `fewer` bits less than what tells entries apart.
struct Range {
    Range(std::uint32_t at, unsigned fewer) noexcept : from(at & ~((1U << fewer) - 1)), count(1U << fewer) {}
    std::uint32_t from, count;
};

/// Whether an entry of a group of `base` bits says something that does not hold for the whole group.
bool is_own(LpmWord word, unsigned base) noexcept {
    return word.length() > base;
}

/// The way to a prefix of more than 24 bits: its groups from the table down, as far as there are any.
struct Path {
    struct Step {
        Slot* slot;  ///< names the group
        std::uint32_t group;
        unsigned base;  ///< bits of the address that lead to it
    };
    std::array<Step, 13> steps;
    unsigned depth = 0;
    // below the last step
    Slot* slot;
    unsigned base = table_bits;

    Path(LpmStore& store, Slot* first, const std::uint8_t* prefix, unsigned length) noexcept : slot(first) {
        while (base < length) {
            const LpmWord word = LpmStore::read(*slot);
            if (!word.extended()) break;
            steps[depth++] = {slot, word.value(), base};
            slot = store.group_at(word.value()) + prefix[base / 8];
            base += 8;
        }
    }
    /// The group that the prefix ends in is there.
    [[nodiscard]] bool complete(unsigned length) const noexcept { return base >= length; }
    [[nodiscard]] const Step& last() const noexcept { return steps[depth - 1]; }
};

/// Makes the groups that are missing on the way to a prefix, fills them from the lowest up, and links them
/// by one write.
bool grow(LpmStore& store, const Path& path, const std::uint8_t* prefix, unsigned length, LpmWord route) {
    const unsigned missing = (length - path.base + 7) / 8;
    if (!store.can_take(missing)) return false;
    const LpmWord covering = LpmStore::read(*path.slot);
    LpmWord below;
    for (unsigned left = missing; left-- > 0;) {
        const unsigned base = path.base + 8 * left;
        const std::uint32_t group = store.take(covering);
        const bool lowest = left + 1 == missing;
        const Range range(prefix[base / 8], lowest ? base + 8 - length : 0);
        for (std::uint32_t i = 0; i < range.count; ++i)
            LpmStore::write(store.group_at(group)[range.from + i], lowest ? route : below);
        store.own(group) = static_cast<std::uint16_t>(range.count);
        below = LpmWord::group(group);
    }
    if (path.depth != 0 && !is_own(covering, path.last().base)) ++store.own(path.last().group);
    LpmStore::write(*path.slot, below);
    return true;
}

/// Takes groups out, from the lowest up, in which nothing is left that does not hold for the whole of them.
void fold(LpmStore& store, const Path& path) {
    for (unsigned at = path.depth; at-- > 0;) {
        const Path::Step& step = path.steps[at];
        if (store.own(step.group) != 0) return;
        const LpmWord covering = LpmStore::read(*store.group_at(step.group));
        LpmStore::write(*step.slot, covering);
        store.unlink(step.group);
        if (at != 0 && !is_own(covering, path.steps[at - 1].base)) --store.own(path.steps[at - 1].group);
    }
}

}  // namespace

template <unsigned bytes>
bool Lpm<bytes>::add(const Key& prefix, unsigned length, HopIndex hop) {
    assert(length <= 8 * bytes && hop != no_hop && hop <= LpmWord::value_mask);
    if (length == 0) {
        default_.store(hop, std::memory_order_release);
        return true;
    }
    const LpmWord route = LpmWord::hop(hop, length);
    const auto enter = [=](Slot& slot, LpmWord word) {
        if (word.length() <= length) LpmStore::write(slot, route);
    };
    const std::uint32_t first = first_bits(prefix);
    if (length <= table_bits) {
        const Range range(first, table_bits - length);
        for_each(store_, store_.first_to_write(range.from, range.count), range.count, enter);
        return true;
    }
    const Path path(store_, store_.first_to_write(first, 1), prefix.data(), length);
    if (!path.complete(length)) return grow(store_, path, prefix.data(), length, route);
    const auto& last = path.last();
    const Range range(prefix[last.base / 8], last.base + 8 - length);
    Slot* const slots = store_.group_at(last.group) + range.from;
    for (std::uint32_t i = 0; i < range.count; ++i)
        store_.own(last.group) += !is_own(LpmStore::read(slots[i]), last.base);
    for_each(store_, slots, range.count, enter);
    return true;
}

template <unsigned bytes>
void Lpm<bytes>::remove(const Key& prefix, unsigned length, HopIndex covering, unsigned covering_length) {
    assert(covering_length < length || length == 0);
    if (length == 0) return default_.store(no_hop, std::memory_order_release);
    const LpmWord instead = covering_length != 0 ? LpmWord::hop(covering, covering_length) : LpmWord{};
    const auto leave = [=](Slot& slot, LpmWord word) {
        if (word.length() == length) LpmStore::write(slot, instead);
    };
    const std::uint32_t first = first_bits(prefix);
    if (length <= table_bits) {
        const Range range(first, table_bits - length);
        return for_each(store_, store_.first_to_write(range.from, range.count), range.count, leave);
    }
    const Path path(store_, store_.first_to_write(first, 1), prefix.data(), length);
    if (!path.complete(length)) return;
    const auto& last = path.last();
    const Range range(prefix[last.base / 8], last.base + 8 - length);
    Slot* const slots = store_.group_at(last.group) + range.from;
    if (covering_length <= last.base)
        for (std::uint32_t i = 0; i < range.count; ++i)
            store_.own(last.group) -= LpmStore::read(slots[i]).length() == length;
    for_each(store_, slots, range.count, leave);
    fold(store_, path);
}

template class Lpm<4>;
template class Lpm<16>;

}  // namespace weft
