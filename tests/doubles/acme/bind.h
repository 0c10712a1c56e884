// A real BIND that serves zone example.test on a loopback port, with an update policy: key `gatehouse` may write TXT
// records; key `stranger` is known but may not.
#pragma once

#include "base/file_descriptor.h"
#include "base/names.h"
#include "tests/doubles/temporary_directory.h"

#include <sys/types.h>

namespace gatehouse::acme {

class Bind {
 public:
  static constexpr const char* program = "/usr/sbin/named";
  static constexpr const char* secret = "Z2F0ZWhvdXNlLXRlc3Qtc2VjcmV0LW9mLTMyLWJ5dGU=";
  static bool installed();

  // Returns when it serves; throws with its log when it does not.
  Bind();
  ~Bind();
  Bind(const Bind&) = delete;
  Bind& operator=(const Bind&) = delete;

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  void write_configuration();
  void start();
  void await_running();
  void stop();

  TemporaryDirectory directory_;
  Endpoint endpoint_;
  pid_t pid_ = -1;
  FileDescriptor log_;
};

}  // namespace gatehouse::acme
