// Who may do what on the socket: root and the socket's owner everything, members of its group read.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weft/result.hpp"

namespace weft::server {

/// The process at the other end of a Unix socket, as it was when it connected (SO_PEERCRED, SO_PEERGROUPS).
struct Peer {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  ///< supplementary
};

enum class Rights { none, read, all };

/// Asks the kernel; refused if it does not tell.
[[nodiscard]] Result<Peer> peer_of(int socket);

/// What a peer may do on a socket file with this owner and group.
[[nodiscard]] Rights rights_of(const Peer& peer, uid_t owner, gid_t group) noexcept;

/// Why a line may not be run with the rights to read, if so: it has to be a command that shows or streams.
[[nodiscard]] std::optional<Error> refused_to_reader(std::span<const std::string> argv);

}  // namespace weft::server
