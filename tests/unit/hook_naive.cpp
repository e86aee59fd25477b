#include "tests/unit/hook_naive.hpp"

#include <algorithm>
#include <stdexcept>
#include <variant>

namespace weft::test {

namespace {

using namespace hook;

/// What struct xt_action_param holds.
struct Headers {
    int protocol = -1;
    bool broken = false;          // ipv6_find_hdr fails: -p drops
    std::size_t thoff = 0, size;  // size: of the packet as its own length says
    unsigned fragoff = 0;
    bool hotdrop = false;
};

unsigned get16(const std::vector<std::uint8_t>& bytes, std::size_t at) {
    return static_cast<unsigned>(bytes[at] << 8 | bytes[at + 1]);
}

bool is_extension6(unsigned next) {
    return next == 0 || next == 43 || next == 44 || next == 51 || next == 60 || next == 59;
}

/// ipv6_find_hdr(skb, &thoff, -1, &fragoff, NULL)
void find6(const std::vector<std::uint8_t>& bytes, Headers& h) {
    h.size = std::min<std::size_t>(bytes.size(), 40 + get16(bytes, 4));
    std::size_t start = 40;
    unsigned next = bytes[6];
    for (;;) {
        if (!is_extension6(next) || next == 59) break;
        if (start + 2 > h.size) {
            h.broken = true;
            return;
        }
        const unsigned after = bytes[start];
        std::size_t length = 0;
        if (next == 44) {
            if (start + 4 > h.size) {
                h.broken = true;
                return;
            }
            const unsigned offset = get16(bytes, start + 2) & ~7U;
            if (offset) {
                if (!is_extension6(after) || after == 59) {
                    h.fragoff = offset;
                    h.protocol = static_cast<int>(after);
                    return;
                }
                h.broken = true;
                return;
            }
            length = 8;
        } else if (next == 51) {
            length = (bytes[start + 1] + 2U) << 2;
        } else {
            length = (bytes[start + 1] + 1U) << 3;
        }
        next = after;
        start += length;
    }
    h.protocol = static_cast<int>(next);
    h.thoff = start;
}

class Naive {
  public:
    Naive(Family family, const NaivePacket& p) : six(family == Family::ip6), packet(p) {
        if (six) {
            find6(p.bytes, h);
        } else {
            h.size = std::min<std::size_t>(p.bytes.size(), get16(p.bytes, 2));
            h.thoff = (p.bytes[0] & 15U) * 4U;
            h.protocol = p.bytes[9];
            h.fragoff = get16(p.bytes, 6) & 0x1fff;
        }
    }

    NaivePacket& state() { return packet; }
    bool dropped() const { return h.hotdrop; }

    /// ip_packet_match, ip6_packet_match, then the matches in order
    bool rule(const Rule& r) {
        const std::size_t n = six ? 16 : 4, src = six ? 8 : 12, dst = src + n;
        if (inside(r.source, src, n) == r.source_inverted) return false;
        if (inside(r.destination, dst, n) == r.destination_inverted) return false;
        if (name(r.in, packet.in) == r.in_inverted) return false;
        if (name(r.out, packet.out) == r.out_inverted) return false;
        if (r.protocol != 0) {
            if (h.broken) {
                h.hotdrop = true;
                return false;
            }
            if ((h.protocol == r.protocol) == r.protocol_inverted) return false;
        }
        if (r.fragment && (h.fragoff != 0) == r.fragment_inverted) return false;
        return std::all_of(r.matches.begin(), r.matches.end(), [&](const Match& match) {
            return std::visit([&](const auto& m) { return this->match(m); }, match);
        });
    }

  private:
    bool inside(const Prefix& prefix, std::size_t at, std::size_t n) const {
        for (std::size_t i = 0; i < n; ++i)
            if ((packet.bytes[at + i] & prefix.mask.bytes[i]) != prefix.address.bytes[i]) return false;
        return true;
    }
    static bool name(const Interface& wanted, const std::string& is) {
        const std::string text(wanted.text());
        if (text.empty()) return true;
        if (text.back() == '+') return is.compare(0, text.size() - 1, text, 0, text.size() - 1) == 0;
        return is == text;
    }
    bool has(std::size_t bytes) {
        if (h.thoff + bytes <= h.size) return true;
        h.hotdrop = true;
        return false;
    }
    unsigned port(std::size_t at) const { return get16(packet.bytes, h.thoff + at); }
    static bool in(const PortRange& range, bool inverted, unsigned port) {
        return (port >= range.low && port <= range.high) != inverted;
    }

    bool match(const TcpMatch& m) {
        if (h.fragoff) {
            if (h.fragoff == 1) h.hotdrop = true;
            return false;
        }
        if (!has(20)) return false;
        if (!in(m.source, m.source_inverted, port(0)) || !in(m.destination, m.destination_inverted, port(2)))
            return false;
        const auto* th = &packet.bytes[h.thoff];
        if (((th[13] & m.flag_mask) == m.flag_value) == m.flags_inverted) return false;
        if (m.option == 0) return true;
        const std::size_t length = (th[12] >> 4) * 4U;
        if (length < 20 || !has(length)) {
            h.hotdrop = true;
            return false;
        }
        for (std::size_t i = 20; i < length;) {
            if (th[i] == m.option) return !m.option_inverted;
            if (th[i] < 2)
                i++;
            else
                i += i + 1 < length && th[i + 1] ? th[i + 1] : 1;
        }
        return m.option_inverted;
    }
    bool match(const UdpMatch& m) {
        if (h.fragoff || !has(8)) return false;
        return in(m.source, m.source_inverted, port(0)) && in(m.destination, m.destination_inverted, port(2));
    }
    bool icmp(unsigned type, const Range<std::uint8_t>& code, bool any, bool inverted) {
        if (h.fragoff || !has(8)) return false;
        const unsigned t = packet.bytes[h.thoff], c = packet.bytes[h.thoff + 1];
        return (any || (t == type && c >= code.low && c <= code.high)) != inverted;
    }
    bool match(const IcmpMatch& m) { return icmp(m.type, m.code, m.type == 0xff, m.inverted); }
    bool match(const Icmp6Match& m) { return icmp(m.type, m.code, false, m.inverted); }
    bool match(const MultiportMatch& m) {
        if (h.fragoff || !has(4)) return false;
        for (const auto& [ports, range] : m.ports) {
            const bool s = in(ports, false, port(0)), d = in(ports, false, port(2));
            using Side = MultiportMatch::Side;
            if (m.side == Side::source ? s : m.side == Side::destination ? d : s || d) return !m.inverted;
        }
        return m.inverted;
    }
    bool match(const IprangeMatch& m) {
        const std::size_t n = six ? 16 : 4, src = six ? 8 : 12;
        const auto within = [&](const Part<AddressRange>& part, std::size_t at) {
            if (!part.given) return true;
            const auto* a = &packet.bytes[at];
            const bool low = std::lexicographical_compare(a, a + n, part.value.low.bytes.data(),
                                                          part.value.low.bytes.data() + n);
            const bool high = std::lexicographical_compare(part.value.high.bytes.data(),
                                                           part.value.high.bytes.data() + n, a, a + n);
            return (!low && !high) != part.inverted;
        };
        return within(m.source, src) && within(m.destination, src + n);
    }
    bool match(const MacMatch& m) {
        if (packet.mac.empty()) return false;
        return std::equal(m.source.begin(), m.source.end(), packet.mac.begin()) != m.inverted;
    }
    bool match(const MarkMatch& m) { return ((packet.mark & m.mark.mask) == m.mark.value) != m.inverted; }
    bool match(const StateMatch& m) { return ((m.state & packet.state) != 0) != m.inverted; }
    bool match(const PkttypeMatch& m) { return (packet.type == m.type) != m.inverted; }
    bool match(const LengthMatch& m) {
        const unsigned length = six ? 40 + get16(packet.bytes, 4) : get16(packet.bytes, 2);
        return (length >= m.length.low && length <= m.length.high) != m.inverted;
    }
    bool match(const CommentMatch&) { return true; }
    template <class Other>
    bool match(const Other&) {
        throw std::logic_error("a match that the random rules do not have");
    }

    bool six;
    NaivePacket packet;
    Headers h;
};

enum class Do : std::uint8_t { go_on, accept, drop, reject, return_ };

class TableWalk {
  public:
    TableWalk(const Table& t, Naive& n, NaiveResult& r) : table(t), naive(n), result(r) {}

    Do run(const Chain& first) {
        std::vector<std::pair<const Chain*, std::size_t>> stack;  // ipt_do_table's jumpstack
        const Chain* chain = &first;
        std::size_t at = 0;
        for (;;) {
            if (at == chain->rules.size()) {  // a user chain ends in RETURN, a built-in one in its policy
                if (stack.empty()) break;
                std::tie(chain, at) = stack.back();
                stack.pop_back();
                continue;
            }
            const Rule& rule = *chain->rules[at].rule;
            if (!naive.rule(rule)) {
                if (naive.dropped()) return Do::drop;
                ++at;
                continue;
            }
            ++count(*chain)[at];
            if (const auto* jump = std::get_if<Jump>(&rule.target)) {
                if (!jump->go) stack.emplace_back(chain, at + 1);
                chain = table.find(jump->chain);
                at = 0;
                continue;
            }
            const Do next = act(rule.target);
            if (next == Do::return_) {
                if (stack.empty()) break;
                std::tie(chain, at) = stack.back();
                stack.pop_back();
            } else if (next == Do::go_on) {
                ++at;
            } else {
                return next;
            }
        }
        ++count(first).back();
        return first.policy == Verdict::drop ? Do::drop : Do::accept;
    }

  private:
    std::vector<unsigned>& count(const Chain& chain) {
        auto& counts = result.counts[{table.id, chain.name}];
        counts.resize(chain.rules.size() + 1);
        return counts;
    }
    Do act(const Target& target) {
        if (const auto* verdict = std::get_if<Verdict>(&target))
            return *verdict == Verdict::accept ? Do::accept
                   : *verdict == Verdict::drop ? Do::drop
                                               : Do::return_;
        if (const auto* mark = std::get_if<MarkTarget>(&target))
            naive.state().mark = (naive.state().mark & ~mark->mask) ^ mark->value;
        return std::holds_alternative<RejectTarget>(target) ? Do::reject : Do::go_on;
    }

    const Table& table;
    Naive& naive;
    NaiveResult& result;
};

}  // namespace

NaiveResult naive_walk(const Ruleset& rules, Hook hook, const NaivePacket& packet) {
    NaiveResult result;
    Naive naive(rules.family, packet);
    Do last = Do::accept;
    for (const auto id : {TableId::raw, TableId::mangle, TableId::filter, TableId::security}) {
        const auto& table = rules.table(id);
        if (!table.used || last != Do::accept) continue;
        for (const auto& chain : table.chains)
            if (chain.hook == hook) last = TableWalk(table, naive, result).run(chain);
    }
    using End = NaiveResult::End;
    result.end = last == Do::accept ? End::accept : last == Do::drop ? End::drop : End::reject;
    result.mark = naive.state().mark;
    return result;
}

}  // namespace weft::test
