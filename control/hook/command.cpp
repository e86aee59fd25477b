#include "control/hook/command_reader.hpp"

#include <cctype>
#include <charconv>
#include <optional>

#include "control/hook/names.hpp"

namespace weft::hook {

namespace {

constexpr std::string_view rule_options = "sdpjviof";

std::string_view options_allowed(std::uint32_t action) {
    switch (action) {
        case action_insert:
        case action_replace:
        case action_append:
            return "sdpjviocf";
        case action_delete:
        case action_check:
            return rule_options;
        case action_list:
            return "nvx0";
        case action_set_policy:
            return "vc";
        default:
            return "v";
    }
}

/// The number at the start of a text, as sscanf reads %llu.
std::optional<std::uint64_t> read_counter(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
        text.remove_prefix(1);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data()) return std::nullopt;
    return value;
}

}  // namespace

Command CommandReader::read() {
    command_.table = reading_.table;
    // no save file could hold it
    for (word_ = 0; word_ < all_.size(); ++word_)
        if (all_[word_].find_first_of(std::string_view("\n\0", 2)) != std::string::npos)
            refuse_parameter("Newlines not allowed in an argument");
    while (!over_) {
        auto item = words_.next();
        word_ = item.word;
        if (item.kind == Item::Kind::end) break;
        if (!take(item)) continue;
        inverted_ = false;
    }
    if (over_) return std::move(command_);
    word_ = all_.size();
    finish();
    return std::move(command_);
}

/// False: what `!` before it says stays in force.
bool CommandReader::take(const Item& item) {
    switch (item.kind) {
        case Item::Kind::plain:
            return take_plain(item.text);
        case Item::Kind::extension:
            return take_extension(item);
        case Item::Kind::letter:
            return take_letter(item);
        default:
            return take_unknown(item);
    }
}

bool CommandReader::take_plain(std::string_view word) {
    if (word != "!") throw Refusal{Status::parameter, fmt::format("Bad argument `{}'", word), true};
    if (inverted_) refuse_parameter("multiple consecutive ! not allowed");
    inverted_ = true;
    return false;
}

bool CommandReader::take_unknown(const Item& item) {
    if (load_protocol()) {
        words_.again();
        return false;
    }
    refuse_unknown_target();
    const auto& word = all_[item.word];
    if (item.kind == Item::Kind::missing_argument) {
        const auto name = word.starts_with("--") ? word : fmt::format("-{}", item.letter);
        refuse_parameter("option \"{}\" requires an argument", name);
    }
    refuse_parameter("unknown option \"{}\"", word);
}

bool CommandReader::take_letter(const Item& item) {
    if (item.has_text && words_.at() == item.word + 2) word_ = item.word + 1;
    switch (item.letter) {
        case 'A':
        case 'C':
        case 'D':
        case 'R':
        case 'I':
        case 'L':
        case 'S':
        case 'F':
        case 'Z':
        case 'N':
        case 'X':
        case 'E':
        case 'P':
            take_action(item);
            break;
        case 'p':
            take_protocol(item.text);
            break;
        case 's':
            set_option('s', true);
            sources_ = item.text;
            source_word_ = word_;
            break;
        case 'd':
            set_option('d', true);
            destinations_ = item.text;
            destination_word_ = word_;
            break;
        case 'g':
        case 'j':
            take_jump(item);
            break;
        case 'i':
            take_interface('i', item.text, command_.rule.in);
            break;
        case 'o':
            take_interface('o', item.text, command_.rule.out);
            break;
        case 'f':
            if (reading_.family == Family::ip6)
                refuse_parameter("`-f' is not supported in IPv6, use -m frag instead");
            set_option('f', true);
            command_.rule.fragment = true;
            break;
        case 'm':
            take_match(item.text);
            break;
        default:
            take_flag(item);
    }
    return true;
}

void CommandReader::take_flag(const Item& item) {
    switch (item.letter) {
        case 'v':
            if (!command_.verbose) set_option('v', false);
            command_.verbose = true;
            break;
        case 'n':
            set_option('n', false), command_.numeric = true;
            break;
        case 'x':
            set_option('x', false), command_.exact = true;
            break;
        case '0':
            set_option('0', false), command_.line_numbers = true;
            break;
        case 't':
            take_table(item.text);
            break;
        case 'c':
            take_counters(item.text);
            break;
        case 'w':
        case 'W':
            take_wait(item);
            break;
        case '4':
            take_family(Family::ip);
            break;
        case '6':
            take_family(Family::ip6);
            break;
        case 'V':
            command_.output = inverted_ ? fmt::format("Not {} ;-)\n", version)
                                        : fmt::format("{} v{}\n", reading_.program, version);
            end();
            break;
        case 'h':
            help();
            break;
        case 'M':
            break;  // there are no modules to load
        default:
            refuse_parameter("unknown option \"{}\"", all_[item.word]);
    }
}

void CommandReader::end() {
    command_.action = 0;
    over_ = true;
}

void CommandReader::set_option(char letter, bool invertible) {
    const auto place = option_letters.find(letter);
    const auto bit = 1U << place;
    if (options_ & bit) refuse_parameter("multiple -{} flags not allowed", letter);
    options_ |= bit;
    option_words_[place] = word_;
    if (!inverted_) return;
    if (!invertible) refuse_parameter("cannot have ! before -{}", letter);
    auto& rule = command_.rule;
    switch (letter) {
        case 's':
            rule.source_inverted = true;
            break;
        case 'd':
            rule.destination_inverted = true;
            break;
        case 'i':
            rule.in_inverted = true;
            break;
        case 'o':
            rule.out_inverted = true;
            break;
        case 'f':
            rule.fragment_inverted = true;
            break;
        default:
            rule.protocol_inverted = true;
    }
}

void CommandReader::take_table(std::string_view name) {
    if (inverted_) refuse_parameter("unexpected ! flag before --table");
    if (reading_.restore) refuse_parameter("The -t option cannot be used in {}.\n", reading_.program);
    command_.table = name;
    command_.table_word = word_;
}

/// -c PACKETS BYTES, or with a comma in one word.
void CommandReader::take_counters(std::string_view packets) {
    set_option('c', false);
    std::string_view bytes;
    if (const auto comma = packets.find(',', 1); comma != std::string_view::npos)
        bytes = packets.substr(comma + 1);
    else if (const auto* word = words_.take_argument())
        bytes = *word;
    else
        refuse_parameter("-c requires packet and byte counter");
    const auto packet_count = read_counter(packets), byte_count = read_counter(bytes);
    if (!packet_count) refuse_parameter("-c packet counter not numeric");
    if (!byte_count) refuse_parameter("-c byte counter not numeric");
    command_.counters = {*packet_count, *byte_count};
    command_.counters_given = true;
}

/// Nothing here waits: there is one writer.
void CommandReader::take_wait(const Item& item) {
    if (reading_.restore) refuse_parameter("You cannot use `-{}' from iptables-restore", item.letter);
    waits_ |= item.letter == 'w';
    auto text = item.text;
    if (!item.has_text) {
        const auto* word = words_.take_argument();
        if (!word) {
            if (item.letter == 'W') refuse_parameter("wait interval value required");
            return;
        }
        text = *word;
    }
    const auto number = read_counter(text.starts_with('-') ? text.substr(1) : text);
    if (item.letter == 'w' && !number) refuse_parameter("wait seconds not numeric");
    if (item.letter == 'w') return;
    if (!number) refuse_parameter("wait interval not numeric");
    warnings_ += "Ignoring deprecated --wait-interval option.\n";
    interval_ = true;
}

void CommandReader::take_family(Family family) {
    if (family == reading_.family) return;
    if (!reading_.restore) throw Refusal{Status::parameter, {}, true};
    end();
}

void CommandReader::finish() {
    if (interval_ && !waits_) refuse_parameter("--wait-interval only makes sense with --wait\n");
    if (command_.table == "nat" && (command_.policy == "DROP" || command_.jump == "DROP"))
        refuse_parameter(
            "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore "
            "inhibited.\n\n");
    finish_extensions();
    word_ = words_.at();
    if (!words_.done()) refuse_parameter("unknown arguments found on commandline");
    if (command_.action == 0) refuse_parameter("no command specified");
    if (inverted_) refuse_parameter("nothing appropriate following !");
    read_addresses();
    if (command_.action == action_replace &&
        (command_.sources.size() != 1 || command_.destinations.size() != 1))
        refuse_parameter("Replacement rule does not specify a unique address");
    check_letters();
    word_ = command_.chain_word;
    if (command_.chain_given && command_.chain.size() >= name_limit)
        refuse_parameter("chain name `{}' too long (must be under {} chars)", command_.chain, name_limit);
    check_interfaces();
    for (auto& match : matches_)
        command_.rule.matches.push_back(std::move(match.data));
    if (target_.kind) command_.rule.target = std::move(target_.data);
}

std::uint32_t CommandReader::option_mask(char letter) {
    return 1U << option_letters.find(letter);
}

void CommandReader::check_letters() {
    for (const char letter : option_letters) {
        if (!(options_ & option_mask(letter))) continue;
        word_ = option_words_[option_letters.find(letter)];
        bool allowed = false;
        for (std::uint32_t action = 1; action <= action_check; action <<= 1)
            if (command_.action & action)
                allowed = allowed || options_allowed(action).find(letter) != std::string_view::npos;
        if (!allowed) refuse_parameter("Illegal option `-{}' with this command", letter);
    }
}

void CommandReader::check_interfaces() {
    if (!(command_.action & (actions_with_rule | action_delete_number))) return;
    const auto& chain = command_.chain;
    const auto refuse_one = [&](char letter) {
        word_ = option_words_[option_letters.find(letter)];
        if (options_ & option_mask(letter)) refuse_parameter("Can't use -{} with {}\n", letter, chain);
    };
    if (chain == "PREROUTING" || chain == "INPUT") refuse_one('o');
    if (chain == "POSTROUTING" || chain == "OUTPUT") refuse_one('i');
}

Command read_command(const Reading& reading, const Environment& environment,
                     std::span<const std::string> words, std::size_t first, std::size_t& word,
                     std::string& warnings) {
    return CommandReader(reading, environment, words, first, word, warnings).read();
}

}  // namespace weft::hook
