#include "proxy/access_log.h"

#include "base/escape.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace gatehouse {
namespace {

// Members of one JSON object, in the order added; empty texts are left out.
class JsonLine {
 public:
  JsonLine& add(std::string_view name, std::string_view value) {
    if (value.empty()) return *this;
    append_json_string(key(name), value);
    return *this;
  }
  JsonLine& add_number(std::string_view name, std::uint64_t value) {
    fmt::format_to(std::back_inserter(key(name)), "{}", value);
    return *this;
  }
  JsonLine& add_milliseconds(std::string_view name, Duration value) {
    fmt::format_to(std::back_inserter(key(name)), "{:.3f}", std::chrono::duration<double, std::milli>(value).count());
    return *this;
  }
  std::string text() && { return std::move(text_.append("}")); }

 private:
  std::string& key(std::string_view name) {
    text_.append(text_.size() > 1 ? ",\"" : "\"").append(name).append("\":");
    return text_;
  }
  std::string text_ = "{";
};

std::string utc(WallTime time) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(milliseconds / 1000), milliseconds % 1000);
}

std::string clf_time(WallTime time) {
  return fmt::format("{:%d/%b/%Y:%H:%M:%S +0000}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::string_view dash(std::string_view text) { return text.empty() ? "-" : text; }

std::string quoted(std::string_view text) {
  std::string out = "\"";
  append_printable(out, dash(text), '"');
  return out + "\"";
}

std::string text_of(const std::optional<Endpoint>& endpoint) { return endpoint ? endpoint->text() : std::string(); }

void add_failure(JsonLine& line, const std::optional<Failure>& failure) {
  if (!failure) return;
  line.add("failure", row(failure->kind).name).add("detail", failure->detail);
}

}  // namespace

std::string access_log_line(const ExchangeRecord& record, AccessLogFormat format) {
  if (format == AccessLogFormat::common) {
    std::string request(record.method);
    request.append(" ").append(record.target).append(" ").append(record.protocol);
    return fmt::format("{} - - [{}] {} {} {} {} {} {} {} {:.0f}ms", dash(record.client), clf_time(record.started),
                       quoted(request), record.status, record.bytes_out, quoted(record.referer),
                       quoted(record.user_agent), quoted(record.route), quoted(text_of(record.endpoint)),
                       std::chrono::duration<double, std::milli>(record.duration).count());
  }
  JsonLine line;
  line.add("time", utc(record.started))
      .add("kind", "http")
      .add("entryPoint", record.entry_point)
      .add("client", record.client)
      .add("method", record.method)
      .add("host", record.host)
      .add("target", record.target)
      .add("protocol", record.protocol)
      .add("scheme", record.over_tls ? "https" : "http")
      .add("serverName", record.server_name)
      .add_number("status", record.status);
  if (record.grpc_status) line.add_number("grpcStatus", *record.grpc_status);
  line.add_number("bytesIn", record.bytes_in)
      .add_number("bytesOut", record.bytes_out)
      .add_milliseconds("durationMs", record.duration)
      .add("route", record.route)
      .add("service", record.service)
      .add("endpoint", text_of(record.endpoint))
      .add("upstreamProtocol", record.upstream_protocol)
      .add_number("attempts", record.attempts)
      .add("userAgent", record.user_agent)
      .add("referer", record.referer);
  add_failure(line, record.failure);
  return std::move(line).text();
}

std::string access_log_line(const SessionRecord& record, AccessLogFormat format) {
  if (format == AccessLogFormat::common)
    return fmt::format("{} - - [{}] {} - {} \"in={}\" {} {} {:.0f}ms {}", dash(record.client), clf_time(record.started),
                       quoted("TCP " + std::string(record.entry_point)), record.bytes_out, record.bytes_in,
                       quoted(record.route), quoted(text_of(record.endpoint)),
                       std::chrono::duration<double, std::milli>(record.duration).count(), quoted(record.end));
  JsonLine line;
  line.add("time", utc(record.started))
      .add("kind", "tcp")
      .add("entryPoint", record.entry_point)
      .add("client", record.client)
      .add("serverName", record.server_name)
      .add("route", record.route)
      .add("service", record.service)
      .add("endpoint", text_of(record.endpoint))
      .add_number("bytesIn", record.bytes_in)
      .add_number("bytesOut", record.bytes_out)
      .add_milliseconds("durationMs", record.duration)
      .add("end", record.end);
  add_failure(line, record.failure);
  return std::move(line).text();
}

}  // namespace gatehouse
