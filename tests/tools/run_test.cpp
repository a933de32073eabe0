#include "tools/leat/run.hpp"

#include "support/pipe.hpp"

#include <doctest/doctest.h>

#include <sstream>

using leat::command::exit_code;

namespace {

struct ran {
    exit_code code;
    std::string out;
    std::string err;
};

/// Runs `leat` with the words of `line`.
ran leat_with(const std::string& line) {
    std::istringstream from{line};
    std::vector<std::string> words;
    for (std::string word; from >> word;) words.push_back(word);
    support::pipe in, out, err;
    in.close_writer();
    leat::command::console errors{err.writer()};
    leat::command::environment env{in.reader(), out.writer(), errors};
    const auto code = leat::command::run(words, env);
    out.close_writer();
    err.close_writer();
    return {code, out.read_all(), err.read_all()};
}

struct wrong {
    const char* line;
    const char* says;
};

}  // namespace

TEST_CASE("a wrong command line gets one line that says what would be right, and status 2") {
    const wrong all[] = {
        {"",
         "leat: needs a subcommand: push, pull, pub, sub, req, rep, ping, put, take, queue, store, transfer, "
         "forward, check or version; see leat "
         "--help"},
        {"psuh", "leat: unknown subcommand 'psuh'; did you mean push?"},
        {"zebra",
         "leat: unknown subcommand 'zebra'; there are push, pull, pub, sub, req, rep, ping, put, take, "
         "queue, store, transfer, "
         "forward, check or "
         "version"},
        {"--versoin", "leat: unknown option '--versoin'; did you mean --version?"},
        {"push", "leat push: needs an endpoint: --connect tcp://HOST:PORT, or --bind tcp://127.0.0.1:PORT"},
        {"pull", "leat pull: needs an endpoint: --connect tcp://HOST:PORT, or --bind tcp://127.0.0.1:PORT"},
        {"push --conect tcp://a:1", "leat push: unknown option '--conect'; did you mean --connect?"},
        {"push --cuont=3 -c tcp://a:1", "leat push: unknown option '--cuont'; did you mean --count?"},
        {"push --zebra", "leat push: unknown option '--zebra'; see push --help"},
        {"push -c tcp://a:1 file", "leat push: unexpected 'file'; it takes options only, see --help"},
        {"push -c", "leat push: --connect needs a value"},
        {"push -c tcp://a:1 --count", "leat push: --count needs a value"},
        {"push -c tcp://a:1 -n 1 -n 2", "leat push: --count is given more than once"},
        {"push -c tcp://a:1 --count many",
         "leat push: --count 'many': is not a count; write a whole number from 1"},
        {"push -c tcp://a:1 --rate fast",
         "leat push: --rate 'fast': is not a rate; write messages a second, as in 1000 or 0.5"},
        {"push -c tcp://a:1 --timeout 5", "leat push: --timeout '5': has no unit; write 5s, 5ms or the like"},
        {"push -c tcp://a:1 --linger 2h", "leat push: --linger '2h': is longer than 1h"},
        {"push -c tcp://a:1 --batch 1k",
         "leat push: --batch goes with --json only: several lines in one message could not be told apart"},
        {"push -c tcp://a:1 --json --batch 1G",
         "leat push: --batch '1G': is more than the longest message, 16MiB"},
        {"push -c a:1", "leat push: --connect: endpoint 'a:1': must begin with tcp://, ipc:// or inproc://"},
        {"push -c tcp://a:99999",
         "leat push: --connect: endpoint 'tcp://a:99999': port 99999 is not 1-65535"},
        {"push -c inproc://a",
         "leat push: --connect 'inproc://a': inproc stays within one process; write tcp://host:port or "
         "ipc:///path"},
        {"push -c tcp://a:*",
         "leat push: --connect tcp://a:*: a * can only be bound; name the host and port of the other side"},
        {"pull -b tcp://0.0.0.0:1",
         "leat pull: --bind tcp://0.0.0.0:1: other machines could reach it; bind 127.0.0.1, or add "
         "--insecure to let them"},
        {"pull -b tcp://*:1",
         "leat pull: --bind tcp://*:1: other machines could reach it; bind 127.0.0.1, or add --insecure to "
         "let them"},
        {"transfer tcp://a:1,q", "leat transfer: needs FROM and TO"},
        {"transfer tcp://a:1 tcp://a:1,r",
         "leat transfer: FROM is 'tcp://a:1'; it is an endpoint and a queue: tcp://127.0.0.1:5600,jobs"},
        {"transfer tcp://a:*,q tcp://a:1,r",
         "leat transfer: FROM is 'tcp://a:*,q'; a * can only be bound: name what the queue has bound"},
        {"transfer tcp://a:1,q tcp://a:1,q",
         "leat transfer: transfer option to: it is the queue that `from` is"},
        {"forward",
         "leat forward: needs both sides of a relay: --pull and --push, --sub and --pub, or --router and "
         "--dealer; or a file: --config"},
        {"forward --config x.toml --pull ipc://*",
         "leat forward: --pull goes without --config: the file says what to run"},
        {"forward --insecure --stats 1s --config x.toml",
         "leat forward: --insecure goes without --config: the file says what to run"},
        {"forward --config", "leat forward: --config needs a value"},
        {"check", "leat check: needs a FILE"},
        {"check a b", "leat check: unexpected 'b'; it takes FILE, options, see --help"},
        {"forward --pull tcp://127.0.0.1:*",
         "leat forward: --pull needs --push as well: where messages come from and where they go"},
        {"forward --pub tcp://127.0.0.1:*",
         "leat forward: --pub needs --sub as well: where messages come from and where they go"},
        {"forward --pull tcp://127.0.0.1:* --push tcp://0.0.0.0:1",
         "leat forward: --push tcp://0.0.0.0:1: other machines could reach it; bind 127.0.0.1, or add "
         "--insecure to let them"},
        {"forward --pull tcp://127.0.0.1:* --push connect:tcp://a:*",
         "leat forward: --push tcp://a:*: a * can only be bound; name the host and port of the other side"},
        {"forward --sub tcp://127.0.0.1:* --pub tcp://127.0.0.1:* --coalesce 1k",
         "leat forward: --coalesce goes with --pull and --push only"},
        {"forward --sub ipc://* --pub ipc://* --pull ipc://* --push ipc://* --capture ipc://*",
         "leat forward: --capture goes with one relay: start another leat forward for each of the others"},
        {"forward --pull ipc://* --push ipc://* --stats 1us",
         "leat forward: --stats '1us': is shorter than 10ms"},
        {"pub -c tcp://a:1", "leat pub: needs a TOPIC, as in weather.oslo"},
        {"pub -c tcp://a:1 a..b",
         "leat pub: topic 'a..b': has an empty word; words stand between single '.'"},
        {"pub -c tcp://a:1 a.>", "leat pub: topic 'a.>': the word > is for patterns, not for topics"},
        {"pub -c tcp://a:1 a b c", "leat pub: unexpected 'c'; it takes TOPIC, DATA, options, see --help"},
        {"pub -c tcp://a:1 a --wait 0", "leat pub: --wait '0': is not a count; write a whole number from 1"},
        {"pub -b ipc://* a --json --wait 1 --topic-sep x",
         "leat pub: --topic-sep 'x': a topic's separator is one printable ASCII character, but no letter, "
         "digit, * or >; as in . or /"},
        {"sub -c tcp://a:1",
         "leat sub: needs a PATTERN: a topic, or weather.> for all below it, or > for everything"},
        {"sub -c tcp://a:1 a.>.b", "leat sub: pattern 'a.>.b': > stands for all the rest, so it is last"},
        {"sub a", "leat sub: needs an endpoint: --connect tcp://HOST:PORT, or --bind tcp://127.0.0.1:PORT"},
        {"sub -c tcp://a:1 a --format %x",
         "leat sub: --format '%x': '%x' is unknown; there are %t %p %n %i %l %% and \\n \\t \\r \\0 \\\\"},
        {"version now", "leat version: unexpected 'now'; it takes options only, see --help"},
    };
    for (const auto& [line, says] : all) {
        const auto result = leat_with(line);
        CAPTURE(line);
        CHECK(result.code == exit_code::usage);
        CHECK(result.err == std::string{says} + "\n");
        CHECK(result.out.empty());
    }
}

TEST_CASE("help goes to standard output, with examples, and is no error") {
    for (const auto* line : {"--help", "-h"}) {
        const auto result = leat_with(line);
        CHECK(result.code == exit_code::done);
        CHECK(result.err.empty());
        for (const auto* word : {"push", "pull", "pub", "sub", "req", "rep", "ping", "put", "take", "queue",
                                 "transfer", "forward", "check", "version", "Exit status"})
            CHECK(result.out.find(word) != std::string::npos);
    }
    for (const auto* name : {"push", "pull", "pub", "sub", "req", "rep", "ping", "put", "take", "queue",
                             "transfer", "forward", "check", "version"}) {
        const auto result = leat_with(std::string{name} + " --help");
        CHECK(result.code == exit_code::done);
        CHECK(result.err.empty());
        CHECK(result.out.find("Usage: leat " + std::string{name}) != std::string::npos);
        CHECK(result.out.find("Examples:\n  ") != std::string::npos);
    }
}

TEST_CASE("the versions are told") {
    const auto all = leat_with("version");
    CHECK(all.code == exit_code::done);
    for (const auto* name : {"leat ", "libzmq 4.", "cppzmq 4.", "msgpack ", "CURVE "})
        CHECK(all.out.find(name) != std::string::npos);
    const auto one = leat_with("--version");
    CHECK(one.code == exit_code::done);
    CHECK(all.out.starts_with(one.out));
}

TEST_CASE("an empty input is done at once, without a peer") {
    const auto result = leat_with("push -b tcp://127.0.0.1:*");
    CHECK(result.code == exit_code::done);
    CHECK(result.err.starts_with("leat push: bound to tcp://127.0.0.1:"));
}

TEST_CASE("a file that is not there fails with its name and the reason") {
    const auto result = leat_with("push -c tcp://127.0.0.1:1 --file /nonexistent");
    CHECK(result.code == exit_code::failed);
    CHECK(result.err == "leat push: cannot open /nonexistent: No such file or directory\n");
}

TEST_CASE("a configuration that is not there fails with its name and the reason") {
    for (const std::string words : {"check", "forward --config"}) {
        const auto result = leat_with(words + " /nonexistent");
        CHECK(result.code == exit_code::failed);
        CHECK(result.err == "leat " + words.substr(0, words.find(' ')) +
                                ": cannot open /nonexistent: No such file or directory\n");
    }
}

TEST_CASE("without a message a timeout ends a pull with status 3") {
    const auto result = leat_with("pull -b ipc://* --timeout 20ms --count 5");
    CHECK(result.code == exit_code::timed_out);
    CHECK(result.err.find("leat pull: timed out: no message for 20ms; received 0 of 5\n") !=
          std::string::npos);
}

TEST_CASE("an endpoint that cannot be bound fails at run time, not as wrong usage") {
    const auto result = leat_with("pull -b tcp://127.0.0.1:* -b ipc:///nonexistent/socket");
    CHECK(result.code == exit_code::failed);
    CHECK(result.err.find("bind ipc:///nonexistent/socket: ") != std::string::npos);
}
