// -p, -s, -d, -i, -o, -m and -j: what a rule asks and does.
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "control/hook/command_reader.hpp"
#include "control/hook/names.hpp"

namespace weft::hook {

/// `-p tcp --dport 80` means `-p tcp -m tcp --dport 80`.
bool CommandReader::load_protocol() {
    if (protocol_.empty() || protocol_loaded_) return false;
    auto name = protocol_;
    if (parse_number(name, 0, 255)) name = protocol_name(command_.rule.protocol, false);
    const auto* kind = find_match(reading_.family, name);
    if (!kind) return false;
    protocol_loaded_ = true;
    add_match(*kind);
    return true;
}

void CommandReader::add_match(const MatchKind& kind) {
    bool known = false;
    unsigned owner = ++owners_;
    for (auto& other : matches_)
        if (other.kind == &kind) {
            other.completed = known = true;
            owner = other.owner;
        }
    matches_.push_back({&kind, kind.fresh(reading_.family), owner, word_, 0, false});
    if (!known) words_.add(owner, kind.options);
}

/// An option behind a target that iptables has and weft has not is that target's.
void CommandReader::refuse_unknown_target() {
    constexpr std::array<std::string_view, 25> others{
        "AUDIT",   "CHECKSUM", "CLASSIFY", "CLUSTERIP", "CONNSECMARK", "DNPT",        "DSCP",
        "ECN",     "HL",       "HMARK",    "IDLETIMER", "LED",         "NFLOG",       "NFQUEUE",
        "RATEEST", "SECMARK",  "SET",      "SNPT",      "SYNPROXY",    "TCPOPTSTRIP", "TEE",
        "TOS",     "TPROXY",   "TTL",      "ULOG"};
    if (std::find(others.begin(), others.end(), command_.jump) == others.end() || command_.extension) return;
    word_ = command_.jump_word;
    refuse_parameter("Couldn't load target `{}':No such file or directory\n", command_.jump);
}

template <class Variant>
void CommandReader::use(Loading<Variant>& loading, const LongOption& option, const Item& item) {
    if (item.has_text && words_.at() == item.word + 2) word_ = item.word + 1;
    OptionCall call{*option.extension,
                    loading.kind->name,
                    reading_.family,
                    inverted_,
                    item.text,
                    words_.peek(),
                    false,
                    command_.rule.protocol,
                    command_.rule.protocol_inverted,
                    warnings_};
    read_option(call, loading.seen);
    if (loading.kind->take) loading.kind->take(loading.data, call, environment_);
    if (call.next_taken) words_.skip();
}

bool CommandReader::take_extension(const Item& item) {
    const auto option = *item.option;
    if (target_.kind && target_.owner == option.owner) {
        use(target_, option, item);
        return true;
    }
    for (auto& match : matches_)
        if (match.owner == option.owner && !match.completed) {
            use(match, option, item);
            return true;
        }
    return true;
}

void CommandReader::take_protocol(std::string_view text) {
    set_option('p', true);
    protocol_ = text;
    std::transform(protocol_.begin(), protocol_.end(), protocol_.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto number = protocol_number(protocol_);
    if (!number) refuse_parameter("unknown protocol \"{}\" specified", protocol_);
    command_.rule.protocol = *number;
    if (*number == 0 && command_.rule.protocol_inverted) refuse_parameter("rule would never match protocol");
    warn_of_extension_header();
}

/// The kernel skips these headers and matches what comes after them.
void CommandReader::warn_of_extension_header() {
    const auto& rule = command_.rule;
    const bool skipped = rule.protocol == IPPROTO_ROUTING || rule.protocol == IPPROTO_FRAGMENT ||
                         rule.protocol == IPPROTO_AH || rule.protocol == IPPROTO_DSTOPTS;
    if (reading_.family == Family::ip6 && skipped && !rule.protocol_inverted)
        append(warnings_, "Warning: never matched protocol: {}. use extension match instead.\n", protocol_);
}

void CommandReader::take_jump(const Item& item) {
    set_option('j', false);
    const auto name = item.text;
    if (name.empty()) refuse_parameter("Invalid target name (too short)");
    if (name.size() >= name_limit)
        refuse_parameter("Invalid target name `{}' ({} chars max)", name, name_limit - 1);
    if (has_blank(name)) refuse_parameter("Invalid target name `{}'", name);
    command_.jump = name;
    command_.jump_word = word_;
    command_.go = item.letter == 'g';
    if (command_.go) return;
    target_.kind = find_target(reading_.family, name);
    if (!target_.kind) return;
    command_.extension = true;
    target_.data = target_.kind->fresh(reading_.family);
    target_.owner = ++owners_;
    target_.word = word_;
    words_.add(target_.owner, target_.kind->options);
}

void CommandReader::take_interface(char letter, std::string_view name, Interface& interface) {
    if (name.empty()) refuse_parameter("Empty interface is likely to be undesired");
    set_option(letter, true);
    interface = parse_interface(name, warnings_);
}

void CommandReader::take_match(std::string_view name) {
    if (inverted_) refuse_parameter("unexpected ! flag before --match");
    if (name.size() >= name_limit)
        refuse_parameter("Invalid match name \"{}\" ({} chars max)", name, name_limit - 1);
    const auto* kind = find_match(reading_.family, name);
    if (!kind) refuse_parameter("Couldn't load match `{}':No such file or directory\n", name);
    add_match(*kind);
}

template <class Variant>
void CommandReader::finish_one(const Loading<Variant>& loading) {
    word_ = loading.word;
    if (loading.kind->finish) loading.kind->finish(loading.data, loading.seen);
    check_options(loading.kind->name, loading.kind->options, loading.seen);
}

void CommandReader::finish_extensions() {
    for (const auto& match : matches_)
        finish_one(match);
    if (target_.kind) finish_one(target_);
}

void CommandReader::read_addresses() {
    const bool has_rule = command_.action & actions_with_rule;
    if (options_ & option_mask('s')) {
        word_ = source_word_;
        command_.sources = parse_prefixes(reading_.family, sources_);
    } else if (has_rule) {
        command_.sources.resize(1);
    }
    if (options_ & option_mask('d')) {
        word_ = destination_word_;
        command_.destinations = parse_prefixes(reading_.family, destinations_);
    } else if (has_rule) {
        command_.destinations.resize(1);
    }
    const auto& rule = command_.rule;
    if ((command_.sources.size() > 1 || command_.destinations.size() > 1) &&
        (rule.source_inverted || rule.destination_inverted))
        refuse_parameter("! not allowed with multiple source or destination IP addresses");
    word_ = all_.size();
}

}  // namespace weft::hook
