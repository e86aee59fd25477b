// Precompiled for tests of packets.
#ifndef WEFT_TESTS_PCH_PACKET_HPP
#define WEFT_TESTS_PCH_PACKET_HPP

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#endif
