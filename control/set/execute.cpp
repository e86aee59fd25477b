// What net/netfilter/ipset/ip_set_core.c, ip_set_hash_ip.c and ip_set_hash_net.c do for userspace.
#include "control/set/execute.hpp"

#include <algorithm>
#include <bit>

#include "control/set/refusal.hpp"
#include "weft/net/byte_order.hpp"

namespace weft::ipset {

namespace {

using hook::Family;

constexpr auto no_set = "The set with the given name does not exist";
constexpr auto no_length = "The value of the CIDR parameter of the IP address is invalid";

std::uint32_t number(const IpAddress& address) noexcept {
    return to_be32(address).host();
}
IpAddress address_of(std::uint64_t value) noexcept {
    return to_address(be32{static_cast<std::uint32_t>(value)});
}

Set& edit(Sets& sets, const std::string& name) {
    auto* set = sets.edit(name);
    if (!set) refuse_as_kernel(no_set);
    return *set;
}

std::vector<std::string> names_of(const Sets& sets, const std::string& name) {
    std::vector<std::string> names;
    if (!name.empty() && !sets.find(name)) refuse_as_kernel(no_set);
    for (const auto& one : sets.all())
        if (one.set && (name.empty() || one.name == name)) names.push_back(one.name);
    return names;
}

void drop_those_over(Set& set, std::uint64_t now_us) {
    std::vector<Key> over;
    set.entries.visit([&](const Entry& entry) {
        if (entry.over(now_us)) over.push_back(entry.key);
    });
    for (const auto& key : over)
        set.entries.erase(key);
}

/// Adds or deletes members of one set.
class Change {
  public:
    Change(const Command& command, Set& set, const Environment& environment)
        : command_(command), set_(set), environment_(environment) {}

    void run() {
        check_extensions();
        if (set_.options.type == Type::hash_ip)
            addresses();
        else
            networks();
    }

  private:
    void check_extensions() const {
        const auto& options = set_.options;
        if (command_.timeout && !options.timeout)
            refuse_as_kernel("Timeout cannot be used: set was created without timeout support");
        if ((command_.packets || command_.bytes) && !options.counters)
            refuse_as_kernel("Packet/byte counters cannot be used: set was created without counter support");
        if (command_.comment && !options.comment)
            refuse_as_kernel("Comment cannot be used: set was created without comment support");
    }

    /// hash_ip4_uadt, hash_ip6_uadt.
    void addresses() {
        const auto& element = command_.element;
        const auto& options = set_.options;
        const unsigned mask = options.netmask.value_or(options.whole());
        const auto first = cut(element.address, mask);
        if (first == IpAddress{}) refuse_null();
        if (options.family == Family::ip6) return one({first, options.whole()});
        std::uint64_t from = number(first), to = from;
        if (element.last) {
            to = number(*element.last);
            if (to == 0) refuse_null();
            if (from > to) std::swap(from, to);
        } else if (element.length) {
            if (*element.length == 0) refuse_as_kernel(no_length);
            from = number(cut(first, *element.length));
            to = from | (0xffff'ffffULL >> *element.length);
        }
        const std::uint64_t step = 1ULL << (32 - mask);
        for (; from <= to; from += step)
            one({address_of(from), options.whole()});
    }

    /// hash_net4_uadt, hash_net6_uadt.
    void networks() {
        const auto& element = command_.element;
        if (element.length && *element.length == 0) refuse_as_kernel(no_length);
        if (!element.last) {
            const auto length = element.length.value_or(set_.options.whole());
            return one({cut(element.address, length), length});
        }
        std::uint64_t from = number(element.address), to = number(*element.last);
        if (from > to) std::swap(from, to);
        if (to - from == 0xffff'ffff) refuse_as_kernel("Invalid range, covers the whole address space");
        while (from <= to) {  // ip_set_range_to_cidr: the widest network that begins here and ends in time
            unsigned bits = from == 0 ? 31 : static_cast<unsigned>(std::min(std::countr_zero(from), 31));
            while (from + (1ULL << bits) - 1 > to)
                --bits;
            one({address_of(from), static_cast<std::uint8_t>(32 - bits)});
            from += 1ULL << bits;
        }
    }

    [[noreturn]] static void refuse_null() {
        refuse_as_kernel("Null-valued element, cannot be stored in a hash type of set");
    }

    void one(const Key& key) {
        if (command_.action == Action::add)
            add(key);
        else
            remove(key);
    }

    /// mtype_add.
    void add(const Key& key) {
        const auto now = environment_.now_us;
        auto& entries = set_.entries;
        const auto* known = entries.find(key);
        if (known && !known->over(now) && !command_.exist)
            refuse_as_kernel("Element cannot be added to the set: it's already added");
        if (!known) {
            if (entries.size() >= set_.options.maxelem) drop_those_over(set_, now);
            if (entries.size() >= set_.options.maxelem)
                refuse_as_kernel("Hash is full, cannot add more elements");
        }
        const std::uint64_t seconds = command_.timeout.value_or(set_.options.timeout.value_or(0));
        entries.put({.key = key,
                     .nomatch = command_.nomatch,
                     .deadline_us = seconds == 0 ? 0 : now + seconds * 1'000'000,
                     .counters = {command_.packets.value_or(0), command_.bytes.value_or(0)},
                     .comment = command_.comment.value_or(""),
                     .stamp = next_stamp()});
    }

    /// mtype_del.
    void remove(const Key& key) {
        const auto* known = set_.entries.find(key);
        const bool there = known && !known->over(environment_.now_us);
        if (!there && !command_.exist)
            refuse_as_kernel("Element cannot be deleted from the set: it's not added");
        if (known) set_.entries.erase(key);
    }

    const Command& command_;
    Set& set_;
    const Environment& environment_;
};

/// mtype_test, and mtype_test_cidrs of an address in hash:net: whether the smallest network around it says
/// so. What no set can have is in none (ip_set_utest).
bool holds(const Command& command, const Set& set, std::uint64_t now_us) {
    const auto& element = command.element;
    const auto& options = set.options;
    const auto in = [&](const IpAddress& address, unsigned length) -> const Entry* {
        const auto* entry = set.entries.find({cut(address, length), static_cast<std::uint8_t>(length)});
        return entry && !entry->over(now_us) ? entry : nullptr;
    };
    if (options.type == Type::hash_ip) {
        const auto address = cut(element.address, options.netmask.value_or(options.whole()));
        return in(address, options.whole()) != nullptr;
    }
    const unsigned length = element.length.value_or(options.whole());
    if (length == 0) return false;
    const unsigned shortest = length == options.whole() ? 1 : length;
    for (unsigned at = length; at >= shortest; --at)
        if (const auto* entry = in(element.address, at)) return !entry->nomatch || command.nomatch;
    return false;
}

void create(const Command& command, Sets& sets, const Environment& environment) {
    const auto& name = command.name;
    if (const auto* known = sets.find(name)) {
        auto wanted = command.options;
        wanted.hashsize = known->options.hashsize;
        wanted.bucketsize = known->options.bucketsize;
        // mtype_same_set: the family is not compared, but that of hash:ip by its netmask.
        const auto cut_at = [](const Options& of) { return of.netmask.value_or(of.whole()); };
        if (wanted.type == Type::hash_net || cut_at(wanted) == cut_at(known->options)) {
            wanted.family = known->options.family;
            wanted.netmask = known->options.netmask;
        }
        if (command.exist && wanted == known->options) return;
        refuse_as_kernel("Set cannot be created: set with the same name already exists");
    }
    const auto random = environment.random ? environment.random() : 0;
    sets.create(name, command.options, command.initval.value_or(random));
}

std::size_t references(const Environment& environment, const std::string& name) {
    return environment.references ? environment.references(name) : 0;
}

void destroy(const Command& command, Sets& sets, const Environment& environment) {
    if (command.exist && !command.name.empty() && !sets.find(command.name)) return;
    const auto names = names_of(sets, command.name);
    for (const auto& name : names)
        if (references(environment, name) != 0)
            refuse_as_kernel("Set cannot be destroyed: it is in use by a kernel component");
    for (const auto& name : names)
        sets.destroy(name);
}

void rename(const Command& command, Sets& sets, const Environment& environment) {
    if (!sets.find(command.name)) refuse_as_kernel(no_set);
    if (references(environment, command.name) != 0)
        refuse_as_kernel("Set cannot be renamed: it is in use by another system");
    if (sets.find(command.other))
        refuse_as_kernel("Set cannot be renamed: a set with the new name already exists");
    sets.rename(command.name, command.other);
}

void swap(const Command& command, Sets& sets) {
    const auto *one = sets.find(command.name), *other = sets.find(command.other);
    if (!one) refuse_as_kernel(no_set);
    if (!other) refuse_as_kernel("Sets cannot be swapped: the second set does not exist");
    if (one->options.type != other->options.type || one->options.family != other->options.family)
        refuse_as_kernel("The sets cannot be swapped: their type does not match");
    sets.swap(command.name, command.other);
}

void print(const Command& command, const Sets& sets, const Environment& environment, std::string& out) {
    const bool saves = command.saves.value_or(command.action == Action::save);
    bool first = true;
    for (const auto& name : names_of(sets, command.name)) {
        const auto& set = *sets.find(name);
        if (saves) {
            put_saved(out, name, set, environment);
        } else if (command.names_only) {
            out += name + "\n";
        } else {
            if (!first) out += '\n';
            put_listed(out, name, set, environment, command.terse);
        }
        first = false;
    }
}

}  // namespace

bool execute(const Command& command, Sets& sets, const Environment& environment, std::string& out,
             std::string& said) {
    switch (command.action) {
        case Action::create:
            create(command, sets, environment);
            break;
        case Action::add:
        case Action::del:
            Change(command, edit(sets, command.name), environment).run();
            break;
        case Action::test: {
            const auto* set = sets.find(command.name);
            if (!set) refuse_as_kernel(no_set);
            const bool in = holds(command, *set, environment.now_us);
            if (!command.quiet)
                said += fmt::format("{}{} is {}in set {}.\n", in ? "Warning: " : "",
                                    to_string(command.element, set->options.family), in ? "" : "NOT ",
                                    command.name);
            return in;
        }
        case Action::destroy:
            destroy(command, sets, environment);
            break;
        case Action::flush:
            for (const auto& name : names_of(sets, command.name))
                edit(sets, name).entries.clear();
            break;
        case Action::rename:
            rename(command, sets, environment);
            break;
        case Action::swap:
            swap(command, sets);
            break;
        case Action::list:
        case Action::save:
            print(command, sets, environment, out);
            break;
        case Action::version:
            out += "ipset v7.17, protocol version: 7\n";
            break;
        default:
            break;
    }
    return true;
}

}  // namespace weft::ipset
