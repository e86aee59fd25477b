#include "control/server/rights.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/command/grammar.hpp"
#include "control/command/program.hpp"

namespace weft::server {

Result<Peer> peer_of(int socket) {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return refuse(fmt::format("the peer of the socket is unknown: {}", std::strerror(errno)));
    Peer peer{credentials.uid, credentials.gid, {}};
    socklen_t bytes = 0;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, nullptr, &bytes) != 0 && errno == ERANGE) {
        peer.groups.resize(bytes / sizeof(gid_t));
        if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, peer.groups.data(), &bytes) != 0)
            peer.groups.clear();
    }
    return peer;
}

Rights rights_of(const Peer& peer, uid_t owner, gid_t group) noexcept {
    if (peer.uid == 0 || peer.uid == owner) return Rights::all;
    const bool member =
        peer.gid == group || std::find(peer.groups.begin(), peer.groups.end(), group) != peer.groups.end();
    return member ? Rights::read : Rights::none;
}

std::optional<Error> refused_to_reader(std::span<const std::string> argv) {
    const auto refused = [&] {
        return refuse(fmt::format("{}: not permitted: members of the socket's group may only read",
                                  command::program_word(argv)));
    };
    // "-f" and what else is no command of the table may change anything.
    if (!argv.empty() && argv.front().starts_with("-f")) return refused();
    const auto match = command::grammar().parse(argv);
    if (!match) return match.error();
    // Other people's frames are for root, as with libpcap.
    if (match->spec->name == "tcpdump") return refused();
    const auto effect = match->spec->effect;
    if (effect == command::Effect::show || effect == command::Effect::stream) return std::nullopt;
    // The client reads the file; the daemon compares it and changes nothing.
    if (match->spec->name == "check" || match->spec->name == "diff") return std::nullopt;
    return refused();
}

}  // namespace weft::server
