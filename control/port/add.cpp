#include <sys/stat.h>

#include "control/command/types.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"
#include "control/port/handlers.hpp"

namespace weft {

namespace {

template <class Number>
void take(const command::Match& match, std::string_view name, Number& into) {
    if (const auto* item = match.argument(name))
        into = static_cast<Number>(*command::parse_unsigned(item->value));
}

template <class Number>
void take(const command::Match& match, std::string_view name, std::optional<Number>& into) {
    if (match.argument(name)) take(match, name, into.emplace());
}

std::string text_of(const command::Match& match, std::string_view name) {
    const auto* item = match.argument(name);
    return item ? item->value : std::string{};
}

Result<MacAddress> station(const command::Item& item) {
    const auto mac = *parse_mac(item.value);
    if (!mac.is_station()) return wrong_word(item, "the address of one station, neither a group's nor zero");
    return mac;
}

/// A socket's path, which may not be there yet. The client makes what is typed absolute.
Result<> check_socket(const command::Item& path) {
    if (path.value.starts_with('@')) return {};
    if (!path.value.starts_with('/'))
        return refuse_at(
            fmt::format("{} is relative to a directory that weftd does not know: begin it with /",
                        path.value),
            path.column);
    struct stat status {};
    if (stat(path.value.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode))
        return refuse_at(fmt::format("{} is there and is no socket", path.value), path.column);
    return {};
}

template <class Kind>
Result<Reply> add(Session& session, const command::Match& match, Kind kind) {
    const auto& name = *match.argument("NAME");
    if (session.model.find(name.value))
        return refuse(
            fmt::format("{0} exists already: choose another name, or remove {0} first", name.value));
    PortSpec port;
    port.kind = std::move(kind);
    take(match, "RXQ", port.rx_queues);
    take(match, "QUEUES", port.rx_queues);
    take(match, "TXQ", port.tx_queues);
    take(match, "DESC", port.descriptors);
    LinkSpec link{.kind = std::move(port)};
    link.up = match.has("up");
    take(match, "MTU", link.mtu);
    if (const auto* item = match.argument("MAC")) {
        const auto mac = station(*item);
        if (!mac) return mac.error();
        link.address = *mac;
    }
    add_link(session.model, name.value, std::move(link));
    return Reply{};
}

}  // namespace

Result<Reply> port_add_devargs(Session& session, const command::Match& match, const std::string&) {
    return add(session, match, DevargsPort{text_of(match, "DEVARGS")});
}

Result<Reply> port_add_af_packet(Session& session, const command::Match& match, const std::string&) {
    return add(session, match, AfPacketPort{text_of(match, "DEVICE")});
}

Result<Reply> port_add_tap(Session& session, const command::Match& match, const std::string&) {
    return add(session, match, TapPort{text_of(match, "DEVICE"), text_of(match, "NETNS")});
}

Result<Reply> port_add_pcap(Session& session, const command::Match& match, const std::string&) {
    PcapPort pcap{text_of(match, "RX"), text_of(match, "TX"), match.has("infinite")};
    if (pcap.rx_file.empty() && pcap.tx_file.empty())
        return exit_with(
            1, "port add type pcap: a file to receive from or to send to is missing: rx FILE, tx FILE");
    if (pcap.infinite && pcap.rx_file.empty())
        return exit_with(1, "port add type pcap: infinite needs a file to receive from: rx FILE");
    return add(session, match, std::move(pcap));
}

Result<Reply> port_add_null(Session& session, const command::Match& match, const std::string&) {
    return add(session, match, NullPort{});
}

Result<Reply> port_add_vhost(Session& session, const command::Match& match, const std::string&) {
    if (auto is = check_socket(*match.argument("PATH")); !is) return is.error();
    return add(session, match, VhostPort{text_of(match, "PATH"), match.has("server")});
}

Result<Reply> port_add_gen(Session& session, const command::Match& match, const std::string&) {
    GenPort gen;
    take(match, "SIZE", gen.size);
    take(match, "FLOWS", gen.flows);
    take(match, "RATE", gen.rate);
    take(match, "COUNT", gen.count);
    take(match, "VLAN", gen.vid);
    if (const auto* item = match.argument("SRC")) {
        const auto mac = station(*item);
        if (!mac) return mac.error();
        gen.source = *mac;
    }
    if (const auto* item = match.argument("DST")) gen.destination = *parse_mac(item->value);
    return add(session, match, gen);
}

Result<Reply> port_add_memif(Session& session, const command::Match& match, const std::string&) {
    if (auto is = check_socket(*match.argument("PATH")); !is) return is.error();
    MemifPort memif{text_of(match, "PATH"), !match.has("client"), 0};
    take(match, "ID", memif.id);
    return add(session, match, std::move(memif));
}

Result<Reply> port_add_af_xdp(Session& session, const command::Match& match, const std::string&) {
    return add(session, match, AfXdpPort{text_of(match, "DEVICE")});
}

}  // namespace weft
