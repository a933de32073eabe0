#include "roles.hpp"

#include <leat/context.hpp>
#include <leat/pipeline/pusher.hpp>

namespace demo {

int ship(std::uint32_t self, const leat::endpoint& lines, const leat::endpoint& reports,
         const std::vector<log_file>& files, std::stop_token stop) {
    const leat::socket_options patient{.linger = patience};
    leat::context ctx{{.close_deadline = patience}};
    leat::pusher<report> news{ctx, {.connect = reports, .stop = stop, .socket = patient}};
    leat::pusher<line> out{
        ctx, {.connect = lines, .batch = {.bytes = 16u << 10}, .stop = stop, .socket = patient}};

    report sent{.what = report::news::shipped, .process = self};
    for (std::uint32_t i = 0; i < files.size(); ++i) {
        for_each_line(files[i], [&](std::string_view text) {
            if (stop.stop_requested() || out.send({i, text}) != leat::status::ok) return false;
            ++sent.part.lines;
            sent.part.bytes += text.size();
            return true;
        });
    }
    // A report is all that says that the lines are on their way, so it comes after them.
    const bool complete =
        out.flush(patience) == leat::status::ok && news.send(sent, patience) == leat::status::ok;
    out.close();
    news.close();
    return ctx.close(complete ? patience : std::chrono::seconds{1}).complete && complete ? 0 : 1;
}

}  // namespace demo
