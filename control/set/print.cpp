#include "control/set/print.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "control/set/element.hpp"

namespace weft::ipset {

namespace {

template <class... Arguments>
void append(std::string& out, fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(out), text, std::forward<Arguments>(arguments)...);
}

/// ip_set_timeout_get: what ends within the second has one left, as 0 is for ever.
std::uint64_t seconds_left(const Entry& entry, std::uint64_t now_us) {
    if (entry.deadline_us == 0) return 0;
    return std::max<std::uint64_t>(1, (entry.deadline_us - now_us) / 1'000'000);
}

}  // namespace

void put_entry(std::string& out, const Set& set, const Entry& entry, const Environment& environment,
               bool counts) {
    const auto& options = set.options;
    out += to_string(entry.key.address, options.family);
    if (options.type == Type::hash_net && entry.key.length != options.whole())
        append(out, "/{}", entry.key.length);
    if (options.timeout) append(out, " timeout {}", seconds_left(entry, environment.now_us));
    if (entry.nomatch) out += " nomatch";
    if (options.counters && counts) {
        const auto live = environment.counters ? environment.counters(set.id, entry.key) : std::nullopt;
        const auto counted = live.value_or(entry.counters);
        append(out, " packets {} bytes {}", counted.packets, counted.bytes);
    }
    if (!entry.comment.empty()) append(out, " comment \"{}\"", entry.comment);
}

std::string header(const Options& options) {
    std::string out;
    append(out, "family {} hashsize {} maxelem {}", options.family == hook::Family::ip ? "inet" : "inet6",
           options.hashsize, options.maxelem);
    if (options.netmask) append(out, " netmask {}", *options.netmask);
    if (options.timeout) append(out, " timeout {}", *options.timeout);
    if (options.counters) out += " counters";
    if (options.comment) out += " comment";
    append(out, " bucketsize {}", options.bucketsize);
    return out;
}

void put_saved(std::string& out, std::string_view name, const Set& set, const Environment& environment) {
    append(out, "create {} {} {} initval 0x{:08x}\n", name, to_string(set.options.type), header(set.options),
           set.initval);
    for (const auto* entry : set.entries.sorted()) {
        if (entry->over(environment.now_us)) continue;
        append(out, "add {} ", name);
        put_entry(out, set, *entry, environment);
        out += '\n';
    }
}

void put_listed(std::string& out, std::string_view name, const Set& set, const Environment& environment,
                bool terse) {
    const auto& options = set.options;
    std::string members;
    std::size_t count = 0;
    for (const auto* entry : set.entries.sorted()) {
        if (entry->over(environment.now_us)) continue;
        ++count;
        if (terse) continue;
        put_entry(members, set, *entry, environment);
        members += '\n';
    }
    constexpr std::size_t bucket = 8;  // a pointer to one, at most twice as many as members
    append(out, "Name: {}\nType: {}\nRevision: {}\nHeader: {} initval 0x{:08x}\n", name,
           to_string(options.type), options.type == Type::hash_ip ? 5 : 7, header(options), set.initval);
    append(out, "Size in memory: {}\nReferences: {}\nNumber of entries: {}\n",
           sizeof(Set) + count * (sizeof(Entry) + 2 * bucket),
           environment.references ? environment.references(name) : 0, count);
    if (!terse) out += "Members:\n" + members;
}

}  // namespace weft::ipset
