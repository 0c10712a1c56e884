// What an Access names, as it is now: the token, and the TLS context with roots and client certificate. Files are read
// again once a minute, and at once after a refusal; what cannot be read or used leaves the last good in force.
#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "config/kubernetes/access.h"
#include "tls/client_context.h"

#include <memory>
#include <optional>
#include <string>

namespace gatehouse::kubernetes {

// A text that may stand in a file which somebody else replaces.
class RereadText {
 public:
  static constexpr Duration age = std::chrono::minutes(1);

  // `what`: for the log.
  RereadText(std::string what, TextOrFile source);

  bool in_file() const { return !source_.file.empty(); }
  // Empty when nothing is given. Fails only as long as the file could never be read.
  Result<std::string> text(TimePoint now, const Logger& log);
  // The next text() reads it whatever its age.
  void expire() { read_at_.reset(); }

 private:
  std::string what_;
  TextOrFile source_;
  std::string last_good_;
  std::optional<TimePoint> read_at_;
  std::string trouble_;
};

class Credentials {
 public:
  using Context = std::shared_ptr<const tls::ClientContext>;

  Credentials(const Access& access, Clock& clock, Logger log);

  // Without white space around it, and fit for a header; empty: none. bad_configuration never quotes it.
  Result<std::string> token();
  // The same object as long as nothing changed; null where no TLS is spoken.
  Result<Context> tls();

  // The server said 401, or its certificate was not accepted: the files are read again at the next question.
  void doubt();
  bool token_in_file() const { return token_.in_file(); }

 private:
  Result<tls::ClientPolicy> policy();

  Clock& clock_;
  Logger log_;
  bool speaks_tls_, insecure_;
  std::string server_name_;
  RereadText token_, ca_, certificate_, key_;
  std::optional<tls::ClientPolicy> tried_;
  Context context_;
  std::optional<Failure> trouble_;  // with tried_
};

}  // namespace gatehouse::kubernetes
