#include "control/bridge/edit.hpp"
#include "control/bridge/fdb_entry.hpp"
#include "control/bridge/handlers.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// A dynamic entry is running state: it goes to the table, not to the model.
Result<Reply> learn(Session& session, const FdbWords& words) {
    if (!session.live) return bridge::refused("a dynamic entry is running state: it cannot stand in a file");
    for (const auto vid : words.vids)
        if (auto learned = session.live->learn_fdb(words.device, words.mac, vid, words.sticky); !learned)
            return bridge::refused(learned.error().message);
    return Reply{};
}

/// Writes the entries, each in the place of one that its bridge had of that MAC and VLAN.
Reply write(Model& model, const FdbWords& words) {
    const auto kind =
        words.kind == FdbWords::Kind::permanent ? FdbSpec::Kind::permanent : FdbSpec::Kind::stationary;
    for (const auto vid : words.vids) {
        const auto old = find_fdb(model, words.bridge, words.mac, vid);
        if (old != model.fdb.end()) model.fdb.erase(old);
        model.fdb[{words.device, words.mac, vid}] = {kind, words.sticky};
    }
    return {};
}

}  // namespace

Result<Reply> bridge_fdb_add(Session& session, const command::Match& match, const std::string&) {
    const auto words = read_fdb_words(session.model, match);
    if (!words) return words.error();
    // Also one that was learned (net/bridge/br_fdb.c, NLM_F_EXCL).
    for (const auto vid : words->vids)
        if (find_fdb(session.model, words->bridge, words->mac, vid) != session.model.fdb.end() ||
            (session.live && session.live->knows_fdb(words->bridge, words->mac, vid)))
            return bridge::kernel("File exists");
    if (words->kind == FdbWords::Kind::dynamic) return learn(session, *words);
    return write(session.model, *words);
}

Result<Reply> bridge_fdb_replace(Session& session, const command::Match& match, const std::string&) {
    const auto words = read_fdb_words(session.model, match);
    if (!words) return words.error();
    if (words->kind == FdbWords::Kind::dynamic) {
        auto learned = learn(session, *words);
        if (!learned) return learned;
        for (const auto vid : words->vids)
            if (const auto old = find_fdb(session.model, words->bridge, words->mac, vid);
                old != session.model.fdb.end())
                session.model.fdb.erase(old);
        return learned;
    }
    return write(session.model, *words);
}

Result<Reply> bridge_fdb_del(Session& session, const command::Match& match, const std::string&) {
    const auto words = read_fdb_words(session.model, match);
    if (!words) return words.error();
    bool found = false;
    for (const auto vid : words->vids) {
        if (session.model.fdb.erase({words->device, words->mac, vid}))
            found = true;
        else if (session.live && session.live->delete_fdb(words->device, words->mac, vid))
            found = true;
    }
    if (!found) return bridge::kernel("No such file or directory");
    return Reply{};
}

}  // namespace weft
