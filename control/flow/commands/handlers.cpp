// `conntrack`, on the running switch. Its events are a stream of the daemon's.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/flow/commands/listing.hpp"
#include "control/flow/values.hpp"
#include "control/model/commands.hpp"

namespace weft {

namespace {

using conntrack::Action;
using conntrack::Command;
using conntrack::Entry;

/// The words as typed: in these commands a keyword has one spelling.
std::vector<std::string> typed_words(const command::Match& match) {
    std::vector<std::string> words;
    for (const auto& item : match.items)
        words.push_back(item.value);
    return words;
}

/// The tuple that -G names: of the direction that was given.
Entry wanted_of(const conntrack::Filter& filter) {
    const auto& tuple = filter.original.source ? filter.original : filter.reply;
    Entry like;
    like.v6 = filter.v6.value_or(false);
    like.protocol = filter.protocol.value_or(0);
    if (tuple.source) like.original.source = tuple.source->address;
    if (tuple.destination) like.original.destination = tuple.destination->address;
    like.original.source_port = tuple.source_port.value_or(0);
    like.original.destination_port = tuple.destination_port.value_or(0);
    like.original.icmp_type = filter.icmp_type.value_or(0);
    like.original.icmp_code = filter.icmp_code.value_or(0);
    like.original.icmp_id = filter.icmp_id.value_or(0);
    return like;
}

Result<Reply> look_for(Session& session, const Command& command) {
    const auto found = session.live->connections().find(wanted_of(command.filter));
    if (!found || !command.filter.matches(*found))
        return conntrack::failed("Operation failed: such conntrack doesn't exist");
    session.warnings.push_back(conntrack::program_text() + ": 1 flow entries have been shown.");
    Reply reply;
    if (session.json)
        reply.encoded = '[' + conntrack::text_of(*found, command.style, true) + ']';
    else
        reply.text = conntrack::text_of(*found, command.style, false);
    return reply;
}

Reply count_of(Session& session) {
    const auto entries = session.live->connections().totals().count;
    if (session.json) return {.data = std::make_shared<Json>(Json::array({{{"count", entries}}}))};
    return {.text = fmt::format("{}\n", entries)};
}

/// What weft has nothing to count of (found, insert, error, restarts, long chains) is 0.
Reply statistics_of(Session& session) {
    Reply reply;
    Json all = Json::array();
    for (const auto& one : session.live->connections().statistics()) {
        reply.text += fmt::format(
            "cpu={:<4}\tfound=0 invalid={} insert=0 insert_failed={} drop={} early_drop={} error=0 "
            "search_restart=0 clash_resolve={} chaintoolong=0 \n",
            one.cpu, one.invalid, one.insert_failed, one.drop, one.early_drop, one.clash_resolve);
        all.push_back({{"cpu", one.cpu},
                       {"found", 0},
                       {"invalid", one.invalid},
                       {"insert", 0},
                       {"insert_failed", one.insert_failed},
                       {"drop", one.drop},
                       {"early_drop", one.early_drop},
                       {"error", 0},
                       {"search_restart", 0},
                       {"clash_resolve", one.clash_resolve},
                       {"chaintoolong", 0}});
    }
    if (session.json) reply.data = std::make_shared<Json>(std::move(all));
    return reply;
}

/// `conntrack -G expect` and -D, of the first that the tuple fits.
Result<Reply> answer_of_expectation(Session& session, const Command& command) {
    auto& connections = session.live->connections();
    const auto all = connections.expectations();
    const Entry like = wanted_of(command.filter);
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& one) {
        return one.zone == 0 && one.fits(like.v6, like.protocol, like.original);
    });
    if (found == all.end() || (command.action == Action::remove && !connections.forget(*found)))
        return conntrack::failed("Operation failed: No such file or directory");
    if (command.action == Action::remove) {
        // What conntrack 1.4.7 says, and how it ends, when it has deleted one: it does not count it.
        session.warnings.push_back(conntrack::program_text() + ": 0 expectations have been shown.");
        return Reply{.exit = 1};
    }
    if (!session.json) return Reply{.text = conntrack::print(*found) + '\n'};
    std::string list = "[";
    append_json(list, *found);
    return Reply{.encoded = list + ']'};
}

/// `conntrack -L expect`, -F and -C.
Reply answer_of_expectations(Session& session, const Command& command) {
    auto& connections = session.live->connections();
    const auto said = [&](const std::string& text) {
        session.warnings.push_back(conntrack::program_text() + ": " + text);
    };
    if (command.action == Action::flush) {
        connections.forget_expectations();
        said("expectation table has been emptied.");
        return {};
    }
    auto all = connections.expectations();
    if (command.action == Action::count) {
        if (session.json) return {.data = std::make_shared<Json>(Json::array({{{"count", all.size()}}}))};
        return {.text = fmt::format("{}\n", all.size())};
    }
    std::erase_if(all, [&](const auto& one) { return command.filter.v6 && *command.filter.v6 != one.v6; });
    Reply reply;
    std::string list = "[";
    for (const auto& one : all) {
        reply.text += conntrack::print(one) + '\n';
        if (list.size() > 1) list += ",\n";
        append_json(list, one);
    }
    if (session.json) reply = {.encoded = list + ']'};
    said(fmt::format("{} expectations have been shown.", all.size()));
    return reply;
}

Result<Reply> conntrack_command(Session& session, const command::Match& match, const std::string&) {
    auto command = conntrack::read_command(typed_words(match));
    if (!command) return command.error();
    if (command->expects) {
        const bool one = command->action == Action::get || command->action == Action::remove;
        return one ? answer_of_expectation(session, *command) : answer_of_expectations(session, *command);
    }
    if (command->action == Action::list || command->action == Action::remove ||
        command->action == Action::flush)
        return Reply{.pieces = std::make_shared<conntrack::Listing>(session.live->connections(),
                                                                    std::move(*command), session.json)};
    session.warnings = command->warnings;
    switch (command->action) {
        case Action::get:
            return look_for(session, *command);
        case Action::count:
            return count_of(session);
        case Action::statistics:
            return statistics_of(session);
        case Action::version:
            return Reply{.text = conntrack::program_text() + '\n'};
        default:
            return Reply{.text = conntrack::help_text()};
    }
}

}  // namespace

std::span<const Handler> conntrack_handlers() {
    static constexpr Handler table[] = {{"conntrack show", conntrack_command},
                                        {"conntrack", conntrack_command}};
    return table;
}

}  // namespace weft
