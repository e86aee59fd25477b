#include "control/flow/commands/listing.hpp"

#include <fmt/format.h>

#include "control/flow/json.hpp"
#include "control/flow/print.hpp"

namespace weft::conntrack {

namespace {

/// Places of the table a piece: a millisecond or two where all is printed.
constexpr std::uint32_t places = 512;

}  // namespace

std::string text_of(const Entry& entry, const Style& style, bool json) {
    std::string text;
    if (json)
        append_json(text, entry);
    else
        text = print(entry, style) + '\n';
    return text;
}

Listing::Listing(Connections& connections, Command command, bool json)
    : connections_(connections), command_(std::move(command)), json_(json) {
    warnings = command_.warnings;
}

void Listing::add(std::string& to, const Entry& entry) {
    if (!command_.filter.matches(entry)) return;
    if (command_.action != Action::list && !connections_.end(entry)) return;
    ++count_;
    if (command_.action == Action::flush) return;
    if (json_ && count_ > 1) to += ",\n";
    to += text_of(entry, command_.style, json_);
}

bool Listing::next(std::string& to) {
    if (json_ && !begun_) to += '[';
    begun_ = true;
    cursor_ = connections_.walk(cursor_, places, [&](const Entry& entry) { add(to, entry); });
    if (cursor_ != 0) return true;
    if (json_) to += ']';
    finish();
    return false;
}

void Listing::finish() {
    if (command_.action == Action::flush) {
        warnings.push_back(program_text() + ": connection tracking table has been emptied.");
        return;
    }
    const bool removes = command_.action == Action::remove;
    warnings.push_back(fmt::format("{}: {} flow entries have been {}.", program_text(), count_,
                                   removes ? "deleted" : "shown"));
    if (removes && count_ == 0) exit = 1;
}

}  // namespace weft::conntrack
