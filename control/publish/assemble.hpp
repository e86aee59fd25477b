// From the model to what workers see: Topology and the FDB's own entries.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "control/model/model.hpp"
#include "control/publish/effective.hpp"
#include "control/publish/indexes.hpp"
#include "weft/result.hpp"
#include "weft/topology.hpp"

namespace weft {

/// What a worker needs of an open port.
struct OpenPort {
    Port* port = nullptr;  ///< null while its queues are being changed
    std::uint16_t tx_queues = 1;
    std::uint8_t offloads = 0;
    bool without_address = false;  ///< it has no Ethernet header of its own (TUN)
    bool kernel_takes = false;
};

struct AssembleInput {
    const Model& model;
    const std::map<std::string, Effective>& effective;
    const std::map<std::string, OpenPort>& ports;
    bool kernel = true;  ///< links have TAPs
};

/// Gives numbers to what has none. Refused when a table is full: `indexes` is then to be thrown away.
Result<> take_numbers(const Model& model, Indexes& indexes);
/// Frees the numbers of what is not in the model, after nobody uses them any more.
void release_numbers(const Model& model, Indexes& indexes);

/// Everything of the model must be numbered.
[[nodiscard]] std::unique_ptr<const Topology> assemble(const AssembleInput& input, const Indexes& indexes);

/// A static or local FDB entry that has to be there.
struct FixedEntry {
    BridgePortIndex port = no_index;  ///< of a local entry: no_index for the bridge's own address
    BridgeIndex bridge = no_index;
    std::uint8_t flags = 0;  ///< FdbFlags
    friend bool operator==(const FixedEntry&, const FixedEntry&) = default;
};
/// By FDB key. Local entries of every member's and bridge's address in each of its VLANs, as
/// br_fdb_change_mac_address and nbp_vlan_add keep them, and those of `bridge fdb add`.
[[nodiscard]] std::map<std::uint64_t, FixedEntry> fixed_entries(const AssembleInput& input,
                                                                const Indexes& indexes);

}  // namespace weft
