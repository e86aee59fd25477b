#include "dataplane/flow/fragments.hpp"

namespace weft {

FragmentTable::FragmentTable(std::uint64_t secret_lo, std::uint64_t secret_hi, unsigned room)
    : hash_(secret_lo, secret_hi),
      pieces_(room),
      datagrams_(room),
      chains_(chain_count, none),
      gone_(2 * most_of_one + 1) {
    for (unsigned i = room; i-- > 0;) {
        free_pieces_.push_back(static_cast<Index>(i));
        free_datagrams_.push_back(static_cast<Index>(i));
    }
}

std::uint32_t FragmentTable::chain_of(const FragmentKey& key) const noexcept {
    const auto hint = static_cast<FlowZone>(key.link << 1 | key.v6);
    return static_cast<std::uint32_t>(hash_(key.of, key.protocol, hint) % chain_count);
}

FragmentTable::Index FragmentTable::find(const FragmentKey& key, std::uint32_t chain) const noexcept {
    Index at = chains_[chain];
    while (at != none && datagrams_[at].key != key)
        at = datagrams_[at].in_chain;
    return at;
}

FragmentTable::Index FragmentTable::begin(const FragmentKey& key, std::uint32_t chain, std::uint32_t now,
                                          unsigned& gone) {
    if (free_datagrams_.empty()) remove(oldest_, DropReason::fragment_table_full, gone);
    const Index at = free_datagrams_.back();
    free_datagrams_.pop_back();
    datagrams_[at] = {.key = key,
                      .deadline = now + (key.v6 ? patience6 : patience4),
                      .bytes = 0,
                      .length = 0,
                      .pieces = none,
                      .count = 0,
                      .in_chain = chains_[chain],
                      .older = youngest_,
                      .younger = none};
    chains_[chain] = at;
    if (youngest_ != none)
        datagrams_[youngest_].younger = at;
    else
        oldest_ = at;
    youngest_ = at;
    ++in_use_;
    return at;
}

bool FragmentTable::enter(Datagram& datagram, Packet& packet, FragmentPlace place, DropReason& why) noexcept {
    Index before = none, after = datagram.pieces;
    while (after != none && pieces_[after].place.end <= place.begin) {
        before = after;
        after = pieces_[after].next;
    }
    if (after != none && pieces_[after].place.begin < place.end) {
        // Linux joins neighbours before it compares: what spans two of them is a duplicate as well.
        std::uint32_t end = pieces_[after].place.end;
        for (Index next = pieces_[after].next; next != none && pieces_[next].place.begin == end;
             next = pieces_[next].next)
            end = pieces_[next].place.end;
        why = pieces_[after].place.begin <= place.begin && place.end <= end ? DropReason::fragment_duplicate
                                                                            : DropReason::fragment_overlap;
        return false;
    }
    // Another end than was known, or something behind it.
    std::uint32_t furthest = datagram.length;
    if (datagram.length == 0)
        for (Index at = datagram.pieces; at != none; at = pieces_[at].next)
            furthest = pieces_[at].place.end;
    const bool contradicts = place.last
                                 ? (datagram.length ? datagram.length != place.end : furthest > place.end)
                                 : datagram.length != 0 && place.end > datagram.length;
    if (contradicts) {
        why = DropReason::fragment_overlap;
        return false;
    }
    const Index at = free_pieces_.back();
    free_pieces_.pop_back();
    pieces_[at] = {&packet, place, after};
    (before == none ? datagram.pieces : pieces_[before].next) = at;
    if (place.last) datagram.length = place.end;
    datagram.bytes += place.end - place.begin;
    ++datagram.count;
    ++held_;
    return true;
}

unsigned FragmentTable::add(Packet& packet, const Fragment& fragment, std::uint32_t now, Packet* whole[],
                            unsigned& gone) {
    const auto refuse = [&](DropReason why) {
        gone_[gone++] = {&packet, why};
        return 0U;
    };
    const std::uint32_t chain = chain_of(fragment.key);
    Index at = find(fragment.key, chain);
    if (free_pieces_.empty()) {
        // The oldest goes, unless it is this one.
        if (oldest_ == at) return refuse(DropReason::fragment_table_full);
        remove(oldest_, DropReason::fragment_table_full, gone);
    }
    if (at == none) at = begin(fragment.key, chain, now, gone);
    Datagram& datagram = datagrams_[at];
    if (datagram.count == most_of_one) {
        remove(at, DropReason::fragment_table_full, gone);
        return refuse(DropReason::fragment_table_full);
    }
    DropReason why{};
    if (!enter(datagram, packet, fragment.place, why)) {
        if (why == DropReason::fragment_overlap) remove(at, why, gone);
        return refuse(why);
    }
    return datagram.length != 0 && datagram.bytes == datagram.length ? take(at, whole) : 0;
}

unsigned FragmentTable::take(Index at, Packet* whole[]) noexcept {
    unsigned count = 0;
    for (Index piece = datagrams_[at].pieces; piece != none; piece = pieces_[piece].next)
        whole[count++] = pieces_[piece].packet;
    release(at);
    return count;
}

void FragmentTable::remove(Index at, DropReason why, unsigned& gone) noexcept {
    for (Index piece = datagrams_[at].pieces; piece != none; piece = pieces_[piece].next)
        gone_[gone++] = {pieces_[piece].packet, why};
    release(at);
}

void FragmentTable::release(Index at) noexcept {
    Datagram& datagram = datagrams_[at];
    for (Index piece = datagram.pieces; piece != none; piece = pieces_[piece].next)
        free_pieces_.push_back(piece);
    held_ -= datagram.count;
    Index* link = &chains_[chain_of(datagram.key)];
    while (*link != at)
        link = &datagrams_[*link].in_chain;
    *link = datagram.in_chain;
    (datagram.older == none ? oldest_ : datagrams_[datagram.older].younger) = datagram.younger;
    (datagram.younger == none ? youngest_ : datagrams_[datagram.younger].older) = datagram.older;
    free_datagrams_.push_back(at);
    --in_use_;
}

}  // namespace weft
