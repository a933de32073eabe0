// What encoding and decoding a small record costs, beside msgpack-cxx as it ships and a visitor written by
// hand.
//
// Compare within one run: --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
// --benchmark_report_aggregates_only=true. Time is for a batch of 1,000 records; items_per_second counts
// records.

#include "record.hpp"

#include <leat/codec.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

using array_record = bench::record;
using bench::record_fields;

constexpr std::int64_t batch = 1'000;

struct map_record : record_fields<std::string> {
    MSGPACK_DEFINE_MAP(id, delta, price, name)
};

struct map_record_reversed : record_fields<std::string> {
    MSGPACK_DEFINE_MAP(name, price, delta, id)
};

struct map_record_wider : record_fields<std::string> {
    std::uint32_t added = 7;
    MSGPACK_DEFINE_MAP(id, delta, price, name, added)
};

struct array_record_wider : record_fields<std::string> {
    std::uint32_t added = 7;
    MSGPACK_DEFINE(id, delta, price, name, added)
};

struct view_record : record_fields<std::string_view> {
    MSGPACK_DEFINE(id, delta, price, name)
};

struct nested_record {
    std::vector<map_record> items;
    std::map<std::string, std::int64_t> counts;
    std::optional<double> ratio;
    MSGPACK_DEFINE_MAP(items, counts, ratio)
};

template <class Record>
Record make_record(std::int64_t i) {
    Record made;
    made.id = 1'000'000'000'000ULL + static_cast<std::uint64_t>(i);
    made.delta = -1000 - i;
    made.price = 0.5 + static_cast<double>(i);
    made.name = "sixteen bytes ok";
    return made;
}

template <class Record>
leat::buffer make_batch() {
    leat::buffer frame;
    for (std::int64_t i = 0; i < batch; ++i) leat::encode(make_record<Record>(i), frame);
    return frame;
}

template <class Sent, class Read>
void decode_batch(benchmark::State& state) {
    const auto frame = make_batch<Sent>();
    Read out;
    for (auto _ : state) {
        leat::decoder<Read> objects{frame.view()};
        std::int64_t seen = 0;
        while (objects.next(out)) {
            benchmark::DoNotOptimize(out);
            ++seen;
        }
        if (seen != batch) state.SkipWithError("the frame was not decoded");
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

template <class Sent, class Read>
void decode_singly(benchmark::State& state) {
    leat::buffer frame;
    leat::encode(make_record<Sent>(1), frame);
    Read out;
    for (auto _ : state) {
        if (leat::decode(frame.view(), out) != leat::decode_error::none) state.SkipWithError("not decoded");
        benchmark::DoNotOptimize(out);
    }
    state.SetItemsProcessed(state.iterations());
}

template <class Record>
void msgpack_handle(benchmark::State& state) {
    const auto frame = make_batch<Record>();
    const auto* const data = reinterpret_cast<const char*>(frame.view().data());
    Record out;
    for (auto _ : state) {
        std::size_t offset = 0;
        while (offset < frame.size()) {
            const auto handle = msgpack::unpack(data, frame.size(), offset);
            handle.get().convert(out);
            benchmark::DoNotOptimize(out);
        }
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

template <class Record>
void msgpack_zone_reused(benchmark::State& state) {
    const auto frame = make_batch<Record>();
    const auto* const data = reinterpret_cast<const char*>(frame.view().data());
    const auto in_place = [](msgpack::type::object_type, std::size_t, void*) { return true; };
    msgpack::zone zone;
    Record out;
    for (auto _ : state) {
        std::size_t offset = 0;
        while (offset < frame.size()) {
            zone.clear();
            const auto object = msgpack::unpack(zone, data, frame.size(), offset, in_place);
            object.convert(out);
            benchmark::DoNotOptimize(out);
        }
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

/// The least that msgpack-cxx's parser can be asked for: one field in turn, put where it belongs.
struct hand_visitor : msgpack::null_visitor {
    array_record* out = nullptr;
    int field = 0;

    bool start_array(std::uint32_t) {
        field = 0;
        return true;
    }
    bool end_array_item() {
        ++field;
        return true;
    }
    bool visit_positive_integer(std::uint64_t value) {
        if (field == 0)
            out->id = value;
        else
            out->delta = static_cast<std::int64_t>(value);
        return true;
    }
    bool visit_negative_integer(std::int64_t value) {
        out->delta = value;
        return true;
    }
    bool visit_float64(double value) {
        out->price = value;
        return true;
    }
    bool visit_str(const char* text, std::uint32_t size) {
        out->name.assign(text, size);
        return true;
    }
};

void msgpack_hand_visitor(benchmark::State& state) {
    const auto frame = make_batch<array_record>();
    const auto* const data = reinterpret_cast<const char*>(frame.view().data());
    array_record out;
    hand_visitor visitor;
    visitor.out = &out;
    for (auto _ : state) {
        std::size_t offset = 0;
        while (offset < frame.size()) {
            if (!msgpack::parse(data, frame.size(), offset, visitor)) state.SkipWithError("not parsed");
            benchmark::DoNotOptimize(out);
        }
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

template <class Record>
void encode_batch(benchmark::State& state) {
    const auto record = make_record<Record>(1);
    leat::buffer block;
    for (auto _ : state) {
        block.clear();
        for (std::int64_t i = 0; i < batch; ++i) leat::encode(record, block);
        benchmark::DoNotOptimize(block.view().data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

void encode_batch_and_release(benchmark::State& state) {
    const auto record = make_record<array_record>(1);
    for (auto _ : state) {
        leat::buffer block;
        for (std::int64_t i = 0; i < batch; ++i) leat::encode(record, block);
        auto* const given = block.release();
        benchmark::DoNotOptimize(given);
        std::free(given);
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

template <class Record>
void encode_sbuffer(benchmark::State& state) {
    const auto record = make_record<Record>(1);
    msgpack::sbuffer block;
    for (auto _ : state) {
        block.clear();
        for (std::int64_t i = 0; i < batch; ++i) msgpack::pack(block, record);
        benchmark::DoNotOptimize(block.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * batch);
}

nested_record make_nested() {
    nested_record made;
    for (int i = 0; i < 10; ++i) made.items.push_back(make_record<map_record>(i));
    made.counts = {{"one", 1}, {"two", 2}, {"three", 3}};
    made.ratio = 0.25;
    return made;
}

void decode_nested(benchmark::State& state) {
    leat::buffer frame;
    leat::encode(make_nested(), frame);
    nested_record out;
    for (auto _ : state) {
        if (leat::decode(frame.view(), out) != leat::decode_error::none) state.SkipWithError("not decoded");
        benchmark::DoNotOptimize(out);
    }
    state.SetItemsProcessed(state.iterations());
}

void msgpack_handle_nested(benchmark::State& state) {
    leat::buffer frame;
    leat::encode(make_nested(), frame);
    const auto* const data = reinterpret_cast<const char*>(frame.view().data());
    nested_record out;
    for (auto _ : state) {
        const auto handle = msgpack::unpack(data, frame.size());
        handle.get().convert(out);
        benchmark::DoNotOptimize(out);
    }
    state.SetItemsProcessed(state.iterations());
}

BENCHMARK(msgpack_handle<array_record>);
BENCHMARK(msgpack_zone_reused<array_record>);
BENCHMARK(msgpack_hand_visitor);
BENCHMARK(decode_batch<array_record, array_record>);
BENCHMARK(decode_batch<array_record, view_record>);
BENCHMARK(decode_batch<array_record, array_record_wider>);
BENCHMARK(decode_batch<array_record_wider, array_record>);
BENCHMARK(decode_singly<array_record, array_record>);
BENCHMARK(decode_singly<array_record, array_record_wider>);

BENCHMARK(msgpack_handle<map_record>);
BENCHMARK(msgpack_zone_reused<map_record>);
BENCHMARK(decode_batch<map_record, map_record>);
BENCHMARK(decode_batch<map_record, map_record_reversed>);
BENCHMARK(decode_batch<map_record, map_record_wider>);
BENCHMARK(decode_batch<map_record_wider, map_record>);
BENCHMARK(decode_singly<map_record, map_record>);
BENCHMARK(decode_singly<map_record, map_record_wider>);

BENCHMARK(msgpack_handle_nested);
BENCHMARK(decode_nested);

BENCHMARK(encode_sbuffer<array_record>);
BENCHMARK(encode_batch<array_record>);
BENCHMARK(encode_batch_and_release);
BENCHMARK(encode_sbuffer<map_record>);
BENCHMARK(encode_batch<map_record>);

}  // namespace

BENCHMARK_MAIN();
