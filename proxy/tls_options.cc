#include "proxy/tls_options.h"

namespace gatehouse {

TlsOptionsTable::TlsOptionsTable(const std::vector<Entry>& entries) {
  for (const auto& [host, options] : entries) {
    const std::string& text = host.text();
    options_.try_emplace(text.starts_with("*.") ? text.substr(1) : text, options);
  }
}

const TlsOptions* TlsOptionsTable::find(std::string_view host) const {
  if (options_.empty()) return nullptr;
  if (const auto exact = options_.find(host); exact != options_.end()) return exact->second.get();
  const auto dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return nullptr;
  const auto wildcard = options_.find(host.substr(dot));
  return wildcard == options_.end() ? nullptr : wildcard->second.get();
}

}  // namespace gatehouse
