// Building netlink messages; for the .cpp files of this folder.
#pragma once

#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <memory>

namespace weft {

struct FreeMessage {
    void operator()(nl_msg* m) const noexcept { nlmsg_free(m); }
};
using Message = std::unique_ptr<nl_msg, FreeMessage>;

/// A request of this type with its fixed part; attributes are put after it.
template <class Body>
[[nodiscard]] Message make_message(int type, int flags, Body body) {
    Message message{nlmsg_alloc_simple(type, flags)};
    nlmsg_append(message.get(), &body, sizeof body, NLMSG_ALIGNTO);
    return message;
}

}  // namespace weft
