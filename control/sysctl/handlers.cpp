#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "control/command/types.hpp"
#include "control/model/commands.hpp"
#include "control/model/refusal.hpp"
#include "control/sysctl/names.hpp"
#include "control/sysctl/own.hpp"

namespace weft {

namespace {

/// How values are printed: -n only they, -b without their newlines, -N only names, -q nothing of what was
/// set.
struct Form {
    bool values = false, bare = false, names = false, quiet = false, ignore = false;
};
Form form_of(const command::Match& match) {
    return {match.has("-n"), match.has("-b"), match.has("-N"), match.has("-q"), match.has("-e")};
}

std::string line_of(const Form& form, const std::string& name, const std::string& value) {
    if (form.bare) return value;
    if (form.names || form.values) return fmt::format("{}\n", form.names ? name : value);
    return fmt::format("{} = {}\n", name, value);
}

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) return {};
    return std::string{text.substr(first, text.find_last_not_of(" \t\r") - first + 1)};
}

Error unknown(const std::string& name) {
    return exit_with(1, fmt::format("sysctl: {} is not supported in this version", name));
}

Error no_such_file(std::string name) {
    std::replace(name.begin(), name.end(), '.', '/');
    return exit_with(1, fmt::format("sysctl: cannot stat /proc/sys/{}: No such file or directory", name));
}

bool speaks_of_a_link(const Model& model, const std::string& name) {
    const auto device = sysctl_device(name);
    return device.empty() || model.find(device);
}

Error invalid(const std::string& name) {
    return exit_with(1, fmt::format("sysctl: setting key \"{}\": Invalid argument", name));
}

Result<> set_own(Model& model, const std::string& name, const std::string& value) {
    if (!speaks_of_a_link(model, name)) return no_such_file(name);
    const auto allowed = *own_sysctl(name);
    const auto number = command::parse_signed(value);
    if (!number || *number < allowed.least || *number > allowed.most) return invalid(name);
    model.sysctls[kept_name(name)] = std::to_string(*number);
    return {};
}

std::string own_text(Session& session, const std::string& name) {
    if (!own_sysctl(name)->read_only) return std::to_string(own_value(session.model.sysctls, name));
    const auto totals = session.live->connections().totals();
    return std::to_string(name.ends_with("_count") ? totals.count : totals.buckets);
}

/// What weft knows of a variable. Refused by name if nothing.
Result<std::string> value_of(Session& session, const std::string& name) {
    switch (sysctl_kind(name)) {
        case SysctlKind::forwarding:
            return std::string{"1"};
        case SysctlKind::unsupported:
            return unknown(name);
        case SysctlKind::own:
            if (!speaks_of_a_link(session.model, name)) return no_such_file(name);
            return own_text(session, name);
        case SysctlKind::of_link:
            break;
    }
    if (!session.model.find(sysctl_device(name))) return no_such_file(name);
    if (auto read = session.live->sysctl(name)) return *read;
    const auto set = session.model.sysctls.find(name);
    if (set == session.model.sysctls.end())
        return exit_with(1, fmt::format("sysctl: reading key \"{}\": its value is not known", name));
    return set->second;
}

Result<> set(Model& model, const std::string& name, const std::string& value) {
    switch (sysctl_kind(name)) {
        case SysctlKind::forwarding:
            if (value == "1") return {};
            return exit_with(
                1, fmt::format("sysctl: {} is weft's own and always 1: it cannot be set to {}", name, value));
        case SysctlKind::unsupported:
            return unknown(name);
        case SysctlKind::own:
            return set_own(model, name, value);
        case SysctlKind::of_link:
            break;
    }
    if (!model.find(sysctl_device(name))) return no_such_file(name);
    if (!command::parse_signed(value)) return invalid(name);
    model.sysctls[name] = value;
    return {};
}

Result<std::string> assign(Session& session, const Form& form, std::string_view text) {
    const auto equals = text.find('=');
    auto name = trimmed(text.substr(0, equals));
    // "-NAME=VALUE" in a file: failing does not matter
    const bool ignore = form.ignore || name.starts_with('-');
    if (name.starts_with('-')) name.erase(0, 1);
    name = canonical_sysctl(name);
    const auto value = trimmed(text.substr(equals + 1));
    if (const auto own = own_sysctl(name); own && own->read_only) {
        // procps-ng tells and goes on
        if (!ignore) session.warnings.push_back(invalid(name).message);
        return std::string{};
    }
    if (auto done = set(session.model, name, value); !done) {
        if (ignore) return std::string{};
        return done.error();
    }
    if (form.quiet) return std::string{};
    return line_of(form, form.names ? value : name, value);  // procps-ng: with -N the value
}

Result<Reply> sysctl_set(Session& session, const command::Match& match, const std::string&) {
    Reply reply;
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "ASSIGNMENT") continue;
        auto line = assign(session, form_of(match), item.value);
        if (!line) return exit_with(1, line.error().message, item.column);
        reply.text += *line;
    }
    return reply;
}

/// `input` is the file's text.
Result<Reply> sysctl_load(Session& session, const command::Match& match, const std::string& input) {
    Reply reply;
    std::istringstream lines{input};
    unsigned number = 0;
    for (std::string line; std::getline(lines, line);) {
        ++number;
        const auto text = trimmed(line);
        if (text.empty() || text.front() == '#' || text.front() == ';') continue;
        if (text.find('=') == std::string::npos)
            return exit_with(
                1, fmt::format("sysctl: {}({}): invalid syntax", match.argument("FILE")->value, number));
        auto printed = assign(session, form_of(match), text);
        if (!printed) return printed.error();
        reply.text += *printed;
    }
    return reply;
}

Result<Reply> sysctl_list(Session& session, const command::Match& match, const std::string&) {
    std::map<std::string, std::string> known = session.model.sysctls;
    for (const auto& name : forwarding_sysctls())
        known.emplace(name, "1");
    const auto add_own = [&](const std::vector<std::string>& names) {
        for (const auto& name : names)
            known.emplace(name, own_text(session, name));
    };
    add_own(own_sysctls());
    for (const auto& device : session.model.order)
        add_own(own_sysctls_of(device));
    for (const auto& device : session.model.order)
        for (const auto& name : link_sysctls(device))
            if (auto value = session.live->sysctl(name)) known[name] = *value;
    Reply reply;
    for (const auto& [name, value] : known)
        reply.text += line_of(form_of(match), name, value);
    return reply;
}

/// As procps-ng: what cannot be read is said on stderr and ends it with 1, the others are shown.
Result<Reply> sysctl_get(Session& session, const command::Match& match, const std::string&) {
    const auto form = form_of(match);
    Reply reply;
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "VARIABLE") continue;
        if (item.value.find('=') != std::string::npos)
            return exit_with(1, "sysctl: set variables and show them by two commands", item.column);
        const auto name = canonical_sysctl(item.value);
        if (const auto value = value_of(session, name)) {
            reply.text += line_of(form, name, *value);
        } else if (!form.ignore) {
            session.warnings.push_back(value.error().message);
            reply.exit = 1;
        }
    }
    if (reply.exit && reply.text.empty() && session.warnings.size() == 1)
        return exit_with(1, session.warnings.front());
    return reply;
}

}  // namespace

std::span<const Handler> sysctl_handlers() {
    static constexpr Handler table[] = {
        {"sysctl set", sysctl_set},
        {"sysctl load", sysctl_load},
        {"sysctl list", sysctl_list},
        {"sysctl get", sysctl_get},
    };
    return table;
}

}  // namespace weft
