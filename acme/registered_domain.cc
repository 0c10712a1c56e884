#include "acme/registered_domain.h"

#include <libpsl.h>

#include <memory>

namespace gatehouse::acme {
namespace {

struct FreeList {
  void operator()(psl_ctx_t* list) const { psl_free(list); }
};

// The distribution's file when it is newer than the list inside the library. Immutable, read once.
const psl_ctx_t* public_suffixes() {
  static const std::unique_ptr<psl_ctx_t, FreeList> list(psl_latest(nullptr));
  return list.get();
}

std::string_view last_two_labels(std::string_view name) {
  const auto last = name.rfind('.');
  if (last == std::string_view::npos || last == 0) return name;
  const auto before = name.rfind('.', last - 1);
  return before == std::string_view::npos ? name : name.substr(before + 1);
}

}  // namespace

std::string registered_domain(const HostName& name) {
  std::string base = name.is_wildcard() ? name.text().substr(2) : name.text();
  const psl_ctx_t* list = public_suffixes();
  if (list == nullptr) return std::string(last_two_labels(base));
  const char* domain = psl_registrable_domain(list, base.c_str());
  return domain != nullptr ? std::string(domain) : base;
}

}  // namespace gatehouse::acme
