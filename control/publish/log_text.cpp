#include "control/publish/log_text.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <array>
#include <iterator>

#include "weft/hook/target.hpp"

namespace weft {

namespace {

using hook::LogTarget;

template <class... Arguments>
void put(std::string& out, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Arguments>(arguments)...);
}

/// %pI4; %pI6 writes all eight groups of four digits.
std::string address4_text(const std::uint8_t* at) {
    return fmt::format("{}.{}.{}.{}", at[0], at[1], at[2], at[3]);
}
std::string address6_text(const std::uint8_t* at) {
    std::string text;
    for (unsigned i = 0; i < 16; i += 2)
        put(text, "{}{:02x}{:02x}", i ? ":" : "", at[i], at[i + 1]);
    return text;
}

/// A packet's bytes, or those of one that it quotes.
class LogDump {
  public:
    LogDump(const LoggedPacket& packet, std::string& out) : packet_(packet), out_(out) {}

    void dump(std::uint32_t at = 0) {
        if (packet_.family == hook::Family::ip)
            dump4(at);
        else
            dump6(at);
    }

  private:
    [[nodiscard]] bool there(std::uint32_t at, std::uint32_t length) const {
        return at + length <= packet_.held && at + length <= packet_.length;
    }
    [[nodiscard]] const std::uint8_t* bytes(std::uint32_t at) const { return packet_.bytes.data() + at; }
    [[nodiscard]] unsigned half(std::uint32_t at) const { return bytes(at)[0] << 8U | bytes(at)[1]; }
    [[nodiscard]] std::uint32_t word(std::uint32_t at) const { return half(at) << 16U | half(at + 2); }
    [[nodiscard]] bool asks(std::uint8_t flag) const { return packet_.flags & flag; }

    bool incomplete(std::uint32_t at) {
        put(out_, "INCOMPLETE [{} bytes] ", packet_.length - at);
        return false;
    }
    void put_bytes(std::uint32_t at, std::uint32_t length) {
        out_ += "OPT (";
        for (std::uint32_t i = 0; i < length; ++i)
            put(out_, "{:02X}", bytes(at)[i]);
        out_ += ") ";
    }

    void dump4(std::uint32_t at) {
        constexpr std::uint32_t least = 20;
        if (!there(at, least)) {
            out_ += "TRUNCATED";
            return;
        }
        const auto* ip = bytes(at);
        constexpr unsigned tos_mask = 0x1e, precedence_mask = 0xe0;
        put(out_, "SRC={} DST={} ", address4_text(ip + 12), address4_text(ip + 16));
        put(out_, "LEN={} TOS=0x{:02X} PREC=0x{:02X} TTL={} ID={} ", half(at + 2), ip[1] & tos_mask,
            ip[1] & precedence_mask, ip[8], half(at + 4));
        const unsigned fragment = half(at + 6), offset = fragment & 0x1fff;
        if (fragment & 0x8000) out_ += "CE ";
        if (fragment & 0x4000) out_ += "DF ";
        if (fragment & 0x2000) out_ += "MF ";
        if (offset) put(out_, "FRAG:{} ", offset);
        const std::uint32_t header = (ip[0] & 15U) * 4;
        if (asks(LogTarget::ip_options) && header > least) {
            if (!there(at + least, header - least)) {
                out_ += "TRUNCATED";
                return;
            }
            put_bytes(at + least, header - least);
        }
        if (!upper4(ip[9], at, at + header, offset != 0)) return;
        put_mark(at);
    }

    /// False: the line ends there.
    bool upper4(std::uint8_t protocol, std::uint32_t ip, std::uint32_t at, bool fragment) {
        switch (protocol) {
            case IPPROTO_TCP:
                return tcp(at, fragment);
            case IPPROTO_UDP:
            case IPPROTO_UDPLITE:
                return udp(protocol, at, fragment);
            case IPPROTO_ICMP:
                icmp4(ip, at, fragment);
                return true;
            case IPPROTO_AH:
                security("AH", at, fragment, 12, 4);
                return true;
            case IPPROTO_ESP:
                security("ESP", at, fragment, 8, 0);
                return true;
            default:
                put(out_, "PROTO={} ", protocol);
                return true;
        }
    }

    void put_mark(std::uint32_t at) {
        if (at == 0 && packet_.mark) put(out_, "MARK=0x{:x} ", packet_.mark);
    }

    void security(std::string_view name, std::uint32_t at, bool fragment, std::uint32_t header,
                  std::uint32_t index) {
        if (fragment) return;
        put(out_, "PROTO={} ", name);
        if (there(at, header))
            put(out_, "SPI=0x{:x} ", word(at + index));
        else
            incomplete(at);
    }

    bool tcp(std::uint32_t at, bool fragment) {
        constexpr std::uint32_t least = 20;
        out_ += "PROTO=TCP ";
        if (fragment) return true;
        if (!there(at, least)) return incomplete(at);
        put(out_, "SPT={} DPT={} ", half(at), half(at + 2));
        if (asks(LogTarget::tcp_sequence)) put(out_, "SEQ={} ACK={} ", word(at + 4), word(at + 8));
        const auto* header = bytes(at);
        put(out_, "WINDOW={} RES=0x{:02x} ", half(at + 14), (header[12] & 15U) << 2);
        constexpr std::array<std::string_view, 8> names{"CWR", "ECE", "URG", "ACK",
                                                        "PSH", "RST", "SYN", "FIN"};
        for (unsigned i = 0; i < names.size(); ++i)
            if (header[13] & (0x80U >> i)) put(out_, "{} ", names[i]);
        put(out_, "URGP={} ", half(at + 18));
        const std::uint32_t size = (header[12] >> 4U) * 4;
        if (!asks(LogTarget::tcp_options) || size <= least) return true;
        if (!there(at + least, size - least)) {
            out_ += "OPT (TRUNCATED)";
            return false;
        }
        put_bytes(at + least, size - least);
        return true;
    }

    bool udp(std::uint8_t protocol, std::uint32_t at, bool fragment) {
        put(out_, "PROTO={} ", protocol == IPPROTO_UDP ? "UDP" : "UDPLITE");
        if (fragment) return true;
        if (!there(at, 8)) return incomplete(at);
        put(out_, "SPT={} DPT={} LEN={} ", half(at), half(at + 2), half(at + 4));
        return true;
    }

    void icmp4(std::uint32_t ip, std::uint32_t at, bool fragment) {
        enum : std::uint8_t { reply = 0, unreachable = 3, quench = 4, redirect = 5, echo = 8 };
        enum : std::uint8_t { exceeded = 11, parameter = 12 };
        constexpr std::array<std::uint8_t, 19> required{4, 0,  0,  28, 28, 28, 0, 0,  4, 0,
                                                        0, 28, 28, 20, 20, 0,  0, 12, 12};
        out_ += "PROTO=ICMP ";
        if (fragment) return;
        if (!there(at, 8)) {
            incomplete(at);
            return;
        }
        const std::uint8_t type = bytes(at)[0], code = bytes(at)[1];
        put(out_, "TYPE={} CODE={} ", type, code);
        if (type < required.size() && packet_.length - at < required[type]) {
            incomplete(at);
            return;
        }
        switch (type) {
            case reply:
            case echo:
                put(out_, "ID={} SEQ={} ", half(at + 4), half(at + 6));
                return;
            case parameter:
                put(out_, "PARAMETER={} ", bytes(at)[4]);
                return;
            case redirect:
                put(out_, "GATEWAY={} ", address4_text(bytes(at + 4)));
                break;
            case unreachable:
            case quench:
            case exceeded:
                break;
            default:
                return;
        }
        if (ip == 0) quote(at + 8);
        constexpr std::uint8_t too_big = 4;
        if (type == unreachable && code == too_big) put(out_, "MTU={} ", half(at + 6));
    }

    void quote(std::uint32_t at) {
        out_ += "[";
        dump(at);
        out_ += "] ";
    }

    void dump6(std::uint32_t at) {
        constexpr std::uint32_t size = 40;
        if (!there(at, size)) {
            out_ += "TRUNCATED";
            return;
        }
        const auto* ip = bytes(at);
        put(out_, "SRC={} DST={} ", address6_text(ip + 8), address6_text(ip + 24));
        put(out_, "LEN={} TC={} HOPLIMIT={} FLOWLBL={} ", half(at + 4) + size, word(at) >> 20 & 0xff, ip[7],
            word(at) & 0xfffff);
        std::uint8_t next = ip[6];
        std::uint32_t upper = at + size;
        bool fragment = false;
        while (is_extension(next) && next != IPPROTO_NONE)
            if (!extension(next, upper, fragment)) return;
        if (upper6(next, at, upper, fragment)) put_mark(at);
    }

    static bool is_extension(std::uint8_t next) {  // nf_ip6_ext_hdr
        return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
               next == IPPROTO_ESP || next == IPPROTO_AH || next == IPPROTO_NONE || next == IPPROTO_DSTOPTS;
    }

    /// Tells one and goes behind it. False: the line ends there.
    bool extension(std::uint8_t& next, std::uint32_t& at, bool& fragment) {
        const bool options = asks(LogTarget::ip_options);
        if (!there(at, 2)) {
            out_ += "TRUNCATED";
            return false;
        }
        if (options) out_ += "OPT ( ";
        std::uint32_t size = (bytes(at)[1] + 1U) * 8;
        switch (next) {
            case IPPROTO_FRAGMENT: {
                out_ += "FRAG:";
                if (!there(at, 8)) {
                    out_ += "TRUNCATED ";
                    return false;
                }
                const unsigned place = half(at + 2);
                put(out_, "{} {}ID:{:08x} ", place & 0xfff8U, place & 1U ? "INCOMPLETE " : "", word(at + 4));
                fragment |= (place & 0xfff8U) != 0;
                size = 8;
                break;
            }
            case IPPROTO_AH:
                size = (bytes(at)[1] + 2U) * 4;
                if (options && !option_security("AH ", at, fragment, 12, 4, " ")) return false;
                break;
            case IPPROTO_ESP:
                if (options) option_security("ESP ", at, fragment, 8, 0, " )");
                return false;
            default:
                if (!fragment) break;
                if (options) out_ += ")";
                return false;
        }
        if (options) out_ += ") ";
        next = bytes(at)[0];
        at += size;
        return true;
    }

    bool option_security(std::string_view name, std::uint32_t at, bool fragment, std::uint32_t header,
                         std::uint32_t index, std::string_view end) {
        out_ += name;
        if (fragment) {
            out_ += ")";
            return false;
        }
        if (!there(at, header)) {
            incomplete(at);
            out_ += ")";
            return false;
        }
        put(out_, "SPI=0x{:x}{}", word(at + index), end);
        return true;
    }

    bool upper6(std::uint8_t protocol, std::uint32_t ip, std::uint32_t at, bool fragment) {
        switch (protocol) {
            case IPPROTO_TCP:
                return tcp(at, fragment);
            case IPPROTO_UDP:
            case IPPROTO_UDPLITE:
                return udp(protocol, at, fragment);
            case IPPROTO_ICMPV6:
                return icmp6(ip, at, fragment);
            default:
                put(out_, "PROTO={} ", protocol);
                return true;
        }
    }

    bool icmp6(std::uint32_t ip, std::uint32_t at, bool fragment) {
        enum : std::uint8_t { unreachable = 1, too_big = 2, exceeded = 3, parameter = 4 };
        enum : std::uint8_t { echo = 128, reply = 129 };
        out_ += "PROTO=ICMPv6 ";
        if (fragment) return true;
        if (!there(at, 8)) return incomplete(at);
        const std::uint8_t type = bytes(at)[0];
        put(out_, "TYPE={} CODE={} ", type, bytes(at)[1]);
        switch (type) {
            case echo:
            case reply:
                put(out_, "ID={} SEQ={} ", half(at + 4), half(at + 6));
                return true;
            case parameter:
                put(out_, "POINTER={:08x} ", word(at + 4));
                break;
            case unreachable:
            case too_big:
            case exceeded:
                break;
            default:
                return true;
        }
        if (ip == 0) quote(at + 8);
        if (type == too_big) put(out_, "MTU={} ", word(at + 4));
        return true;
    }

    const LoggedPacket& packet_;
    std::string& out_;
};

/// dump_mac_header of an Ethernet device.
void put_mac(std::string& out, const LoggedPacket& packet) {
    const EthernetHeader& ethernet = packet.ethernet;
    if (packet.flags & LogTarget::mac) {
        put(out, "MACSRC={} MACDST={} MACPROTO={:04x} ", to_string(ethernet.source),
            to_string(ethernet.destination), ethernet.type.host());
        return;
    }
    put(out, "MAC={}:{}:{:02x}:{:02x} ", to_string(ethernet.destination), to_string(ethernet.source),
        ethernet.type.host() >> 8, ethernet.type.host() & 0xff);
}

}  // namespace

std::string log_text(const LoggedPacket& packet, const Names& names) {
    const auto name = [&](IfIndex index) {
        return index == no_interface ? std::string() : names.interface(index);
    };
    std::string out(packet.prefix.data(), packet.prefix_length);
    put(out, "IN={} OUT={} ", name(packet.iif), name(packet.oif));
    if (packet.physical_in != no_interface && packet.physical_in != packet.iif)
        put(out, "PHYSIN={} ", name(packet.physical_in));
    if (packet.physical_out != no_interface && packet.physical_out != packet.oif)
        put(out, "PHYSOUT={} ", name(packet.physical_out));
    if (packet.iif != no_interface) put_mac(out, packet);
    LogDump(packet, out).dump();
    return out;
}

}  // namespace weft
