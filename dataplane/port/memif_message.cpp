#include "dataplane/port/memif_message.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weft::ports {

namespace {

template <std::size_t size>
void copy_name(char (&to)[size], std::string_view from) {
    from.copy(to, size - 1);
}

}  // namespace

MemifRead read_message(int socket, MemifMessage& into) {
    into = {};
    iovec iov{&into.text, sizeof into.text};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(4 * sizeof(int))> control;
    msghdr header{};
    header.msg_iov = &iov;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const auto size = recvmsg(socket, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) return errno == EAGAIN || errno == EINTR ? MemifRead::nothing : MemifRead::ended;
    for (auto* part = CMSG_FIRSTHDR(&header); part; part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
        const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t i = 0; i < count; ++i) {
            int fd;
            std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
            into.descriptor = Fd{fd};  // the last stays, the others are closed
        }
    }
    return size == sizeof into.text ? MemifRead::message : MemifRead::ended;
}

bool send_message(int socket, const memif::Message& text, int descriptor) {
    iovec iov{const_cast<memif::Message*>(&text), sizeof text};
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &iov;
    header.msg_iovlen = 1;
    if (descriptor >= 0) {
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        auto* part = CMSG_FIRSTHDR(&header);
        part->cmsg_level = SOL_SOCKET;
        part->cmsg_type = SCM_RIGHTS;
        part->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
    }
    return sendmsg(socket, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof text;
}

void send_disconnect(int socket, std::string_view reason) {
    memif::Message message;
    message.type = memif::MessageType::disconnect;
    copy_name(message.disconnect.reason, reason);
    send_message(socket, message);
}

memif::Message hello_message() {
    memif::Message message;
    message.type = memif::MessageType::hello;
    copy_name(message.hello.name, "weft");
    message.hello.min_version = message.hello.max_version = memif::version;
    message.hello.max_region = memif::max_regions - 1;
    message.hello.max_s2c_ring = message.hello.max_c2s_ring = memif::max_rings - 1;
    message.hello.max_log2_ring_size = memif::max_log2_ring_size;
    return message;
}

memif::Message init_message(std::uint32_t id) {
    memif::Message message;
    message.type = memif::MessageType::init;
    message.init.version = memif::version;
    message.init.id = id;
    copy_name(message.init.name, "weft");
    return message;
}

memif::Message named_message(memif::MessageType type, std::string_view name) {
    memif::Message message;
    message.type = type;
    copy_name(message.named.name, name);
    return message;
}

}  // namespace weft::ports
