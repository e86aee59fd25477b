#include "control/kernel/netlink.hpp"

#include <fmt/core.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "control/kernel/netlink_message.hpp"

namespace weft {
namespace {

/// One request on its way: what the callbacks below collect.
struct Exchange {
    const std::function<void(const nlmsghdr*)>* on_message;
    int error = 0;  ///< errno
    std::string words;
    bool interrupted = false;  ///< NLM_F_DUMP_INTR: the tables changed during the dump
    bool finished = false;
};

int on_valid(nl_msg* message, void* argument) {
    auto& exchange = *static_cast<Exchange*>(argument);
    const auto* header = nlmsg_hdr(message);
    if (header->nlmsg_flags & NLM_F_DUMP_INTR) exchange.interrupted = true;
    if (*exchange.on_message) (*exchange.on_message)(header);
    return NL_OK;
}

int on_finish(nl_msg* message, void* argument) {
    auto& exchange = *static_cast<Exchange*>(argument);
    if (message && nlmsg_hdr(message)->nlmsg_flags & NLM_F_DUMP_INTR) exchange.interrupted = true;
    exchange.finished = true;
    return NL_STOP;
}

int on_error(sockaddr_nl*, nlmsgerr* answer, void* argument) {
    auto& exchange = *static_cast<Exchange*>(argument);
    exchange.error = -answer->error;
    exchange.finished = true;
    // NETLINK_CAP_ACK is set, so the attributes follow the nlmsgerr at once.
    auto* header = reinterpret_cast<nlmsghdr*>(reinterpret_cast<char*>(answer) - NLMSG_HDRLEN);
    const int length =
        static_cast<int>(header->nlmsg_len) - NLMSG_HDRLEN - static_cast<int>(sizeof(nlmsgerr));
    if ((header->nlmsg_flags & NLM_F_ACK_TLVS) && length > 0) {
        const auto* text = nla_find(reinterpret_cast<nlattr*>(answer + 1), length, NLMSGERR_ATTR_MSG);
        if (text)
            exchange.words.assign(
                static_cast<const char*>(nla_data(text)),
                strnlen(static_cast<const char*>(nla_data(text)), static_cast<std::size_t>(nla_len(text))));
    }
    return NL_STOP;
}

}  // namespace

void Netlink::Free::operator()(nl_sock* socket) const noexcept {
    nl_socket_free(socket);
}
Netlink::Netlink(std::unique_ptr<nl_sock, Free> socket) : socket_(std::move(socket)) {}
Netlink::Netlink(Netlink&&) noexcept = default;
Netlink& Netlink::operator=(Netlink&&) noexcept = default;
Netlink::~Netlink() = default;

Result<Netlink> Netlink::open(const Netns& netns) {
    return run_in(netns, []() -> Result<Netlink> {
        std::unique_ptr<nl_sock, Free> socket{nl_socket_alloc()};
        if (!socket) return refuse("no memory for a netlink socket");
        if (const int error = nl_connect(socket.get(), NETLINK_ROUTE); error < 0)
            return refuse(fmt::format("cannot open a netlink socket: {}", nl_geterror(error)));
        const int on = 1;
        const int descriptor = nl_socket_get_fd(socket.get());
        setsockopt(descriptor, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
        setsockopt(descriptor, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
        setsockopt(descriptor, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
        nl_socket_set_msg_buf_size(socket.get(), 64 * 1024);
        return Netlink{std::move(socket)};
    });
}

Result<bool> Netlink::exchange_once(nl_msg* request, const std::string& what, const OnMessage& on_message,
                                    int ignored_error) {
    Exchange exchange{&on_message, 0, {}, false, false};
    nl_cb* callbacks = nl_cb_alloc(NL_CB_CUSTOM);
    nl_cb_set(callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &exchange);
    nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &exchange);
    nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_finish, &exchange);
    nl_cb_err(callbacks, NL_CB_CUSTOM, on_error, &exchange);
    nlmsg_hdr(request)->nlmsg_seq = NL_AUTO_SEQ;
    int error = nl_send_auto(socket_.get(), request);
    while (error >= 0 && !exchange.finished)
        error = nl_recvmsgs(socket_.get(), callbacks);
    nl_cb_put(callbacks);
    if (exchange.error && exchange.error != ignored_error && what.empty())
        return refuse(
            exchange.words.empty()
                ? fmt::format("RTNETLINK answers: {}", std::strerror(exchange.error))
                : fmt::format("Error: {}{}", exchange.words, exchange.words.ends_with('.') ? "" : "."));
    if (exchange.error && exchange.error != ignored_error)
        return refuse(fmt::format("{}: {}{}{}", what, std::strerror(exchange.error),
                                  exchange.words.empty() ? "" : ": ", exchange.words));
    if (error < 0 && !exchange.finished)
        return refuse(fmt::format("{}: netlink: {}", what, nl_geterror(error)));
    return !exchange.interrupted;
}

Result<> Netlink::exchange(nl_msg* request, const std::string& what, const OnMessage& on_message,
                           int ignored_error) {
    auto done = exchange_once(request, what, on_message, ignored_error);
    if (!done) return std::move(done).error();
    return {};
}

Result<> Netlink::dump(nl_msg* request, const std::string& what, const std::function<void()>& on_start,
                       const OnMessage& on_message) {
    // A dump is cut into pieces; if the tables change between two of them the kernel says so, and it is void.
    for (int attempt = 0; attempt < 16; ++attempt) {
        on_start();
        auto whole = exchange_once(request, what, on_message, 0);
        if (!whole) return std::move(whole).error();
        if (*whole) return {};
    }
    return refuse(fmt::format("{}: the kernel's tables change too fast to be read", what));
}

Result<std::optional<KernelLink>> Netlink::one_link(int index, const std::string& name) {
    ifinfomsg body{};
    body.ifi_index = index;
    const auto message = make_message(RTM_GETLINK, 0, body);
    if (!name.empty()) nla_put_string(message.get(), IFLA_IFNAME, name.c_str());
    std::optional<KernelLink> found;
    auto done = exchange(
        message.get(), name.empty() ? fmt::format("link {}", index) : name,
        [&](const nlmsghdr* header) { found = parse_link(header); }, ENODEV);
    if (!done) return std::move(done).error();
    return found;
}

Result<std::optional<KernelLink>> Netlink::link(const std::string& name) {
    return one_link(0, name);
}
Result<std::optional<KernelLink>> Netlink::link(int index) {
    return one_link(index, {});
}

Result<std::vector<KernelLink>> Netlink::links(std::string_view alias_prefix) {
    std::vector<KernelLink> all;
    auto done = dump(
        make_message(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{}).get(), "links", [&] { all.clear(); },
        [&](const nlmsghdr* header) {
            auto link = parse_link(header);
            if (link && link->alias.starts_with(alias_prefix)) all.push_back(std::move(*link));
        });
    if (!done) return std::move(done).error();
    return all;
}

Result<> Netlink::change_link(int index, const std::string& what, std::uint32_t mask, std::uint32_t flags,
                              const std::function<void(nl_msg*)>& attributes) {
    ifinfomsg body{};
    body.ifi_index = index;
    body.ifi_change = mask;
    body.ifi_flags = flags;
    const auto message = make_message(RTM_NEWLINK, 0, body);
    if (attributes) attributes(message.get());
    return exchange(message.get(), what);
}

Result<> Netlink::set_flags(int index, std::uint32_t mask, std::uint32_t flags) {
    return change_link(index, fmt::format("flags of link {}", index), mask, flags);
}
Result<> Netlink::set_up(int index, bool up) {
    return change_link(index, fmt::format("link {} {}", index, up ? "up" : "down"), IFF_UP, up ? IFF_UP : 0);
}
Result<> Netlink::set_mtu(int index, std::uint32_t mtu) {
    return change_link(index, fmt::format("mtu {} of link {}", mtu, index), 0, 0,
                       [&](nl_msg* m) { nla_put_u32(m, IFLA_MTU, mtu); });
}
Result<> Netlink::set_mac(int index, const MacAddress& mac) {
    return change_link(index, fmt::format("address {} of link {}", to_string(mac), index), 0, 0,
                       [&](nl_msg* m) { nla_put(m, IFLA_ADDRESS, 6, mac.bytes.data()); });
}
Result<> Netlink::set_alias(int index, const std::string& alias) {
    return change_link(index, fmt::format("alias of link {}", index), 0, 0, [&](nl_msg* m) {
        nla_put(m, IFLA_IFALIAS, static_cast<int>(alias.size()), alias.data());
    });
}
// The kernel deletes a group of links at once. The number is drawn, so that nobody else's links are in it.
Result<> Netlink::delete_links(const std::vector<int>& indexes) {
    std::uint32_t group = 0;
    while (group == 0)
        if (getrandom(&group, sizeof group, 0) != sizeof group) std::abort();
    bool some = false;
    for (const int index : indexes) {
        ifinfomsg body{};
        body.ifi_index = index;
        const auto message = make_message(RTM_NEWLINK, 0, body);
        nla_put_u32(message.get(), IFLA_GROUP, group);
        if (auto set = exchange(message.get(), fmt::format("group of link {}", index), {}, ENODEV); !set)
            return set;
        some = true;
    }
    if (!some) return {};
    const auto message = make_message(RTM_DELLINK, 0, ifinfomsg{});
    nla_put_u32(message.get(), IFLA_GROUP, group);
    return exchange(message.get(), "deletion of links", {}, ENODEV);
}
Result<> Netlink::delete_link(int index) {
    ifinfomsg body{};
    body.ifi_index = index;
    return exchange(make_message(RTM_DELLINK, 0, body).get(), fmt::format("deletion of link {}", index));
}

}  // namespace weft
