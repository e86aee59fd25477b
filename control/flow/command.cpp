#include "control/flow/command.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <set>

#include "control/flow/options.hpp"
#include "control/flow/values.hpp"

namespace weft::conntrack {

namespace {

using std::string_view;

constexpr string_view unchanging = "IUA";  // what would make or change connections
constexpr string_view commands = "LGDFECSVh";

std::uint16_t narrow(std::uint32_t number) {
    return static_cast<std::uint16_t>(number);
}

class Reader {
  public:
    explicit Reader(std::span<const std::string> words) : words_(words.begin(), words.end()) {
        for (auto& word : words_)
            argv_.push_back(word.data());
        argv_.push_back(nullptr);
    }

    Result<Command> run() {
        optind = 0;  // glibc: begin anew
        opterr = 0;
        options_ = long_options(0);
        const int count = static_cast<int>(words_.size());
        for (;;) {
            const int letter = getopt_long(count, argv_.data(), short_options, options_.data(), nullptr);
            if (letter == -1) break;
            if (auto taken = take(letter); !taken) return blamed(taken.error(), optind - 1);
        }
        if (optind < count)
            return blamed(misused(fmt::format("Bad parameter `{}'", argv_[static_cast<std::size_t>(optind)])),
                          optind);
        if (auto right = check(); !right) return right.error();
        return std::move(command_);
    }

  private:
    /// getopt moves words about: the blamed one is found by its address.
    Error blamed(Error error, int at) const {
        error.column = 1;
        for (const auto& word : words_) {
            if (word.data() == argv_[static_cast<std::size_t>(at)]) return error;
            error.column += static_cast<int>(word.size()) + 1;
        }
        return error;
    }

    Result<> take(int letter) {
        if (letter == ':')
            return misused(
                fmt::format("option `{}' requires an argument", argv_[static_cast<std::size_t>(optind - 1)]));
        if (letter == '?')
            return misused(fmt::format("unknown option `{}'", argv_[static_cast<std::size_t>(optind - 1)]));
        if (letter >= option_orig_source_port) return take_of_protocol(letter);
        const char as_char = static_cast<char>(letter);
        if (commands.find(as_char) != string_view::npos) return take_command(as_char);
        if (unchanging.find(as_char) != string_view::npos)
            return not_supported(fmt::format("--{}", name_of_option(letter)));
        if (letter == 'a') {
            command_.warnings.emplace_back("WARNING: ignoring -a, deprecated option.");
            return {};
        }
        given_.insert(as_char);
        return take_option(as_char, optarg != nullptr ? optarg : "");
    }

    Result<> take_command(char letter) {
        std::string table = optarg != nullptr ? optarg : "";
        const bool takes_table = letter != 'S' && letter != 'V' && letter != 'h';
        if (takes_table && table.empty() && optind < static_cast<int>(words_.size())) {
            const string_view next = argv_[static_cast<std::size_t>(optind)];
            if (!next.starts_with('-') && !next.starts_with('!')) table = next, ++optind;
        }
        if (auto known = check_table(table, letter); !known) return known;
        if (has_command_) return misused("Invalid commands combination");
        has_command_ = true;
        static constexpr Action actions[] = {Action::list,       Action::get,     Action::remove,
                                             Action::flush,      Action::event,   Action::count,
                                             Action::statistics, Action::version, Action::help};
        command_.action = actions[commands.find(letter)];
        return {};
    }

    Result<> check_table(const std::string& table, char letter) {
        if (table.empty()) return {};
        for (const string_view name : {"expect", "conntrack", "dying", "unconfirmed"}) {
            if (!name.starts_with(table)) continue;
            if (name == "conntrack") return {};
            command_.expects = name == "expect" && string_view("LGDFEC").find(letter) != string_view::npos;
            if (command_.expects) return {};
            return not_supported(fmt::format("table `{}'", name));
        }
        return misused(fmt::format("unknown type `{}'", table));
    }

    Result<> take_family(bool v6) {
        auto& family = command_.filter.v6;
        if (family && *family != v6) return misused("mismatched address family");
        family = v6;
        return {};
    }

    Result<> take_address(char letter, const std::string& text) {
        auto& filter = command_.filter;
        auto read = read_address(text);
        if (!read) return read.error();
        if (auto same = take_family(read->v6); !same) return same;
        if (letter == '{' || letter == '}') {
            (letter == '{' ? source_mask_ : destination_mask_) = read->address.address;
            return {};
        }
        if (read->masked && (letter == 'r' || letter == 'q'))
            return misused(fmt::format("CIDR notation unavailable for `--{}'", name_of_option(letter)));
        if (read->masked) given_.insert(letter == 's' ? '{' : '}');
        auto& place = letter == 's'   ? filter.original.source
                      : letter == 'd' ? filter.original.destination
                      : letter == 'r' ? filter.reply.source
                                      : filter.reply.destination;
        place = read->address;
        return {};
    }

    Result<> take_protocol(const std::string& text) {
        const auto read = read_protocol(text);
        if (!read) return read.error();
        command_.filter.protocol = *read;
        options_ = long_options(*read);
        return {};
    }

    Result<> take_output(const std::string& text) {
        enum : std::uint32_t { xml = 1, extended = 2, timestamp = 4, id = 8, times = 16, save = 32 };
        static constexpr NamedBits names[] = {
            {"xml", xml},          {"extended", extended}, {"timestamp", timestamp}, {"id", id},
            {"ktimestamp", times}, {"labels", 0},          {"userspace", 0},         {"save", save}};
        const auto read = read_list(text, names);
        if (!read) return read.error();
        if (*read & xml) return not_supported("output type `xml'");
        if (*read & save) return not_supported("output type `save'");
        command_.style.extended |= (*read & extended) != 0;
        command_.style.id |= (*read & id) != 0;
        command_.style.times |= (*read & times) != 0;
        command_.timestamp |= (*read & timestamp) != 0;
        return {};
    }

    /// The program does not look at what is joined to the option (get_optional_arg).
    Result<> take_nat(char letter) {
        NatFilter side;
        if (optarg == nullptr && optind < static_cast<int>(words_.size())) {
            const string_view next = argv_[static_cast<std::size_t>(optind)];
            if (!next.starts_with('-') && !next.starts_with('!')) {
                auto read = read_nat(std::string(next));
                if (!read) return read.error();
                side = *read;
                ++optind;
            }
        }
        auto& filter = command_.filter;
        filter.any_nat |= letter == 'j';
        if (letter != 'g') filter.source_nat = side;
        if (letter != 'n') filter.destination_nat = side;
        return {};
    }

    template <class T, class U>
    static Result<> put(Result<T> read, std::optional<U>& place) {
        if (!read) return read.error();
        place = static_cast<U>(*read);
        return {};
    }

    Result<> take_option(char letter, const std::string& text) {
        static constexpr NamedBits events[] = {{"ALL", EventMask::all},
                                               {"NEW", EventMask::created},
                                               {"UPDATES", EventMask::updated},
                                               {"DESTROY", EventMask::destroyed}};
        auto& filter = command_.filter;
        switch (letter) {
            case 's':
            case 'd':
            case 'r':
            case 'q':
            case '{':
            case '}':
                return take_address(letter, text);
            case 'p':
                return take_protocol(text);
            case 'f':
                if (text.starts_with("ipv4")) return take_family(false);
                if (text.starts_with("ipv6")) return take_family(true);
                return misused(fmt::format("`{}' unsupported protocol", text));
            case 'm': {
                auto read = read_mark(text);
                if (!read) return read.error();
                filter.mark = *read;
                return {};
            }
            case 'u':
                return read_status(text, filter, command_.warnings);
            case 'w':
                return put(read_number(text, 0xffff), filter.zone);
            case '(':
                return put(read_number(text, 0xffff), filter.original.zone);
            case ')':
                return put(read_number(text, 0xffff), filter.reply.zone);
            case 'i':
                return put(read_number(text, 0xffffffff), filter.id);
            case 'o':
                return take_output(text);
            case 'n':
            case 'g':
            case 'j':
                return take_nat(letter);
            case 'e': {
                const auto read = read_list(text, events);
                if (!read) return read.error();
                events_ |= *read;
                command_.events = events_;
                return {};
            }
            default:
                return {};  // check() refuses it
        }
    }

    Result<> take_of_protocol(int option) {
        given_of_protocol_.insert(option);
        auto& filter = command_.filter;
        const std::string text = optarg;
        const auto port = [&](std::optional<std::uint16_t>& place) -> Result<> {
            const auto read = read_number(text, 0xffff);
            if (!read) return misused(fmt::format("Invalid port `{}'", text));
            place = narrow(*read);
            return {};
        };
        switch (option) {
            case option_orig_source_port:
                return port(filter.original.source_port);
            case option_orig_destination_port:
                return port(filter.original.destination_port);
            case option_reply_source_port:
                return port(filter.reply.source_port);
            case option_reply_destination_port:
                return port(filter.reply.destination_port);
            case option_state:
                if (filter.protocol == IPPROTO_SCTP) return put(read_sctp_state(text), filter.sctp_state);
                return put(read_tcp_state(text), filter.tcp_state);
            case option_icmp_type:
                return put(read_number(text, 0xff), filter.icmp_type);
            case option_icmp_code:
                return put(read_number(text, 0xff), filter.icmp_code);
            case option_icmp_id:
                return put(read_number(text, 0xffff), filter.icmp_id);
            default:
                return {};  // check() refuses it
        }
    }

    // What generic_opt_check and its callers say, in their order.

    Result<> check() {
        if (!has_command_) {
            if (given_.empty()) return {};  // help
            return misused("You need to supply a command");
        }
        for (const char letter : option_letters)
            if (auto right = check_need(need_here(letter), given_.contains(letter), name_of_option(letter));
                !right)
                return right;
        if (command_.action == Action::get && !command_.expects)
            if (auto right = check_couples(given_.contains('s'), given_.contains('d'), given_.contains('r'),
                                           given_.contains('q'), "`--src' and `--dst'",
                                           "`--reply-src' and `--reply-dst'");
                !right)
                return right;
        if (auto right = check_protocol(); !right) return right;
        for (const char letter : string_view("tzcbl"))
            if (given_.contains(letter)) return not_supported(fmt::format("--{}", name_of_option(letter)));
        return apply_masks();
    }

    [[nodiscard]] Need need_here(char letter) const {
        return command_.expects ? need_of_expect(command_.action, letter) : need_of(command_.action, letter);
    }

    static Result<> check_need(Need need, bool given, string_view name) {
        if (given && need == Need::illegal)
            return misused(fmt::format("Illegal option `--{}' with this command", name));
        if (!given && need == Need::compulsory)
            return misused(fmt::format("You need to supply the `--{}' option for this command", name));
        return {};
    }

    static Result<> check_couples(bool a, bool b, bool reply_a, bool reply_b, string_view names,
                                  string_view reply_names) {
        if ((a && b) || (reply_a && reply_b)) return {};
        const bool reply = !a && !b && (reply_a || reply_b);
        return misused(fmt::format("you have to specify {}", reply ? reply_names : names));
    }

    [[nodiscard]] string_view name_of_protocol_option(int letter) const {
        string_view name;
        for (const auto& one : options_)
            if (one.name != nullptr && one.val == letter) name = one.name;  // the last is the short one
        return name;
    }

    Result<> check_protocol() {
        if (!command_.filter.protocol || command_.action == Action::help) return {};
        for (const int option : protocol_options(*command_.filter.protocol))
            if (auto right =
                    check_need(command_.expects ? need_of_expect_protocol_option(command_.action, option)
                                                : need_of_protocol_option(command_.action, option),
                               given_of_protocol_.contains(option), name_of_protocol_option(option));
                !right)
                return right;
        const auto protocol = *command_.filter.protocol;
        const bool gre = protocol == IPPROTO_GRE;
        const bool ports = protocol == IPPROTO_TCP || protocol == IPPROTO_UDP ||
                           protocol == IPPROTO_UDPLITE || protocol == IPPROTO_SCTP || gre;
        if (command_.action != Action::get || command_.expects || !ports) return {};
        const auto given = [&](int option) { return given_of_protocol_.contains(option); };
        return check_couples(
            given(option_orig_source_port), given(option_orig_destination_port),
            given(option_reply_source_port), given(option_reply_destination_port),
            gre ? "`--srckey' and `--dstkey'" : "`--sport' and `--dport'",
            gre ? "`--reply-src-key' and `--reply-dst-key'" : "`--reply-src-port' and `--reply-dst-port'");
    }

    Result<> apply_masks() {
        const auto apply = [](const std::optional<IpAddress>& mask, std::optional<MaskedAddress>& address,
                              const char* missing) -> Result<> {
            if (!mask) return {};
            if (!address) return misused(missing);
            address->mask = *mask;
            for (std::size_t i = 0; i < mask->bytes.size(); ++i)
                address->address.bytes[i] &= mask->bytes[i];
            return {};
        };
        auto& original = command_.filter.original;
        if (auto right = apply(source_mask_, original.source, "Can't use --mask-src without --src"); !right)
            return right;
        return apply(destination_mask_, original.destination, "Can't use --mask-dst without --dst");
    }

    std::vector<std::string> words_;
    std::vector<char*> argv_;
    std::vector<option> options_;
    Command command_;
    bool has_command_ = false;
    std::set<char> given_;
    std::set<int> given_of_protocol_;
    std::optional<IpAddress> source_mask_, destination_mask_;
    unsigned events_ = 0;
};

}  // namespace

const std::string& program_text() {
    static const std::string text = "conntrack v1.4.7 (conntrack-tools)";
    return text;
}

Result<Command> read_command(std::span<const std::string> words) {
    return Reader(words).run();
}

const std::string& help_text() {
    static const std::string text =
        "Command line interface for the connection tracking system. Version 1.4.7\n"
        "Usage: conntrack [commands] [options]\n"
        "\n"
        "Commands:\n"
        "  -L [conntrack] [options]\tList connections\n"
        "  -G [conntrack] parameters\tGet a connection\n"
        "  -D [conntrack] parameters\tDelete connections\n"
        "  -E [conntrack] [options]\tShow events\n"
        "  -F [conntrack]\t\tFlush the table\n"
        "  -C [conntrack]\t\tShow how many connections there are\n"
        "  -L, -G, -D, -E, -F, -C expect\tThe same of what helpers expect\n"
        "  -S\t\t\t\tShow statistics\n"
        "\n"
        "Parameters and options:\n"
        "  -s, --src, --orig-src ip\tSource address from original direction\n"
        "  -d, --dst, --orig-dst ip\tDestination address from original direction\n"
        "  -r, --reply-src ip\t\tSource address from reply direction\n"
        "  -q, --reply-dst ip\t\tDestination address from reply direction\n"
        "  -p, --protonum proto\t\tLayer 4 protocol, eg. 'tcp'\n"
        "  -f, --family proto\t\tLayer 3 protocol, eg. 'ipv6'\n"
        "  -m, --mark mark[/mask]\tMark\n"
        "  -n, --src-nat ip\t\t\tsource NAT ip\n"
        "  -g, --dst-nat ip\t\t\tdestination NAT ip\n"
        "  -j, --any-nat ip\t\t\tsource or destination NAT ip\n"
        "  -u, --status status\t\tStatus, eg. ASSURED\n"
        "  -w, --zone value\t\tZone\n"
        "  --mask-src ip\t\t\tSource mask address\n"
        "  --mask-dst ip\t\t\tDestination mask address\n"
        "  -e, --event-mask eventmask\tEvent mask, eg. NEW,DESTROY\n"
        "  -o, --output type[,...]\textended, id, timestamp, ktimestamp\n"
        "  of tcp, udp: --sport, --dport, --reply-port-src, --reply-port-dst, of tcp --state\n"
        "  of icmp: --icmp-type, --icmp-code, --icmp-id; of icmpv6: --icmpv6-type, …\n";
    return text;
}

}  // namespace weft::conntrack
