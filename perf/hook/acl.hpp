// The same rules in rte_acl.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "perf/hook/rule_sets.hpp"

struct rte_acl_ctx;

namespace weft::perf {

class Acl {
  public:
    /// Fields: protocol, addresses, ports, and the MAC if a rule asks for one. Null if rte_acl refuses.
    static std::unique_ptr<Acl> build(const std::vector<PlainRule>&, std::size_t max_bytes);
    ~Acl();
    void add(const PlainPacket&);
    /// One packet; the first rule that matches, counted from 1, or 0.
    [[nodiscard]] std::uint32_t find(std::size_t packet) const;

  private:
    struct alignas(4) Key {
        std::uint8_t bytes[24];
    };
    explicit Acl(rte_acl_ctx* context) : context_(context) {}
    rte_acl_ctx* context_;
    std::vector<Key> keys_;
};

}  // namespace weft::perf
