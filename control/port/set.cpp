#include <algorithm>

#include "control/command/types.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"
#include "control/port/handlers.hpp"

namespace weft {

namespace {

Result<LinkSpec*> find_port(Model& model, const command::Item& name) {
    const auto it = model.links.find(name.value);
    if (it == model.links.end()) return refuse(fmt::format("there is no port {}", name.value));
    if (!port_of(it->second))
        return refuse(fmt::format("{0} is not a port: ip link del {0} removes it", name.value));
    return &it->second;
}

}  // namespace

Result<Reply> port_set(Session& session, const command::Match& match, const std::string&) {
    const auto& name = *match.argument("NAME");
    const auto link = find_port(session.model, name);
    if (!link) return link.error();
    auto& port = std::get<PortSpec>((*link)->kind);
    const auto& queue = *match.argument("RXQ");
    const auto number = *command::parse_unsigned(queue.value);
    if (number >= port.rx_queues)
        return refuse_at(
            fmt::format("port {} has receive queues 0 to {}, not {}", name.value, port.rx_queues - 1, number),
            queue.column);
    const auto& cpu = *match.argument("CPU");
    const auto where = static_cast<unsigned>(*command::parse_unsigned(cpu.value));
    if (session.live) {
        const auto cpus = session.live->worker_cpus();
        if (std::find(cpus.begin(), cpus.end(), where) == cpus.end())
            return refuse_at(
                fmt::format("no worker runs on CPU {}: workers run on {}", where, fmt::join(cpus, ", ")),
                cpu.column);
    }
    port.placement[static_cast<std::uint16_t>(number)] = where;
    return Reply{};
}

Result<Reply> port_del(Session& session, const command::Match& match, const std::string&) {
    const auto& name = *match.argument("NAME");
    const auto link = find_port(session.model, name);
    if (!link) return link.error();
    remove_link(session.model, name.value);
    return Reply{};
}

}  // namespace weft
