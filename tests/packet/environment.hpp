// What tests of the packet suite stand on: EAL without hugepages, started once by main.cpp, and one pool.
#pragma once

#include <rte_mbuf.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "weft/packet.hpp"
#include "weft/port.hpp"

namespace weft::test {

/// 4096 mbufs of the default data room with packet_private_size. A test that ends with fewer of them free
/// than it began with fails.
[[nodiscard]] rte_mempool* pool();

/// Starts EAL on the first CPU this process may use, makes the pool and registers the check for leaks. EAL's
/// own words are shown only if it fails. False: could not start, said on stderr.
[[nodiscard]] bool start_environment();
/// Frees the pool and ends EAL.
void end_environment();

/// What ports lost while sending, over all tests: one that looks clears it first.
inline TransmitLoss lost;

}  // namespace weft::test
