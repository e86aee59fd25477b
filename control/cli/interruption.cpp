#include "control/cli/interruption.hpp"

#include <sys/socket.h>

#include <iterator>

namespace weft::cli {

namespace {

constexpr int ending_signals[] = {SIGINT, SIGTERM};
volatile std::sig_atomic_t came = 0;
volatile std::sig_atomic_t watched = -1;

// A flag alone would be seen too late by a read that begins just then: after shutdown() none waits.
void end_reading(int) {
    came = 1;
    if (watched >= 0) shutdown(watched, SHUT_RD);
}

}  // namespace

Interruption::Interruption(int socket) {
    came = 0;
    watched = socket;
    struct sigaction end {};
    end.sa_handler = end_reading;
    for (std::size_t i = 0; i < std::size(ending_signals); ++i)
        sigaction(ending_signals[i], &end, &former_[i]);
}

Interruption::~Interruption() {
    for (std::size_t i = 0; i < std::size(ending_signals); ++i)
        sigaction(ending_signals[i], &former_[i], nullptr);
    watched = -1;
}

bool Interruption::happened() noexcept {
    return came != 0;
}

}  // namespace weft::cli
