#include "dataplane/ingress/ingress.hpp"

namespace weft {

bool fits_with_tags(Packet& packet, std::uint16_t mtu) noexcept {
    std::uint32_t allowed = mtu + std::uint32_t{ethernet_header_size};
    std::uint16_t type_at = ethernet_header_size - sizeof(be16);
    // A stripped tag is not part of length(): it needs no allowance.
    for (int tags = 0; tags < 2; ++tags) {
        if (packet.head_length() < type_at + sizeof(be16) ||
            !is_vlan_tpid(packet.header<be16>(type_at)->host()))
            break;
        allowed += vlan_tag_size;
        type_at += vlan_tag_size;
    }
    return packet.length() <= allowed;
}

}  // namespace weft
