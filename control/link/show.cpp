#include <nlohmann/json.hpp>

#include <algorithm>

#include "control/link/edit.hpp"
#include "control/link/handlers.hpp"
#include "control/link/text.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// Whether the filters typed let the interface through.
bool wanted(const LinkView& view, const command::Match& match) {
    if (const auto* item = match.argument("NAME"); item && item->value != view.name) return false;
    if (const auto* item = match.argument("MASTER"); item && item->value != view.master()) return false;
    if (match.has("up") && !view.link->up) return false;
    return of_type(*view.link, match);
}

std::string text_of(Session& session, const LinkView& view, const LinkForm& form) {
    if (form.brief)
        return link_brief(view) + (is_tun(*view.link) ? "" : to_string(view.state.mac)) + " " +
               view.flag_text() + " \n";
    std::string text = link_head(view, form);
    text += form.line_end();
    text += link_address(session, view, form);
    if (form.statistics) {
        text += form.line_end();
        text += link_statistics(view.state, form);
    }
    return text + "\n";
}

}  // namespace

Result<Reply> ip_link_show(Session& session, const command::Match& match, const std::string&) {
    if (const auto* item = match.argument("NAME"); item && !session.model.find(item->value))
        return ip::no_device_to_show(*item);
    if (const auto* item = match.argument("MASTER"); item && !session.model.find(item->value))
        return ip::wrong(*item, "Device does not exist");
    const auto form = form_of(match, true);
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& view : view_links(session)) {
        if (!wanted(view, match)) continue;
        if (!session.json) {
            reply.text += text_of(session, view, form);
            continue;
        }
        auto json = link_json(session, view, form);
        if (form.statistics && !form.brief) json["stats64"] = statistics_json(view.state);
        reply.data->push_back(std::move(json));
    }
    return reply;
}

}  // namespace weft
