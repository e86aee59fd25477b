#include "control/flow/options.hpp"

#include <netinet/in.h>

#include <algorithm>

namespace weft::conntrack {

namespace {

constexpr option general[] = {
    {"dump", 2, nullptr, 'L'},      {"create", 2, nullptr, 'I'},     {"add", 2, nullptr, 'A'},
    {"delete", 2, nullptr, 'D'},    {"update", 2, nullptr, 'U'},     {"get", 2, nullptr, 'G'},
    {"flush", 2, nullptr, 'F'},     {"event", 2, nullptr, 'E'},      {"counter", 2, nullptr, 'C'},
    {"stats", 0, nullptr, 'S'},     {"version", 0, nullptr, 'V'},    {"help", 0, nullptr, 'h'},
    {"orig-src", 1, nullptr, 's'},  {"src", 1, nullptr, 's'},        {"orig-dst", 1, nullptr, 'd'},
    {"dst", 1, nullptr, 'd'},       {"reply-src", 1, nullptr, 'r'},  {"reply-dst", 1, nullptr, 'q'},
    {"protonum", 1, nullptr, 'p'},  {"timeout", 1, nullptr, 't'},    {"status", 1, nullptr, 'u'},
    {"zero", 0, nullptr, 'z'},      {"event-mask", 1, nullptr, 'e'}, {"tuple-src", 1, nullptr, '['},
    {"tuple-dst", 1, nullptr, ']'}, {"mask-src", 1, nullptr, '{'},   {"mask-dst", 1, nullptr, '}'},
    {"nat-range", 1, nullptr, 'a'}, {"mark", 1, nullptr, 'm'},       {"secmark", 1, nullptr, 'c'},
    {"id", 2, nullptr, 'i'},        {"family", 1, nullptr, 'f'},     {"src-nat", 2, nullptr, 'n'},
    {"dst-nat", 2, nullptr, 'g'},   {"output", 1, nullptr, 'o'},     {"buffer-size", 1, nullptr, 'b'},
    {"any-nat", 2, nullptr, 'j'},   {"zone", 1, nullptr, 'w'},       {"label", 1, nullptr, 'l'},
    {"label-add", 1, nullptr, '<'}, {"label-del", 2, nullptr, '>'},  {"orig-zone", 1, nullptr, '('},
    {"reply-zone", 1, nullptr, ')'}};

constexpr option of_ports[] = {{"orig-port-src", 1, nullptr, option_orig_source_port},
                               {"sport", 1, nullptr, option_orig_source_port},
                               {"orig-port-dst", 1, nullptr, option_orig_destination_port},
                               {"dport", 1, nullptr, option_orig_destination_port},
                               {"reply-port-src", 1, nullptr, option_reply_source_port},
                               {"reply-port-dst", 1, nullptr, option_reply_destination_port},
                               {"mask-port-src", 1, nullptr, option_mask_source_port},
                               {"mask-port-dst", 1, nullptr, option_mask_destination_port},
                               {"state", 1, nullptr, option_state},
                               {"tuple-port-src", 1, nullptr, option_tuple_source_port},
                               {"tuple-port-dst", 1, nullptr, option_tuple_destination_port}};
constexpr option of_icmp[] = {{"icmp-type", 1, nullptr, option_icmp_type},
                              {"icmp-code", 1, nullptr, option_icmp_code},
                              {"icmp-id", 1, nullptr, option_icmp_id}};
constexpr option of_icmpv6[] = {{"icmpv6-type", 1, nullptr, option_icmp_type},
                                {"icmpv6-code", 1, nullptr, option_icmp_code},
                                {"icmpv6-id", 1, nullptr, option_icmp_id}};

constexpr option of_sctp[] = {{"orig-vtag", 1, nullptr, option_orig_tag},
                              {"reply-vtag", 1, nullptr, option_reply_tag}};
constexpr option of_gre[] = {{"orig-key-src", 1, nullptr, option_orig_source_port},
                             {"srckey", 1, nullptr, option_orig_source_port},
                             {"orig-key-dst", 1, nullptr, option_orig_destination_port},
                             {"dstkey", 1, nullptr, option_orig_destination_port},
                             {"reply-key-src", 1, nullptr, option_reply_source_port},
                             {"reply-key-dst", 1, nullptr, option_reply_destination_port},
                             {"mask-key-src", 1, nullptr, option_mask_source_port},
                             {"mask-key-dst", 1, nullptr, option_mask_destination_port},
                             {"tuple-key-src", 1, nullptr, option_tuple_source_port},
                             {"tuple-key-dst", 1, nullptr, option_tuple_destination_port}};

// By option_letters.
constexpr std::array<std::string_view, 9> needs{
    "22222022000220202222202220022",  // list
    "33331000000000020002000020000",  // get
    "22222220000220222222000220022",  // delete
    "00000000000000002000000000000",  // flush
    "22222000200220202222222220022",  // event
    "00000000000000000000000000000",  // count
    "00000000000000000000000000000",  // statistics
    "00000000000000000000000000000",  // version
    "00002000000000000000000000000",  // help
};

constexpr std::array<std::string_view, 9> expect_needs{
    "00000000000000002002000000000",  // list
    "11221000000000000000000000000",  // get
    "11221000000000000000000000000",  // delete
    "00000000000000000000000000000",  // flush
    "00000000000000000002000000000",  // event
    "00000000000000000000000000000",  // count
    "00000000000000000000000000000",  // statistics
    "00000000000000000000000000000",  // version
    "00002000000000000000000000000",  // help
};

Need need_in(const std::array<std::string_view, 9>& all, Action action, char letter) {
    return static_cast<Need>(all[static_cast<std::size_t>(action)][option_letters.find(letter)] - '0');
}
bool is_port(int option) {
    return option >= option_orig_source_port && option <= option_reply_destination_port;
}

}  // namespace

std::vector<option> long_options(std::uint8_t protocol) {
    std::vector<option> all(std::begin(general), std::end(general));
    const auto add = [&](const auto& more) { all.insert(all.end(), std::begin(more), std::end(more)); };
    switch (protocol) {
        case IPPROTO_TCP:
            add(of_ports);
            break;
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
            add(of_ports);
            std::erase_if(all, [](const option& one) { return one.val == option_state; });
            break;
        case IPPROTO_SCTP:
            add(of_ports);
            add(of_sctp);
            break;
        case IPPROTO_GRE:
            add(of_gre);
            break;
        case IPPROTO_ICMP:
            add(of_icmp);
            break;
        case IPPROTO_ICMPV6:
            add(of_icmpv6);
            break;
        default:
            break;
    }
    all.push_back({nullptr, 0, nullptr, 0});
    return all;
}

std::string_view name_of_option(int letter) {
    // Messages have their own names for two of them.
    if (letter == 's') return "src";
    if (letter == 'd') return "dst";
    const auto* found = std::find_if(std::begin(general), std::end(general),
                                     [&](const option& one) { return one.val == letter; });
    return found == std::end(general) ? "unknown" : found->name;
}

Need need_of(Action action, char letter) {
    return need_in(needs, action, letter);
}
Need need_of_expect(Action action, char letter) {
    return need_in(expect_needs, action, letter);
}

std::span<const int> protocol_options(std::uint8_t protocol) {
    static constexpr std::array ports{option_orig_source_port + 0,
                                      option_orig_destination_port + 0,
                                      option_reply_source_port + 0,
                                      option_reply_destination_port + 0,
                                      option_mask_source_port + 0,
                                      option_mask_destination_port + 0,
                                      option_state + 0,
                                      option_orig_tag + 0,
                                      option_reply_tag + 0,
                                      option_tuple_source_port + 0,
                                      option_tuple_destination_port + 0};
    static constexpr std::array icmp{option_icmp_type + 0, option_icmp_code + 0, option_icmp_id + 0};
    switch (protocol) {
        case IPPROTO_TCP:
        case IPPROTO_UDP:
        case IPPROTO_UDPLITE:
        case IPPROTO_SCTP:
        case IPPROTO_GRE:
            return ports;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
            return icmp;
        default:
            return {};
    }
}

Need need_of_protocol_option(Action action, int option) {
    const bool selects = action == Action::list || action == Action::remove || action == Action::event;
    if (!selects && action != Action::get) return Need::illegal;
    if (is_port(option)) return selects ? Need::optional : Need::coupled;
    switch (option) {
        case option_icmp_type:
        case option_icmp_code:
            return selects ? Need::optional : Need::compulsory;
        case option_state:
        case option_icmp_id:
            return Need::optional;
        default:
            return Need::illegal;
    }
}

/// The program wants the reply's ports too, though it looks at the original's alone.
Need need_of_expect_protocol_option(Action action, int option) {
    const bool names_one = action == Action::get || action == Action::remove;
    return names_one && is_port(option) ? Need::compulsory : Need::illegal;
}

}  // namespace weft::conntrack
