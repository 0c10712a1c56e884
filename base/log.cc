#include "base/log.h"

#include "base/escape.h"

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

#include <array>
#include <chrono>
#include <ctime>

namespace gatehouse {
namespace {

using spdlog::level::level_enum;

// RFC 3339 in UTC with milliseconds.
std::string time_text(spdlog::log_clock::time_point time) {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = since_epoch / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  std::array<char, 40> text{};
  const std::size_t n = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text.data() + n, text.size() - n, ".%03dZ", static_cast<int>(since_epoch % 1000));
  return text.data();
}

std::string_view level_text(level_enum level) {
  const auto text = spdlog::level::to_string_view(level);
  return {text.data(), text.size()};
}

std::string common_line(const spdlog::details::log_msg& message) {
  std::string line = time_text(message.time);
  line.append(" ").append(level_text(message.level)).append(" ");
  append_printable(line, {message.payload.data(), message.payload.size()});
  return line;
}

std::string json_line(const spdlog::details::log_msg& message) {
  std::string line = R"({"time":")" + time_text(message.time) + R"(","level":")";
  line.append(level_text(message.level)).append(R"(","message":)");
  append_json_string(line, {message.payload.data(), message.payload.size()});
  return line += '}';
}

// Stateless but for the LineSink, which has its own lock.
class LineLogSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  LineLogSink(std::shared_ptr<LineSink> lines, bool json) : lines_(std::move(lines)), json_(json) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines_->write(json_ ? json_line(message) : common_line(message));
  }
  void flush_() override {}

  std::shared_ptr<LineSink> lines_;
  bool json_;
};

}  // namespace

std::optional<level_enum> parse_log_level(std::string_view text) {
  static constexpr std::array<std::pair<std::string_view, level_enum>, 9> names{{
      {"trace", level_enum::trace},
      {"debug", level_enum::debug},
      {"info", level_enum::info},
      {"warn", level_enum::warn},
      {"warning", level_enum::warn},
      {"error", level_enum::err},
      {"critical", level_enum::critical},
      {"fatal", level_enum::critical},
      {"off", level_enum::off},
  }};
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (const auto& [name, level] : names)
    if (name == lower) return level;
  return std::nullopt;
}

Result<ProgramLog> open_program_log(const ProgramLogOptions& options) {
  if (options.file.empty()) return program_log_on(LineSink::on_descriptor(STDERR_FILENO, {}), options);
  auto lines = LineSink::open_file(options.file, {});
  if (!lines) return lines.error();
  return program_log_on(std::move(*lines), options);
}

ProgramLog program_log_on(std::shared_ptr<LineSink> lines, const ProgramLogOptions& options) {
  auto logger = std::make_shared<spdlog::logger>("gatehouse", std::make_shared<LineLogSink>(lines, options.json));
  logger->set_level(options.level);
  return {std::move(logger), std::move(lines)};
}

}  // namespace gatehouse
