// Sets of addresses and networks as a configuration has them: hash:ip and hash:net of ipset. A value that
// costs a pointer a set to copy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/set/entries.hpp"

namespace weft::ipset {

enum class Type : std::uint8_t { hash_ip, hash_net };

/// What `ipset create` says.
struct Options {
    Type type = Type::hash_ip;
    hook::Family family = hook::Family::ip;
    std::uint32_t hashsize = 1024, maxelem = 65536;  ///< hashsize and bucketsize are kept and shown only
    std::optional<std::uint8_t> netmask{};           ///< hash:ip
    std::optional<std::uint32_t> timeout{};          ///< seconds, of entries that say none; 0: for ever
    bool counters = false, comment = false;
    std::uint8_t bucketsize = 12;
    friend bool operator==(const Options&, const Options&) = default;

    [[nodiscard]] std::uint8_t whole() const noexcept { return family == hook::Family::ip ? 32 : 128; }
};

struct Set {
    Options options;
    std::uint64_t id = 0;       ///< of its content: goes along with swap and rename
    std::uint32_t initval = 0;  ///< shown only
    Entries entries;
};

/// The same options and entries. How much time is left, counters and initval are no part of a
/// configuration; whether an entry's time ends is.
[[nodiscard]] bool same(const Set&, const Set&);
[[nodiscard]] bool same(const Entry&, const Entry&);

class Sets {
  public:
    /// A place may be empty: a new set takes the first such one, as in the kernel.
    struct Named {
        std::string name;
        std::shared_ptr<Set> set;  ///< null: an empty place
    };

    [[nodiscard]] const std::vector<Named>& all() const noexcept { return all_; }
    [[nodiscard]] const Set* find(std::string_view name) const noexcept;
    /// To change, if there is one; made anew before that if copies of this share it.
    [[nodiscard]] Set* edit(std::string_view name);
    void create(std::string_view name, const Options&, std::uint32_t initval);
    void destroy(std::string_view name);
    void rename(std::string_view from, std::string_view to);
    void swap(std::string_view, std::string_view);
    void clear() { all_.clear(); }

    friend bool operator==(const Sets&, const Sets&);

    /// Sets and entries of `next` that are here go on with the time and the counters they have here: who
    /// loads a file again has none of them begin anew.
    void keep_running(Sets& next, std::uint64_t now_us) const;

  private:
    [[nodiscard]] Named* place(std::string_view name) noexcept;
    std::vector<Named> all_;
};

/// Never the same one twice.
[[nodiscard]] std::uint64_t next_stamp() noexcept;

}  // namespace weft::ipset
