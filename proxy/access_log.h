// Access-log lines: one per exchange or TCP session, in JSON or the Common Log Format. Pure: record → text.
// Control bytes and quotes of untrusted text are escaped, so one record is one line.
#pragma once

#include "proxy/record.h"

#include <string>

namespace gatehouse {

enum class AccessLogFormat : std::uint8_t { json, common };

std::string access_log_line(const ExchangeRecord& record, AccessLogFormat format);
std::string access_log_line(const SessionRecord& record, AccessLogFormat format);

}  // namespace gatehouse
