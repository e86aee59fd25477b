#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum LogOption : unsigned {
    log_level,
    log_prefix,
    log_sequence,
    log_options,
    log_ip_options,
    log_uid,
    log_mac
};
constexpr std::size_t log_prefix_size = 30;
constexpr std::uint8_t default_level = 4;

constexpr std::array<Option, 7> log_option_list{{
    {.name = "log-level", .id = log_level, .argument = Argument::syslog_level},
    {.name = "log-prefix", .id = log_prefix, .argument = Argument::text, .min = 1, .size = log_prefix_size},
    {.name = "log-tcp-sequence", .id = log_sequence},
    {.name = "log-tcp-options", .id = log_options},
    {.name = "log-ip-options", .id = log_ip_options},
    {.name = "log-uid", .id = log_uid},
    {.name = "log-macdecode", .id = log_mac},
}};

struct LogFlag {
    unsigned option;
    std::uint8_t bit;
    std::string_view saved, listed;
};
constexpr std::array<LogFlag, 5> log_flags{{
    {log_sequence, LogTarget::tcp_sequence, "log-tcp-sequence", "tcp-sequence"},
    {log_options, LogTarget::tcp_options, "log-tcp-options", "tcp-options"},
    {log_ip_options, LogTarget::ip_options, "log-ip-options", "ip-options"},
    {log_uid, LogTarget::uid, "log-uid", "uid"},
    {log_mac, LogTarget::mac, "log-macdecode", "macdecode"},
}};

void take_log(LogTarget& log, OptionCall& call) {
    if (call.option.id == log_level) log.level = static_cast<std::uint8_t>(call.number);
    if (call.option.id == log_prefix) {
        if (call.text.find('\n') != std::string_view::npos)
            refuse_parameter("Newlines not allowed in --log-prefix");
        log.prefix = call.text;
    }
    for (const auto& flag : log_flags)
        if (flag.option == call.option.id) log.flags = static_cast<std::uint8_t>(log.flags | flag.bit);
}

void save_log(std::string& out, const LogTarget& log, const Frame&) {
    if (!log.prefix.empty()) {
        out += " --log-prefix";
        save_string(out, log.prefix);
    }
    if (log.level != default_level) append(out, " --log-level {}", log.level);
    for (const auto& flag : log_flags)
        if (log.flags & flag.bit) append(out, " --{}", flag.saved);
}

void list_log(std::string& out, const LogTarget& log, const Frame& frame) {
    constexpr std::array<std::string_view, 8> levels{"emerg", "alert",  "crit", "err",
                                                     "warn",  "notice", "info", "debug"};
    if (frame.numeric) {
        append(out, " LOG flags {} level {}", log.flags, log.level);
    } else {
        append(out, " LOG level {}", levels[log.level]);
        for (const auto& flag : log_flags)
            if (log.flags & flag.bit) append(out, " {}", flag.listed);
    }
    if (!log.prefix.empty()) append(out, " prefix \"{}\"", log.prefix);
}

}  // namespace

const TargetKind& log_target() {
    static const auto kind =
        make_kind<LogTarget, Target, take_log, save_log, list_log>("LOG", log_option_list);
    return kind;
}

}  // namespace weft::hook
