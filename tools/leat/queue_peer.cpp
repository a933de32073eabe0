#include "queue_peer.hpp"

#include "parse.hpp"
#include "peers.hpp"

namespace leat::command {

void queue_peer::check() const {
    if (connect.size() != 1) throw usage_error{"needs one endpoint: --connect tcp://HOST:PORT"};
    check_connect("--connect", connect.front());
    if (name.empty()) throw usage_error{"needs the QUEUE's name"};
}

void add_queue_peer(CLI::App& sub, queue_peer& to) {
    add_argument(sub, "QUEUE", to.name, "Its name; NAME.dead are the dead letters of NAME");
    add_value(sub, "-c,--connect", "ENDPOINT", "Where it is: tcp://host:port or ipc:///path",
              [&to](const auto& text) { to.connect.push_back(parse_endpoint("--connect", text)); });
}

}  // namespace leat::command
