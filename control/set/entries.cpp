#include "control/set/entries.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace weft::ipset {

namespace {

constexpr std::size_t most_in_shard = 128;  // on average

auto lower(auto& shard, const Key& key) {
    return std::lower_bound(shard.begin(), shard.end(), key,
                            [](const Entry& entry, const Key& wanted) { return entry.key < wanted; });
}

std::uint64_t mix(const Key& key) noexcept {
    std::uint64_t low, high;
    std::memcpy(&low, key.address.bytes.data(), 8);
    std::memcpy(&high, key.address.bytes.data() + 8, 8);
    std::uint64_t hash = low ^ (high * 0x9e37'79b9'7f4a'7c15) ^ key.length;
    hash = (hash ^ hash >> 30) * 0xbf58'476d'1ce4'e5b9;
    hash = (hash ^ hash >> 27) * 0x94d0'49bb'1331'11eb;
    return hash ^ hash >> 31;
}

}  // namespace

std::size_t Entries::place(const Key& key) const noexcept {
    return mix(key) & (shards_.size() - 1);
}

const Entry* Entries::find(const Key& key) const noexcept {
    if (shards_.empty()) return nullptr;
    const auto& shard = shards_[place(key)];
    if (!shard) return nullptr;
    const auto at = lower(*shard, key);
    return at != shard->end() && at->key == key ? &*at : nullptr;
}

Entries::Shard& Entries::edit(std::size_t index) {
    auto& shard = shards_[index];
    if (!shard)
        shard = std::make_shared<Shard>();
    else if (shard.use_count() != 1)
        shard = std::make_shared<Shard>(*shard);
    else
        std::atomic_thread_fence(std::memory_order_acquire);  // of who let go of it last
    return *shard;
}

void Entries::grow() {
    Entries wider;
    wider.shards_.resize(std::max<std::size_t>(1, shards_.size() * 2));
    for (const auto& shard : shards_)
        if (shard)
            for (const auto& entry : *shard)
                wider.edit(wider.place(entry.key)).push_back(entry);  // in order, as they come in order
    wider.size_ = size_;
    *this = std::move(wider);
}

void Entries::put(Entry entry) {
    if (size_ >= shards_.size() * most_in_shard) grow();
    auto& shard = edit(place(entry.key));
    const auto at = lower(shard, entry.key);
    if (at != shard.end() && at->key == entry.key) {
        *at = std::move(entry);
        return;
    }
    shard.insert(at, std::move(entry));
    ++size_;
}

bool Entries::erase(const Key& key) {
    if (!find(key)) return false;
    auto& shard = edit(place(key));
    shard.erase(lower(shard, key));
    --size_;
    return true;
}

void Entries::clear() {
    *this = Entries{};
}

void Entries::visit(const std::function<void(const Entry&)>& see) const {
    for (const auto& shard : shards_)
        if (shard)
            for (const auto& entry : *shard)
                see(entry);
}

std::vector<const Entry*> Entries::sorted() const {
    std::vector<const Entry*> all;
    all.reserve(size_);
    visit([&](const Entry& entry) { all.push_back(&entry); });
    std::sort(all.begin(), all.end(), [](const Entry* a, const Entry* b) {
        const auto order = a->key.address.bytes <=> b->key.address.bytes;
        return order != 0 ? order < 0 : a->key.length > b->key.length;
    });
    return all;
}

void Entries::compare(const Entries& from, const Entries& to,
                      const std::function<void(const Entry*, const Entry*)>& see) {
    const bool alike = from.shards_.size() == to.shards_.size();
    for (std::size_t i = 0; i < from.shards_.size(); ++i) {
        if (!from.shards_[i] || (alike && from.shards_[i] == to.shards_[i])) continue;
        for (const auto& was : *from.shards_[i])
            see(&was, to.find(was.key));
    }
    for (std::size_t i = 0; i < to.shards_.size(); ++i) {
        if (!to.shards_[i] || (alike && from.shards_[i] == to.shards_[i])) continue;
        for (const auto& is : *to.shards_[i])
            if (!from.find(is.key)) see(nullptr, &is);
    }
}

}  // namespace weft::ipset
