#include "tests/packet/environment.hpp"

#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <rte_mempool.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace weft::test {

namespace {

rte_mempool* the_pool = nullptr;

class LeakCheck : public ::testing::EmptyTestEventListener {
    void OnTestStart(const ::testing::TestInfo&) override { before_ = rte_mempool_avail_count(the_pool); }
    void OnTestEnd(const ::testing::TestInfo&) override {
        const unsigned after = rte_mempool_avail_count(the_pool);
        if (after != before_) ADD_FAILURE() << static_cast<int>(before_ - after) << " mbufs leaked";
    }
    unsigned before_ = 0;
};

int first_cpu() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &allowed)) return cpu;
    return 0;
}

}  // namespace

rte_mempool* pool() {
    return the_pool;
}

bool start_environment() {
    std::vector<std::string> words{"packet",
                                   "--no-huge",
                                   "-m",
                                   "256",
                                   "--no-pci",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   "--lcores",
                                   "0@" + std::to_string(first_cpu()),
                                   "--file-prefix",
                                   "weft-packet-" + std::to_string(getpid())};
    std::vector<char*> argv;
    for (auto& word : words)
        argv.push_back(word.data());

    char* said = nullptr;
    std::size_t said_size = 0;
    std::FILE* log = open_memstream(&said, &said_size);
    rte_openlog_stream(log);
    const bool started = rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
    if (started)
        the_pool = rte_pktmbuf_pool_create("weft-packet", 4096, 0, packet_private_size,
                                           RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    rmdir(rte_eal_get_runtime_dir());  // empty without shared configuration
    rte_openlog_stream(nullptr);
    std::fclose(log);
    if (!the_pool)
        std::fprintf(stderr, "%scannot start EAL or make the pool: %s\n", said, rte_strerror(rte_errno));
    std::free(said);
    if (!the_pool) return false;
    ::testing::UnitTest::GetInstance()->listeners().Append(new LeakCheck);
    return true;
}

void end_environment() {
    rte_mempool_free(the_pool);
    rte_eal_cleanup();
}

}  // namespace weft::test
