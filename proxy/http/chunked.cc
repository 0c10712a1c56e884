#include "proxy/http/chunked.h"

#include <algorithm>
#include <charconv>

namespace gatehouse {
namespace {

Failure bad(std::string_view words) { return Failure(FailureKind::bad_request, std::string(words)); }

// chunk-ext after its first `;`: not empty, printable, quotes and brackets as in a token list. Its meaning is dropped.
bool is_extension(std::string_view text) {
  if (text.empty() || text.front() == '=') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return u > 0x20 && u < 0x7f && std::string_view("[]{}()<>@,:\\/?").find(c) == std::string_view::npos;
  });
}

Result<std::uint64_t> parse_size_line(std::string_view line) {
  const auto semicolon = line.find(';');
  const std::string_view digits = line.substr(0, semicolon);
  std::uint64_t size = 0;
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, size, 16);
  if (digits.empty() || digits.size() > 16 || parsed.ec != std::errc() || parsed.ptr != end || size > INT64_MAX)
    return bad("a chunk size is malformed");
  if (semicolon != std::string_view::npos && !is_extension(line.substr(semicolon + 1)))
    return bad("a chunk extension is malformed");
  return size;
}

}  // namespace

Result<ChunkedDecoder::Step> ChunkedDecoder::next(std::string_view input) {
  Step total;
  while (total.consumed < input.size()) {
    const std::string_view rest = input.substr(total.consumed);
    if (state_ == State::payload) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
      left_ -= n;
      if (left_ == 0) state_ = State::payload_end;
      total.consumed += n;
      total.payload = rest.substr(0, n);
      return total;
    }
    auto step = state_ == State::size          ? read_size_line(rest)
                : state_ == State::payload_end ? read_payload_end(rest)
                                               : read_trailer_line(rest);
    if (!step) return step.error();
    total.consumed += step->consumed;
    total.ended = step->ended;
    if (step->consumed == 0 || step->ended) break;
  }
  return total;
}

Result<ChunkedDecoder::Step> ChunkedDecoder::read_size_line(std::string_view input) {
  const auto newline = input.find('\n');
  if (newline == std::string_view::npos) {
    if (input.size() > line_limit) return bad("a chunk size line is too long");
    return Step{};
  }
  if (newline == 0 || newline > line_limit || input[newline - 1] != '\r') return bad("a chunk size line is malformed");
  auto size = parse_size_line(input.substr(0, newline - 1));
  if (!size) return size.error();
  if (*size > 0 &&
      (overhead_ += input.substr(0, newline).find(';') == std::string_view::npos ? 0 : newline) > overhead_limit)
    return bad("too many chunk extensions");
  left_ = *size;
  state_ = left_ > 0 ? State::payload : State::trailer;
  return Step{newline + 1, {}, false};
}

Result<ChunkedDecoder::Step> ChunkedDecoder::read_payload_end(std::string_view input) {
  if (input[0] != '\r' || (input.size() > 1 && input[1] != '\n')) return bad("a chunk is longer than its size");
  if (input.size() < 2) return Step{};
  state_ = State::size;
  return Step{2, {}, false};
}

Result<ChunkedDecoder::Step> ChunkedDecoder::read_trailer_line(std::string_view input) {
  const auto newline = input.find('\n');
  const std::size_t taken = newline == std::string_view::npos ? 0 : newline + 1;
  if (overhead_ + (taken > 0 ? taken : input.size()) > overhead_limit) return bad("the trailers are too large");
  if (taken == 0) return Step{};
  if (newline == 0 || input[newline - 1] != '\r') return bad("a trailer line ends without CR");
  overhead_ += taken;
  trailer_section_.append(input.substr(0, taken));
  if (taken > 2) return Step{taken, {}, false};
  if (auto parsed = parse_trailers(trailer_section_, HeadLimits{}, trailers_); !parsed)
    return bad(parsed.error().detail);
  return Step{taken, {}, true};
}

ChunkSizeLine::ChunkSizeLine(std::size_t size) {
  char* end = std::to_chars(digits, digits + 16, size, 16).ptr;
  *end++ = '\r';
  *end++ = '\n';
  length = static_cast<std::size_t>(end - digits);
}

// All that RFC 7230 §4.1.2 names, those with an id of their own apart.
bool trailer_may_pass(const HeaderField& field) {
  if (field.id != HeaderId::other) return false;
  for (std::string_view refused : {"authorization",
                                   "proxy-authorization",
                                   "www-authenticate",
                                   "proxy-authenticate",
                                   "set-cookie",
                                   "content-type",
                                   "content-encoding",
                                   "content-range",
                                   "range",
                                   "cache-control",
                                   "pragma",
                                   "max-forwards",
                                   "if-match",
                                   "if-none-match",
                                   "if-modified-since",
                                   "if-unmodified-since",
                                   "if-range",
                                   "age",
                                   "expires",
                                   "location",
                                   "retry-after",
                                   "vary",
                                   "warning"})
    if (same_name(field.name, refused)) return false;
  return true;
}

}  // namespace gatehouse
