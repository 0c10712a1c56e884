// The program log: what Gatehouse itself has to say, for the person who runs it. Built once by main and handed to
// whoever needs it; there is no default logger. (Requests and sessions go to the access log, proxy/access_log.)
//
//   common: 2026-08-23T10:20:30.123Z warning Ingress shop/web: service shop/api does not exist
//   json:   {"time":"2026-08-23T10:20:30.123Z","level":"warning","message":"Ingress shop/web: …"}
//
// Messages may hold untrusted text: control bytes are escaped on the way out, so a message is always one line.
#pragma once

#include "base/line_sink.h"

#include <spdlog/logger.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

// libfmt has it by the name that gcc gives it; without this, each file that logs compiles all of formatting once more.
#ifndef __clang__
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view, fmt::format_args,
                                                   fmt::detail::locale_ref);
#endif

namespace gatehouse {

// For tests and for parts that have nothing to say: std::make_shared<spdlog::logger>("quiet"), a logger without sink.
using Logger = std::shared_ptr<spdlog::logger>;

struct ProgramLogOptions {
  spdlog::level::level_enum level = spdlog::level::info;
  bool json = false;
  std::string file;  // empty: standard error
};

// trace, debug, info, warn or warning, error, critical or fatal, off, in any case; nothing for another word.
std::optional<spdlog::level::level_enum> parse_log_level(std::string_view text);

// The logger may be used from any thread, never blocks, and may outlive the value.
struct ProgramLog {
  Logger logger;
  std::shared_ptr<LineSink> lines;  // reopen() it on SIGUSR1
};

Result<ProgramLog> open_program_log(const ProgramLogOptions& options);
ProgramLog program_log_on(std::shared_ptr<LineSink> lines, const ProgramLogOptions& options);

}  // namespace gatehouse
