#include "control/route/mirror_socket.hpp"

#include <fmt/core.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>

namespace weft {

namespace {

constexpr int groups[] = {RTNLGRP_LINK,       RTNLGRP_NEIGH,        RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                          RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE,   RTNLGRP_IPV4_RULE,   RTNLGRP_IPV6_RULE,
                          RTNLGRP_NEXTHOP,    RTNLGRP_IPV4_NETCONF, RTNLGRP_IPV6_NETCONF};

/// A header and a body, zeroed.
template <class Body>
struct Request {
    nlmsghdr header{};
    Body body{};
};

template <class Body>
bool send_request(int descriptor, int type, int flags, std::uint32_t sequence, const Body& body) {
    Request<Body> request;
    request.header.nlmsg_len = NLMSG_SPACE(sizeof body);  // netconf asks for the padding
    request.header.nlmsg_type = static_cast<std::uint16_t>(type);
    request.header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    request.header.nlmsg_seq = sequence;
    request.body = body;
    return send(descriptor, &request, request.header.nlmsg_len, 0) >= 0;
}

}  // namespace

MirrorSocket::MirrorSocket(Descriptor descriptor, std::uint32_t port, std::size_t datagrams)
    : descriptor_(std::move(descriptor)),
      port_(port),
      buffer_(std::make_unique<std::byte[]>(datagrams * datagram_size)),
      vectors_(datagrams),
      headers_(datagrams) {
    for (std::size_t i = 0; i < datagrams; ++i) {
        vectors_[i] = {buffer_.get() + i * datagram_size, datagram_size};
        headers_[i].msg_hdr.msg_iov = &vectors_[i];
        headers_[i].msg_hdr.msg_iovlen = 1;
    }
}

Result<MirrorSocket> MirrorSocket::open(const Netns& netns, std::size_t buffer, bool subscribed) {
    return run_in(netns, [&]() -> Result<MirrorSocket> {
        const auto failed = [] {
            return refuse(fmt::format("cannot follow the kernel's routes: {}", std::strerror(errno)));
        };
        Descriptor descriptor{socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE)};
        if (!descriptor) return failed();
        const int size = static_cast<int>(buffer);
        // Beyond net.core.rmem_max where the rights allow it.
        if (setsockopt(descriptor.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
            setsockopt(descriptor.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
        const int on = 1;
        setsockopt(descriptor.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        sockaddr_nl address{};
        address.nl_family = AF_NETLINK;
        if (bind(descriptor.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
            return failed();
        socklen_t length = sizeof address;
        if (getsockname(descriptor.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
            return failed();
        if (subscribed)
            for (const int group : groups)
                if (setsockopt(descriptor.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) !=
                    0)
                    return failed();
        return MirrorSocket{std::move(descriptor), address.nl_pid, subscribed ? datagram_count : 1};
    });
}

int MirrorSocket::receive() {
    const int n = recvmmsg(descriptor_.get(), headers_.data(), static_cast<unsigned>(headers_.size()),
                           MSG_DONTWAIT, nullptr);
    if (n >= 0) {
        // A datagram that does not fit is lost, too.
        for (int i = 0; i < n; ++i)
            if (headers_[static_cast<std::size_t>(i)].msg_hdr.msg_flags & MSG_TRUNC) return -1;
        return n;
    }
    return errno == ENOBUFS ? -1 : 0;
}

bool MirrorSocket::ask_for(RouteDump kind, std::uint32_t sequence) {
    const int descriptor = descriptor_.get();
    const auto family = [&](bool v6) { return static_cast<std::uint8_t>(v6 ? AF_INET6 : AF_INET); };
    switch (kind) {
        case RouteDump::links:
            return send_request(descriptor, RTM_GETLINK, NLM_F_DUMP, sequence, ifinfomsg{});
        case RouteDump::addresses:
            return send_request(descriptor, RTM_GETADDR, NLM_F_DUMP, sequence, ifaddrmsg{});
        case RouteDump::netconf4:
        case RouteDump::netconf6:
            return send_request(descriptor, RTM_GETNETCONF, NLM_F_DUMP, sequence,
                                netconfmsg{.ncm_family = family(kind == RouteDump::netconf6)});
        case RouteDump::nexthops:
            return send_request(descriptor, RTM_GETNEXTHOP, NLM_F_DUMP, sequence, nhmsg{});
        case RouteDump::neighbours:
            return send_request(descriptor, RTM_GETNEIGH, NLM_F_DUMP, sequence, ndmsg{});
        case RouteDump::routes4:
        case RouteDump::routes6: {
            rtmsg body{};
            body.rtm_family = family(kind == RouteDump::routes6);
            return send_request(descriptor, RTM_GETROUTE, NLM_F_DUMP, sequence, body);
        }
        case RouteDump::rules4:
        case RouteDump::rules6: {
            fib_rule_hdr body{};
            body.family = family(kind == RouteDump::rules6);
            return send_request(descriptor, RTM_GETRULE, NLM_F_DUMP, sequence, body);
        }
    }
    return false;
}

void MirrorSocket::use_neighbour(int device, bool v6, const IpAddress& address) {
    struct Body {
        ndmsg neighbour;
        nlattr header;
        std::uint8_t address[16];
    } body{};
    const std::uint16_t size = v6 ? 16 : 4;
    body.neighbour.ndm_family = static_cast<std::uint8_t>(v6 ? AF_INET6 : AF_INET);
    body.neighbour.ndm_ifindex = device;
    body.neighbour.ndm_state = NUD_NONE;
    body.neighbour.ndm_flags = NTF_USE;
    body.header = {static_cast<std::uint16_t>(sizeof(nlattr) + size), NDA_DST};
    std::memcpy(body.address, address.bytes.data(), size);
    struct {
        nlmsghdr header;
        Body body;
    } request{};
    request.header.nlmsg_len =
        static_cast<std::uint32_t>(NLMSG_LENGTH(sizeof(ndmsg) + sizeof(nlattr)) + size);
    request.header.nlmsg_type = RTM_NEWNEIGH;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
    request.body = body;
    // Without NLM_F_ACK only a refusal is answered; nobody waits for it.
    static_cast<void>(receive());
    static_cast<void>(send(descriptor_.get(), &request, request.header.nlmsg_len, 0));
}

}  // namespace weft
