// Fragments that wait for the rest of their datagram: rules and conntrack are asked once, when all are there.
// Nothing is copied; the fragments stay packets, in the order of their offsets.
//
// As Linux: fragments of one datagram have source, destination, identification and protocol in common (IPv6:
// not the protocol), the link too where an address means nothing beyond it (net/ipv4/ip_fragment.c,
// net/ipv6/netfilter/nf_conntrack_reasm.c). What lies wholly within what is there is a duplicate; what
// overlaps otherwise ends the datagram (net/ipv4/inet_fragment.c, inet_frag_queue_insert; RFC 5722 3). Unlike
// Linux, the oldest datagram makes room for a new one when the table is full.
//
// One worker's; not thread safe.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/flow/hash.hpp"
#include "weft/drop.hpp"
#include "weft/packet.hpp"

namespace weft {

/// What fragments of a datagram have in common. The identification stands in the ports; IPv4's addresses in
/// the first four bytes.
struct FragmentKey {
    Tuple6 of{};
    std::uint8_t protocol = 0;  ///< of IPv4
    bool v6 = false;
    IfIndex link = no_interface;  ///< for link-local addresses
    friend bool operator==(const FragmentKey&, const FragmentKey&) = default;
};

/// Where a fragment lies, bytes of the datagram's payload; `last`: nothing follows.
struct FragmentPlace {
    std::uint32_t begin, end;
    bool last;
};

/// What a fragment's headers say.
struct Fragment {
    FragmentKey key;
    FragmentPlace place;
};

class FragmentTable {
  public:
    /// Fragments a datagram may have, and how many wait at a time, each perhaps of another datagram: some
    /// more full frames than fit into the 4 MB of net.ipv4.ipfrag_high_thresh.
    static constexpr unsigned most_of_one = 256, most = 2048;
    /// net.ipv4.ipfrag_time, net.netfilter.nf_conntrack_frag6_timeout: seconds.
    static constexpr std::uint32_t patience4 = 30, patience6 = 60;
    static constexpr std::uint32_t longest = 65535;

    /// Secrets as FlowTable's. `room`: fragments that may wait, 1 to `most`.
    FragmentTable(std::uint64_t secret_lo, std::uint64_t secret_hi, unsigned room = most);

    /// Takes the packet. If it completes its datagram all of it is given back: writes its fragments to
    /// `whole`, which has room for most_of_one, in their order, and returns how many; the caller owns them.
    /// Otherwise 0. drop(Packet&, DropReason) takes what has to go.
    template <class Drop>
    unsigned add(Packet& packet, const Fragment& fragment, std::uint32_t now_seconds, Packet* whole[],
                 Drop&& drop) {
        unsigned gone = 0;
        const unsigned count = add(packet, fragment, now_seconds, whole, gone);
        give_up(gone, drop);
        return count;
    }
    /// What has waited too long goes, oldest first.
    template <class Drop>
    void expire(std::uint32_t now_seconds, Drop&& drop) {
        while (oldest_ != none && datagrams_[oldest_].deadline <= now_seconds) {
            unsigned gone = 0;
            remove(oldest_, DropReason::fragment_timeout, gone);
            give_up(gone, drop);
        }
    }
    /// Keyed; names the worker that gathers the datagram.
    [[nodiscard]] std::uint32_t hash(const FragmentKey& key) const noexcept { return chain_of(key); }
    [[nodiscard]] unsigned datagrams() const noexcept { return in_use_; }
    [[nodiscard]] unsigned fragments() const noexcept { return held_; }

  private:
    using Index = std::uint16_t;
    static constexpr Index none = 0xffff;
    static constexpr unsigned chain_count = 2048;
    struct Piece {
        Packet* packet;
        FragmentPlace place;
        Index next;
    };
    struct Datagram {
        FragmentKey key;
        std::uint32_t deadline, bytes, length;  ///< length: of the whole, 0 while nobody knows
        Index pieces, count;
        Index in_chain, older, younger;
    };
    struct Gone {
        Packet* packet;
        DropReason why;
    };

    unsigned add(Packet&, const Fragment&, std::uint32_t now, Packet* whole[], unsigned& gone);
    [[nodiscard]] Index find(const FragmentKey&, std::uint32_t chain) const noexcept;
    [[nodiscard]] Index begin(const FragmentKey&, std::uint32_t chain, std::uint32_t now, unsigned& gone);
    /// none: the fragment is no part of what is there, `why` says in which way.
    [[nodiscard]] bool enter(Datagram&, Packet&, FragmentPlace, DropReason& why) noexcept;
    [[nodiscard]] unsigned take(Index datagram, Packet* whole[]) noexcept;
    void remove(Index datagram, DropReason why, unsigned& gone) noexcept;
    void release(Index datagram) noexcept;
    [[nodiscard]] std::uint32_t chain_of(const FragmentKey&) const noexcept;
    template <class Drop>
    void give_up(unsigned count, Drop& drop) {
        for (unsigned i = 0; i < count; ++i)
            drop(*gone_[i].packet, gone_[i].why);
    }

    FlowHash hash_;
    std::vector<Piece> pieces_;
    std::vector<Datagram> datagrams_;
    std::vector<Index> chains_, free_pieces_, free_datagrams_;
    std::vector<Gone> gone_;  ///< of the call that runs; room for the two datagrams that one can end
    Index oldest_ = none, youngest_ = none;
    unsigned in_use_ = 0, held_ = 0;
};

}  // namespace weft
