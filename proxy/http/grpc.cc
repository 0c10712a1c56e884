#include "proxy/http/grpc.h"

#include <array>
#include <charconv>

namespace gatehouse {
namespace {

constexpr std::string_view grpc = "application/grpc";
constexpr std::string_view grpc_web = "application/grpc-web";
constexpr std::string_view grpc_web_text = "application/grpc-web-text";
constexpr std::array<std::string_view, 17> codes = {"0", "1",  "2",  "3",  "4",  "5",  "6",  "7", "8",
                                                    "9", "10", "11", "12", "13", "14", "15", "16"};

// The media type itself, or with a suffix or parameters.
bool is_of_type(std::string_view content_type, std::string_view type) {
  if (!same_name(content_type.substr(0, type.size()), type)) return false;
  const std::string_view rest = content_type.substr(type.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';' || rest.front() == ' ';
}

}  // namespace

bool calls_grpc(const RequestHead& request) {
  // What caches could keep is answered as HTTP.
  return request.method == "POST" && is_of_type(request.find("content-type"), grpc);
}

bool asks_for_grpc(const RequestHead& request) {
  if (calls_grpc(request)) return true;
  if (request.method != "POST") return false;
  const std::string_view type = request.find("content-type");
  return is_of_type(type, grpc_web) || is_of_type(type, grpc_web_text);
}

std::uint16_t grpc_status(std::uint16_t http_status) {
  switch (http_status) {
    case 400: return 13;  // INTERNAL
    case 401: return 16;  // UNAUTHENTICATED
    case 403: return 7;   // PERMISSION_DENIED
    case 404: return 12;  // UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504: return 14;  // UNAVAILABLE
    default: return 2;    // UNKNOWN
  }
}

std::optional<std::uint16_t> told_grpc_status(std::span<const HeaderField> fields) {
  for (const HeaderField& field : fields) {
    if (!same_name(field.name, "grpc-status")) continue;
    std::uint16_t code = 0;
    const char* const end = field.value.data() + field.value.size();
    const auto [rest, error] = std::from_chars(field.value.data(), end, code);
    if (error != std::errc() || rest != end || field.value.size() > 3) return std::nullopt;
    return code;
  }
  return std::nullopt;
}

// A status in the head counts too: it is that of an answer without a body ("Trailers-Only").
std::optional<std::uint16_t> outcome_of_call(const RequestHead& request, std::uint16_t http_status,
                                             std::span<const HeaderField> fields,
                                             std::span<const HeaderField> trailers) {
  if (!calls_grpc(request)) return std::nullopt;
  auto told = told_grpc_status(trailers);
  if (!told) told = told_grpc_status(fields);
  return told.value_or(grpc_status(http_status));
}

std::vector<HeaderField> grpc_refusal(const RequestHead& request, const FailureRow& failure) {
  return {{"Content-Type", request.find("content-type"), HeaderId::other},
          {"grpc-status", codes[grpc_status(failure.status)], HeaderId::other},
          {"grpc-message", failure.words, HeaderId::other}};
}

}  // namespace gatehouse
