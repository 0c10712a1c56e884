#include "config/kubernetes/answer_reader.h"

#include "base/escape.h"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <charconv>

namespace gatehouse::kubernetes {
namespace {

namespace json = boost::json;

constexpr std::size_t max_text = 4096;
constexpr std::size_t max_foreign_text = 200;
constexpr std::size_t max_token = 16 * 1024;

std::string text_at(const json::object& object, std::string_view key, std::size_t longest) {
  const json::value* found = object.if_contains(key);
  const json::string* text = found != nullptr ? found->if_string() : nullptr;
  return text != nullptr ? std::string(text->data(), std::min(text->size(), longest)) : std::string();
}

const json::object* object_at(const json::object& object, std::string_view key) {
  const json::value* found = object.if_contains(key);
  return found != nullptr ? found->if_object() : nullptr;
}

std::optional<Duration> bounded(std::int64_t seconds) {
  if (seconds < 0) return std::nullopt;
  const std::chrono::seconds most = std::chrono::duration_cast<std::chrono::seconds>(AnswerReader::longest_retry_after);
  return std::min<std::chrono::seconds>(std::chrono::seconds(std::min<std::int64_t>(seconds, most.count())), most);
}

std::optional<Duration> retry_after_in(std::string_view header) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error == std::errc::result_out_of_range && end == header.data() + header.size())
    return AnswerReader::longest_retry_after;
  const bool whole = error == std::errc() && end == header.data() + header.size();
  return whole ? bounded(seconds) : std::nullopt;
}

// The Status in a body; nothing when it holds another thing.
std::optional<json::object> status_in(const std::string& body) {
  json::error_code error;
  json::parse_options options;
  options.max_depth = 16;
  json::value value = json::parse(body, error, {}, options);
  if (error || !value.is_object() || text_at(value.get_object(), "kind", 10) != "Status") return std::nullopt;
  return std::move(value.get_object());
}

void read_status(const json::object& status, ApiAnswer& answer) {
  answer.reason = text_at(status, "reason", max_text);
  answer.message = text_at(status, "message", max_text);
  if (const auto* metadata = object_at(status, "metadata"))
    answer.continue_token = text_at(*metadata, "continue", max_token);
  const json::object* details = object_at(status, "details");
  const json::value* seconds = details != nullptr ? details->if_contains("retryAfterSeconds") : nullptr;
  if (seconds != nullptr && seconds->is_int64() && seconds->get_int64() > 0)
    answer.retry_after = bounded(seconds->get_int64());
}

// What an answer of something else than an API server begins with, blanks run together.
std::string beginning(std::string_view body) {
  std::string text;
  for (const char c : body) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (blank && (text.empty() || text.back() == ' ')) continue;
    text += blank ? ' ' : c;
    if (text.size() >= max_foreign_text) break;
  }
  if (text.ends_with(' ')) text.pop_back();
  return printable(text);
}

}  // namespace

bool AnswerReader::begin(const FetchResponse& head) {
  begun_ = true;
  good_ = head.status / 100 == 2;
  streamed_ = good_ && piece_ != nullptr;
  if (!good_) max_bytes_ = max_refusal_bytes;
  const std::string_view coding = head.header("content-encoding");
  if (coding == "gzip")
    inflater_ = std::make_unique<Inflater>();
  else if (!coding.empty() && coding != "identity")
    failure_.emplace(FailureKind::bad_answer, "it is packed in a way nobody asked for: " + printable(coding));
  return !failure_;
}

bool AnswerReader::take(const FetchResponse& head, std::string_view bytes) {
  if (!begun_ && !begin(head)) return false;
  if (!inflater_) return take_plain(bytes);
  const auto fed = inflater_->feed(bytes, [this](std::string_view plain) { return take_plain(plain); });
  if (!fed) failure_ = fed.error();
  return fed && *fed;
}

bool AnswerReader::take_plain(std::string_view bytes) {
  if (streamed_) {
    left_ = !piece_(bytes);
    return !left_;
  }
  text_.append(bytes.substr(0, max_bytes_ - text_.size() + 1));
  if (text_.size() <= max_bytes_) return true;
  left_ = true;
  if (good_)
    failure_.emplace(FailureKind::bad_answer, "the answer is larger than " + std::to_string(max_bytes_) + " bytes");
  else
    text_.pop_back();
  return false;
}

Result<ApiAnswer> AnswerReader::answer(const FetchResponse& head) {
  if (failure_) return *failure_;
  if (!left_ && inflater_ && !inflater_->whole()) return Failure(FailureKind::answer_truncated, "its gzip has no end");
  ApiAnswer answer;
  answer.status = head.status;
  answer.body = std::move(text_);
  if (!answer.good()) read_refusal(head, answer);
  return answer;
}

void read_refusal(const FetchResponse& head, ApiAnswer& answer) {
  const auto status = status_in(answer.body);
  if (status) read_status(*status, answer);
  if (const auto given = retry_after_in(head.header("retry-after"))) answer.retry_after = given;
  const std::string_view location = head.header("location");
  if (answer.message.empty() && answer.status / 100 == 3 && !location.empty())
    answer.message = "it redirects to " + printable(location.substr(0, max_foreign_text)) + ", which is not followed";
  if (answer.message.empty()) answer.message = beginning(answer.body);
}

}  // namespace gatehouse::kubernetes
