#include "tools/leat/forwarder_config.hpp"

#include "support/says.hpp"
#include "support/temporary_directory.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <tuple>

using namespace leat::command;
using namespace std::chrono_literals;
using leat::queue_rules;

namespace {

forwarder_config parsed(const std::string& text) {
    return parse_forwarder_config(text, "f.toml");
}

std::string faults_of(const std::string& text) {
    try {
        static_cast<void>(parsed(text));
    } catch (const leat::command::usage_error& wrong) {
        return wrong.what();
    }
    return "nothing";
}

struct wrong {
    const char* text;
    const char* says;
};

void check_refused(const std::string& before, const wrong& one) {
    CAPTURE(one.text);
    CHECK(faults_of(before + one.text) == one.says);
}

const std::string a_queue = "[[queue]]\nname = \"jobs\"\nbind = \"ipc://q\"\n";
const std::string a_transfer =
    "[[transfer]]\nfrom = \"ipc://q\"\nfrom_queue = \"a\"\nto = \"ipc://p\"\nto_queue = \"b\"\n";
const std::string a_relay = "[[relay]]\npull = \"ipc://in\"\npush = \"ipc://out\"\n";

auto fields(const queue_rules& r) {
    return std::tuple{
        r.durability,    r.overflow,          r.exclusive,      r.max_messages, r.max_bytes,
        r.max_message,   r.max_key,           r.max_id,         r.max_headers,  r.max_header_bytes,
        r.lease,         r.session_timeout,   r.max_hold,       r.max_attempts, r.retry.first,
        r.retry.factor,  r.retry.cap,         r.retry.jitter,   r.ttl,          r.on_expiry,
        r.dead_letters,  r.max_dead_messages, r.max_dead_bytes, r.dead_full,    r.dedup_window,
        r.dedup_ids,     r.producer_expiry,   r.producer_rows,  r.interval,     r.outcome_delay,
        r.max_in_flight, r.ingress_bytes,     r.sessions,       r.max_delay,    r.max_hops,
        r.close_deadline};
}

template <class Fields, std::size_t... I>
std::vector<std::size_t> same_places(const Fields& a, const Fields& b, std::index_sequence<I...>) {
    std::vector<std::size_t> same;
    (void)std::initializer_list<int>{(std::get<I>(a) == std::get<I>(b) ? (same.push_back(I), 0) : 0)...};
    return same;
}

std::string content_of(const std::string& path) {
    std::ifstream file{path};
    return {std::istreambuf_iterator<char>{file}, {}};
}

/// A row of the reference: `key`, default.
struct documented {
    std::string key, preset;
};

/// The rows of the table below the heading `### title`.
std::vector<documented> reference(const std::string& title) {
    const auto page = content_of(LEAT_SOURCE "/docs/forwarder.md");
    const auto begin = page.find("\n### " + title + "\n");
    REQUIRE(begin != std::string::npos);
    const auto section = page.substr(begin + 1, page.find("\n#", begin + 2) - begin);
    const std::regex row{R"(\n\| `([^`]+)`[^|]*\|[^|]*\| ([^|]*) \|)"};
    std::vector<documented> rows;
    for (std::sregex_iterator it{section.begin(), section.end(), row}, end; it != end; ++it)
        rows.push_back({(*it)[1], (*it)[2]});
    return rows;
}

/// The keys that an error lists of the table which `text` begins, and their own ones as outer.inner.
std::set<std::string> keys_of(const std::string& text, const std::string& prefix = {}) {
    const auto told = faults_of(text + "zebra-zebra = 1\n");
    const auto begin = told.find("; there are ");
    REQUIRE(begin != std::string::npos);
    std::set<std::string> keys;
    const std::regex word{R"([a-z_\[\]]+)"};
    const auto list = told.substr(begin + 12);
    for (std::sregex_iterator it{list.begin(), list.end(), word}, end; it != end; ++it)
        keys.insert(prefix + it->str());
    return keys;
}

}  // namespace

TEST_CASE("a queue is what its table says") {
    const auto all = parsed(
        "[[queue]]\nname = \"jobs\"\nbind = \"tcp://0.0.0.0:5600\"\ninsecure = true\npath = \"queues/jobs\"\n"
        "durability = \"interval\"\ninterval = \"50ms\"\noutcome_delay = \"5ms\"\noverflow = "
        "\"drop_oldest\"\n"
        "exclusive = true\nmax_messages = 1000\nmax_bytes = \"64MiB\"\nmax_message = 65536\nmax_key = 100\n"
        "max_id = 101\nmax_headers = 5\nmax_header_bytes = \"1k\"\nlease = \"1.5m\"\nsession_timeout = "
        "\"3s\"\n"
        "max_hold = \"1h\"\nmax_attempts = 7\nretry = { first = \"2s\", factor = 1.5, cap = \"1m\", jitter = "
        "0 }\n"
        "ttl = \"7d\"\non_expiry = \"dead_letter\"\nmax_dead_messages = 10\nmax_dead_bytes = \"1M\"\n"
        "dead_full = \"drop_oldest\"\ndedup_window = \"1h\"\ndedup_ids = 0\nproducer_expiry = \"2h\"\n"
        "producer_rows = 50\nmax_in_flight = 20\ningress_bytes = \"1MiB\"\nsessions = 30\nmax_delay = "
        "\"1d\"\n"
        "max_hops = 2\nclose_deadline = \"500ms\"\n");
    REQUIRE(all.queues.size() == 1);
    const auto& q = all.queues[0];
    CHECK(q.name == "jobs");
    CHECK(q.bind == "tcp://0.0.0.0:5600");
    CHECK(q.path == "queues/jobs");
    CHECK(q.socket.insecure);
    const auto& r = q.rules;
    CHECK(r.durability == leat::durability::interval);
    CHECK(r.overflow == leat::queue_overflow::drop_oldest);
    CHECK(r.exclusive);
    CHECK(r.max_bytes == 64u << 20);
    CHECK(r.max_message == 65536);
    CHECK(r.max_header_bytes == 1024);
    CHECK(r.lease == 90s);
    CHECK(r.max_attempts == 7);
    CHECK(r.retry.first == 2s);
    CHECK(r.retry.factor == 1.5);
    CHECK(r.retry.cap == 1min);
    CHECK(r.retry.jitter == 0);
    CHECK(r.ttl == 7 * 24h);
    CHECK(r.on_expiry == leat::on_expiry::dead_letter);
    CHECK(r.dead_full == leat::dead_full::drop_oldest);
    CHECK(r.dedup_ids == 0);
    CHECK(r.close_deadline == 500ms);
    // Nothing has its default but dead_letters, without which there would be no room for some of the rest.
    const auto mine = fields(r), presets = fields(queue_rules{});
    CHECK(same_places(mine, presets, std::make_index_sequence<std::tuple_size_v<decltype(mine)>>{}) ==
          std::vector<std::size_t>{20});
    CHECK_FALSE(parsed(a_queue + "dead_letters = false\n").queues[0].rules.dead_letters);
    CHECK(parsed(a_queue + "max_attempts = \"unlimited\"\n").queues[0].rules.max_attempts ==
          leat::unlimited_attempts);
}

TEST_CASE("a relay is what its table says") {
    const auto all = parsed(
        "stats = \"10s\"\n[[relay]]\nname = \"orders\"\ninsecure = true\n"
        "pull = [\"tcp://0.0.0.0:5555\", \"connect:tcp://10.0.0.7:5555\"]\npush = \"ipc://out\"\n"
        "capture = \"bind:ipc://copy\"\ncoalesce = \"64KiB\"\ndrain = \"2500us\"\n[[relay]]\nsub = "
        "\"ipc://*\"\n"
        "pub = \"ipc://*\"\n[[relay]]\nrouter = \"tcp://127.0.0.1:*\"\ndealer = \"tcp://127.0.0.1:*\"\n");
    CHECK(all.stats == 10s);
    REQUIRE(all.relays.size() == 3);
    const auto& one = all.relays[0];
    CHECK(one.name == "orders");
    CHECK(one.kind == leat::relay_kind::streamer);
    CHECK(one.in.bind == leat::endpoints{"tcp://0.0.0.0:5555"});
    CHECK(one.in.connect == leat::endpoints{"tcp://10.0.0.7:5555"});
    CHECK(one.out.bind == leat::endpoints{"ipc://out"});
    CHECK(one.capture.bind == leat::endpoints{"ipc://copy"});
    CHECK(one.coalesce == 65536);
    CHECK(one.drain == 3ms);
    CHECK(one.in.socket.insecure);
    CHECK(one.out.socket.linger == 3ms);
    CHECK(all.relays[1].kind == leat::relay_kind::pubsub);
    CHECK(all.relays[1].name == "pubsub");
    CHECK(all.relays[1].drain == 1s);
    CHECK(all.relays[2].kind == leat::relay_kind::reqrep);
    CHECK_FALSE(all.relays[2].in.socket.insecure);
}

TEST_CASE("what a queue leaves out has its default, and an empty array of tables is none") {
    const auto all = parsed(a_queue);
    CHECK(fields(all.queues[0].rules) == fields(queue_rules{}));
    CHECK(all.queues[0].path.empty());
    CHECK_FALSE(all.stats);
    CHECK(all.relays.empty());
    CHECK(summary(all) == "1 queue");
    CHECK(summary(parsed(a_relay + a_queue + "[[queue]]\nname = \"b\"\nbind = \"ipc://q\"\n")) ==
          "1 relay and 2 queues");
}

TEST_CASE("keys, tables and units can be written as TOML has it") {
    const auto all =
        parsed("queue = [{ name = 'jobs', bind = 'ipc://q', retry.first = '2s' }]\r\n# and so on\r\n");
    CHECK(all.queues[0].rules.retry.first == 2s);
    CHECK(parsed(a_queue + "[queue.retry]\ncap = \"10m\"\n").queues[0].rules.retry.cap == 10min);
    CHECK(parsed("\xef\xbb\xbf" + a_queue).queues.size() == 1);
    CHECK(parsed(a_queue + "max_bytes = 0x1_0000\n").queues[0].rules.max_bytes == 65536);
}

TEST_CASE("the first and the longest pause are looked at together") {
    CHECK(parsed(a_queue + "retry = { first = \"10m\", cap = \"20m\" }\n").queues[0].rules.retry.first ==
          10min);
    CHECK(parsed(a_queue + "retry = { first = \"1ms\", cap = \"5ms\" }\n").queues[0].rules.retry.cap == 5ms);
}

TEST_CASE("of the queues of an endpoint the one with the largest messages is opened first") {
    const auto all = parsed(a_queue + "max_message = \"1k\"\n[[queue]]\nname = \"b\"\nbind = \"ipc://q\"\n");
    CHECK(all.queues[0].name == "b");
}

TEST_CASE("a file that is not TOML is refused with the line and what was expected") {
    const wrong all[] = {
        {"[[queue]\n", "f.toml:1: not TOML (table header): expected ']', saw '\\n'"},
        {"[[queue]]\nname = \"jobs\nbind = 1\n", "f.toml:2: not TOML (string): "},
        {"[[queue]]\nname = \"jobs\"\nname = \"mail\"\n",
         "f.toml:3: not TOML (key-value pair): cannot redefine existing string 'name'"},
        {"[[queue]]\nlease = 30s\n",
         "f.toml:2: not TOML (decimal integer): expected digit, saw 's'; strings, durations and endpoints "
         "stand in "
         "quotes"},
        {"[[relay]]\npull = tcp://127.0.0.1:5555\n",
         "f.toml:2: not TOML (boolean): expected 'true', saw 'tc'; strings, durations and endpoints stand in "
         "quotes"},
        {"[[queue]]\noverflow = block\n",
         "f.toml:2: not TOML (value): could not determine value type; strings, durations and endpoints stand "
         "in quotes"},
        {"a = 1 b = 2\n", "f.toml:1: not TOML (key-value pair): expected a comment or whitespace, saw 'b'"},
        {"a = \"\xff\"\n", "f.toml:1: not TOML: "},
        {"[queue]\na = 1\n[[queue]]\n",
         "f.toml:3: not TOML (table header): cannot redefine existing table 'queue' as array-of-tables"},
        {"a = 99999999999999999999\n",
         "f.toml:1: not TOML (decimal integer): '99999999999999999999' is not representable in 64 bits"},
    };
    for (const auto& one : all) {
        CAPTURE(one.text);
        const auto told = faults_of(one.text);
        CHECK_MESSAGE(told.starts_with(one.says), told);
        CHECK(told.find('\n') == std::string::npos);
    }
}

TEST_CASE("what is no relay, queue or transfer is refused with its line and what would be right") {
    const wrong all[] = {
        {"", "f.toml:1: there is nothing to run; write a [[relay]], a [[queue]] or a [[transfer]]"},
        {"stats = \"1s\"\n",
         "f.toml:1: there is nothing to run; write a [[relay]], a [[queue]] or a [[transfer]]"},
        {"[[queu]]\nname = \"jobs\"\n",
         "f.toml:1: there is nothing to run; write a [[relay]], a [[queue]] or a [[transfer]]\n"
         "f.toml:1: unknown table 'queu'; did you mean [[queue]]?"},
        {"# jobs\n\n[queue]\nname = \"jobs\"\n",
         "f.toml:3: queue is a table; write [[queue]] above each one"},
        {"queue = 3\n", "f.toml:1: queue is an integer; write [[queue]] above each one"},
        {"relay = []\n", "f.toml:1: relay is a list; write [[relay]] above each one"},
        {"queue = [1]\n", "f.toml:1: queue is a list; write [[queue]] above each one"},
    };
    for (const auto& one : all) check_refused("", one);
    const wrong beside[] = {
        {"[[zebra]]\n",
         "f.toml:4: unknown table 'zebra'; there are stats, [[relay]], [[queue]], [[transfer]]"},
        {"[zebra]\n", "f.toml:4: unknown table 'zebra'; there are stats, [[relay]], [[queue]], [[transfer]]"},
    };
    check_refused(a_queue, beside[0]);
    check_refused(a_queue, beside[1]);
    CHECK(faults_of(a_queue + "[queue.rety]\n") ==
          "f.toml:4: unknown table 'rety' in [[queue]]; did you mean 'retry'?");
    CHECK(faults_of("name = \"jobs\"\n" + a_queue) ==
          "f.toml:1: unknown key 'name'; there are stats, [[relay]], [[queue]], [[transfer]]");
    CHECK(faults_of("stat = \"1s\"\n" + a_relay) == "f.toml:1: unknown key 'stat'; did you mean 'stats'?");
    CHECK(faults_of("stats = 10\n" + a_relay) ==
          "f.toml:1: stats is an integer; it takes a duration in quotes, as in \"30s\"");
    CHECK(faults_of("stats = \"10\"\n" + a_relay) ==
          "f.toml:1: stats '10': has no unit; write 10s, 10ms or the like");
    CHECK(faults_of("stats = \"1ms\"\n" + a_relay) == "f.toml:1: stats is 1ms; it is at least 10ms");
    CHECK(faults_of("stats = \"1s\"\n" + a_queue) ==
          "f.toml:1: stats counts for relays, and there is none; leat queue stat tells of queues");
}

TEST_CASE("a queue has the edges that its table says") {
    const auto all =
        parsed(a_queue +
               "pull = [\"ipc://a\", \"connect:tcp://10.0.0.7:1\"]\nrep = \"tcp://0.0.0.0:5\"\ninsecure = "
               "true\nsub = \"connect:ipc://p\"\ntopics = [\"a.\", \"b\"]\npush = \"ipc://out\"\n");
    REQUIRE(all.queues.size() == 1);
    const auto& edges = all.queues[0].edges;
    REQUIRE(edges.size() == 4);
    CHECK(edges[0].kind == leat::edge_kind::pull);
    CHECK(edges[0].bind.size() == 1);
    CHECK(edges[0].connect.size() == 1);
    CHECK(edges[1].kind == leat::edge_kind::rep);
    CHECK(edges[1].socket.insecure);
    CHECK(edges[2].kind == leat::edge_kind::sub);
    CHECK(edges[2].topics == std::vector<std::string>{"a.", "b"});
    CHECK(edges[3].kind == leat::edge_kind::push);
    CHECK(parsed(a_queue).queues[0].edges.empty());
    const wrong refused[] = {
        {"pull = \"ipc://a\"\noverflow = \"reject\"\n",
         "f.toml:4: pull with overflow = \"reject\"; PUSH peers cannot be told of a refusal: use block, and "
         "they "
         "wait"},
        {"topics = \"a\"\n", "f.toml:4: topics without sub; they are what its publications begin with"},
        {"pull = \"ipc://q\"\n",
         "f.toml:4: ipc://q is bound by the queue of line 3 already; only queues share an endpoint"},
        {"pull = \"ipc://a\"\nrep = \"ipc://a\"\n",
         "f.toml:5: ipc://a is bound by the queue's edge of line 4 already; only queues share an endpoint"},
        {"rep = \"tcp://0.0.0.0:5\"\n",
         "f.toml:4: rep tcp://0.0.0.0:5: other machines could reach it; bind 127.0.0.1, or set insecure = "
         "true to "
         "let them"},
        {"pull = 5\n", "f.toml:4: pull is an integer; it takes a string, or a list of strings"},
    };
    for (const auto& one : refused) check_refused(a_queue, one);
}

TEST_CASE("a transfer is what its table says") {
    const auto all = parsed(
        "[[transfer]]\nname = \"out\"\nfrom = \"ipc://q\"\nfrom_queue = \"a\"\nto = \"tcp://10.0.0.7:5600\"\n"
        "to_queue = \"b\"\nweaker_ok = true\nprefetch = 10\nprefetch_bytes = \"64KiB\"\nclose_deadline = "
        "\"3s\"\n" +
        a_transfer);
    REQUIRE(all.transfers.size() == 2);
    const auto& one = all.transfers[0];
    CHECK(one.name == "out");
    CHECK(one.from.at == "ipc://q");
    CHECK(one.from.queue == "a");
    CHECK(one.to.at == "tcp://10.0.0.7:5600");
    CHECK(one.to.queue == "b");
    CHECK(one.weaker_ok);
    CHECK(one.prefetch == 10);
    CHECK(one.prefetch_bytes == 64u << 10);
    CHECK(one.linger == 3s);
    CHECK(all.transfers[1].name == "transfer");
    CHECK(summary(all) == "2 transfers");
    CHECK(summary(parsed(a_queue + a_relay + a_transfer)) == "1 relay, 1 queue and 1 transfer");
}

TEST_CASE("a wrong key of a transfer is refused with its line and what would be right") {
    const wrong all[] = {
        {"frm = \"ipc://q\"\n", "f.toml:6: unknown key 'frm' in [[transfer]]; did you mean 'from'?"},
        {"name = \"\"\n", "f.toml:6: name is empty"},
        {"weaker_ok = 1\n", "f.toml:6: weaker_ok is an integer; it takes true or false"},
        {"prefetch = 0\n", "f.toml:6: transfer option prefetch: allowed are 1 to 1000000"},
        {"prefetch = \"10\"\n", "f.toml:6: prefetch is a string; it takes a whole number"},
        {"prefetch_bytes = 0\n", "f.toml:6: transfer option prefetch_bytes has to be at least 1"},
        {"close_deadline = \"2h\"\n", "f.toml:6: close_deadline is 2h; it is at most 1h"},
        {"[[transfer]]\nname = \"other\"\nfrom = \"ipc://q\"\nfrom_queue = \"a\"\nto = \"ipc://p\"\nto_queue "
         "= \"b\"\n",
         "f.toml:6: a transfer from a at ipc://q to b at ipc://p is that of line 1; one moves all there is"},
    };
    for (const auto& one : all) check_refused(a_transfer, one);
    const wrong lacking[] = {
        {"from_queue = \"a\"\nto = \"ipc://p\"\nto_queue = \"b\"\n",
         "f.toml:1: a transfer needs an endpoint, as in from = \"tcp://127.0.0.1:5600\""},
        {"from = \"ipc://q\"\nfrom_queue = \"a\"\nto = \"ipc://p\"\n",
         "f.toml:1: a transfer needs a queue, as in to_queue = \"jobs\""},
        {"from = \"ipc://*\"\nfrom_queue = \"a\"\nto = \"ipc://p\"\nto_queue = \"b\"\n",
         "f.toml:2: from is ipc://*; a * can only be bound: name what the queue has bound"},
        {"from = \"ipc://q\"\nfrom_queue = \"a\"\nto = \"ipc://q\"\nto_queue = \"a\"\n",
         "f.toml:1: transfer option to: it is the queue that `from` is"},
    };
    for (const auto& one : lacking) check_refused("[[transfer]]\n", one);
}

TEST_CASE("a wrong key of a queue is refused with its line and what would be right") {
    const wrong all[] = {
        {"max_mesages = 5\n",
         "f.toml:4: unknown key 'max_mesages' in [[queue]]; did you mean 'max_messages'?"},
        {"\n\nleese = \"5s\"\n", "f.toml:6: unknown key 'leese' in [[queue]]; did you mean 'lease'?"},
        {"retry = { frist = \"1s\" }\n",
         "f.toml:4: unknown key 'frist' in retry of [[queue]]; did you mean 'first'?"},
        {"retry.zebra = 1\n",
         "f.toml:4: unknown key 'zebra' in retry of [[queue]]; there are first, cap, factor, jitter"},
        {"retry = \"1s\"\n", "f.toml:4: retry is a string; it takes a table, as in retry = { ... }"},
        {"path = 5\n", "f.toml:4: path is an integer; it takes a string"},
        {"path = \"\"\n", "f.toml:4: path is empty"},
        {"path = \"a\\u0000b\"\n", "f.toml:4: path is 'a?b'; it takes no control characters"},
        {"insecure = \"yes\"\n", "f.toml:4: insecure is a string; it takes true or false"},
        {"exclusive = 1\n", "f.toml:4: exclusive is an integer; it takes true or false"},
        {"dead_letters = []\n", "f.toml:4: dead_letters is a list; it takes true or false"},
        {"overflow = \"drop-oldest\"\n",
         "f.toml:4: overflow is 'drop-oldest'; allowed are block, reject, drop_oldest"},
        {"overflow = true\n", "f.toml:4: overflow is a boolean; it takes a string"},
        {"durability = \"sync\"\n", "f.toml:4: durability is 'sync'; allowed are commit, interval, memory"},
        {"durability = \"commit\"\n",
         "f.toml:4: queue option rules.durability is commit: a queue in memory can promise nothing but "
         "memory; give it "
         "a path"},
        {"path = \"q\"\ndurability = \"memory\"\n",
         "f.toml:5: queue option rules.durability is memory: a queue with a path is kept there; leave the "
         "path out"},
        {"on_expiry = \"keep\"\n", "f.toml:4: on_expiry is 'keep'; allowed are drop, dead_letter"},
        {"on_expiry = \"dead_letter\"\ndead_letters = false\n",
         "f.toml:4: queue rule on_expiry is dead_letter; with dead_letters = false it is drop"},
        {"dead_full = \"block\"\n", "f.toml:4: dead_full is 'block'; allowed are stop, drop_oldest"},
        {"max_messages = \"many\"\n", "f.toml:4: max_messages is a string; it takes a whole number"},
        {"max_messages = 1.5\n", "f.toml:4: max_messages is a float; it takes a whole number"},
        {"max_messages = 0\n", "f.toml:4: queue rule max_messages is 0; 1 to 4294967296 is right"},
        {"max_messages = -1\n", "f.toml:4: max_messages is -1; it is never negative"},
        {"max_bytes = -1\n", "f.toml:4: max_bytes is -1; it is never negative"},
        {"max_bytes = \"64 MiB\"\n",
         "f.toml:4: max_bytes '64 MiB': is not a size; write bytes, as in 4096, or 64KiB or 1M"},
        {"max_bytes = 1.5\n",
         "f.toml:4: max_bytes is a float; it takes bytes, as in 4096, or a size in quotes, as in \"64MiB\""},
        {"max_message = \"1G\"\n", "f.toml:4: queue rule max_message is 1073741824; 1 to 134217728 is right"},
        {"max_message = \"0.3\"\n", "f.toml:4: max_message '0.3': is not a whole number of bytes"},
        {"max_key = 5000\n", "f.toml:4: queue rule max_key is 5000; 1 to 4096 is right"},
        {"max_headers = -3\n", "f.toml:4: max_headers is -3; it is never negative"},
        {"max_header_bytes = \"1M\"\n",
         "f.toml:4: queue rule max_header_bytes is 1048576; 0 to 49152 is right"},
        {"lease = 30\n", "f.toml:4: lease is an integer; it takes a duration in quotes, as in \"30s\""},
        {"lease = \"30\"\n", "f.toml:4: lease '30': has no unit; write 30s, 30ms or the like"},
        {"lease = \"soon\"\n",
         "f.toml:4: lease 'soon': is not a duration; write a number and its unit, as in 500ms, 2s, 1.5m or "
         "1h"},
        {"lease = \"\"\n", "f.toml:4: lease is empty"},
        {"lease = \"1ms\"\n", "f.toml:4: queue rule lease is 0.001 s; 0.01 s to 86400 s is right"},
        {"lease = 07:32:00\n",
         "f.toml:4: lease is a date or time; it takes a duration in quotes, as in \"30s\""},
        {"max_hold = \"8d\"\n", "f.toml:4: queue rule max_hold is 691200 s; 0.01 s to 604800 s is right"},
        {"session_timeout = \"2h\"\n",
         "f.toml:4: queue rule session_timeout is 7200 s; 0.01 s to 3600 s is right"},
        {"max_attempts = 0\n", "f.toml:4: queue rule max_attempts is 0; 1 to 60000 is right"},
        {"max_attempts = 99999999999\n", "f.toml:4: max_attempts is 99999999999; that is too large"},
        {"max_attempts = \"5\"\n",
         "f.toml:4: max_attempts is a string; it takes a whole number, or \"unlimited\""},
        {"retry.first = 1\n", "f.toml:4: first is an integer; it takes a duration in quotes, as in \"30s\""},
        {"retry.first = \"25h\"\n", "f.toml:4: queue rule retry.first is 90000 s; 0 s to 86400 s is right"},
        {"retry.first = \"10m\"\n",
         "f.toml:4: queue rule retry.cap is 300 s; 600 s to 3.1536e+08 s is right"},
        {"retry.first = \"10m\"\nretry.cap = \"5m\"\n",
         "f.toml:5: queue rule retry.cap is 300 s; 600 s to 3.1536e+08 s is right"},
        {"retry.factor = 0.5\n", "f.toml:4: queue rule retry.factor is 0.5; 1 to 100 is right"},
        {"retry.factor = inf\n", "f.toml:4: factor is a float; it takes a number, as in 2 or 0.2"},
        {"retry.jitter = 2\n", "f.toml:4: queue rule retry.jitter is 2; 0 to 0.9 is right"},
        {"retry.jitter = -1\n", "f.toml:4: queue rule retry.jitter is -1; 0 to 0.9 is right"},
        {"retry.jitter = \"some\"\n", "f.toml:4: jitter is a string; it takes a number, as in 2 or 0.2"},
        {"ttl = \"0s\"\n", "f.toml:4: queue rule ttl is 0 s; 0.001 s to 3.1536e+08 s is right"},
        {"ttl = \"400d\"\n", "f.toml:4: ttl '400d': is longer than 365d"},
        {"max_dead_messages = 0\n", "f.toml:4: queue rule max_dead_messages is 0; 1 to 4294967296 is right"},
        {"dedup_window = \"8d\"\n",
         "f.toml:4: queue rule dedup_window is 691200 s; 0 s to 604800 s is right"},
        {"dedup_ids = 200_000_000\n", "f.toml:4: queue rule dedup_ids is 200000000; 0 to 100000000 is right"},
        {"interval = \"2m\"\n", "f.toml:4: queue rule interval is 120 s; 0.001 s to 60 s is right"},
        {"ingress_bytes = 10\n", "f.toml:4: queue rule ingress_bytes is 10; 65536 to 17179869184 is right"},
        {"sessions = 5_000_000_000\n", "f.toml:4: sessions is 5000000000; that is too large"},
        {"sessions = 40_000\n", "f.toml:4: queue rule sessions is 40000; 1 to 30000 is right"},
        {"max_hops = 0\n", "f.toml:4: queue rule max_hops is 0; 1 to 1000 is right"},
        {"close_deadline = \"2h\"\n",
         "f.toml:4: queue rule close_deadline is 7200 s; 0 s to 3600 s is right"},
        {"lease = \"1ms\"\nmax_mesages = 3\n",
         "f.toml:4: queue rule lease is 0.001 s; 0.01 s to 86400 s is right\n"
         "f.toml:5: unknown key 'max_mesages' in [[queue]]; did you mean 'max_messages'?"},
        {"[[queue]]\nname = \"jobs\"\nbind = \"ipc://q\"\n",
         "f.toml:5: the name jobs at ipc://q is that of line 2; each queue of an endpoint has its own"},
        {"path = \"q/jobs\"\n[[queue]]\nname = \"mail\"\nbind = \"ipc://q\"\npath = \"q/./jobs/\"\n",
         "f.toml:8: the path q/./jobs/ is that of line 4; each queue has a directory of its own"},
    };
    for (const auto& one : all) check_refused(a_queue, one);
}

TEST_CASE("a queue needs a name and an endpoint that are right") {
    const wrong all[] = {
        {"[[queue]]\n",
         "f.toml:1: a queue needs a name, as in name = \"jobs\"\n"
         "f.toml:1: a queue needs an endpoint, as in bind = \"tcp://127.0.0.1:5600\""},
        {"[[queue]]\nbind = \"ipc://q\"\n", "f.toml:1: a queue needs a name, as in name = \"jobs\""},
        {"[[queue]]\nname = \"jobs\"\n",
         "f.toml:1: a queue needs an endpoint, as in bind = \"tcp://127.0.0.1:5600\""},
        {"[[queue]]\nname = 5\nbind = \"ipc://q\"\n", "f.toml:2: name is an integer; it takes a string"},
        {"[[queue]]\nname = \"\"\nbind = \"ipc://q\"\n", "f.toml:2: name is empty"},
        {"[[queue]]\nname = \"a.dead\"\nbind = \"ipc://q\"\n",
         "f.toml:2: queue option name: a.dead is what the dead letters of another queue are called"},
        {"[[queue]]\nname = \"a\"\nbind = [\"ipc://q\"]\n", "f.toml:3: bind is a list; it takes a string"},
        {"[[queue]]\nname = \"a\"\nbind = \"q\"\n",
         "f.toml:3: bind: endpoint 'q': must begin with tcp://, ipc:// or inproc://"},
        {"[[queue]]\nname = \"a\"\nbind = \"inproc://q\"\n",
         "f.toml:3: bind 'inproc://q': inproc stays within one process; write tcp://host:port or "
         "ipc:///path"},
        {"[[queue]]\nname = \"a\"\nbind = \"tcp://127.0.0.1:99999\"\n",
         "f.toml:3: bind: endpoint 'tcp://127.0.0.1:99999': port 99999 is not 1-65535"},
        {"[[queue]]\nname = \"a\"\nbind = \"tcp://0.0.0.0:5600\"\n",
         "f.toml:3: bind tcp://0.0.0.0:5600: other machines could reach it; bind 127.0.0.1, or set insecure "
         "= true to "
         "let them"},
    };
    for (const auto& one : all) check_refused("", one);
    CHECK(faults_of("[[queue]]\nname = \"" + std::string(256, 'x') + "\"\nbind = \"ipc://q\"\n") ==
          "f.toml:2: queue option name has to be 1 to 255 bytes");
}

TEST_CASE("a wrong relay is refused with its line and what would be right") {
    const wrong all[] = {
        {"[[relay]]\n",
         "f.toml:1: a relay needs two sides: pull and push, sub and pub, or router and dealer"},
        {"[[relay]]\nname = \"x\"\npull = \"ipc://in\"\n",
         "f.toml:3: pull needs push as well: where messages come from and where they go"},
        {"[[relay]]\npub = \"ipc://out\"\n",
         "f.toml:2: pub needs sub as well: where messages come from and where they go"},
        {"[[relay]]\npull = \"ipc://in\"\npush = \"ipc://out\"\npub = \"ipc://news\"\n",
         "f.toml:4: pub beside pull; a relay has one pair: pull and push, sub and pub, or router and dealer"},
        {"[[relay]]\npull = 5\npush = \"ipc://out\"\n",
         "f.toml:2: pull is an integer; it takes a string, or a list of strings"},
        {"[[relay]]\npull = []\npush = \"ipc://out\"\n", "f.toml:2: pull is an empty list"},
        {"[[relay]]\npull = [\"ipc://in\",\n\n5]\npush = \"ipc://out\"\n",
         "f.toml:4: pull has an integer in its list; it takes strings"},
        {"[[relay]]\npull = [\"ipc://in\",\n\"in\"]\npush = \"ipc://out\"\n",
         "f.toml:3: pull: endpoint 'in': must begin with tcp://, ipc:// or inproc://"},
        {"[[relay]]\npull = \"ipc://in\"\npush = \"connect:tcp://a:*\"\n",
         "f.toml:3: push tcp://a:*: a * can only be bound; name the host and port of the other side"},
        {"[[relay]]\npull = \"tcp://*:5555\"\npush = \"ipc://out\"\n",
         "f.toml:2: pull tcp://*:5555: other machines could reach it; bind 127.0.0.1, or set insecure = true "
         "to let "
         "them"},
        {"[[relay]]\npull = \"ipc://in\"\npush = \"ipc://in\"\n",
         "f.toml:3: ipc://in is bound by the relay of line 2 already; only queues share an endpoint"},
        {"[[relay]]\npull = \"ipc://in\"\npush = [\"connect:ipc://a\", \"connect:ipc://a\"]\n",
         "f.toml:1: relay: out.connect ipc://a is there twice; each endpoint of a relay is used once"},
        {"[[relay]]\nname = \"two words\"\npull = \"ipc://in\"\npush = \"ipc://out\"\n",
         "f.toml:2: name is 'two words'; a relay's name is one word of at most 255 bytes"},
    };
    for (const auto& one : all) check_refused("", one);
    const wrong beside[] = {
        {"capture = true\n", "f.toml:4: capture is a boolean; it takes a string, or a list of strings"},
        {"coalesce = 10\n",
         "f.toml:4: relay: coalesce is 10 bytes; allowed are 64 to out.socket.max_message, 16777216 bytes"},
        {"coalesce = \"64K iB\"\n",
         "f.toml:4: coalesce '64K iB': is not a size; write bytes, as in 4096, or 64KiB or 1M"},
        {"drain = 1\n", "f.toml:4: drain is an integer; it takes a duration in quotes, as in \"30s\""},
        {"drain = \"2h\"\n", "f.toml:4: drain is 2h; it is at most 1h"},
        {"pusch = \"ipc://x\"\n", "f.toml:4: unknown key 'pusch' in [[relay]]; did you mean 'push'?"},
        {"kind = \"streamer\"\n",
         "f.toml:4: unknown key 'kind' in [[relay]]; there are name, insecure, pull, push, sub, pub, router, "
         "dealer, "
         "capture, drain, coalesce"},
        {"[[relay]]\npull = \"ipc://a\"\npush = \"ipc://b\"\n",
         "f.toml:4: the name streamer is that of line 1; give each relay a name of its own"},
        {"[[queue]]\nname = \"jobs\"\nbind = \"ipc://in\"\n",
         "f.toml:6: ipc://in is bound by the relay of line 2 already; only queues share an endpoint"},
        {"[[relay]]\nsub = \"ipc://a\"\npub = \"ipc://b\"\ncoalesce = 100\n",
         "f.toml:7: relay: coalesce is 100 bytes on a pubsub relay; only streamers join messages, so leave "
         "it 0"},
    };
    for (const auto& one : beside) check_refused(a_relay, one);
}

TEST_CASE("a file that cannot be read is named with the reason, and has a bound") {
    const support::temporary_directory folder;
    CHECK_SAYS(read_forwarder_config("/nonexistent"), "cannot open /nonexistent: No such file or directory");
    CHECK_SAYS(read_forwarder_config(folder.path()),
               "cannot open " + folder.path().string() + ": Is a directory");
    const auto large = folder.path() / "large.toml";
    std::ofstream{large} << std::string((1u << 20) + 1, '#');
    CHECK_SAYS(read_forwarder_config(large), "large.toml: it is larger than 1MiB");
    const auto good = folder.path() / "good.toml";
    std::ofstream{good} << a_queue;
    CHECK(read_forwarder_config(good).queues.size() == 1);
}

TEST_CASE("the sample file is right") {
    const auto all = read_forwarder_config(LEAT_SOURCE "/examples/forwarder.toml");
    CHECK(summary(all) == "2 relays and 2 queues");
    CHECK(all.queues[0].bind == all.queues[1].bind);
}

TEST_CASE("docs/forwarder.md names each key, and no other") {
    const auto documented_keys = [](const std::string& title) {
        std::set<std::string> keys;
        for (const auto& row : reference(title)) keys.insert(row.key);
        return keys;
    };
    auto root = keys_of("");
    root.erase("[[relay]]");
    root.erase("[[queue]]");
    root.erase("[[transfer]]");
    CHECK(documented_keys("The file") == root);
    CHECK(documented_keys("[[relay]]") == keys_of(a_relay));
    CHECK(documented_keys("[[transfer]]") == keys_of(a_transfer));
    auto of_queue = keys_of(a_queue);
    of_queue.erase("retry");
    of_queue.merge(keys_of(a_queue + "[queue.retry]\n", "retry."));
    CHECK(documented_keys("[[queue]]") == of_queue);
}

TEST_CASE("docs/forwarder.md tells the defaults as they are") {
    const std::regex code{R"(`([^`]+)`.*)"};
    int told = 0;
    for (const auto& [key, preset] : reference("[[queue]]")) {
        std::smatch value;
        if (!std::regex_match(preset, value, code)) continue;  // in words
        CAPTURE(key);
        auto text = key + " = " + value[1].str() + "\n";
        CHECK(fields(parsed(a_queue + text).queues[0].rules) == fields(queue_rules{}));
        ++told;
    }
    CHECK(told > 30);
    for (const auto& [key, preset] : reference("[[relay]]")) {
        if (key != "drain" && key != "insecure" && key != "coalesce") continue;
        std::smatch value;
        REQUIRE(std::regex_match(preset, value, code));
        CAPTURE(key);
        const auto one = parsed(a_relay + key + " = " + value[1].str() + "\n").relays[0];
        const leat::relay_options presets;
        CHECK(one.drain == presets.drain);
        CHECK(one.coalesce == presets.coalesce);
        CHECK(one.in.socket.insecure == presets.in.socket.insecure);
    }
}
