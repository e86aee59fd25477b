#include "perf/hook/acl.hpp"

#include <rte_acl.h>

#include <cstring>

#include "weft/net/byte_order.hpp"

namespace weft::perf {

namespace {

constexpr unsigned field_count = 8;
RTE_ACL_RULE_DEF(AclRule, field_count);

constexpr rte_acl_field_def fields[field_count] = {
    {.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 1, .field_index = 0, .input_index = 0, .offset = 0},
    {.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4, .field_index = 1, .input_index = 1, .offset = 4},
    {.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4, .field_index = 2, .input_index = 2, .offset = 8},
    {.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .field_index = 3, .input_index = 3, .offset = 12},
    {.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .field_index = 4, .input_index = 3, .offset = 14},
    {.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 4, .field_index = 5, .input_index = 4, .offset = 16},
    {.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 2, .field_index = 6, .input_index = 5, .offset = 20},
    {.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 2, .field_index = 7, .input_index = 5, .offset = 22}};

AclRule acl_rule(const PlainRule& rule, std::uint32_t number) {
    AclRule acl{};
    acl.data.category_mask = 1;
    acl.data.priority = static_cast<std::int32_t>(RTE_ACL_MAX_PRIORITY - number);
    acl.data.userdata = number;
    acl.field[0].value.u8 = rule.protocol;
    acl.field[0].mask_range.u8 = rule.protocol ? 0xff : 0;
    acl.field[1].value.u32 = rule.source;
    acl.field[1].mask_range.u32 = rule.source_length;
    acl.field[2].value.u32 = rule.destination;
    acl.field[2].mask_range.u32 = rule.destination_length;
    acl.field[3].value.u16 = rule.source_low;
    acl.field[3].mask_range.u16 = rule.source_high;
    acl.field[4].value.u16 = rule.destination_low;
    acl.field[4].mask_range.u16 = rule.destination_high;
    acl.field[5].value.u32 = static_cast<std::uint32_t>(rule.mac >> 16);
    acl.field[5].mask_range.u32 = rule.mac ? 0xffff'ffff : 0;
    acl.field[6].value.u16 = static_cast<std::uint16_t>(rule.mac);
    acl.field[6].mask_range.u16 = rule.mac ? 0xffff : 0;
    return acl;
}

}  // namespace

std::unique_ptr<Acl> Acl::build(const std::vector<PlainRule>& rules, std::size_t max_bytes) {
    rte_acl_param param{.name = "bench",
                        .socket_id = 0,
                        .rule_size = RTE_ACL_RULE_SZ(field_count),
                        .max_rule_num = static_cast<std::uint32_t>(rules.size())};
    std::unique_ptr<Acl> acl(new Acl(rte_acl_create(&param)));
    if (!acl->context_) return nullptr;
    std::uint32_t number = 0;
    for (const auto& rule : rules) {
        const auto one = acl_rule(rule, ++number);
        if (rte_acl_add_rules(acl->context_, reinterpret_cast<const rte_acl_rule*>(&one), 1) != 0)
            return nullptr;
    }
    rte_acl_config config{};
    config.num_categories = 1;
    config.num_fields = field_count;
    config.max_size = max_bytes;
    std::memcpy(config.defs, fields, sizeof fields);
    return rte_acl_build(acl->context_, &config) == 0 ? std::move(acl) : nullptr;
}

Acl::~Acl() {
    rte_acl_free(context_);
}

void Acl::add(const PlainPacket& packet) {
    Key key{};
    key.bytes[0] = packet.protocol;
    const auto put = [&](std::size_t at, auto value) { std::memcpy(&key.bytes[at], &value, sizeof value); };
    put(4, be32{packet.source});
    put(8, be32{packet.destination});
    put(12, be16{packet.source_port});
    put(14, be16{packet.destination_port});
    put(16, be32{static_cast<std::uint32_t>(packet.mac >> 16)});
    put(20, be16{static_cast<std::uint16_t>(packet.mac)});
    keys_.push_back(key);
}

std::uint32_t Acl::find(std::size_t packet) const {
    const std::uint8_t* data = keys_[packet].bytes;
    std::uint32_t result = 0;
    rte_acl_classify(context_, &data, &result, 1, 1);
    return result;
}

}  // namespace weft::perf
