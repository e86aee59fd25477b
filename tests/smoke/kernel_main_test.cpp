// The tests of control/kernel against the real kernel. EAL gives the TAP thread its packet pool.
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <sched.h>
#include <unistd.h>

#include <string>
#include <vector>

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    cpu_set_t before;
    sched_getaffinity(0, sizeof before, &before);
    unsigned lowest = 0;
    while (!CPU_ISSET(lowest, &before))
        ++lowest;
    std::vector<std::string> words{"kernel_test",
                                   "--no-huge",
                                   "-m",
                                   "128",
                                   "--no-pci",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   "--log-level=error",
                                   "-l",
                                   std::to_string(lowest),
                                   "--file-prefix",
                                   "weft-kern-" + std::to_string(getpid())};
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return 1;
    // EAL pins the calling thread; the programs that tests start would inherit that.
    sched_setaffinity(0, sizeof before, &before);
    const int failed = RUN_ALL_TESTS();
    rte_eal_cleanup();
    return failed;
}
