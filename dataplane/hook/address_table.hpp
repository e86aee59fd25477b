// Sets of addresses and networks: ipset's hash:ip and hash:net (net/netfilter/ipset/ip_set_hash_ip.c,
// ip_set_hash_net.c), with time-outs, counters and exceptions.
//
// An open hash of pointers to members. One writer; workers read without a lock: a member's address never
// changes while a worker may see it, a slot changes in one store, and a bigger table is published as one
// pointer. What was removed stays until reclaim(), which the writer calls once no worker can hold it. The
// hash is keyed, as outsiders may have their addresses put into a set; at most half of the slots are ever
// used.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/hook/set.hpp"

namespace weft::hook {

struct SetOptions {
    Family family = Family::ip;
    bool networks = false;               ///< hash:net; else hash:ip
    std::uint8_t netmask = 0xff;         ///< hash:ip: addresses are cut to it; 0xff: not at all
    std::uint32_t most_members = 65536;  ///< maxelem
    bool timeouts = false;
    bool counters = false;
};

/// A member as it is added and listed.
struct SetMember {
    IpAddress address;
    std::uint8_t length = 0xff;     ///< of a network's prefix; 0xff: the whole address
    bool exception = false;         ///< nomatch
    std::uint64_t deadline_us = 0;  ///< when its time is over; 0: never
    Counters counters{};
};

enum class SetChange : std::uint8_t { done, exists, missing, full, invalid };

class AddressTable final : public AddressSet {
  public:
    AddressTable(const SetOptions&, std::uint64_t secret);
    ~AddressTable() override;
    AddressTable(const AddressTable&) = delete;
    AddressTable& operator=(const AddressTable&) = delete;

    // by workers
    [[nodiscard]] bool holds(const SetQuery&) const noexcept override;
    [[nodiscard]] bool of_family(Family family) const noexcept override { return family == options_.family; }
    [[nodiscard]] bool counts() const noexcept override { return options_.counters; }

    // by the writer
    /// A member that is there already is `exists`, and left as it was unless `replace` (-exist). A set that
    /// is full first drops the members whose time is over. Networks of length 0 are invalid, as in Linux.
    SetChange add(SetMember, std::uint64_t now_us, bool replace = false);
    SetChange remove(SetMember, std::uint64_t now_us);
    /// Exactly this member (ipset test of a network), or for an address in hash:net, any network around it.
    [[nodiscard]] bool test(const SetMember&, std::uint64_t now_us) const;
    /// What this member has counted, be its time over or not; nothing if it is not there.
    [[nodiscard]] std::optional<Counters> counters(SetMember) const;
    void clear();
    /// Those whose time is not over, in no order.
    void list(std::uint64_t now_us, const std::function<void(const SetMember&)>&) const;
    /// Members, those whose time is over among them until the next expire().
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void expire(std::uint64_t now_us);
    /// Frees what was removed. All workers must have passed a quiescent point since.
    void reclaim();
    [[nodiscard]] const SetOptions& options() const noexcept { return options_; }

  private:
    struct Member {
        IpAddress address;
        std::uint8_t length;
        bool exception;
        std::atomic<std::uint64_t> deadline_us;  ///< 0: none
        mutable std::atomic<std::uint64_t> packets, bytes;
    };
    using Slot = std::atomic<Member*>;
    struct Table {
        explicit Table(std::size_t size) : slots(size) {}
        std::vector<Slot> slots;  ///< a power of two
    };

    [[nodiscard]] std::size_t hash(const IpAddress&, std::uint8_t length) const noexcept;
    [[nodiscard]] Member* find(const IpAddress&, std::uint8_t length) const noexcept;
    [[nodiscard]] bool normalize(SetMember&) const noexcept;
    [[nodiscard]] bool alive(const Member* member, std::uint64_t now_us) const noexcept;
    [[nodiscard]] bool counters_hold(const Member&, const SetQuery&) const noexcept;
    void erase(std::size_t slot);
    void put(Table&, Member*) const;
    void rebuild(std::size_t size);
    void set(Member&, const SetMember&) const;
    void count_length(std::uint8_t length, int by);

    SetOptions options_;
    std::uint64_t secret_;
    std::unique_ptr<Table> table_;
    std::atomic<const Table*> published_;
    std::size_t size_ = 0, used_ = 0;  ///< used_: slots, those of removed members too
    std::array<std::uint32_t, 129> of_length_{};
    std::array<std::atomic<std::uint64_t>, 3> lengths_{};  ///< bits: some member has this prefix length
    std::vector<std::unique_ptr<Member>> removed_;
    std::vector<std::unique_ptr<Table>> old_tables_;
    static Member gone_;  ///< what a slot points to after its member was removed
};

/// What rules of a name refer to: its set may be exchanged for another (ipset swap) while workers ask.
class NamedSet final : public AddressSet {
  public:
    explicit NamedSet(const AddressSet& set) : set_(&set) {}
    /// The old one must live until all workers passed a quiescent point.
    void exchange(const AddressSet& set) noexcept { set_.store(&set, std::memory_order_release); }

    [[nodiscard]] bool holds(const SetQuery& query) const noexcept override { return get().holds(query); }
    [[nodiscard]] bool of_family(Family family) const noexcept override { return get().of_family(family); }
    [[nodiscard]] bool counts() const noexcept override { return get().counts(); }

  private:
    [[nodiscard]] const AddressSet& get() const noexcept { return *set_.load(std::memory_order_acquire); }
    std::atomic<const AddressSet*> set_;
};

}  // namespace weft::hook
