#include "tls/alpn.h"

namespace gatehouse::tls {

Result<std::string> alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255)
      return Failure(FailureKind::bad_configuration, "an ALPN protocol's name has 1 to 255 bytes");
    wire += static_cast<char>(name.size());
    wire += name;
  }
  return wire;
}

}  // namespace gatehouse::tls
