#include "dataplane/hook/address_table.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

namespace weft::hook {

namespace {

__extension__ typedef unsigned __int128 Wide;
constexpr std::size_t first_size = 64;

std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint8_t whole(Family family) noexcept {
    return family == Family::ip ? 32 : 128;
}

IpAddress cut(IpAddress address, unsigned length) noexcept {
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
        const unsigned bits = length > i * 8 ? std::min(8u, length - i * 8) : 0;
        address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & ~(0xffu >> bits));
    }
    return address;
}

bool count_holds(const SetMatch::Count& wanted, std::uint64_t value) noexcept {
    using Compare = SetMatch::Compare;
    switch (wanted.compare) {
        case Compare::equal:
            return value == wanted.value;
        case Compare::unequal:
            return value != wanted.value;
        case Compare::less:
            return value < wanted.value;
        case Compare::greater:
            return value > wanted.value;
        default:
            return true;
    }
}

}  // namespace

AddressTable::Member AddressTable::gone_{};

AddressTable::AddressTable(const SetOptions& options, std::uint64_t secret)
    : options_(options),
      secret_(secret | 1),
      table_(std::make_unique<Table>(first_size)),
      published_(table_.get()) {}

AddressTable::~AddressTable() {
    clear();
}

std::size_t AddressTable::hash(const IpAddress& address, std::uint8_t length) const noexcept {
    std::uint64_t low, high;
    std::memcpy(&low, address.bytes.data(), 8);
    std::memcpy(&high, address.bytes.data() + 8, 8);
    return fold(fold(low ^ secret_, high ^ length ^ 0x9e37'79b9'7f4a'7c15), secret_ ^ 0xd6e8'feb8'6659'fd93);
}

AddressTable::Member* AddressTable::find(const IpAddress& address, std::uint8_t length) const noexcept {
    const auto& slots = published_.load(std::memory_order_acquire)->slots;
    for (std::size_t at = hash(address, length);; ++at) {
        Member* member = slots[at & (slots.size() - 1)].load(std::memory_order_acquire);
        if (!member) return nullptr;
        if (member != &gone_ && member->length == length && member->address == address) return member;
    }
}

bool AddressTable::alive(const Member* member, std::uint64_t now_us) const noexcept {
    if (!member) return false;
    const auto deadline = member->deadline_us.load(std::memory_order_relaxed);
    return deadline == 0 || now_us < deadline;
}

/// ip_set_match_extensions: counts, then compares what it counted.
bool AddressTable::counters_hold(const Member& member, const SetQuery& query) const noexcept {
    if (!options_.counters) return true;
    if (query.count) {
        member.bytes.fetch_add(query.bytes, std::memory_order_relaxed);
        member.packets.fetch_add(1, std::memory_order_relaxed);
    }
    return count_holds(query.packet_count, member.packets.load(std::memory_order_relaxed)) &&
           count_holds(query.byte_count, member.bytes.load(std::memory_order_relaxed));
}

bool AddressTable::holds(const SetQuery& query) const noexcept {
    if (!options_.networks) {
        const auto address = options_.netmask == 0xff ? query.address : cut(query.address, options_.netmask);
        const auto* member = find(address, whole(options_.family));
        return alive(member, query.now_us) && counters_hold(*member, query);
    }
    for (std::size_t word = lengths_.size(); word-- > 0;)
        for (auto bits = lengths_[word].load(std::memory_order_acquire); bits;) {
            const auto bit = 63 - std::countl_zero(bits);  // longest prefix first
            bits ^= 1ULL << bit;
            const auto length = static_cast<std::uint8_t>(word * 64 + static_cast<unsigned>(bit));
            const auto* member = find(cut(query.address, length), length);
            if (!alive(member, query.now_us) || !counters_hold(*member, query)) continue;
            return member->exception == query.return_nomatch;
        }
    return false;
}

bool AddressTable::normalize(SetMember& member) const noexcept {
    const auto most = whole(options_.family);
    if (member.length == 0xff) member.length = most;
    if (member.length > most || member.length == 0) return false;
    if (!options_.networks) {
        if (member.length != most || member.exception) return false;
        if (options_.netmask != 0xff) member.address = cut(member.address, options_.netmask);
        return member.address != IpAddress{};
    }
    member.address = cut(member.address, member.length);
    return true;
}

void AddressTable::set(Member& to, const SetMember& from) const {
    to.deadline_us.store(options_.timeouts ? from.deadline_us : 0, std::memory_order_relaxed);
    to.packets.store(from.counters.packets, std::memory_order_relaxed);
    to.bytes.store(from.counters.bytes, std::memory_order_relaxed);
}

void AddressTable::put(Table& table, Member* member) const {
    auto at = hash(member->address, member->length);
    while (table.slots[at & (table.slots.size() - 1)].load(std::memory_order_relaxed))
        ++at;
    table.slots[at & (table.slots.size() - 1)].store(member, std::memory_order_release);
}

void AddressTable::rebuild(std::size_t size) {
    auto next = std::make_unique<Table>(size);
    for (const auto& slot : table_->slots)
        if (auto* member = slot.load(std::memory_order_relaxed); member && member != &gone_)
            put(*next, member);
    published_.store(next.get(), std::memory_order_release);
    old_tables_.push_back(std::exchange(table_, std::move(next)));
    used_ = size_;
}

void AddressTable::count_length(std::uint8_t length, int by) {
    auto& members = of_length_[length];
    members += static_cast<std::uint32_t>(by);
    const auto bit = 1ULL << length % 64;
    auto& word = lengths_[length / 64];
    if (members)
        word.fetch_or(bit, std::memory_order_release);
    else
        word.fetch_and(~bit, std::memory_order_release);
}

SetChange AddressTable::add(SetMember member, std::uint64_t now_us, bool replace) {
    if (!normalize(member)) return SetChange::invalid;
    if (auto* known = find(member.address, member.length)) {
        const bool living = alive(known, now_us);
        if (living && !replace) return SetChange::exists;
        if (known->exception == member.exception) {
            set(*known, member);
            return SetChange::done;
        }
        static_cast<void>(remove(member, 0));
    }
    if (size_ >= options_.most_members) expire(now_us);
    if (size_ >= options_.most_members) return SetChange::full;
    if ((used_ + 1) * 2 > table_->slots.size()) rebuild(std::bit_ceil((size_ + 1) * 4));
    auto fresh = std::make_unique<Member>();
    fresh->address = member.address;
    fresh->length = member.length;
    fresh->exception = member.exception;
    set(*fresh, member);
    put(*table_, fresh.release());
    ++size_;
    ++used_;
    count_length(member.length, 1);
    return SetChange::done;
}

void AddressTable::erase(std::size_t slot) {
    auto* member = table_->slots[slot].exchange(&gone_, std::memory_order_acq_rel);
    count_length(member->length, -1);
    --size_;
    removed_.emplace_back(member);
}

SetChange AddressTable::remove(SetMember member, std::uint64_t now_us) {
    if (!normalize(member)) return SetChange::invalid;
    const auto* known = find(member.address, member.length);
    if (!known) return SetChange::missing;
    const bool living = alive(known, now_us);
    const auto mask = table_->slots.size() - 1;
    auto at = hash(member.address, member.length);
    while (table_->slots[at & mask].load(std::memory_order_relaxed) != known)
        ++at;
    erase(at & mask);
    return living ? SetChange::done : SetChange::missing;
}

bool AddressTable::test(const SetMember& wanted, std::uint64_t now_us) const {
    SetMember member = wanted;
    if (!normalize(member)) return false;
    if (options_.networks && member.length == whole(options_.family))
        return holds({.address = member.address, .count = false, .now_us = now_us});
    const auto* known = find(member.address, member.length);
    return alive(known, now_us) && !known->exception;
}

std::optional<Counters> AddressTable::counters(SetMember member) const {
    const auto* known = normalize(member) ? find(member.address, member.length) : nullptr;
    if (!known) return std::nullopt;
    return Counters{known->packets.load(std::memory_order_relaxed),
                    known->bytes.load(std::memory_order_relaxed)};
}

void AddressTable::clear() {
    for (std::size_t slot = 0; slot < table_->slots.size(); ++slot)
        if (auto* member = table_->slots[slot].load(std::memory_order_relaxed); member && member != &gone_)
            erase(slot);
}

void AddressTable::expire(std::uint64_t now_us) {
    for (std::size_t slot = 0; slot < table_->slots.size(); ++slot)
        if (auto* member = table_->slots[slot].load(std::memory_order_relaxed);
            member && member != &gone_ && !alive(member, now_us))
            erase(slot);
}

void AddressTable::list(std::uint64_t now_us, const std::function<void(const SetMember&)>& show) const {
    for (const auto& slot : table_->slots) {
        const auto* member = slot.load(std::memory_order_relaxed);
        if (!member || member == &gone_ || !alive(member, now_us)) continue;
        show({member->address,
              member->length,
              member->exception,
              member->deadline_us.load(std::memory_order_relaxed),
              {member->packets.load(std::memory_order_relaxed),
               member->bytes.load(std::memory_order_relaxed)}});
    }
}

void AddressTable::reclaim() {
    removed_.clear();
    old_tables_.clear();
}

}  // namespace weft::hook
