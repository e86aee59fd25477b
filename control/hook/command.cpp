#include "control/hook/command.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <optional>

#include "control/hook/names.hpp"
#include "control/hook/words.hpp"

namespace weft::hook {

namespace {

constexpr std::string_view version = "1.8.9 (legacy)";
constexpr std::size_t name_limit = 29;  // XT_EXTENSION_MAXNAMELEN

/// Options that not every action takes; the order is that in which a misuse is reported.
constexpr std::string_view option_letters = "nsdpjvxio0cf";
constexpr std::string_view rule_options = "sdpjviof";
constexpr std::string_view action_letters = "IDDRALFZNXPESZC";

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

char action_letter(std::uint32_t action) {
    return action_letters[static_cast<std::size_t>(std::bit_width(action)) - 1];
}

std::uint32_t read_rule_number(std::string_view text) {
    const auto number = parse_number(text, 1, 0x7fffffff);
    if (!number) refuse_parameter("Invalid rule number `{}'", text);
    return static_cast<std::uint32_t>(*number);
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

bool has_blank(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); });
}

bool is_verdict(std::string_view name) {
    return name == "ACCEPT" || name == "DROP" || name == "RETURN" || name == "QUEUE";
}

std::string usage(std::string_view program) {
    return fmt::format(
        "{0} v{1}\n\n"
        "Usage: {0} -[ACD] chain rule-specification [options]\n"
        "       {0} -I chain [rulenum] rule-specification [options]\n"
        "       {0} -R chain rulenum rule-specification [options]\n"
        "       {0} -D chain rulenum [options]\n"
        "       {0} -[LS] [chain [rulenum]] [options]\n"
        "       {0} -[FZ] [chain] [options]\n"
        "       {0} -[NX] chain\n"
        "       {0} -E old-chain-name new-chain-name\n"
        "       {0} -P chain target [options]\n"
        "       {0} -h (print this help information)\n",
        program, version);
}

/// A match or target whose options may still come.
template <class Variant>
struct Loading {
    const Kind<Variant>* kind = nullptr;
    Variant data;
    unsigned owner = 0;
    std::size_t word = 0;  ///< its name on the line
    std::uint32_t seen = 0;
    bool completed = false;  ///< another of its kind came later and takes the options
};

class Reader {
  public:
    Reader(const Reading& reading, const Environment& environment, std::span<const std::string> words,
           std::size_t first, std::size_t& word, std::string& warnings)
        : reading_(reading),
          environment_(environment),
          all_(words),
          words_(words, first),
          word_(word),
          warnings_(warnings) {}

    Command read() {
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

  private:
    /// False: what `!` before it says stays in force.
    bool take(const Item& item) {
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

    bool take_plain(std::string_view word) {
        if (word != "!") throw Refusal{Status::parameter, fmt::format("Bad argument `{}'", word), true};
        if (inverted_) refuse_parameter("multiple consecutive ! not allowed");
        inverted_ = true;
        return false;
    }

    bool take_unknown(const Item& item) {
        if (load_protocol()) {
            words_.again();
            return false;
        }
        const auto& word = all_[item.word];
        if (item.kind == Item::Kind::missing_argument) {
            const auto name = word.starts_with("--") ? word : fmt::format("-{}", item.letter);
            refuse_parameter("option \"{}\" requires an argument", name);
        }
        refuse_parameter("unknown option \"{}\"", word);
    }

    /// `-p tcp --dport 80` means `-p tcp -m tcp --dport 80`.
    bool load_protocol() {
        if (protocol_.empty() || protocol_loaded_) return false;
        auto name = protocol_;
        if (parse_number(name, 0, 255)) name = protocol_name(command_.rule.protocol, false);
        const auto* kind = find_match(reading_.family, name);
        if (!kind) return false;
        protocol_loaded_ = true;
        add_match(*kind);
        return true;
    }

    void add_match(const MatchKind& kind) {
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

    bool take_extension(const Item& item) {
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

    template <class Variant>
    void use(Loading<Variant>& loading, const LongOption& option, const Item& item) {
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

    bool take_letter(const Item& item) {
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

    void take_flag(const Item& item) {
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
                command_.output = usage(reading_.program);
                end();
                break;
            case 'M':
                break;  // there are no modules to load
            default:
                refuse_parameter("unknown option \"{}\"", all_[item.word]);
        }
    }

    void end() {
        command_.action = 0;
        over_ = true;
    }

    void set_option(char letter, bool invertible) {
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

    void set_action(std::uint32_t action, std::uint32_t beside = 0) {
        if (inverted_) refuse_parameter("unexpected '!' flag");
        if (const auto other = command_.action & ~beside)
            refuse_parameter("Cannot use -{} with -{}", action_letter(action), action_letter(other));
        command_.action |= action;
    }

    void set_chain(std::string_view chain) {
        command_.chain = chain;
        command_.chain_given = true;
        command_.chain_word = word_;
    }

    bool take_number() {
        const auto* word = words_.take_argument();
        if (!word) return false;
        word_ = words_.at() - 1;
        command_.number_word = word_;
        command_.number = read_rule_number(*word);
        return true;
    }

    void take_optional_chain(const Item& item) {
        if (item.has_text) return set_chain(item.text);
        if (const auto* word = words_.take_argument()) {
            word_ = words_.at() - 1;
            set_chain(*word);
        }
    }

    void take_action(const Item& item) {
        switch (item.letter) {
            case 'A':
                set_action(action_append), set_chain(item.text);
                break;
            case 'C':
                set_action(action_check), set_chain(item.text);
                break;
            case 'D':
                set_action(action_delete), set_chain(item.text);
                if (take_number()) command_.action = action_delete_number;
                break;
            case 'R':
                set_action(action_replace), set_chain(item.text);
                if (!take_number()) refuse_parameter("-R requires a rule number");
                break;
            case 'I':
                set_action(action_insert), set_chain(item.text);
                if (!take_number()) command_.number = 1;
                break;
            case 'L':
            case 'S':
                set_action(item.letter == 'L' ? action_list : action_list_rules,
                           action_zero | action_zero_number);
                take_optional_chain(item);
                take_number();
                break;
            case 'F':
                set_action(action_flush), take_optional_chain(item);
                break;
            case 'Z':
                set_action(action_zero, action_list | action_list_rules);
                take_optional_chain(item);
                if (take_number()) command_.action = action_zero_number;
                break;
            case 'N':
                check_chain_name(item.text);
                set_action(action_new_chain), set_chain(item.text);
                break;
            case 'X':
                set_action(action_delete_chain), take_optional_chain(item);
                break;
            case 'E':
                set_action(action_rename_chain), set_chain(item.text);
                if (const auto* name = words_.take_argument()) {
                    word_ = words_.at() - 1;
                    check_chain_name(*name);  // 1.8.9 does not, and saves what it cannot restore
                    command_.new_name = *name;
                } else {
                    refuse_parameter("-E requires old-chain-name and new-chain-name");
                }
                break;
            default:
                set_action(action_set_policy), set_chain(item.text);
                if (const auto* policy = words_.take_argument())
                    command_.policy = *policy;
                else
                    refuse_parameter("-P requires a chain and a policy");
        }
    }

    void check_chain_name(std::string_view name) const {
        if (name.size() >= name_limit)
            refuse_parameter("chain name `{}' too long (must be under {} chars)", name, name_limit);
        if (name.starts_with('-') || name.starts_with('!'))
            refuse_parameter("chain name not allowed to start with `{}'", name.front());
        if (name.empty() || is_verdict(name) || find_target(reading_.family, name))
            refuse_parameter("chain name may not clash with target name");
        if (has_blank(name)) refuse_parameter("Invalid chain name `{}'", name);
    }

    void take_protocol(std::string_view text) {
        set_option('p', true);
        protocol_ = text;
        std::transform(protocol_.begin(), protocol_.end(), protocol_.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        const auto number = protocol_number(protocol_);
        if (!number) refuse_parameter("unknown protocol \"{}\" specified", protocol_);
        command_.rule.protocol = *number;
        if (*number == 0 && command_.rule.protocol_inverted)
            refuse_parameter("rule would never match protocol");
        warn_of_extension_header();
    }

    /// The kernel skips these headers and matches what comes after them.
    void warn_of_extension_header() {
        const auto& rule = command_.rule;
        const bool skipped = rule.protocol == IPPROTO_ROUTING || rule.protocol == IPPROTO_FRAGMENT ||
                             rule.protocol == IPPROTO_AH || rule.protocol == IPPROTO_DSTOPTS;
        if (reading_.family == Family::ip6 && skipped && !rule.protocol_inverted)
            append(warnings_, "Warning: never matched protocol: {}. use extension match instead.\n",
                   protocol_);
    }

    void take_jump(const Item& item) {
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

    void take_interface(char letter, std::string_view name, Interface& interface) {
        if (name.empty()) refuse_parameter("Empty interface is likely to be undesired");
        set_option(letter, true);
        interface = parse_interface(name, warnings_);
    }

    void take_match(std::string_view name) {
        if (inverted_) refuse_parameter("unexpected ! flag before --match");
        if (name.size() >= name_limit)
            refuse_parameter("Invalid match name \"{}\" ({} chars max)", name, name_limit - 1);
        const auto* kind = find_match(reading_.family, name);
        if (!kind) refuse_parameter("Couldn't load match `{}':No such file or directory\n", name);
        add_match(*kind);
    }

    void take_table(std::string_view name) {
        if (inverted_) refuse_parameter("unexpected ! flag before --table");
        if (reading_.restore) refuse_parameter("The -t option cannot be used in {}.\n", reading_.program);
        command_.table = name;
    }

    /// -c PACKETS BYTES, or with a comma in one word.
    void take_counters(std::string_view packets) {
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
    void take_wait(const Item& item) {
        if (reading_.restore) refuse_parameter("You cannot use `-{}' from iptables-restore", item.letter);
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
        if (item.letter == 'W' && !number) refuse_parameter("wait interval not numeric");
    }

    void take_family(Family family) {
        if (family == reading_.family) return;
        if (!reading_.restore) throw Refusal{Status::parameter, {}, true};
        end();
    }

    void finish() {
        if (command_.table == "nat" && (command_.policy == "DROP" || command_.jump == "DROP"))
            refuse_parameter(
                "\nThe \"nat\" table is not intended for filtering, the use of DROP is therefore "
                "inhibited.\n\n");
        for (const auto& match : matches_)
            finish_one(match);
        if (target_.kind) finish_one(target_);
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

    template <class Variant>
    void finish_one(const Loading<Variant>& loading) {
        word_ = loading.word;
        if (loading.kind->finish) loading.kind->finish(loading.data, loading.seen);
        check_options(loading.kind->name, loading.kind->options, loading.seen);
    }

    void read_addresses() {
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

    static std::uint32_t option_mask(char letter) { return 1U << option_letters.find(letter); }

    void check_letters() {
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

    void check_interfaces() {
        if (!(command_.action & (actions_with_rule | action_delete_number))) return;
        const auto& chain = command_.chain;
        const auto refuse_one = [&](char letter) {
            word_ = option_words_[option_letters.find(letter)];
            if (options_ & option_mask(letter)) refuse_parameter("Can't use -{} with {}\n", letter, chain);
        };
        if (chain == "PREROUTING" || chain == "INPUT") refuse_one('o');
        if (chain == "POSTROUTING" || chain == "OUTPUT") refuse_one('i');
    }

    const Reading& reading_;
    const Environment& environment_;
    std::span<const std::string> all_;
    Words words_;
    std::size_t& word_;
    std::string& warnings_;
    Command command_;
    std::uint32_t options_ = 0;
    std::array<std::size_t, option_letters.size()> option_words_{};  ///< where each stood
    bool inverted_ = false, over_ = false, protocol_loaded_ = false;
    std::string protocol_;
    std::string_view sources_, destinations_;
    std::size_t source_word_ = 0, destination_word_ = 0;
    unsigned owners_ = 0;
    std::vector<Loading<Match>> matches_;
    Loading<Target> target_;
};

}  // namespace

Command read_command(const Reading& reading, const Environment& environment,
                     std::span<const std::string> words, std::size_t first, std::size_t& word,
                     std::string& warnings) {
    return Reader(reading, environment, words, first, word, warnings).read();
}

}  // namespace weft::hook
