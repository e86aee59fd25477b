#include "dataplane/route/source_address.hpp"

#include <algorithm>
#include <bit>

namespace weft {

namespace {

constexpr int link_scope = 2, site_scope = 5, global_scope = 14;

int scope_of(const address6::Bytes& a) noexcept {
    if (address6::multicast(a)) return address6::scope(a);
    if (address6::link_local(a) || address6::loopback(a)) return link_scope;
    const bool site_local = a[0] == 0xfe && (a[1] & 0xc0) == 0xc0;
    return site_local ? site_scope : global_scope;
}

/// Leading bits that both have.
unsigned common_bits(const address6::Bytes& one, const address6::Bytes& other) noexcept {
    for (unsigned i = 0; i < one.size(); ++i)
        if (const auto different = static_cast<std::uint8_t>(one[i] ^ other[i]))
            return 8 * i + static_cast<unsigned>(std::countl_zero(different));
    return 128;
}

struct Label {
    address6::Bytes prefix;
    unsigned length;
    int label;
};
/// Longer ones first.
constexpr Label labels[]{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, 0},
                         {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, 4},
                         {{}, 96, 3},
                         {{0x20, 0x01}, 32, 6},
                         {{0x20, 0x01, 0, 0x10}, 28, 7},
                         {{0x3f, 0xfe}, 16, 12},
                         {{0x20, 0x02}, 16, 2},
                         {{0xfe, 0xc0}, 10, 11},
                         {{0xfc}, 7, 5}};

int label_of(const address6::Bytes& a) noexcept {
    constexpr int of_others = 1;
    for (const Label& one : labels)
        if (common_bits(a, one.prefix) >= one.length) return one.label;
    return of_others;
}

/// RFC 4843.
bool orchid(const address6::Bytes& a) noexcept {
    return a[0] == 0x20 && a[1] == 0x01 && a[2] == 0 && (a[3] & 0xf0) == 0x10;
}

/// What a rule says of an address, the most important first; more is better.
using Score = std::array<int, 8>;

class Choice {
  public:
    Choice(const address6::Bytes& to, IfIndex oif) noexcept
        : to_(to), oif_(oif), scope_(scope_of(to)), label_(label_of(to)) {}

    void look_at(const SourceAddress6& one) noexcept {
        const Score score = score_of(one);
        if (best_ && !(best_score_ < score)) return;
        best_ = &one;
        best_score_ = score;
    }
    /// No address of another interface is better.
    [[nodiscard]] bool fits() const noexcept {
        return best_ && !best_->avoided && scope_of(best_->address.bytes) == scope_;
    }
    /// Only what is on the link may be its source.
    [[nodiscard]] bool stays() const noexcept { return address6::multicast(to_) || scope_ <= link_scope; }
    [[nodiscard]] IpAddress address() const noexcept { return best_ ? best_->address : IpAddress{}; }

  private:
    [[nodiscard]] Score score_of(const SourceAddress6& one) const noexcept {
        const auto& a = one.address.bytes;
        const int scope = scope_of(a);
        constexpr int too_narrow = 128;
        return {a == to_,
                scope >= scope_ ? -scope : scope - too_narrow,
                !one.avoided,
                one.interface == oif_,
                label_of(a) == label_,
                !one.temporary,
                orchid(a) == orchid(to_),
                static_cast<int>(std::min(common_bits(a, to_), unsigned{one.length}))};
    }

    const address6::Bytes& to_;
    IfIndex oif_;
    int scope_, label_;
    const SourceAddress6* best_ = nullptr;
    Score best_score_{};
};

}  // namespace

IpAddress choose_source6(const IpAddress& to, IfIndex oif, const Routing& routing) noexcept {
    Choice own(to.bytes, oif);
    for (const SourceAddress6& one : routing.interface(oif).sources6)
        own.look_at(one);
    if (own.fits() || own.stays()) return own.address();
    Choice any(to.bytes, oif);
    for (const SourceAddress6& one : routing.sources6)
        any.look_at(one);
    return any.address();
}

}  // namespace weft
