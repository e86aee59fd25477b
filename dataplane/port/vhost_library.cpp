#include "dataplane/port/vhost_library.hpp"

#include <dirent.h>
#include <rte_log.h>
#include <rte_vhost.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <climits>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

namespace weft::ports {

namespace {

// Feature bits that are not offered: UDP fragmentation offload, which weft has not; dirty page logging,
// without which QEMU does not migrate; several queues to a port that has one.
constexpr unsigned feature_host_ufo = 14, feature_guest_ufo = 10, feature_mq = 22, feature_log_all = 26;
constexpr std::uint32_t request_get_queue_num = 17, flag_need_reply = 8;

/// Ports by path. Held for look-ups only: a port outlives the calls of its path.
std::mutex registry_lock;
std::map<std::string, Vhost*>& registry() {
    static std::map<std::string, Vhost*> all;
    return all;
}

Vhost* port_of(int device) {
    char path[PATH_MAX];
    if (rte_vhost_get_ifname(device, path, sizeof path) != 0) return nullptr;
    const std::lock_guard guard{registry_lock};
    const auto found = registry().find(path);
    return found == registry().end() ? nullptr : found->second;
}

/// The begin of the library's message (struct VhostUserMsg of vhost-user), packed.
struct Message {
    std::uint32_t request, flags, size;
    std::uint8_t payload[8];
};

rte_vhost_msg_result before(int device, void* message) {
    Vhost* port = port_of(device);
    if (!port) return RTE_VHOST_MSG_RESULT_ERR;
    auto& m = *static_cast<Message*>(message);
    port->before_message(device, m.request);
    if (m.request != request_get_queue_num) return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
    // The library would promise 128 pairs, and the guest might send by one that nobody polls.
    const std::uint64_t pairs = port->queue_pairs();
    std::memcpy(m.payload, &pairs, sizeof pairs);
    m.size = sizeof pairs;
    return RTE_VHOST_MSG_RESULT_REPLY;
}

rte_vhost_msg_result after(int device, void* message) {
    Vhost* port = port_of(device);
    auto& m = *static_cast<Message*>(message);
    if (port && port->after_message(device, m.request)) return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
    m.flags &= ~flag_need_reply;  // with an answer the connection would go on
    return RTE_VHOST_MSG_RESULT_ERR;
}

constexpr rte_vhost_user_extern_ops around_messages{.pre_msg_handle = before, .post_msg_handle = after};

/// Whether a socket is one end of a connection through `path`.
bool is_connection(int fd, const std::string& path) {
    int listens = 0;
    socklen_t size = sizeof listens;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens) return false;
    for (auto* name : {getsockname, getpeername}) {
        sockaddr_un address{};
        socklen_t length = sizeof address - 1;
        if (name(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0 && address.sun_family == AF_UNIX &&
            path == address.sun_path)
            return true;
    }
    return false;
}

/// The library reads messages of all guests in one thread, and waits for the end of each: not for long. It
/// does not tell the socket.
void limit_waiting(const std::string& path) {
    const timeval limit{.tv_sec = 1, .tv_usec = 0};
    const std::unique_ptr<DIR, int (*)(DIR*)> all{opendir("/proc/self/fd"), closedir};
    for (const dirent* entry = all ? readdir(all.get()) : nullptr; entry; entry = readdir(all.get())) {
        const int fd = std::atoi(entry->d_name);
        if (entry->d_type != DT_LNK || !is_connection(fd, path)) continue;
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
}

int new_connection(int device) {
    Vhost* port = port_of(device);
    if (!port || !port->connected(device)) return -1;
    limit_waiting(port->path());
    return rte_vhost_extern_callback_register(device, &around_messages, nullptr);
}

void destroy_connection(int device) {
    if (Vhost* port = port_of(device)) port->disconnected(device);
}

int new_device(int device) {
    if (Vhost* port = port_of(device)) port->started(device);
    return 0;
}

void destroy_device(int device) {
    if (Vhost* port = port_of(device)) port->stopped(device);
}

int vring_state_changed(int device, std::uint16_t ring, int enable) {
    if (Vhost* port = port_of(device)) port->ring_is_ready(device, ring, enable != 0);
    return 0;
}

const rte_vhost_device_ops operations = [] {
    rte_vhost_device_ops all{};
    all.new_device = new_device;
    all.destroy_device = destroy_device;
    all.vring_state_changed = vring_state_changed;
    all.new_connection = new_connection;
    all.destroy_connection = destroy_connection;
    return all;
}();

}  // namespace

Result<> enlist_vhost(Vhost& port, const std::string& path, bool server) {
    // A guest can make it write a line as often as it likes; what matters is counted.
    rte_log_set_level_pattern("lib.vhost.*", RTE_LOG_CRIT);
    const char* p = path.c_str();
    if (rte_vhost_driver_register(
            p, (server ? 0 : RTE_VHOST_USER_CLIENT) | RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS) != 0)
        return refuse("no more vhost-user sockets: the library has room for 1024");
    std::uint64_t unwanted = std::uint64_t{1} << feature_host_ufo | std::uint64_t{1} << feature_guest_ufo |
                             std::uint64_t{1} << feature_log_all;
    if (port.queue_pairs() == 1) unwanted |= std::uint64_t{1} << feature_mq;
    {
        const std::lock_guard guard{registry_lock};
        registry()[path] = &port;
    }
    if (rte_vhost_driver_disable_features(p, unwanted) == 0 &&
        rte_vhost_driver_callback_register(p, &operations) == 0 && rte_vhost_driver_start(p) == 0)
        return {};
    dismiss_vhost(path);
    return refuse("cannot listen at " + path);
}

void dismiss_vhost(const std::string& path) {
    rte_vhost_driver_unregister(path.c_str());
    const std::lock_guard guard{registry_lock};
    registry().erase(path);
}

}  // namespace weft::ports
