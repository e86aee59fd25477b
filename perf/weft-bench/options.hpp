// weft-bench's command line.
#pragma once

#include <string>
#include <vector>

#include "flows.hpp"
#include "weft/result.hpp"

namespace weft::bench {

/// What is done with all flows before the first trial.
enum class Prepare : unsigned char {
    announce,  ///< their destinations send a broadcast: a switch learns them
    connect,   ///< each goes once and is answered: a router or translator knows its connection
    nothing
};

struct Options {
    std::string tx, rx;  ///< devargs; rx may be empty: the same device
    FlowConfig flows;
    Prepare prepare = Prepare::announce;
    double rate = 0;  ///< packets/s; 0: as fast as it goes
    double seconds = 5;
    double search_loss = 0;  ///< 0: no search
    unsigned cpu = 0, far_cpu = 0;
    std::uint16_t rxq = 1;  ///< receive queues of each port
    bool json = false, huge = true, help = false;
};

/// The help as text. Errors are one sentence.
std::string help();
Result<Options> parse(int argc, const char* const* argv);

}  // namespace weft::bench
