// Finding, probing and owning the device that devargs name.
#include <fmt/core.h>
#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "dataplane/port/ethdev.hpp"

namespace weft {

namespace {

struct Devargs : rte_devargs {
    Devargs() : rte_devargs{} {}
    Devargs(const Devargs&) = delete;
    Devargs& operator=(const Devargs&) = delete;
    ~Devargs() { rte_devargs_reset(this); }
};

std::optional<std::uint16_t> find_port(const std::string& words, const rte_devargs& parsed) {
    std::uint16_t id;
    if (rte_eth_dev_get_port_by_name(parsed.name, &id) == 0) return id;
    // A PCI address without domain, a representor: the bus knows.
    rte_dev_iterator iterator;
    std::optional<std::uint16_t> found;
    RTE_ETH_FOREACH_MATCHING_DEV(id, words.c_str(), &iterator) {
        if (!found) found = id;
    }
    return found;
}

std::string owner_of(std::uint16_t id) {
    rte_eth_dev_owner owner{};
    if (rte_eth_dev_owner_get(id, &owner) != 0 || owner.id == RTE_ETH_DEV_NO_OWNER) return {};
    return owner.name;
}

void own(std::uint16_t id, const std::string& name) {
    rte_eth_dev_owner owner{};
    std::strncpy(owner.name, name.c_str(), sizeof owner.name - 1);
    if (rte_eth_dev_owner_new(&owner.id) == 0) rte_eth_dev_owner_set(id, &owner);
}

}  // namespace

Result<std::unique_ptr<Port>> open_ethdev(const std::string& name, const std::string& devargs,
                                          const PortQueues& queues, const PortEnvironment& environment) {
    Devargs parsed;
    if (rte_devargs_parse(&parsed, devargs.c_str()) != 0)
        return refuse(fmt::format(
            "port {}: \"{}\" names no DPDK device: give a PCI address or a virtual device such as "
            "net_null0",
            name, devargs));
    const bool pci = std::strcmp(rte_bus_name(parsed.bus), "pci") == 0;
    if (pci && !rte_eal_has_hugepages())
        return refuse(fmt::format("port {}: {} needs hugepages: set vm.nr_hugepages and start weftd again",
                                  name, parsed.name));
    if (pci && !rte_eal_has_pci())
        return refuse(fmt::format("port {}: weftd was started with --no-pci", name));

    auto id = find_port(devargs, parsed);
    if (id) {
        const auto owner = owner_of(*id);
        if (!owner.empty())
            return refuse(fmt::format("port {}: {} is port {} already", name, parsed.name, owner));
    } else {
        if (const int error = rte_dev_probe(devargs.c_str()); error != 0)
            return refuse(fmt::format("port {}: DPDK finds no device for \"{}\": {}{}", name, devargs,
                                      rte_strerror(error < 0 ? -error : error),
                                      pci ? " (bound to vfio-pci? see dpdk-devbind.py -s)" : ""));
        id = find_port(devargs, parsed);
        if (!id) return refuse(fmt::format("port {}: {} is not an Ethernet device", name, devargs));
    }
    own(*id, name);
    return ports::Ethdev::open(name, *id, queues, environment);
}

}  // namespace weft
