#include <leat/reqrep/detail/call_batch.hpp>

namespace leat::detail {
namespace {

template <class Header>
struct packed_part {
    Header header;
    msgpack::type::raw_ref body;
    MSGPACK_DEFINE(header, body)
};

}  // namespace

void call_batch::add(const call_header& header, const message& body) {
    if (packed_.capacity() == 0) packed_.reserve(enough_bytes + enough_bytes / 4);
    const auto text = body.text();
    const msgpack::type::raw_ref raw{text.data(), static_cast<std::uint32_t>(text.size())};
    if (header.what() == call_kind::request)
        encode(packed_part<call_header>{header, raw}, packed_);
    else
        encode(packed_part<answer_header>{answer_header{header}, raw}, packed_);
    ++count_;
}

message call_batch::take() {
    count_ = 0;
    // A small one is copied, so that what waits in libzmq takes no more memory than its bytes.
    if (packed_.size() < packed_.capacity() / 2) {
        message body{packed_.view()};
        packed_.clear();
        return body;
    }
    const auto size = packed_.size();
    return message::adopt(packed_.release(), size);
}

void call_batch::clear() noexcept {
    count_ = 0;
    packed_.clear();
}

decoder<call_batch::part> call_batch::reader(const message& body) {
    constexpr decode_limits limits{
        .depth = 4, .elements = 32, .string_bytes = longest_method, .binary_bytes = most_bytes};
    return decoder<part>{body.view(), limits};
}

}  // namespace leat::detail
