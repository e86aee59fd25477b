#include "control/observe/describe.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"

namespace weft {

namespace {

/// What is left of a frame; headers are taken off its front.
class Rest {
  public:
    Rest(std::span<const std::byte> bytes, std::uint32_t length) : bytes_(bytes), length_(length) {}

    template <class Header>
    std::optional<Header> take() {
        if (bytes_.size() < sizeof(Header)) return std::nullopt;
        Header header;
        std::memcpy(static_cast<void*>(&header), bytes_.data(), sizeof header);
        skip(sizeof header);
        return header;
    }
    void skip(std::size_t n) {
        bytes_ = bytes_.subspan(std::min(n, bytes_.size()));
        length_ -= static_cast<std::uint32_t>(std::min<std::size_t>(n, length_));
    }
    /// Of the frame, whether it was kept or not.
    [[nodiscard]] std::uint32_t length() const { return length_; }

  private:
    std::span<const std::byte> bytes_;
    std::uint32_t length_;
};

struct ArpBody {
    be16 hardware, protocol;
    std::uint8_t hardware_size, protocol_size;
    be16 operation;
    MacAddress sender_mac;
    std::array<std::uint8_t, 4> sender;
    MacAddress target_mac;
    std::array<std::uint8_t, 4> target;
};
static_assert(sizeof(ArpBody) == 28);

struct IcmpStart {
    std::uint8_t type, code;
    be16 checksum, id, sequence;
};

std::string ip_text(int family, const void* address) {
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(family, address, text, sizeof text) ? text : "?";
}

std::string arp(Rest rest) {
    const auto body = rest.take<ArpBody>();
    if (!body) return "ARP [|arp]";
    const auto target = ip_text(AF_INET, body->target.data()), sender = ip_text(AF_INET, body->sender.data());
    switch (body->operation.host()) {
        case 1:
            return fmt::format("ARP, who-has {} tell {}", target, sender);
        case 2:
            return fmt::format("ARP, reply {} is-at {}", sender, to_string(body->sender_mac));
        default:
            return fmt::format("ARP, operation {}", body->operation.host());
    }
}

std::string tcp_flags(std::uint8_t flags) {
    static constexpr char names[] = "FSRP.UEW";
    std::string text;
    for (unsigned bit = 0; bit < 8; ++bit)
        if (flags & 1U << bit) text += names[bit];
    return text.empty() ? "none" : text;
}

std::string icmp_text(const IcmpStart& icmp, bool v6) {
    const std::uint8_t request = v6 ? 128 : 8, reply = v6 ? 129 : 0;
    if (icmp.type == request || icmp.type == reply)
        return fmt::format("echo {}, id {}, seq {}", icmp.type == request ? "request" : "reply",
                           icmp.id.host(), icmp.sequence.host());
    if (v6 && icmp.type == 135) return "neighbor solicitation";
    if (v6 && icmp.type == 136) return "neighbor advertisement";
    if (v6 && icmp.type == 133) return "router solicitation";
    if (v6 && icmp.type == 134) return "router advertisement";
    return fmt::format("type {}, code {}", icmp.type, icmp.code);
}

/// "10.0.0.1.1000 > 10.0.0.2.53: UDP"
std::string transport(std::uint8_t protocol, Rest rest, const std::string& from, const std::string& to) {
    const auto between = [&](std::uint16_t a, std::uint16_t b) {
        return fmt::format("{}.{} > {}.{}", from, a, to, b);
    };
    const auto plain = fmt::format("{} > {}", from, to);
    switch (protocol) {
        case ip_protocol::udp: {
            const auto udp = rest.take<UdpHeader>();
            if (!udp) return plain + ": [|udp]";
            return between(udp->source_port.host(), udp->destination_port.host()) + ": UDP";
        }
        case ip_protocol::tcp: {
            const auto tcp = rest.take<TcpHeader>();
            if (!tcp) return plain + ": [|tcp]";
            return fmt::format("{}: Flags [{}], seq {}, ack {}, win {}",
                               between(tcp->source_port.host(), tcp->destination_port.host()),
                               tcp_flags(tcp->flags), tcp->sequence.host(), tcp->acknowledgement.host(),
                               tcp->window.host());
        }
        case ip_protocol::icmp:
        case ip_protocol::icmpv6: {
            const bool v6 = protocol == ip_protocol::icmpv6;
            const auto icmp = rest.take<IcmpStart>();
            const auto* name = v6 ? "ICMP6" : "ICMP";
            return fmt::format("{}: {}{}", plain, name, icmp ? " " + icmp_text(*icmp, v6) : " [|icmp]");
        }
        default:
            return fmt::format("{}: ip-proto-{}", plain, protocol);
    }
}

std::string ipv4(Rest rest) {
    const auto ip = rest.take<Ipv4Header>();
    if (!ip || ip->header_size() < sizeof(Ipv4Header)) return "IPv4 [|ip]";
    const auto from = ip_text(AF_INET, &ip->source), to = ip_text(AF_INET, &ip->destination);
    if (const std::uint16_t offset = ip->fragment.host() & 0x1fff)
        return fmt::format("IPv4 {} > {}: fragment at {}, protocol {}", from, to, offset * 8, ip->protocol);
    rest.skip(ip->header_size() - sizeof(Ipv4Header));
    return "IPv4 " + transport(ip->protocol, rest, from, to);
}

/// RFC 8200 4.3, 4.4, 4.6: its length is in units of 8 bytes, without the first.
struct ExtensionStart {
    std::uint8_t next, length;
};

bool is_option_header(std::uint8_t protocol) {
    return protocol == ip_protocol::hop_by_hop || protocol == ip_protocol::routing ||
           protocol == ip_protocol::destination_options;
}

std::string ipv6(Rest rest) {
    const auto ip = rest.take<Ipv6Header>();
    if (!ip) return "IPv6 [|ip6]";
    const auto from = ip_text(AF_INET6, ip->source.data()), to = ip_text(AF_INET6, ip->destination.data());
    std::uint8_t next = ip->next_header;
    while (is_option_header(next)) {
        const auto header = rest.take<ExtensionStart>();
        if (!header) return fmt::format("IPv6 {} > {}: [|ip6 options]", from, to);
        rest.skip((header->length + 1) * std::size_t{8} - sizeof *header);
        next = header->next;
    }
    return "IPv6 " + transport(next, rest, from, to);
}

std::string payload(std::uint16_t type, const Rest& rest) {
    switch (type) {
        case ether_type::arp:
            return arp(rest);
        case ether_type::ipv4:
            return ipv4(rest);
        case ether_type::ipv6:
            return ipv6(rest);
        default:
            return type < ether_type::minimum ? std::string("802.3")
                                              : fmt::format("ethertype 0x{:04x}", type);
    }
}

}  // namespace

std::string describe_frame(std::span<const std::byte> bytes, std::uint32_t length) {
    Rest rest(bytes, length);
    const auto ethernet = rest.take<EthernetHeader>();
    if (!ethernet) return fmt::format("[|ether], length {}", length);
    std::string text = fmt::format("{} > {}", to_string(ethernet->source), to_string(ethernet->destination));
    std::uint16_t type = ethernet->type.host();
    for (int tags = 0; is_vlan_tpid(type) && tags < 4; ++tags) {
        struct {
            be16 tci, type;
        } tag;
        const auto found = rest.take<decltype(tag)>();
        if (!found) return fmt::format("{}, [|vlan], length {}", text, length);
        text += fmt::format(", {} {}", type == ether_type::vlan ? "vlan" : "802.1ad vlan",
                            found->tci.host() & vid_mask);
        type = found->type.host();
    }
    return fmt::format("{}, {}, length {}", text, payload(type, rest), length);
}

}  // namespace weft
