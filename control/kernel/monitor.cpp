#include "control/kernel/monitor.hpp"

#include <fmt/core.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <utility>

namespace weft {
namespace {

struct FreeSocket {
    void operator()(nl_sock* socket) const noexcept { nl_socket_free(socket); }
};

}  // namespace

struct KernelMonitor::State {
    std::unique_ptr<nl_sock, FreeSocket> socket;
    Callbacks callbacks;

    void take(const nlmsghdr* message) {
        switch (message->nlmsg_type) {
            case RTM_NEWLINK:
            case RTM_DELLINK: {
                const auto link = parse_link(message);
                // AF_BRIDGE messages tell of bridge ports: their RTM_DELLINK is not the device's end.
                if (!link || static_cast<const ifinfomsg*>(nlmsg_data(message))->ifi_family != AF_UNSPEC)
                    return;
                const auto& call = message->nlmsg_type == RTM_NEWLINK ? callbacks.link : callbacks.link_gone;
                if (call) call(*link);
                return;
            }
            case RTM_NEWADDR:
            case RTM_DELADDR: {
                const auto address = parse_address(message);
                if (address && callbacks.address)
                    callbacks.address(*address, message->nlmsg_type == RTM_NEWADDR);
                return;
            }
            default:
                return;
        }
    }
};

KernelMonitor::KernelMonitor(std::unique_ptr<State> state) : state_(std::move(state)) {}
KernelMonitor::KernelMonitor(KernelMonitor&&) noexcept = default;
KernelMonitor& KernelMonitor::operator=(KernelMonitor&&) noexcept = default;
KernelMonitor::~KernelMonitor() = default;

Result<KernelMonitor> KernelMonitor::open(const Netns& netns, Callbacks callbacks) {
    auto state = std::make_unique<State>();
    state->callbacks = std::move(callbacks);
    state->socket.reset(nl_socket_alloc());
    auto* socket = state->socket.get();
    if (!socket) return refuse("no memory for a netlink socket");
    nl_socket_disable_seq_check(socket);
    nl_socket_modify_cb(
        socket, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* message, void* argument) -> int {
            static_cast<State*>(argument)->take(nlmsg_hdr(message));
            return NL_OK;
        },
        state.get());
    return run_in(netns, [&]() -> Result<KernelMonitor> {
        int error = nl_connect(socket, NETLINK_ROUTE);
        if (error >= 0)
            error =
                nl_socket_add_memberships(socket, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0);
        if (error >= 0) error = nl_socket_set_nonblocking(socket);
        if (error < 0) return refuse(fmt::format("cannot watch the kernel's links: {}", nl_geterror(error)));
        nl_socket_set_buffer_size(socket, 1 << 20, 0);
        nl_socket_set_msg_buf_size(socket, 64 * 1024);
        return KernelMonitor{std::move(state)};
    });
}

int KernelMonitor::descriptor() const noexcept {
    return nl_socket_get_fd(state_->socket.get());
}

void KernelMonitor::on_readable() {
    bool lost = false;
    for (;;) {
        const int error = nl_recvmsgs_default(state_->socket.get());
        if (error >= 0 || error == -NLE_INTR) continue;
        // libnl calls ENOBUFS "no memory"; the socket works on, what overflowed is lost.
        if (error == -NLE_NOMEM || error == -NLE_DUMP_INTR) {
            lost = true;
            continue;
        }
        if (error != -NLE_AGAIN) lost = true;
        break;
    }
    if (lost && state_->callbacks.resync) state_->callbacks.resync();
}

}  // namespace weft
