// The sets that workers ask, made equal to those of the model while packets flow.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/set/sets.hpp"
#include "dataplane/hook/address_table.hpp"

namespace weft::hook {

/// A table for each set, and for each name an indirection that rules hold: `ipset swap` is two stores, and
/// no rule is compiled again. Control thread only, but for what find() returns.
class SetTables {
  public:
    /// The secret keys the hashes of what outsiders can fill.
    explicit SetTables(std::uint64_t secret) : secret_(secret) {}

    /// What rules of this name are to ask; null if there is no such set. Stays the same through swap, and
    /// through other options of the set. FindSet is made of this.
    [[nodiscard]] std::shared_ptr<const AddressSet> find(std::string_view name) const;

    /// Makes the tables equal, with the least change: entries that stay keep counting. What went may be held
    /// by workers until reclaim().
    void apply(const ipset::Sets&, std::uint64_t now_us);
    /// True if something waits for reclaim().
    [[nodiscard]] bool wasteful() const noexcept { return wasteful_; }
    /// No worker holds what was removed before: all passed a quiescent point since, under rules that name no
    /// set that went.
    void reclaim();
    /// Takes out the entries whose time is over.
    void expire(std::uint64_t now_us);

    /// What an entry of the set with this Set::id has counted.
    [[nodiscard]] std::optional<Counters> counters(std::uint64_t id, const ipset::Key&) const;

  private:
    struct Table {
        ipset::Set set;  ///< what it was made equal to
        std::unique_ptr<AddressTable> table;
    };
    void change(Table&, const ipset::Set&, std::uint64_t now_us);

    std::uint64_t secret_;
    std::map<std::uint64_t, Table> tables_;  ///< by Set::id
    std::map<std::string, std::shared_ptr<NamedSet>, std::less<>> names_;
    std::vector<std::unique_ptr<AddressTable>> gone_;
    bool wasteful_ = false;
};

}  // namespace weft::hook
